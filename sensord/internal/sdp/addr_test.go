package sdp

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzAddr compares with net/netip. Ours is that IPv4-mapped addresses become IPv4, that leading zeros and brackets are
// forgiven, and that a zone is left out, whatever it is.
func FuzzAddr(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", "::", "::1", "2001:db8::9", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1::", "1:2:3:4:5:6:7::",
		"fe80::1%eth0", "fe80::1%", "%eth0", "1:2:3:4:5:6:1.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.5", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::1.2.3.4:5", ":1", "1:",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := netip.ParseAddr(s)
		got, ok := parseAddr([]byte(s))
		switch {
		case err == nil && (!ok || got != want.WithZone("").Unmap()):
			t.Fatalf("%q: got %v %v, want %v", s, got, ok, want)
		case err != nil && ok && !strings.ContainsAny(s, "[%") && !hasLeadingZero(s):
			t.Fatalf("%q: got %v, netip refuses: %v", s, got, err)
		}
	})
}

func hasLeadingZero(s string) bool {
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ':' }) {
		if len(part) > 1 && part[0] == '0' {
			return true
		}
	}
	return false
}
