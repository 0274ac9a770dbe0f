package direct

import (
	"net/netip"
	"strings"
	"testing"
)

const plain = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"

func TestOnlyAddressesThatMayBeTriedAreLeftOfAnOffer(t *testing.T) {
	lan := remoteFilter{lan: true, own: func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }}
	anywhere := remoteFilter{own: lan.own}
	for candidate, want := range map[string]struct{ lan, anywhere bool }{
		"1 1 udp 2122260223 10.1.2.3 50000 typ host":                                   {true, true},
		"1 1 UDP 2122260223 192.168.1.2 50000 typ host generation 0":                   {true, true},
		"1 1 udp 2122260223 fd00::2 50000 typ host":                                    {true, true},
		"1 1 udp 2122260223 100.64.1.1 50000 typ host":                                 {true, true},
		"1 1 udp 2122260223 192.0.2.77 50000 typ host":                                 {true, true},
		"1 1 udp 2122260223 198.51.100.7 50000 typ srflx raddr 0.0.0.0 rport 0":        {false, true},
		"1 1 udp 2122260223 2001:db8::1 50000 typ host":                                {false, true},
		"1 1 udp 2122260223 0b8fe3a0-5b6c-4f3e-9f3a-3a2d5e6f7a8b.local 50000 typ host": {true, true},
		"1 1 udp 2122260223 printer.local 50000 typ host":                              {},
		"1 1 udp 2122260223 example.com 50000 typ host":                                {},
		"1 1 udp 2122260223 224.0.0.251 5353 typ host":                                 {},
		"1 1 udp 2122260223 255.255.255.255 9 typ host":                                {},
		"1 1 udp 2122260223 ff02::fb 5353 typ host":                                    {},
		"1 1 udp 2122260223 0.0.0.0 50000 typ host":                                    {},
		"1 1 udp 2122260223 ::ffff:224.0.0.1 50000 typ host":                           {},
		"1 1 tcp 2122260223 10.1.2.3 9 typ host tcptype active":                        {},
		"1 2 udp 2122260223 10.1.2.3 50000 typ host":                                   {},
		"1 1 udp 2122260223 10.1.2.3 0 typ host":                                       {},
		"1 1 udp 2122260223 10.1.2.3 70000 typ host":                                   {},
		"1 1 udp": {},
		"":        {},
	} {
		for name, f := range map[string]struct {
			remoteFilter
			want bool
		}{"lan": {lan, want.lan}, "anywhere": {anywhere, want.anywhere}} {
			got, err := cleanOffer(plain+"a=candidate:"+candidate+"\r\na=mid:0\r\n", f.allowsAddr)
			if err != nil || strings.Contains(got, "a=candidate:") != f.want || !strings.HasSuffix(got, "a=mid:0\r\n") {
				t.Errorf("%s, %q: %v\n%s", name, candidate, err, got)
			}
		}
	}
}

func TestAnOfferHasSoManyAddressesAndNoMore(t *testing.T) {
	f := remoteFilter{own: func() []netip.Prefix { return nil }}
	got, err := cleanOffer(plain+strings.Repeat("a=candidate:1 1 udp 1 10.1.2.3 50000 typ host\n", 1000), f.allowsAddr)
	if n := strings.Count(got, "a=candidate:"); err != nil || n != maxCandidates {
		t.Errorf("%d, %v", n, err)
	}
}

func TestAnOfferOfMoreThanADataChannelIsRefused(t *testing.T) {
	f := remoteFilter{own: func() []netip.Prefix { return nil }}
	for _, sdp := range []string{
		"", "v=0\r\ns=-", plain + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", plain + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
		"v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", plain + "a=ice-lite\r\n", plain + "a=remote-candidates:1 10.0.0.1 5\r\n", plain + "x\r\n", plain + "\r\na=mid:0",
	} {
		if got, err := cleanOffer(sdp, f.allowsAddr); err == nil {
			t.Errorf("%q becomes %q", sdp, got)
		}
	}
}

// Whatever comes, what is left has one section and no address that is not allowed; cleaning it again changes nothing.
func FuzzCleanOffer(f *testing.F) {
	f.Add(plain)
	f.Add(plain + "a=candidate:1 1 udp 2122260223 10.1.2.3 50000 typ host\r\na=candidate:2 1 udp 1 224.0.0.1 5 typ host\n")
	f.Add(plain + "a=candidate:1 1 udp 1 0b8fe3a0-5b6c-4f3e-9f3a-3a2d5e6f7a8b.local 5 typ host")
	f.Add("m=application x\r")
	filter := remoteFilter{lan: true, own: func() []netip.Prefix { return nil }}
	f.Fuzz(func(t *testing.T, sdp string) {
		got, err := cleanOffer(sdp, filter.allowsAddr)
		if err != nil {
			return
		}
		if len(got) > 2*len(sdp)+2 || strings.Count(got, "\r\nm=")+strings.Count(got[:2], "m=") != 1 {
			t.Errorf("%q becomes %q", sdp, got)
		}
		for line := range strings.Lines(got) {
			if strings.HasPrefix(line, "a=candidate:") && !usable(strings.TrimSpace(line), filter.allowsAddr) {
				t.Errorf("%q is left of %q", line, sdp)
			}
		}
		if again, err := cleanOffer(got, filter.allowsAddr); err != nil || again != got {
			t.Errorf("%q becomes %q, and then %q, %v", sdp, got, again, err)
		}
	})
}
