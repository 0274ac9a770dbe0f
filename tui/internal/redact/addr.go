package redact

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Addr masks an address. It stays private or public, and as long as it was in writing. Addresses that are nobody's stay: loopback,
// unspecified, multicast, broadcast.
func (r *Redactor) Addr(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return a
	}
	if m, ok := r.addrs[a]; ok {
		return m
	}
	var m netip.Addr
	for try := range tries {
		random := r.stream("a", a.String(), try, 16)
		if a.Is4() {
			m = mask4(a.As4(), random)
		} else {
			m = mask6(a.As16(), random)
		}
		if !r.used[m] && m != a {
			break
		}
	}
	if len(r.addrs) < maxWords {
		r.addrs[a], r.used[m] = m, true
	}
	return m
}

// address masks an address as it is written in a text, by as many characters.
func (r *Redactor) address(text string, a netip.Addr) string {
	m := r.Addr(a).String()
	switch {
	case len(m) == len(text):
		return m
	case a.Is4In6() && strings.Contains(text, "."): // ::ffff:192.0.2.1
		at := strings.LastIndexByte(text, ':') + 1
		if len(m) == len(text)-at {
			return text[:at] + m
		}
	}
	return r.word(kindHost, lower(text)) // written in an unusual way
}

// mask4 masks the octets behind the prefix that tells what network it is, each by one of as many digits.
func mask4(o [4]byte, random []byte) netip.Addr {
	keep := 0
	switch {
	case o[0] == 10:
		keep = 1
	case o[0] == 192 && o[1] == 168, o[0] == 169 && o[1] == 254:
		keep = 2
	case o[0] == 172 && o[1]&0xf0 == 16:
		keep = 1
		o[1] = 16 + random[1]%16
	case o[0] == 100 && o[1]&0xc0 == 64:
		keep = 1
		if o[1] < 100 {
			o[1] = 64 + random[1]%36
		} else {
			o[1] = 100 + random[1]%28
		}
	}
	from := keep
	if keep == 1 && (o[0] == 172 || o[0] == 100) {
		from = 2
	}
	for i := from; i < 4; i++ {
		n := int(random[i])
		switch {
		case i == 0:
			o[0] = firstOctet(o[0], n)
		case o[i] < 10:
			o[i] = byte(n % 10)
		case o[i] < 100:
			o[i] = byte(10 + n%90)
		default:
			o[i] = byte(100 + n%155)
		}
	}
	return netip.AddrFrom4(o)
}

// firstOctet is a first octet of public addresses, with as many digits as o.
func firstOctet(o byte, n int) byte {
	var all []byte
	for c := 1; c < 224; c++ {
		if len(strconv.Itoa(c)) == len(strconv.Itoa(int(o))) && !slices.Contains([]int{10, 100, 127, 169, 172, 192}, c) {
			all = append(all, byte(c))
		}
	}
	return all[n%len(all)]
}

// mask6 masks each group that is not zero by one of as many digits, but not the beginning that tells what network it is.
func mask6(b [16]byte, random []byte) netip.Addr {
	for g := range 8 {
		v := uint16(b[2*g])<<8 | uint16(b[2*g+1])
		n := uint16(random[2*g])<<8 | uint16(random[2*g+1])
		switch {
		case v == 0:
		case g == 0 && (v&0xffc0 == 0xfe80 || v&0xfe00 == 0xfc00):
		case g == 0 && v&0xe000 == 0x2000: // global unicast
			v = 0x2000 | n&0x1fff
		case v < 0x10:
			v = 1 + n%0xf
		case v < 0x100:
			v = 0x10 + n%0xf0
		case v < 0x1000:
			v = 0x100 + n%0xf00
		default:
			v = 0x1000 + n%0xf000
		}
		b[2*g], b[2*g+1] = byte(v>>8), byte(v)
	}
	return netip.AddrFrom16(b)
}
