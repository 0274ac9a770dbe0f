package diagnose

import (
	"slices"
	"strings"

	"voiptop/protocol"
)

// places says of the finding that was reported last where in the record it was found, what tells most first.
type places struct{ x *exam }

// maxPlaces bounds how many messages or streams a finding names: whoever follows it looks at the first.
const maxPlaces = 8

func (p places) finding() *protocol.Finding { return &p.x.found[len(p.x.found)-1] }

func add(list []uint32, n, of int) []uint32 {
	if n < 0 || n >= of || len(list) == maxPlaces || slices.Contains(list, uint32(n)) {
		return list
	}
	return append(list, uint32(n))
}

// streams names streams of the record.
func (p places) streams(at ...int) places {
	f := p.finding()
	for _, n := range at {
		f.Streams = add(f.Streams, n, len(p.x.c.Streams))
	}
	return p
}

// messages names messages of the record.
func (p places) messages(at ...int) places {
	f := p.finding()
	for _, n := range at {
		f.Messages = add(f.Messages, n, len(p.x.c.Messages))
	}
	return p
}

// where names all messages that are so.
func (p places) where(is func(*protocol.Message) bool) places {
	for i := range p.x.c.Messages {
		if is(&p.x.c.Messages[i]) {
			p.messages(i)
		}
	}
	return p
}

// from names the streams with sound of a party.
func (p places) from(who int) places {
	dir := [...]protocol.Direction{protocol.FromCaller, protocol.FromCallee}[who]
	for i := range p.x.c.Streams {
		if s := &p.x.c.Streams[i]; s.Direction == dir && audio(s) {
			p.streams(i)
		}
	}
	return p
}

// answer names the 200 that answered the INVITE, and its repetitions.
func (p places) answer() places {
	c := p.x.c
	return p.where(func(m *protocol.Message) bool { return m.T >= c.Answer && c.Answer != 0 && response(m, 200) })
}

// byes names the BYEs.
func (p places) byes() places {
	return p.where(func(m *protocol.Message) bool { return request(m, "BYE") })
}

// described names the message in which a party described its media last.
func (p places) described(who int) places {
	return p.messages(describedIn(p.x.c, who))
}

// describedIn finds that message, -1 if there is none. A request is of who sent it on its first hop, a response of the other party.
func describedIn(c *protocol.CDR, who int) int {
	var first *protocol.Message // the INVITE that began the call
	for i := range c.Messages {
		if request(&c.Messages[i], "INVITE") {
			first = &c.Messages[i]
			break
		}
	}
	if first == nil {
		return -1
	}
	at := -1
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.SDP == "" || m.Retransmission {
			continue
		}
		by := sender(c, i, first)
		if status(m) != 0 {
			by = 1 - by
		}
		onward := at >= 0 && c.Messages[at].CSeq == m.CSeq && c.Messages[at].FirstLine == m.FirstLine // the same, on its next hop
		if by == who && !onward {
			at = i
		}
	}
	return at
}

// sender tells which party sent the request that message i is, or answers.
func sender(c *protocol.CDR, i int, first *protocol.Message) int {
	cseq := c.Messages[i].CSeq
	_, method, _ := strings.Cut(cseq, " ")
	for k := range c.Messages[:i+1] {
		m := &c.Messages[k]
		if m.CSeq != cseq || !request(m, method) {
			continue
		}
		if m.Src == first.Src || hostOf(m.Src) == hostOf(first.Src) {
			return caller
		}
		return callee
	}
	return caller // the request was not seen
}
