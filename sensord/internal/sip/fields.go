package sip

import "bytes"

// Fields calls visit with every header field in the order of the message, the name as written, until visit answers false.
// A folded value still has its line ends inside.
func (m *Message) Fields(visit func(name, value []byte) bool) {
	b := m.raw
	for at := int(m.head); at < len(b); {
		next, end := nextLine(b, at)
		if end == at {
			return
		}
		for next < len(b) && (b[next] == ' ' || b[next] == '\t') {
			next, end = nextLine(b, next)
		}
		if colon := bytes.IndexByte(b[at:end], ':'); colon > 0 {
			if !visit(trimRight(b[at:at+colon]), trim(b[at+colon+1:end])) {
				return
			}
		}
		at = next
	}
}
