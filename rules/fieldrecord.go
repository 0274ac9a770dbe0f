package rules

import (
	"slices"
	"strings"

	"voiptop/protocol"
)

// The fields that a record has beside what calls are mostly asked for: how it was set up, what stands behind its marks, and its
// conversation.

// flagWords are the words of a field that holds or does not.
var flagWords = []string{"yes", "no"}

func flag(get func(c *Call) bool) func(*Call, int) (string, bool) {
	return one(func(c *Call) string {
		if get(c) {
			return "yes"
		}
		return "no"
	})
}

// later reports whether the call is a leg of a conversation that another call began.
func later(c *protocol.CDR) bool { return c.GroupID != "" && c.GroupID != c.ID.String() }

// gravest is the severity of the gravest finding, "" without any.
func gravest(c *Call) string {
	var worst protocol.Severity
	for i := range c.Findings {
		switch s := c.Findings[i].Severity; {
		case s == protocol.SeverityBad:
			return string(s)
		case s == protocol.SeverityWarn, worst == "":
			worst = s
		}
	}
	return string(worst)
}

// rang is how long the called party's side rang, in seconds: from the first 18x to the answer or, without one, to the end.
func rang(c *Call) (float64, bool) {
	until := c.Answer
	if until == 0 {
		until = c.End
	}
	if c.Ringing == 0 || until < c.Ringing {
		return 0, false
	}
	return float64(until-c.Ringing) / 1e6, true
}

// uncheckedCode is the i-th code of the findings that could not be looked for.
func uncheckedCode(c *Call, i int) (string, bool) {
	for j := range c.Unchecked {
		codes := c.Unchecked[j].Codes
		if i < len(codes) {
			return codes[i], true
		}
		i -= len(codes)
	}
	return "", false
}

var recordFields = []Field{
	{Name: "dialled", Type: Number, Doc: "user part of the first INVITE's Request-URI", text: one(func(c *Call) string { return c.CalleeURI })},
	{Name: "reason", Type: Text, Doc: "phrase of the last final status, or the Reason header", known: atEnd, text: one(func(c *Call) string { return c.Reason })},
	{Name: "setup", Type: Count, Doc: "first INVITE to answer, s", known: atEnd, count: func(c *Call) (float64, bool) { return seconds(c.SetupMS) }},
	{Name: "rang", Type: Count, Doc: "first 18x to answer or, without one, to end, s", known: atEnd, count: rang},
	{
		Name: "retransmissions", Type: Count, Doc: "SIP messages seen again", known: atEnd,
		count: func(c *Call) (float64, bool) { return float64(c.Retransmissions), true },
	},
	{
		Name: "severity", Type: Word, Doc: "severity of the gravest finding", Words: []string{"info", "warn", "bad"}, known: atEnd,
		text: one(gravest),
	},
	{Name: "unchecked", Type: Text, Doc: "code of a finding that could not be looked for", known: atEnd, text: uncheckedCode},
	{
		Name: "joined", Type: Word, Doc: "its first INVITE was not seen", Words: flagWords,
		text: flag(func(c *Call) bool { return c.Joined }),
	},
	{
		Name: "assumed", Type: Word, Doc: "who called is not known: caller and callee may be swapped", Words: flagWords, known: atEnd,
		text: flag(func(c *Call) bool { return c.PartiesAssumed }),
	},
	{
		Name: "over-limit", Type: Word, Doc: "beyond the tenant's channels: its media is not analysed", Words: flagWords, known: atEnd,
		text: flag(func(c *Call) bool { return c.OverLimit }),
	},
	{
		Name: "leg", Type: Word, Doc: "whether it began its conversation or is a further leg of it", Words: []string{"first", "later"}, known: forFilter,
		text: one(func(c *Call) string {
			if later(c.CDR) {
				return "later"
			}
			return "first"
		}),
	},
	{Name: "group", Type: Text, Doc: "id of the conversation: its first call's", known: forFilter, text: one(func(c *Call) string { return c.GroupID })},
	{
		Name: "kept-packets", Type: Count, Doc: "packets of its capture", known: forFilter,
		count: func(c *Call) (float64, bool) { return float64(c.Capture.Packets), true },
	},
	{
		Name: "kept-bytes", Type: Count, Doc: "size of its capture, bytes", known: forFilter,
		count: func(c *Call) (float64, bool) { return float64(c.Capture.Bytes), true },
	},
	{
		Name: "partial", Type: Word, Doc: "its capture lacks packets that the rule wanted", Words: flagWords, known: forFilter,
		text: flag(func(c *Call) bool { return c.Capture.Partial }),
	},
	{
		Name: "no-audio", Type: Word, Doc: "the rule says that it may not be listened to", Words: flagWords, known: forFilter,
		text: flag(func(c *Call) bool { return c.Capture.NoAudio }),
	},
}

// marks lists the flags of a call that facts name: those that few calls have.
func marks(c *protocol.CDR) []string {
	var list []string
	for _, m := range []struct {
		name string
		is   bool
	}{
		{"joined", c.Joined},
		{"assumed", c.PartiesAssumed},
		{"over-limit", c.OverLimit},
		{"partial", c.Capture.Partial},
		{"no-audio", c.Capture.NoAudio},
		{"later", later(c)},
		{"encrypted", slices.ContainsFunc(c.Streams, func(s protocol.Stream) bool { return s.Encrypted })},
	} {
		if m.is {
			list = append(list, m.name)
		}
	}
	return list
}

// mark answers the flag that a test of a call asks for, "" if it asks for none.
func (t *test) mark() string {
	if t.not || t.op == "~" || len(t.vals) != 1 {
		return ""
	}
	v := t.vals[0].text
	if t.op == ":" {
		v = strings.ToLower(v)
	}
	switch t.field.Name {
	case "joined", "assumed", "over-limit", "partial", "no-audio", "encrypted":
		if v == "yes" {
			return t.field.Name
		}
	case "leg":
		if v == "later" {
			return v
		}
	}
	return ""
}
