package sdp

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestAttributesAreKnownByTheirNames(t *testing.T) {
	known := map[string]attribute{
		"rtpmap": rtpmap, "ptime": ptime, "maxptime": maxptime, "rtcp": rtcp, "rtcp-mux": rtcpMux, "bundle-only": bundleOnly,
		"candidate": candidate, "crypto": crypto, "fingerprint": fingerprint, "key-mgmt": keyMgmt, "zrtp-hash": zrtpHash, "group": group,
		"sendrecv": direction + attribute(SendRecv), "sendonly": direction + attribute(SendOnly),
		"recvonly": direction + attribute(RecvOnly), "inactive": direction + attribute(Inactive),
	}
	check := func(line, value string, want attribute) {
		t.Helper()
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			colon = len(line) + 1 // where the line ends
		}
		if got, v := attr([]byte(line), colon); got != want || string(v) != value {
			t.Errorf("%q: attribute %d, value %q, want %d, %q", line, got, v, want, value)
		}
	}
	for name, a := range known {
		for _, as := range []string{name, strings.ToUpper(name), " " + name, name + " ", "\t" + name + "\t ", name + " x"} {
			check(as, "", a)
			check(as+":", "", a)
			check(as+": 1:2", "1:2", a)
		}
		for _, as := range []string{name + "x", name[1:], "x" + name, "x " + name, name[:3] + "_" + name[4:]} {
			if known[as] == unread {
				check(as, "", unread)
			}
		}
	}
	check("", "", unread)
	check(":v", "v", unread)
}

func TestANumberInFrontIsTheFirstWord(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		b := make([]byte, r.IntN(8))
		for i := range b {
			b[i] = "0123456789 \tx"[r.IntN(13)]
		}
		w, wantRest := word(b)
		want, wantOK := number(w, 127)
		n, ok, rest := leading(b, 127)
		if ok != wantOK || ok && n != want || !bytes.Equal(rest, wantRest) {
			t.Fatalf("%q: %d %v %q, want %d %v %q", b, n, ok, rest, want, wantOK, wantRest)
		}
	}
}

func TestTheOriginIsAnAddressOrNothing(t *testing.T) {
	for line, want := range map[string]string{
		"o=- 1 1 IN IP4 192.0.2.1":         "192.0.2.1",
		"o=-  1\t1 IN  IP4 192.0.2.1 x":    "192.0.2.1",
		"o=- 1 1 IN IP6 2001:db8::1":       "2001:db8::1",
		"o=- 1 1 IN IP4 10.0.0.1/127":      "10.0.0.1",
		"o=- 1 1 IN IP4 pbx.example.net":   "invalid IP",
		"o=- 1 1 IN IP4 10.1.example.net":  "invalid IP",
		"o=- 1 1 IN IP4 10.1.2.3.in-addr":  "invalid IP",
		"o=- 1 1 IN IP4 192.0.2.256":       "invalid IP",
		"o=- 1 1 IN IP4":                   "invalid IP",
		"o=- 1 1 IN IP4 ":                  "invalid IP",
		"o=- 1 1 IN IP4 0192.000.0002.001": "192.0.2.1",
	} {
		var s Session
		s.Parse([]byte(line + "\r\n"))
		if got := s.Origin.String(); got != want {
			t.Errorf("%q: origin %s, want %s", line, got, want)
		}
	}
}
