package rules

import (
	"slices"
	"strings"
)

// compact has the long form of the compact header field names of the IANA registry "SIP Parameters", Header Fields.
var compact = map[string]string{
	"a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding",
	"f": "from", "i": "call-id", "j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact", "o": "event",
	"r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}

// headerField is the field of a header's name in lower case, long or compact.
func headerField(name string) *Field {
	if long, ok := compact[name]; ok {
		name = long
	}
	return &Field{
		Name: headerPrefix + name, Type: Text, Doc: "header field " + name, known: growing, name: name,
		text: func(c *Call, i int) (string, bool) {
			for k := range c.Headers {
				if c.Headers[k].Name != name {
					continue
				}
				if i == 0 {
					return c.Headers[k].Value, true
				}
				i--
			}
			return "", false
		},
	}
}

// isToken reports whether s may be a header's name: a token of RFC 3261 section 25.1.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-.!%*_+`'~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// Headers answers the lower-case long names of the header fields that any condition asks for, sorted. A sensor collects
// only these.
func (s *Set) Headers() []string {
	var names []string
	for i := range s.Rules {
		names = headersOf(names, s.Rules[i].When.root)
	}
	return names
}

// headersOf adds the names that a condition asks for to a sorted list.
func headersOf(names []string, n *node) []string {
	n.each(func(t *test) {
		if t.field.name != "" {
			names = append(names, t.field.name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}
