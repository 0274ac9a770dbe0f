package call

import (
	"unicode/utf8"

	"voiptop/protocol"
	"voiptop/sensord/internal/sip"
)

// Decider decides what is kept of the packets of calls. It is asked between packets, so it must not wait.
type Decider interface {
	// Headers names the header fields that Decide may look for, in lower case, in their long form. Only these are collected.
	Headers() []string
	// Decide decides for a call. c and all it points to are valid until it returns.
	Decide(c *Subject) Decision
}

// Subject is a call as a Decider sees it.
type Subject struct {
	*protocol.CDR                // of a call that goes on: who, where, when, what was agreed; no figures, no findings
	State         protocol.State // ended: the record is complete; "" when the call has ended and may be resumed
	Headers       []Header       // of all messages of the call so far, each name and value once
}

// Header is a header field's name in lower case and long form, and its value.
type Header struct{ Name, Value string }

// Decision says what is kept of a call's packets. Keep "" is none.
type Decision struct {
	Rule     string        // that decides with what is known, "": none
	Keep     protocol.Keep // what it keeps
	Open     protocol.Keep // the most that another may keep yet; none: it is decided. Of no meaning once the call has ended
	NoAudio  bool          // the capture may not be listened to
	MaskDTMF bool          // digits are blanked in packets and record
}

// Bounds of the header values that are collected of one call.
const (
	maxHeaders     = 16
	maxHeaderValue = 256
)

// deciding is what a Table needs to ask its Decider.
type deciding struct {
	ever    bool     // there was a Decider
	headers []string // that Config.Decide asks for
	subject Subject
	record  protocol.CDR // of a call that goes on
	dropped uint64       // header values that there was no room for
}

// SetDecider puts d in force: for calls that begin, and for others when they are asked about next; see Redecide. Nil keeps nothing
// of calls that begin.
func (t *Table) SetDecider(d Decider) {
	t.cfg.Decide, t.deciding.headers = d, nil
	if d != nil {
		t.deciding.ever = true
		t.deciding.headers = d.Headers()
	}
}

// Redecide asks anew about up to n calls behind the cursor, in the order of their start, and moves the cursor on. more tells
// whether there are others.
func (t *Table) Redecide(at *Cursor, n int) (more bool) {
	c := t.behind(at)
	for ; c != nil && n > 0; c, n = t.order.after(c), n-1 {
		c.decide()
		at.pass(c)
	}
	return c != nil
}

// consider asks about a call at its first message, and when m brings a header that it did not have.
func (c *Call) consider(m *sip.Message) {
	if c.collect(m) || !c.asked && c.table.cfg.Decide != nil {
		if !c.asked && c.uaCaller == "" {
			c.uaCaller = c.table.name(m.Get(sip.UserAgent))
		}
		c.asked = true
		c.decide()
	}
}

// decide asks about a call that goes on.
func (c *Call) decide() {
	d := &c.table.deciding
	decider := c.table.cfg.Decide
	if decider == nil {
		c.take(Decision{})
		return
	}
	d.subject = Subject{c.outline(), c.state(), c.headers}
	if c.ended() {
		d.subject.State = "" // it waits for late packets, and its record is not known yet
	}
	c.take(decider.Decide(&d.subject))
}

// settle asks a last time, about the call that r is the finished record of, ends its packets and completes r.
func (c *Call) settle(r *protocol.CDR) {
	d := &c.table.deciding
	switch decider := c.table.cfg.Decide; {
	case decider != nil:
		d.subject = Subject{r, protocol.StateEnded, c.headers}
		v := decider.Decide(&d.subject)
		v.Open = protocol.KeepNone
		c.take(v)
		d.subject = Subject{} // the record is the sink's
	case c.kept != nil && c.kept.Open: // the rules are gone
		c.take(Decision{})
	}
	r.Rule, r.Capture = c.rule, protocol.Capture{}
	if c.kept != nil {
		r.Capture = c.table.sink.Kept(c.kept)
		r.Capture.NoAudio = c.kept.NoAudio && r.Capture.Packets > 0
	}
	if c.masked {
		maskDigits(r)
	}
}

