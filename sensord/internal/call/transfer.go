package call

import (
	"bytes"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// transfer is how a call was handed on.
type transfer struct {
	cseq     uint32 // of the newest REFER
	accepted bool
	replaced bool   // another call took its place (RFC 3891)
	by       int    // who sent it
	to       string // whom it names
}

// refer takes a REFER of the call (RFC 3515): to a call that is to be replaced, or to somebody who will be called.
func (c *Call) refer(d *decode.Datagram, m *sip.Message, cseq uint32, who int) {
	target := sip.ParseAddress(m.Get(sip.ReferTo)).URI
	if len(target) == 0 {
		return
	}
	t := c.table
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		for _, h := range bytes.Split(target[i+1:], []byte{'&'}) {
			if len(h) > 9 && bytes.EqualFold(h[:9], []byte("replaces=")) {
				t.joinTo(c, beforeSemicolon(unescaped(h[9:])))
			}
		}
	}
	user := sip.ParseURI(target).User
	c.transfer.cseq, c.transfer.by, c.transfer.to = cseq, who, t.name(user)
	t.expectReferred(c, d, user)
}

// referred takes a response to a REFER that who sent.
func (c *Call) referred(cseq uint32, who, status int) {
	if status >= 200 && status < 300 && c.transfer.cseq == cseq && c.transfer.by == who {
		c.transfer.accepted = true
	}
}

// explain says why a call ended by BYE that was handed on, if the BYE does not.
func (t *transfer) explain() string {
	switch {
	case t.replaced:
		return "replaced by another call"
	case t.accepted && t.to != "":
		return "transferred to " + t.to
	case t.accepted:
		return "transferred"
	}
	return ""
}
