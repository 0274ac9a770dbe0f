package sip

import "bytes"

// token tells which bytes may stand in a method (RFC 3261 section 25.1).
var token = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	for _, c := range "-.!%*_+`'~" {
		t[c] = true
	}
	return t
}()

// maxMethod is the longest method that is taken for one, far beyond any in use.
const maxMethod = 64

// LooksLikeSIP tells by the first line whether a payload is a SIP message, or the start of one: "SIP/2.0 " and a
// status, or a method, a URI with a scheme, and "SIP/2.0". A payload cut within the first line may still be recognised.
// The port does not matter.
func LooksLikeSIP(b []byte) bool {
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	if len(b) < 8 {
		return false
	}
	if startsWithVersion(b) {
		return true
	}
	if !token[b[0]] {
		return false
	}
	line := b
	nl := bytes.IndexByte(b, '\n')
	if nl >= 0 {
		line = trimRight(b[:nl])
	}
	sp := bytes.IndexByte(line, ' ')
	if sp < 2 || sp > maxMethod {
		return false
	}
	for _, c := range line[:sp] {
		if !token[c] {
			return false
		}
	}
	if nl < 0 { // cut: a known method and the start of a URI must do
		rest := trim(line[sp:])
		return MethodOf(line[:sp]) != Unknown && (hasScheme(rest, "sip:") || hasScheme(rest, "sips:") || hasScheme(rest, "tel:"))
	}
	last := bytes.LastIndexByte(line, ' ')
	return last > sp && len(line) >= last+8 && equalFold(line[last+1:last+8], "sip/2.0")
}

func hasScheme(b []byte, s string) bool { return len(b) >= len(s) && equalFold(b[:len(s)], s) }

// Kind is what a payload on a SIP port is when it is no message.
type Kind uint8

// Kinds of payloads.
const (
	NotSIP    Kind = iota
	IsMessage      // a SIP message
	KeepAlive      // empty lines or one zero byte that keep a NAT binding open (RFC 5626 section 3.5.1)
	STUN           // RFC 8489, also used as keep-alive (RFC 5626 section 3.5.2)
)

// KindOf sorts a datagram's payload.
func KindOf(b []byte) Kind {
	if LooksLikeSIP(b) {
		return IsMessage
	}
	if IsSTUN(b) {
		return STUN
	}
	if len(b) <= 8 {
		for _, c := range b {
			if !blank(c) && c != 0 {
				return NotSIP
			}
		}
		return KeepAlive
	}
	return NotSIP
}

// IsSTUN reports whether b starts with a STUN header: two zero bits, a length that fits, the magic cookie (RFC 8489
// section 5).
func IsSTUN(b []byte) bool {
	return len(b) >= 20 && b[0]&0xc0 == 0 && b[3]&3 == 0 && b[4] == 0x21 && b[5] == 0x12 && b[6] == 0xa4 && b[7] == 0x42
}