// take puts a decision in force.
func (c *Call) take(d Decision) {
	keep, open := least(d.Keep), least(d.Open)
	if c.overLimit {
		keep, open = lesser(keep, protocol.KeepSIP), lesser(open, protocol.KeepSIP)
	}
	c.rule, c.masked = d.Rule, d.MaskDTMF
	undecided := open != protocol.KeepNone
	if undecided {
		keep = greater(keep, open)
	} else if c.masked && keep == protocol.KeepRTP && c.unreadable() {
		keep = protocol.KeepHeaders
	}
	if c.kept == nil {
		if keep == protocol.KeepNone {
			return
		}
		c.kept = &Kept{
			ID: c.uuid(), CallID: c.callID, Caller: c.caller, Callee: c.callee, Start: protocol.TimeFromNanos(c.startTime),
			Rule: d.Rule, Keep: keep, Open: undecided, NoAudio: d.NoAudio, Masked: d.MaskDTMF,
		}
		return // the sink learns of it with the first packet
	}
	was := *c.kept
	c.kept.Rule, c.kept.Keep, c.kept.Open, c.kept.NoAudio, c.kept.Masked = d.Rule, keep, undecided, d.NoAudio, d.MaskDTMF
	if *c.kept != was {
		c.table.sink.Decided(c.kept)
	}
}

// outline is the record of a call that goes on, as far as a Decider is told. It is valid until the next call's.
func (c *Call) outline() *protocol.CDR {
	r := &c.table.deciding.record
	*r = protocol.CDR{
		ID: c.uuid(), CallID: toValid(c.callID), SensorID: c.table.cfg.SensorID,
		Caller: toValid(c.caller), Callee: toValid(c.callee), CallerDomain: toValid(c.callerDomain),
		CalleeDomain: toValid(c.calleeDomain), CallerName: toValid(c.callerName), CalleeURI: toValid(c.calleeURI),
		Src: c.src.String(), Dst: c.dst.String(), Transport: c.transport,
		Start: protocol.TimeFromNanos(c.startTime), Ringing: protocol.TimeFromNanos(c.ringing), Answer: protocol.TimeFromNanos(c.answer),
		UACaller: toValid(c.uaCaller), UACallee: toValid(c.uaCallee), Codecs: r.Codecs[:0], OverLimit: c.overLimit, Joined: c.joined(),
	}
	for _, k := range c.chosen {
		r.Codecs = append(r.Codecs, toValid(k.name))
	}
	return r
}

// collect takes the header fields of a message that the Decider asks for, and reports whether there was one that the call did not have.
func (c *Call) collect(m *sip.Message) (fresh bool) {
	d := &c.table.deciding
	for _, name := range d.headers {
		for i := 0; ; i++ {
			v := m.Header(name, i)
			if v == nil {
				break
			}
			if len(v) > maxHeaderValue {
				v = v[:maxHeaderValue]
				d.dropped++
			}
			switch {
			case c.hasHeader(name, v):
			case len(c.headers) == maxHeaders:
				d.dropped++
			default:
				c.headers = append(c.headers, Header{name, toValid(string(v))})
				fresh = true
			}
		}
	}
	return fresh
}

func (c *Call) hasHeader(name string, v []byte) bool {
	for i := range c.headers {
		if h := &c.headers[i]; h.Name == name && (h.Value == string(v) || !utf8.Valid(v) && h.Value == toValid(string(v))) {
			return true
		}
	}
	return false
}

func lesser(a, b protocol.Keep) protocol.Keep {
	if a.Rank() < b.Rank() {
		return a
	}
	return b
}

func greater(a, b protocol.Keep) protocol.Keep {
	if a.Rank() > b.Rank() {
		return a
	}
	return b
}

// least makes none of what is no Keep.
func least(k protocol.Keep) protocol.Keep {
	if k.Rank() == 0 {
		return protocol.KeepNone
	}
	return k
}
