package mcp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"voiptop/protocol"
)

// Lengths of texts in answers, in characters.
const (
	maxText = 500 // of ours
	maxWire = 120 // of SIP messages: names and user agents are shorter, instructions are longer
)

// clean makes a text safe to be shown: no control characters, no invisible ones (with which text is hidden from people and told
// to machines: zero width, bidi, tags, private use), no characters that are none, at most n characters.
func clean(s string, n int) string {
	var b strings.Builder
	count := 0
	for _, r := range s {
		if count == n {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case r == utf8.RuneError, !unicode.IsGraphic(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Variation_Selector, r):
			r = '\uFFFD'
		case r == '«' || r == '»': // ours: they mark what is not
			r = '"'
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}

// quoted marks a text of a SIP message within one of ours.
func quoted(s string) string { return "«" + clean(s, maxWire) + "»" }

// token keeps a text of a SIP message only if it can say nothing: letters, digits and few signs, no blanks.
func token(s string) string {
	if s == "" || len(s) > 32 {
		return ""
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.+/", r) {
			return ""
		}
	}
	return s
}

// untrusted is what SIP messages say of a call. Anybody on the network may have written it.
type untrusted struct {
	Caller     string `json:"caller,omitempty" jsonschema:"user part of From"`
	Callee     string `json:"callee,omitempty" jsonschema:"user part of To"`
	CallerName string `json:"caller_name,omitempty" jsonschema:"display name of From"`
	CallID     string `json:"call_id,omitempty" jsonschema:"Call-ID"`
	Reason     string `json:"reason,omitempty" jsonschema:"phrase of the last final answer"`
	UACaller   string `json:"ua_caller,omitempty" jsonschema:"User-Agent of the caller"`
	UACallee   string `json:"ua_callee,omitempty" jsonschema:"User-Agent or Server of the callee"`
}

func wire(c *protocol.CDR) untrusted {
	w := func(s string) string { return clean(s, maxWire) }
	return untrusted{w(c.Caller), w(c.Callee), w(c.CallerName), w(c.CallID), w(c.Reason), w(c.UACaller), w(c.UACallee)}
}
