package call

import (
	"slices"
	"unicode/utf8"
	"unsafe"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/diagnose"
)

// Builder makes records. The zero value makes each in room of its own; with Reuse a record is valid until the next, and most
// are made without asking for memory.
type Builder struct {
	Reuse bool

	room  room
	text  []byte
	cut   []int // where in text the ends' names end
	ends  []string
	facts diagnose.Facts
	exam  diagnose.Exam
}

// room is what a record is made of.
type room struct {
	record   protocol.CDR
	numbers  [3]int64
	figures  [3]float64
	messages []protocol.Message
	streams  []protocol.Stream
	codecs   []string
}

// Record makes the record of a call that has ended.
func (b *Builder) Record(e *Ended) *protocol.CDR {
	group := e.group
	if e.alone {
		group = e.call.uuid()
	}
	r := b.build(e.call, group)
	for i := range e.found {
		diagnose.Add(r, e.found[i])
	}
	return r
}

// build makes the record of a call as far as it has come, as one of a group.
func (b *Builder) build(c *Call, group protocol.UUID) *protocol.CDR {
	o := &b.room
	if !b.Reuse {
		o = &room{}
	}
	text, groupText := b.name(c, group)
	r := &o.record
	*r = protocol.CDR{
		ID: c.uuid(), CallID: toValid(c.callID), GroupID: groupText, SensorID: c.table.cfg.SensorID,
		Caller: toValid(c.caller), Callee: toValid(c.callee), CallerDomain: toValid(c.callerDomain),
		CalleeDomain: toValid(c.calleeDomain), CallerName: toValid(c.callerName), CalleeURI: toValid(c.calleeURI),
		Src: b.endName(c, &c.src), Dst: b.endName(c, &c.dst), Transport: c.transport,
		Start: protocol.TimeFromNanos(c.startTime), Ringing: protocol.TimeFromNanos(c.ringing),
		Answer: protocol.TimeFromNanos(c.answer), End: protocol.TimeFromNanos(c.end),
		Status: c.status, Reason: toValid(c.reason), EndCause: c.cause, EndBy: c.by,
		UACaller: toValid(c.uaCaller), UACallee: toValid(c.uaCallee),
		Rule: c.rule, OverLimit: c.overLimit, Joined: c.joined(), PartiesAssumed: c.assumed, Retransmissions: int(c.retransmissions), MessagesOmitted: int(c.messagesOmitted), StreamsOmitted: len(c.omitted),
		DTMFInfo: string(c.digits),
	}
	end := c.end
	if end == 0 {
		end = max(c.lastSIP, c.lastHeard())
	}
	r.DurationMS = max(0, (end-c.startTime)/1e6)
	if c.answer != 0 {
		r.ConnectMS = o.ms(0, end-c.answer)
	}
	if c.answer != 0 && !c.joined() {
		r.SetupMS = o.ms(1, c.answer-c.startTime)
	}
	if at := c.progress(); at != 0 && !c.joined() {
		r.PDDMS = o.ms(2, at-c.startTime)
	}
	if c.kept != nil && !c.kept.Open {
		r.Capture.Kept, r.Capture.NoAudio = c.kept.Keep, c.kept.NoAudio
	}
	r.Messages = b.summary(o, c, text)
	heard := c.heard()
	o.streams = resized(o.streams, len(heard))
	r.Streams = o.streams
	for i, s := range heard {
		s.record(&r.Streams[i], c, heard)
	}
	r.Codecs = o.codecNames(c)
	o.worst(r)
	r.Findings, r.Unchecked = b.exam.Call(r, c.facts(&b.facts), b.Reuse)
	return r
}

// resized is a list of n elements, of which the content does not matter; never nil.
func resized[T any](list []T, n int) []T {
	if cap(list) < n || list == nil {
		return make([]T, n)
	}
	return list[:n]
}

// name writes the texts of a record that are new, and makes them parts of one string: the first lines of the messages, who takes
// part in the signalling, in the order of c.ends, and the group.
func (b *Builder) name(c *Call, group protocol.UUID) (lines, groupText string) {
	t := append(b.text[:0], c.text...)
	b.cut = b.cut[:0]
	for i := range c.ends {
		t = c.ends[i].AddrPort().AppendTo(t)
		b.cut = append(b.cut, len(t))
	}
	t, _ = group.AppendText(t)
	b.text = t
	var all string
	if b.Reuse { // the record is valid as long as b.text
		all = unsafe.String(unsafe.SliceData(t), len(t))
	} else {
		all = string(t)
	}
	at := len(c.text)
	b.ends = b.ends[:0]
	for _, end := range b.cut {
		b.ends = append(b.ends, all[at:end])
		at = end
	}
	return all[:len(c.text)], all[at:]
}

// endName is the text of e: that in names if it takes part in the signalling.
func (b *Builder) endName(c *Call, e *decode.Endpoint) string {
	for i := range c.ends {
		if c.ends[i].Equal(e) {
			return b.ends[i]
		}
	}
	return e.String()
}

// summary makes the messages of a record; text are their first lines.
func (b *Builder) summary(o *room, c *Call, text string) []protocol.Message {
	o.messages = resized(o.messages, len(c.messages))
	valid := utf8.ValidString(text) // then so is each line: it begins with a letter, and so with no rest of a character
	for i := range c.messages {
		m := &c.messages[i]
		var line string
		if m.known != 0 {
			line = c.table.lines.known[m.known]
		} else if line = text[m.text : m.text+uint32(m.length)]; !valid {
			line = toValid(line)
		}
		o.messages[i] = protocol.Message{
			T: protocol.TimeFromNanos(m.t), Src: b.ends[m.src], Dst: b.ends[m.dst],
			FirstLine:      line,
			CSeq:           cseqText(m.cseq, m.method),
			Retransmission: m.repeated,
		}
		if m.sdp != nil {
			o.messages[i].SDP = toValid(*m.sdp)
		}
	}
	return o.messages
}

// progress is when the caller heard that something happens: the first 18x, else the final response; 0: not.
func (c *Call) progress() int64 {
	switch {
	case c.ringing != 0:
		return c.ringing
	case c.answer != 0:
		return c.answer
	case c.final != finalNone:
		return c.end
	}
	return 0
}

// ms makes a number of whole milliseconds.
func (o *room) ms(i int, ns int64) *int64 {
	o.numbers[i] = max(0, ns/1e6)
	return &o.numbers[i]
}

// worst sets the figures of the call's worst streams.
func (o *room) worst(r *protocol.CDR) {
	for i := range r.Streams {
		s := &r.Streams[i]
		if s.Media == "video" {
			continue
		}
		if v := s.MOSAdapt.Avg; v > 0 && (r.MOS == nil || v < *r.MOS) {
			o.figures[0] = v
			r.MOS = &o.figures[0]
		}
		o.raise(&r.LossPct, 1, s.LossPct)
		o.raise(&r.JitterMS, 2, s.JitterMeanMS)
	}
}

func (o *room) raise(p **float64, i int, v float64) {
	if *p == nil || v > **p {
		o.figures[i] = v
		*p = &o.figures[i]
	}
}

// codecNames lists what was heard; without media, what was agreed.
func (o *room) codecNames(c *Call) []string {
	out := o.codecs[:0]
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	heard := c.heard()
	for _, s := range heard {
		for _, f := range s.types {
			if !f.codec.aside {
				add(s.carried(f.codec).name)
			}
		}
	}
	if c.faxed {
		add(string(t38Name))
	}
	if len(heard) == 0 {
		for _, k := range c.chosen {
			add(k.name)
		}
	}
	o.codecs = out
	return out
}
