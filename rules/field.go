package rules

import (
	"net/netip"
	"slices"
	"strings"

	"voiptop/protocol"
)

// Call is what an expression is about: a call as far as it has come.
type Call struct {
	*protocol.CDR
	State protocol.State // "" is worked out from the CDR
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
)

func (t Type) String() string {
	return [...]string{"text", "number or pattern", "IP address or network", "number", "word"}[t]
}

// Field is one thing of a call that can be asked for.
type Field struct {
	Name  string
	Type  Type
	Doc   string
	Words []string // of a Word field

	texts func(c Call, yield func(string) bool)
	count func(c Call) (float64, bool)
}

// Fields lists every field, in the order of the documentation.
func Fields() []Field { return fields }

func fieldByName(name string) *Field {
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

func one(get func(c Call) string) func(Call, func(string) bool) {
	return func(c Call, yield func(string) bool) { yield(get(c)) }
}

func two(a, b func(c Call) string) func(Call, func(string) bool) {
	return func(c Call, yield func(string) bool) { _ = yield(a(c)) && yield(b(c)) }
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
	caller = func(c Call) string { return c.Caller }
	callee = func(c Call) string { return c.Callee }
	src    = func(c Call) string { return c.Src }
	dst    = func(c Call) string { return c.Dst }
)

var fields = []Field{
	{Name: "caller", Type: Number, Doc: "user part of From", texts: one(caller)},
	{Name: "callee", Type: Number, Doc: "user part of To", texts: one(callee)},
	{Name: "number", Type: Number, Doc: "caller or callee", texts: two(caller, callee)},
	{Name: "src", Type: Address, Doc: "where the first INVITE came from", texts: one(src)},
	{Name: "dst", Type: Address, Doc: "where the first INVITE went", texts: one(dst)},
	{Name: "ip", Type: Address, Doc: "src or dst", texts: two(src, dst)},
	{
		Name: "domain", Type: Text, Doc: "host part of From or To",
		texts: two(func(c Call) string { return c.CallerDomain }, func(c Call) string { return c.CalleeDomain }),
	},
	{Name: "name", Type: Text, Doc: "display name of the caller", texts: one(func(c Call) string { return c.CallerName })},
	{
		Name: "ua", Type: Text, Doc: "User-Agent or Server of either side",
		texts: two(func(c Call) string { return c.UACaller }, func(c Call) string { return c.UACallee }),
	},
	{
		Name: "transport", Type: Word, Doc: "what carries the signalling", Words: []string{"udp", "tcp", "ws", "tls", "wss", "sctp"},
		texts: one(func(c Call) string { return c.Transport }),
	},
	{Name: "callid", Type: Text, Doc: "Call-ID", texts: one(func(c Call) string { return c.CallID })},
	{Name: "codec", Type: Text, Doc: "codec in use, e.g. PCMU", texts: func(c Call, yield func(string) bool) {
		_ = !slices.ContainsFunc(c.Codecs, func(s string) bool { return !yield(s) })
	}},
	{
		Name: "state", Type: Word, Doc: "where the call stands", Words: []string{"trying", "ringing", "up", "hold", "ended"},
		texts: one(func(c Call) string { return string(c.state()) }),
	},
	{
		Name: "end", Type: Word, Doc: "how the call ended",
		Words: []string{"bye", "cancel", "rejected", "no-answer", "timeout-rtp", "timeout-bye", "timeout-max", "unterminated", "interrupted"},
		texts: one(func(c Call) string { return string(c.EndCause) }),
	},
	{
		Name: "by", Type: Word, Doc: "who ended it", Words: []string{"caller", "callee", "sensor", "unknown"},
		texts: one(func(c Call) string { return string(c.EndBy) }),
	},
	{Name: "finding", Type: Text, Doc: "code of a finding, e.g. one-way-audio", texts: func(c Call, yield func(string) bool) {
		for _, f := range c.Findings {
			if !yield(f.Code) {
				return
			}
		}
	}},
	{Name: "rule", Type: Text, Doc: "capture rule that decided", texts: one(func(c Call) string { return c.Rule })},
	{
		Name: "kept", Type: Word, Doc: "what is kept of the packets", Words: []string{"none", "sip", "headers", "rtp"},
		texts: one(func(c Call) string { return string(c.Capture.Kept) }),
	},
	{Name: "status", Type: Count, Doc: "last final status of the INVITE", count: func(c Call) (float64, bool) { return float64(c.Status), c.Status != 0 }},
	{Name: "mos", Type: Count, Doc: "the worst stream's MOS", count: func(c Call) (float64, bool) { return present(c.MOS) }},
	{Name: "loss", Type: Count, Doc: "the worst stream's loss, per cent", count: func(c Call) (float64, bool) { return present(c.LossPct) }},
	{Name: "jitter", Type: Count, Doc: "the worst stream's mean jitter, ms", count: func(c Call) (float64, bool) { return present(c.JitterMS) }},
	{Name: "duration", Type: Count, Doc: "first INVITE to end, s", count: func(c Call) (float64, bool) { return float64(c.DurationMS) / 1000, true }},
	{Name: "connected", Type: Count, Doc: "answer to end, s", count: func(c Call) (float64, bool) { return seconds(c.ConnectMS) }},
	{Name: "pdd", Type: Count, Doc: "post-dial delay, s", count: func(c Call) (float64, bool) { return seconds(c.PDDMS) }},
	{Name: "sensor", Type: Count, Doc: "id_sensor", count: func(c Call) (float64, bool) { return float64(c.SensorID), true }},
}

func (c Call) state() protocol.State {
	switch {
	case c.State != "":
		return c.State
	case c.End != 0:
		return protocol.StateEnded
	case c.Answer != 0:
		return protocol.StateUp
	case c.Ringing != 0:
		return protocol.StateRinging
	}
	return protocol.StateTrying
}

// LiveCall makes a Call of a row of a live view.
func LiveCall(l *protocol.LiveCall) Call {
	c := &protocol.CDR{
		ID: l.ID, CallID: l.CallID, GroupID: l.GroupID, SensorID: l.SensorID, Caller: l.Caller, Callee: l.Callee,
		Src: l.Src, Dst: l.Dst, Transport: l.Transport, Start: l.Start, Answer: l.Answer, End: l.End, PDDMS: l.PDDMS,
		Status: l.Status, MOS: l.MOS, LossPct: l.LossPct, JitterMS: l.JitterMS, Rule: l.Rule,
		Capture: protocol.Capture{Kept: l.Kept},
	}
	if l.Codec != "" {
		c.Codecs = []string{l.Codec}
	}
	if l.Finding != "" {
		c.Findings = []protocol.Finding{{Code: l.Finding, Severity: l.Severity}}
	}
	return Call{c, l.State}
}

// network reads an address, an address with port, or a network. A port of 0 is any.
func network(s string) (p netip.Prefix, port uint16, ok bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		a := ap.Addr().Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ap.Port(), true
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), 0, true
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), 0, true
	}
	return p, 0, false
}
