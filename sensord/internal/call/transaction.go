package call

import (
	"strings"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// request moves the call on by a request that who sent; opening says that it is an INVITE outside of any dialog.
func (c *Call) request(d *decode.Datagram, m *sip.Message, cseq uint32, who int, opening bool) {
	switch m.Method() {
	case sip.Invite:
		if !opening {
			c.sure()
			return
		}
		if c.begun == joinedEither { // its INVITE comes late: on another hop, or once more
			c.answeredThen()
		}
		if c.answer == 0 {
			c.table.arrive(c, d)
		}
		if c.inviteTime == 0 || cseq > c.inviteCSeq {
			c.inviteCSeq, c.inviteTime, c.cancel = cseq, d.Time, 0
			c.branch = m.BranchDigest()
			c.resume()
		} else if c.final == finalBranch { // a proxy tries the next branch
			c.resume()
		}
		if cseq == c.inviteCSeq && d.Src.Equal(&c.src) && m.BranchDigest() != c.branch { // a proxy forks, before which nothing is seen: no branch's
			c.branch, c.inviteTime, c.cancel = 0, d.Time, 0 // response alone is the caller's
			c.resume()
		}
	case sip.Ack:
		c.ack = d.Time
		c.sure()
	case sip.Cancel:
		if c.cancel == 0 && (m.BranchDigest() == c.branch || d.Src.Equal(&c.src)) { // else a proxy ends one of its own tries
			c.cancel = d.Time
		}
	case sip.Refer:
		c.refer(d, m, cseq, who)
	case sip.Bye:
		if c.bye != 0 || !c.forks.bye(m.FromTagDigest(), m.ToTagDigest()) {
			return
		}
		c.bye, c.end = d.Time, d.Time
		c.cause = protocol.EndBye
		c.by = party(who)
		c.byeReason(m)
	}
}

func party(who int) protocol.Party {
	if who == caller {
		return protocol.PartyCaller
	}
	return protocol.PartyCallee
}

// resume takes a final response back: the call goes on.
func (c *Call) resume() {
	if c.final == finalNone {
		return
	}
	c.final, c.end, c.cause, c.by = finalNone, 0, "", ""
}

func (c *Call) response(d *decode.Datagram, m *sip.Message, cseq uint32, method sip.Method, fromCaller bool) {
	status := m.Status()
	requester := callee
	if fromCaller {
		requester = caller
	}
	switch method {
	case sip.Invite:
		if c.answer == 0 && c.begun >= joinedEither { // perhaps to an INVITE within the call: the answer was not seen
			if status >= 200 && status < 300 {
				c.status, c.provisional = status, status
			}
			if status >= 200 {
				c.commitOffer(requester, status < 300)
			}
			return
		}
		if c.begun == joinedDialog && c.answer == 0 && fromCaller {
			c.begun = joinedSetUp // no INVITE was seen that it could belong to, but the first
		}
		if fromCaller && (cseq <= c.inviteCSeq || c.answer == 0) { // a higher CSeq: the INVITE itself was not captured
			c.inviteResponse(d, m, cseq, status)
		} else if status >= 200 {
			c.commitOffer(requester, status < 300)
		}
	case sip.Update, sip.Prack:
		if status >= 200 {
			c.commitOffer(requester, status < 300)
		}
	case sip.Refer:
		c.referred(cseq, requester, status)
	case sip.Bye:
		switch {
		case status == 401 || status == 407: // the BYE itself was challenged: the call is still up
			c.bye, c.end, c.cause, c.by = 0, 0, "", ""
		case status >= 200 && c.bye != 0 && c.byeDone == 0:
			c.byeDone = d.Time
		}
	}
}

// inviteResponse takes a response to an initial INVITE.
func (c *Call) inviteResponse(d *decode.Datagram, m *sip.Message, cseq uint32, status int) {
	c.provisional = status
	if c.inviteTime == 0 { // joined
		c.inviteCSeq, c.inviteTime, c.branch = cseq, d.Time, m.BranchDigest()
	}
	switch {
	case status < 180:
		return
	case status < 200:
		if c.ringing == 0 {
			c.ringing = d.Time
			c.reached(d.Time)
		}
		if c.final == finalBranch {
			c.resume()
		}
		return
	case status < 300:
		c.forks.answered(&d.Dst, m.ToTagDigest())
		if c.answer != 0 {
			return
		}
		if c.bye == 0 {
			c.resume()
		}
		c.answer, c.status = d.Time, status
		c.reached(d.Time)
		c.reason = c.table.name(m.Phrase())
		c.commitOffer(caller, true)
		return
	}
	if c.answer != 0 { // a fork that lost, or one that the proxy cancelled
		return
	}
	told := m.BranchDigest() == c.branch
	if c.final == finalRejected && !told || cseq < c.inviteCSeq {
		return // a hop further away has nothing to add, nor has an attempt that was given up
	}
	c.status = status
	c.reason = c.table.name(m.Phrase())
	if r := m.Get(sip.Reason); r != nil {
		c.reason = reasonText(c.table, r, c.reason)
	}
	c.end = d.Time
	c.by = protocol.PartyCallee
	switch {
	case c.cancel != 0:
		c.cause, c.by = protocol.EndCancel, protocol.PartyCaller
	case status == 487:
		c.cause = protocol.EndCancel
	case status == 408 || status == 480:
		c.cause = protocol.EndNoAnswer
	default:
		c.cause = protocol.EndRejected
	}
	switch {
	case status == 401 || status == 407:
		c.challenged++
		c.final = finalRetry
	case status < 400:
		c.final = finalRetry
	case told:
		c.final = finalRejected
	default:
		c.final = finalBranch
	}
}

// byeReason takes the Reason header of a BYE (RFC 3326), which says more than the answer's phrase.
func (c *Call) byeReason(m *sip.Message) {
	if why := c.transfer.explain(); why != "" {
		c.reason = why
	}
	if r := m.Get(sip.Reason); r != nil {
		c.reason = reasonText(c.table, r, c.reason)
	}
}

// reasonText reads the text of a Reason header, e.g. `Q.850;cause=16;text="Normal call clearing"`. Without a text it is the
// protocol and cause. A text that is only a number says less than the cause.
func reasonText(t *Table, v []byte, otherwise string) string {
	semi := strings.IndexByte(string(v), ';')
	if semi < 0 {
		return otherwise
	}
	if s := sip.Param(v[semi:], "text"); len(s) > 0 && strings.Trim(string(s), "0123456789 ") != "" {
		return t.name(s)
	}
	if s := sip.Param(v[semi:], "cause"); len(s) > 0 {
		return t.name([]byte(strings.TrimSpace(string(v[:semi])) + " cause " + string(s)))
	}
	return otherwise
}

// appendUnescaped appends a quoted string's content without its escapes (RFC 3261 section 25.1, quoted-pair).
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		dst = append(dst, b[i])
	}
	return dst
}
