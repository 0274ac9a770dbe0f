package rules

import (
	"slices"
	"strings"

	"voiptop/protocol"
)

// Header is a SIP header field value of a call. Name in lower case, long form ("from", "x-tenant").
type Header struct{ Name, Value string }

// Call is what a condition is about: a call as far as it has come.
type Call struct {
	*protocol.CDR
	State   protocol.State // "" is worked out from the CDR
	Headers []Header       // of all messages of the call so far; at least those of the names that Set.Headers answers
}

// Type says what a field's values are, and so which operators it has.
type Type uint8

// The types of fields.
const (
	Text    Type = iota // : (no case, * stands for anything) = != ~
	Number              // telephone number or other user part: like Text; a + or 00 in front does not count with ":"
	Address             // : (IP, IP:port, network) = !=
	Count               // = != < <= > >= and : for =
	Word                // one of a list of words: like Text
	Clock               // time of day, 22:00-06:00: : = !=
	Weekday             // mon ... sun, mon-fri: : = !=
)

func (t Type) String() string {
	return [...]string{"text", "number or pattern", "IP address or network", "number", "word", "time such as 22:00-06:00", "weekday or mon-fri"}[t]
}

func (t Type) article() string {
	if t == Address {
		return "an "
	}
	return "a "
}

// known says from when on a field of a running call has its final value.
type known uint8

const (
	atInvite  known = iota // from the first INVITE
	growing                // values come and none goes: what is there matches for good
	atEnd                  // when the call has ended
	forFilter              // where a call stands, or what became of it: not for rules, which decide that
)

// Field is one thing of a call that can be asked for.
type Field struct {
	Name  string
	Type  Type
	Doc   string
	Words []string // of a Word field

	known known
	text  func(c *Call, i int) (s string, more bool) // its i-th value; more is false behind the last
	count func(c *Call) (v float64, present bool)
	// counts is its i-th value, of one that has several; more is false behind the last.
	counts func(c *Call, i int) (v float64, present, more bool)
	detail bool   // it is about streams or messages
	ends   uint8  // of an Address: the ends of the call that it is about, src and dst
	name   string // of a header: its name in lower case, long form
}

const (
	srcEnd = 1 << iota
	dstEnd
)

// InRules reports whether capture rules may ask for the field: where a call stands, and what the rules made of it, they may not.
func (f *Field) InRules() bool { return f.known != forFilter }

// Stored reports whether calls that are stored may be asked for the field: not for headers.
func (f *Field) Stored() bool {
	return f.count != nil || f.counts != nil || f.text != nil || f.Type == Clock || f.Type == Weekday || f.Name == "direction"
}

// Fields lists every field, in the order of the documentation.
func Fields() []Field { return fields }

const headerPrefix = "header."

