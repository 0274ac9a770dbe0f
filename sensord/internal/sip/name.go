package sip

// Name is a header field that the package indexes. Other header fields are found with Message.Header.
type Name uint8

// The indexed header fields.
const (
	Via Name = iota
	From
	To
	CallID
	CSeq
	Contact
	ContentType
	ContentLength
	UserAgent
	Server
	Reason
	Replaces
	ReferTo
	RSeq
	RAck
	Route
	RecordRoute
	Require
	Event
	Expires
	Authorization
	ProxyAuthorization
	PAssertedIdentity
	Supported
	Subject
	ReferredBy
	ContentEncoding
	AllowEvents
	SessionExpires
	numNames
	notIndexed Name = 255
)

var names = [numNames]string{
	"via", "from", "to", "call-id", "cseq", "contact", "content-type", "content-length", "user-agent", "server",
	"reason", "replaces", "refer-to", "rseq", "rack", "route", "record-route", "require", "event", "expires", "authorization",
	"proxy-authorization", "p-asserted-identity", "supported", "subject", "referred-by", "content-encoding", "allow-events",
	"session-expires",
}

// spelt are the names as the RFCs, and so most senders, spell them.
var spelt = [numNames]string{
	"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Type", "Content-Length", "User-Agent", "Server",
	"Reason", "Replaces", "Refer-To", "RSeq", "RAck", "Route", "Record-Route", "Require", "Event", "Expires", "Authorization",
	"Proxy-Authorization", "P-Asserted-Identity", "Supported", "Subject", "Referred-By", "Content-Encoding", "Allow-Events",
	"Session-Expires",
}

// compact are the one-letter forms (RFC 3261 section 7.3.3, RFC 3515, 3892, 4028, 6665).
var compact = func() (t [256]Name) {
	for i := range t {
		t[i] = notIndexed
	}
	for c, n := range map[byte]Name{
		'v': Via, 'f': From, 't': To, 'i': CallID, 'm': Contact, 'c': ContentType, 'l': ContentLength,
		'r': ReferTo, 'o': Event, 'k': Supported, 's': Subject, 'b': ReferredBy, 'e': ContentEncoding, 'u': AllowEvents, 'x': SessionExpires,
	} {
		t[c], t[c-'a'+'A'] = n, n
	}
	return t
}()

// byLength lists the indexed names of a length, so that most header fields are told by one or two comparisons.
var byLength = func() (t [20][]Name) {
	for n := range numNames {
		t[len(names[n])] = append(t[len(names[n])], n)
	}
	return t
}()

func nameOf(b []byte) Name {
	if len(b) == 1 {
		return compact[b[0]]
	}
	if len(b) >= len(byLength) {
		return notIndexed
	}
	for _, n := range byLength[len(b)] {
		if names[n][0] == b[0]|0x20 && (string(b) == spelt[n] || equalFold(b, names[n])) {
			return n
		}
	}
	return notIndexed
}

// fieldName finds the name of a header line and where its colon is.
func fieldName(line []byte) (n Name, colon int) {
	for colon < len(line) && line[colon] != ':' { // a short way
		colon++
	}
	if colon == 0 || colon == len(line) {
		return notIndexed, 0
	}
	name := line[:colon]
	if blank(name[colon-1]) {
		name = trimRight(name)
	}
	return nameOf(name), colon
}

// equalFold compares b, in any case, with s, which is in lower case. Only ASCII letters fold.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
