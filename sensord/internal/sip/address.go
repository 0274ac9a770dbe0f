package sip

import "bytes"

// Address is a name-addr or addr-spec (RFC 3261 section 25.1): the value of From, To, Contact and their like.
type Address struct {
	Display []byte // display name without its quotes; escapes are still in it
	URI     []byte // without angle brackets
	Params  []byte // header parameters after the address, with their leading semicolon: ";tag=1"
}

// ParseAddress takes the first address of a value apart.
func ParseAddress(v []byte) Address {
	v, _ = firstValue(v)
	v = trim(v)
	var a Address
	rest := v
	if len(v) > 0 && v[0] == '"' {
		end := quoteEnd(v)
		a.Display = v[1:end]
		rest = trim(v[min(end+1, len(v)):])
	}
	if lt := bytes.IndexByte(rest, '<'); lt >= 0 {
		if a.Display == nil {
			a.Display = trim(rest[:lt])
		}
		rest = rest[lt+1:]
		gt := bytes.IndexByte(rest, '>')
		if gt < 0 { // RFC 4475 section 3.1.2.13 and alike: take it as it comes
			a.URI = trim(rest)
			return a
		}
		a.URI = trim(rest[:gt])
		a.Params = trim(rest[gt+1:])
		return a
	}
	// Without brackets, what follows a semicolon belongs to the header field (RFC 3261 section 20).
	if semi := bytes.IndexByte(rest, ';'); semi >= 0 {
		a.URI, a.Params = trim(rest[:semi]), rest[semi:]
		return a
	}
	a.URI = trim(rest)
	return a
}

// Tag returns the tag parameter.
func (a Address) Tag() []byte { return Param(a.Params, "tag") }

// URI is a sip:, sips: or tel: URI, or what looks like one.
type URI struct {
	Scheme []byte // as written, without colon
	User   []byte // without password, escapes as written; the number of a tel: URI
	Host   []byte // IPv6 with its brackets
	Port   []byte
	Params []byte // with the leading semicolon, without headers
}

// ParseURI takes a URI apart. What has no scheme is read as user@host.
func ParseURI(b []byte) URI {
	var u URI
	b = trim(b)
	if len(b) > 1 && b[0] == '<' { // a Request-URI in brackets, RFC 4475 section 3.1.2.7
		b = bytes.TrimSuffix(b[1:], []byte(">"))
	}
	rest := b
	if colon := bytes.IndexByte(b, ':'); colon > 0 && isScheme(b[:colon]) {
		u.Scheme, rest = b[:colon], b[colon+1:]
	}
	if equalFold(u.Scheme, "tel") {
		u.User = rest
		if semi := bytes.IndexByte(rest, ';'); semi >= 0 {
			u.User, u.Params = rest[:semi], rest[semi:]
		}
		return u
	}
	if len(rest) > 1 && rest[0] == '/' && rest[1] == '/' { // "sip://host" is wrong and common
		rest = rest[2:]
	}
	// The user part may hold ';', '?' and ':' (RFC 4475 section 3.1.1.10), so '@' is looked for first.
	if at := bytes.LastIndexByte(uriAuthority(rest), '@'); at >= 0 {
		u.User, rest = rest[:at], rest[at+1:]
		if colon := bytes.IndexByte(u.User, ':'); colon >= 0 {
			u.User = u.User[:colon]
		}
	}
	if q := bytes.IndexByte(rest, '?'); q >= 0 {
		rest = rest[:q]
	}
	if semi := bytes.IndexByte(rest, ';'); semi >= 0 {
		rest, u.Params = rest[:semi], rest[semi:]
	}
	u.Host = rest
	if len(rest) > 0 && rest[0] == '[' {
		if e := bytes.IndexByte(rest, ']'); e >= 0 {
			u.Host = rest[:e+1]
			if e+2 <= len(rest) && rest[e+1] == ':' {
				u.Port = rest[e+2:]
			}
		}
		return u
	}
	switch colons := bytes.Count(rest, []byte{':'}); {
	case colons == 1, colons == 8: // host and port; a full IPv6 address without its brackets and a port
		at := bytes.LastIndexByte(rest, ':')
		u.Host, u.Port = rest[:at], rest[at+1:]
	}
	return u
}

// uriAuthority cuts the headers of a URI ("?Route=<sip:x@y>") off, in which an '@' does not end the user part. A '?'
// before the first '@' belongs to the user.
func uriAuthority(b []byte) []byte {
	at := bytes.IndexByte(b, '@')
	if at < 0 {
		return b
	}
	if q := bytes.IndexByte(b[at:], '?'); q >= 0 {
		b = b[:at+q]
	}
	if s := bytes.IndexByte(b[at:], ';'); s >= 0 {
		b = b[:at+s]
	}
	return b
}

func isScheme(b []byte) bool {
	for i, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '+' && c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	// "user:password@host" and "host:port" have no scheme: only known ones and those that no host can be count.
	return equalFold(b, "sip") || equalFold(b, "sips") || equalFold(b, "tel") || len(b) >= 2 && bytes.IndexByte(b, '.') < 0
}

// Param returns the value of a parameter in a list such as ";tag=1;x" (RFC 3261 section 25.1), without quotes; an empty slice that is not nil for a
// parameter without value; nil when it is not there. name is in lower case.
func Param(params []byte, name string) []byte {
	b := params
	for {
		semi := indexOutside(b, ';')
		if semi < 0 {
			return nil
		}
		b = b[semi+1:]
		end := indexOutside(b, ';')
		if end < 0 {
			end = len(b)
		}
		p := b[:end]
		key, val := p, p[len(p):]
		if eq := bytes.IndexByte(p, '='); eq >= 0 {
			key, val = p[:eq], trim(p[eq+1:])
		}
		if equalFold(trim(key), name) {
			if len(val) > 1 && val[0] == '"' {
				return val[1:quoteEnd(val)]
			}
			return val
		}
		b = b[end:]
	}
}

// firstValue divides a list of values at its first comma that stands outside quotes and angle brackets.
func firstValue(b []byte) (value, rest []byte) {
	if bytes.IndexByte(b, ',') < 0 { // as a rule
		return b, nil
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += quoteEnd(b[i:])
		case '<':
			depth++
		case '>':
			depth = 0
		case ',':
			if depth == 0 {
				return b[:i], b[i+1:]
			}
		}
	}
	return b, nil
}

// indexOutside is bytes.IndexByte for what stands outside quotes.
func indexOutside(b []byte, c byte) int {
	if i := bytes.IndexByte(b, c); i < 0 || bytes.IndexByte(b[:i], '"') < 0 { // as a rule
		return i
	}
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case c:
			return i
		case '"':
			i += quoteEnd(b[i:])
		}
	}
	return -1
}

// quoteEnd answers the offset of the quote that ends the quoted string at the start of b, len(b) when it is not ended.
func quoteEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b)
}