// fieldByName answers the field of a name in lower case, nil if there is none.
func fieldByName(name string) *Field {
	if h, ok := strings.CutPrefix(name, headerPrefix); ok && isToken(h) {
		return headerField(h)
	}
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

func fieldNames() []string {
	n := make([]string, len(fields))
	for i, f := range fields {
		n[i] = f.Name
	}
	return n
}

func one(get func(c *Call) string) func(*Call, int) (string, bool) {
	return func(c *Call, i int) (string, bool) {
		if i > 0 {
			return "", false
		}
		return get(c), true
	}
}

func two(a, b func(c *Call) string) func(*Call, int) (string, bool) {
	return func(c *Call, i int) (string, bool) {
		switch i {
		case 0:
			return a(c), true
		case 1:
			return b(c), true
		}
		return "", false
	}
}

func present(v *float64) (float64, bool) {
	if v == nil {
		return 0, false
	}
	return *v, true
}

func seconds(ms *int64) (float64, bool) {
	if ms == nil {
		return 0, false
	}
	return float64(*ms) / 1000, true
}

var (
	caller = func(c *Call) string { return c.Caller }
	callee = func(c *Call) string { return c.Callee }
	src    = func(c *Call) string { return c.Src }
	dst    = func(c *Call) string { return c.Dst }
)

var fields = slices.Concat(mainFields, recordFields, streamFields)

var mainFields = []Field{
	{Name: "caller", Type: Number, Doc: "user part of From", text: one(caller)},
	{Name: "callee", Type: Number, Doc: "user part of To", text: one(callee)},
	{Name: "number", Type: Number, Doc: "caller or callee", text: two(caller, callee)},
	{Name: "src", Type: Address, Doc: "where the first INVITE came from", text: one(src), ends: srcEnd},
	{Name: "dst", Type: Address, Doc: "where the first INVITE went", text: one(dst), ends: dstEnd},
	{Name: "ip", Type: Address, Doc: "src or dst", text: two(src, dst), ends: srcEnd | dstEnd},
	{
		Name: "direction", Type: Word, Doc: "from where to where, by the group local: in, out, internal or transit",
		Words: []string{"in", "out", "internal", "transit"},
	},
	{
		Name: "domain", Type: Text, Doc: "host part of From or To",
		text: two(func(c *Call) string { return c.CallerDomain }, func(c *Call) string { return c.CalleeDomain }),
	},
	{Name: "caller-domain", Type: Text, Doc: "host part of From", text: one(func(c *Call) string { return c.CallerDomain })},
	{Name: "callee-domain", Type: Text, Doc: "host part of To", text: one(func(c *Call) string { return c.CalleeDomain })},
	{Name: "name", Type: Text, Doc: "display name of the caller", text: one(func(c *Call) string { return c.CallerName })},
	{
		Name: "header.NAME", Type: Text, Doc: "a SIP header field of any message of the call, e.g. header.X-Tenant; * is: present",
		known: growing,
	},
	{
		Name: "ua", Type: Text, Doc: "User-Agent or Server of either side", known: growing,
		text: two(func(c *Call) string { return c.UACaller }, func(c *Call) string { return c.UACallee }),
	},
	{
		Name: "transport", Type: Word, Doc: "what carries the signalling", Words: []string{"udp", "tcp", "ws", "tls", "wss", "sctp"},
		text: one(func(c *Call) string { return c.Transport }),
	},
	{Name: "callid", Type: Text, Doc: "Call-ID", text: one(func(c *Call) string { return c.CallID })},
	{Name: "sensor", Type: Count, Doc: "id_sensor", count: func(c *Call) (float64, bool) { return float64(c.SensorID), true }},
	{Name: "time", Type: Clock, Doc: "time of day when the call began, in the file's zone: 22:00-06:00, the end excluded"},
	{Name: "day", Type: Weekday, Doc: "weekday when the call began, in the file's zone: mon, sat-sun"},
	{Name: "codec", Type: Text, Doc: "codec in use, e.g. PCMU", known: atEnd, text: func(c *Call, i int) (string, bool) {
		if i >= len(c.Codecs) {
			return "", false
		}
		return c.Codecs[i], true
	}},
	{
		Name: "state", Type: Word, Doc: "where the call stands", Words: []string{"trying", "ringing", "up", "hold", "ended"}, known: forFilter,
		text: one(func(c *Call) string { return string(c.state()) }),
	},
	{
		Name: "end", Type: Word, Doc: "how the call ended", known: atEnd,
		Words: []string{"bye", "cancel", "rejected", "no-answer", "timeout-rtp", "timeout-bye", "timeout-max", "unterminated", "interrupted"},
		text:  one(func(c *Call) string { return string(c.EndCause) }),
	},
	{
		Name: "by", Type: Word, Doc: "who ended it", Words: []string{"caller", "callee", "sensor", "unknown"}, known: atEnd,
		text: one(func(c *Call) string { return string(c.EndBy) }),
	},
	{Name: "finding", Type: Text, Doc: "code of a finding, e.g. one-way-audio", known: atEnd, text: func(c *Call, i int) (string, bool) {
		if i >= len(c.Findings) {
			return "", false
		}
		return c.Findings[i].Code, true
	}},
	{Name: "rule", Type: Text, Doc: "capture rule that decided", known: forFilter, text: one(func(c *Call) string { return c.Rule })},
	{
		Name: "kept", Type: Word, Doc: "what is kept of the packets", Words: []string{"none", "sip", "headers", "rtp"}, known: forFilter,
		text: one(func(c *Call) string { return string(c.Capture.Kept) }),
	},
	{
		Name: "status", Type: Count, Doc: "last final status of the INVITE", known: atEnd,
		count: func(c *Call) (float64, bool) { return float64(c.Status), c.Status != 0 },
	},
	{Name: "mos", Type: Count, Doc: "the worst stream's MOS", known: atEnd, count: func(c *Call) (float64, bool) { return present(c.MOS) }},
	{Name: "loss", Type: Count, Doc: "the worst stream's loss, per cent", known: atEnd, count: func(c *Call) (float64, bool) { return present(c.LossPct) }},
	{Name: "jitter", Type: Count, Doc: "the worst stream's mean jitter, ms", known: atEnd, count: func(c *Call) (float64, bool) { return present(c.JitterMS) }},
	{
		Name: "duration", Type: Count, Doc: "first INVITE to end, s", known: atEnd,
		count: func(c *Call) (float64, bool) { return float64(c.DurationMS) / 1000, true },
	},
	{Name: "connected", Type: Count, Doc: "answer to end, s", known: atEnd, count: func(c *Call) (float64, bool) { return seconds(c.ConnectMS) }},
	{Name: "pdd", Type: Count, Doc: "post-dial delay, s", known: atEnd, count: func(c *Call) (float64, bool) { return seconds(c.PDDMS) }},
}

func (c *Call) state() protocol.State {
	if c.State != "" {
		return c.State
	}
	return c.CDR.State()
}

// LiveCall makes a Call of a row of a live view.
func LiveCall(l *protocol.LiveCall) Call {
	c := &protocol.CDR{
		ID: l.ID, CallID: l.CallID, GroupID: l.GroupID, SensorID: l.SensorID, Caller: l.Caller, Callee: l.Callee,
		Src: l.Src, Dst: l.Dst, Transport: l.Transport, Start: l.Start, Answer: l.Answer, End: l.End, PDDMS: l.PDDMS,
		Status: l.Status, MOS: l.MOS, LossPct: l.LossPct, JitterMS: l.JitterMS, Rule: l.Rule, OverLimit: l.OverLimit,
		Capture: protocol.Capture{Kept: l.Kept},
	}
	if l.Codec != "" {
		c.Codecs = []string{l.Codec}
	}
	if l.Finding != "" {
		c.Findings = []protocol.Finding{{Code: l.Finding, Severity: l.Severity}}
	}
	return Call{CDR: c, State: l.State}
}
