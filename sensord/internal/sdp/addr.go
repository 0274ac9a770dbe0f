package sdp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// parseAddr is netip.ParseAddr for bytes, without the string that it would cost and without zones.
func parseAddr(b []byte) (netip.Addr, bool) {
	if ip, n := dotted(b); n > 0 && n == len(b) {
		return addrOf(ip), true
	}
	if bytes.IndexByte(b, ':') < 0 {
		return netip.Addr{}, false
	}
	if len(b) > 2 && b[0] == '[' && b[len(b)-1] == ']' { // RFC 5118 section 4.9
		b = b[1 : len(b)-1]
	}
	if i := bytes.IndexByte(b, '%'); i >= 0 { // a zone, which is of its own host alone (RFC 4007 section 11)
		b = b[:i]
	}
	return parseIPv6(b)
}

// dotted reads an IPv4 address from the start of b, and answers how long it is: 0 if there is none.
func dotted(b []byte) (ip uint32, n int) {
	at := 0
	for i := range 4 {
		start, v := at, uint32(0)
		for at < len(b) && '0' <= b[at] && b[at] <= '9' {
			if v = v*10 + uint32(b[at]-'0'); v > 255 {
				return 0, 0
			}
			at++
		}
		if at == start || i < 3 && (at == len(b) || b[at] != '.') {
			return 0, 0
		}
		ip = ip<<8 | v
		at++
	}
	return ip, at - 1
}

func addrOf(ip uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], ip) // at once: bytes that are written one by one are waited for when they are read as one
	return netip.AddrFrom4(b)
}

// parseIPv6 reads the forms of RFC 4291 section 2.2.
func parseIPv6(b []byte) (netip.Addr, bool) {
	var ip [16]byte
	n, gap := 0, -1 // bytes so far; where "::" stands
	if bytes.HasPrefix(b, []byte("::")) {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 {
		if n == 16 {
			return netip.Addr{}, false
		}
		end := bytes.IndexByte(b, ':')
		group := b
		if end >= 0 {
			group = b[:end]
		} else if bytes.IndexByte(b, '.') >= 0 { // the last 32 bits as IPv4
			v4, size := dotted(b)
			if size < len(b) || n > 12 {
				return netip.Addr{}, false
			}
			binary.BigEndian.PutUint32(ip[n:], v4)
			n += 4
			break
		}
		v, ok := hex16(group)
		if !ok {
			return netip.Addr{}, false
		}
		ip[n], ip[n+1] = byte(v>>8), byte(v)
		n += 2
		if end < 0 {
			break
		}
		if b = b[end+1:]; len(b) == 0 { // a single colon at the end
			return netip.Addr{}, false
		}
		if b[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, b = n, b[1:]
		}
	}
	switch {
	case gap < 0 && n != 16, gap >= 0 && n == 16:
		return netip.Addr{}, false
	case gap >= 0:
		copy(ip[gap+16-n:], ip[gap:n])
		clear(ip[gap : gap+16-n])
	}
	return netip.AddrFrom16(ip).Unmap(), true
}

func hex16(b []byte) (v uint16, ok bool) {
	if len(b) == 0 || len(b) > 4 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | uint16(c)
	}
	return v, true
}
