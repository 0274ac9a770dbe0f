package sdp

import (
	"bytes"
	"net/netip"
)

// parseAddr is netip.ParseAddr for bytes, without the string that an IPv4 address would cost.
func parseAddr(b []byte) (netip.Addr, bool) {
	if bytes.IndexByte(b, ':') >= 0 {
		if len(b) > 2 && b[0] == '[' && b[len(b)-1] == ']' { // RFC 5118 section 4.9
			b = b[1 : len(b)-1]
		}
		if len(b) > 45 {
			return netip.Addr{}, false
		}
		a, err := netip.ParseAddr(string(b)) // does not escape: no allocation for so short a string
		if err != nil || a.Zone() != "" {
			return netip.Addr{}, false
		}
		return a.Unmap(), true
	}
	var ip [4]byte
	for i := range 4 {
		part := b
		if dot := bytes.IndexByte(b, '.'); dot >= 0 {
			part, b = b[:dot], b[dot+1:]
		} else {
			b = nil
		}
		n, ok := number(part, 255)
		if !ok || i < 3 && b == nil {
			return netip.Addr{}, false
		}
		ip[i] = byte(n)
	}
	if b != nil {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4(ip), true
}
