package call

import (
	"strconv"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// message is one line of a call's signalling summary: half a line of the cache.
type message struct {
	t        int64
	sdp      *string // summary of its SDP, one of Table.names; nil: none
	text     uint32  // first line: offset in Call.text, unless it is known
	cseq     uint32
	length   uint16
	src, dst uint8 // index into Call.ends
	method   sip.Method
	known    uint8 // first line: which of Table.lines; 0: none of them
	repeated bool
}

// seen says whether a message came before.
type seen uint8

const (
	fresh seen = iota
	repeated
	duplicate
)

// maxEnds bounds the addresses that take part in one call's signalling; the last one stands for all others.
const maxEnds = 255

// log notes a message in the summary and tells whether it came before: the same line, CSeq, branch and To-tag on the same
// hop.
func (c *Call) log(d *decode.Datagram, m *sip.Message) seen {
	cseq, method, _ := m.CSeq()
	src, dst := c.endpoint(&d.Src), c.endpoint(&d.Dst)
	h := m.Identity().Bytes(d.Src.IP[:]).Bytes(d.Dst.IP[:]).Number(uint32(d.Src.Port)<<16 | uint32(d.Dst.Port))
	how := fresh
	for i := len(c.hashes) - 1; i >= 0; i-- {
		if c.hashes[i] != h {
			continue
		}
		switch age := d.Time - c.messages[i].t; {
		case age < duplicateTime:
			return duplicate
		case age < transactionTime:
			how = repeated
		}
		break
	}
	if !c.table.roomFor(c) {
		c.messagesOmitted++
		c.table.count.unlogged++
		return how
	}
	c.table.logged++
	line := m.FirstLine()
	if len(line) > maxFirstLine {
		line = line[:maxFirstLine]
	}
	c.hashes = append(c.hashes, h)
	n := message{
		t: d.Time, text: uint32(len(c.text)), length: uint16(len(line)),
		src: src, dst: dst, method: method, repeated: how == repeated, cseq: cseq,
	}
	if !m.Request() {
		n.known = c.table.lines.of(line)
	}
	if n.known == 0 {
		c.text = append(c.text, line...)
	}
	c.messages = append(c.messages, n)
	return how
}

// fairMessages is how many messages of each call there is always room for, if there is room for the call.
const fairMessages = 20

// roomFor reports whether another message of c is noted: it has fewer than a call may have, and all calls together fewer than if each had
// fairMessages, or c has no more than these.
func (t *Table) roomFor(c *Call) bool {
	n := len(c.messages)
	return n < t.cfg.MaxMessages && (n < fairMessages || t.logged < fairMessages*t.cfg.MaxCalls)
}

func (c *Call) endpoint(e *decode.Endpoint) uint8 {
	for i := range c.ends {
		if c.ends[i].Equal(e) {
			return uint8(i)
		}
	}
	if len(c.ends) == maxEnds {
		return maxEnds - 1
	}
	c.ends = append(c.ends, *e)
	return uint8(len(c.ends) - 1)
}

// cseqTexts are the CSeqs of most messages.
var cseqTexts = func() (t [16][16]string) {
	for n := range t {
		for m := range t[n] {
			t[n][m] = strconv.Itoa(n) + " " + sip.Method(m).String()
		}
	}
	return t
}()

func cseqText(n uint32, m sip.Method) string {
	if n < uint32(len(cseqTexts)) && int(m) < len(cseqTexts[0]) {
		return cseqTexts[n][m]
	}
	return strconv.FormatUint(uint64(n), 10) + " " + m.String()
}
