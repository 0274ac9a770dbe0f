package call

import (
	"slices"
	"strconv"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// message is one line of a call's signalling summary, without pointers but to its SDP's summary.
type message struct {
	t        int64
	hash     digest // of what makes it the same message
	sdp      string
	text     uint32 // first line: offset in Call.text
	length   uint16
	src, dst uint8 // index into Call.ends
	method   sip.Method
	repeated bool
	cseq     uint32
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
	src, dst := c.endpoint(d.Src), c.endpoint(d.Dst)
	h := noDigest.bytes(d.Src.IP[:]).bytes(d.Dst.IP[:]).number(uint32(d.Src.Port)<<16 | uint32(d.Dst.Port))
	h = h.number(uint32(m.Status())<<16 | uint32(method)).number(cseq).bytes(m.MethodText()).bytes(m.Branch())
	h = h.bytes(m.ToTag()).bytes(m.Get(sip.RSeq)).number(uint32(len(m.Body())))
	how := fresh
	for i := len(c.messages) - 1; i >= 0; i-- {
		o := &c.messages[i]
		if o.hash != h {
			continue
		}
		switch age := d.Time - o.t; {
		case age < duplicateTime:
			return duplicate
		case age < transactionTime:
			how = repeated
		}
		break
	}
	if len(c.messages) >= c.table.cfg.MaxMessages {
		c.messagesOmitted++
		return how
	}
	line := m.FirstLine()
	if len(line) > maxFirstLine {
		line = line[:maxFirstLine]
	}
	if c.messages == nil {
		c.messages, c.text = c.table.logRoom()
	}
	c.messages = append(c.messages, message{
		t: d.Time, hash: h, text: uint32(len(c.text)), length: uint16(len(line)),
		src: src, dst: dst, method: method, repeated: how == repeated, cseq: cseq,
	})
	c.text = append(c.text, line...)
	return how
}

// logSpace is what the messages of a call took.
type logSpace struct {
	messages []message
	text     []byte
}

const (
	maxSpare         = 256 // calls
	maxSpareMessages = 32
	maxSpareText     = 2048
)

// logRoom gives a call room for its messages: that of one which has ended, so that it seldom has to grow.
func (t *Table) logRoom() ([]message, []byte) {
	last := len(t.spare) - 1
	if last < 0 {
		return make([]message, 0, 8), make([]byte, 0, 192)
	}
	s := t.spare[last]
	t.spare = t.spare[:last]
	return s.messages[:0], s.text[:0]
}

// giveBack takes the room back from a call of which the last record is made.
func (t *Table) giveBack(c *Call) {
	if len(t.spare) < maxSpare && c.messages != nil && cap(c.messages) <= maxSpareMessages && cap(c.text) <= maxSpareText {
		t.spare = append(t.spare, logSpace{c.messages, c.text})
	}
	c.messages, c.text = nil, nil
}

func (c *Call) endpoint(e decode.Endpoint) uint8 {
	for i := range c.ends {
		if c.ends[i] == e {
			return uint8(i)
		}
	}
	if len(c.ends) == maxEnds {
		return maxEnds - 1
	}
	if c.ends == nil {
		c.ends = make([]decode.Endpoint, 0, 2)
	}
	c.ends = append(c.ends, e)
	return uint8(len(c.ends) - 1)
}

// endNames writes who takes part in the signalling, in the order of c.ends. The list is valid until the next call's.
func (c *Call) endNames() []string {
	names := c.table.endNames[:0]
	for _, e := range c.ends {
		names = append(names, e.String())
	}
	c.table.endNames = names
	return names
}

// endName is the text of e: that in names if it takes part in the signalling.
func (c *Call) endName(e decode.Endpoint, names []string) string {
	if i := slices.Index(c.ends, e); i >= 0 {
		return names[i]
	}
	return e.String()
}

// summary makes the messages of a record. names are those of c.ends.
func (c *Call) summary(names []string) []protocol.Message {
	out := make([]protocol.Message, len(c.messages))
	text := string(c.text)
	for i := range c.messages {
		m := &c.messages[i]
		out[i] = protocol.Message{
			T: protocol.TimeFromNanos(m.t), Src: names[m.src], Dst: names[m.dst],
			FirstLine: toValid(text[m.text : m.text+uint32(m.length)]),
			CSeq:      cseqText(m.cseq, m.method),
			SDP:       toValid(m.sdp), Retransmission: m.repeated,
		}
	}
	return out
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
