package sdp

import (
	"bytes"
	"strings"
	"testing"
)

var offer = []byte(strings.ReplaceAll(`v=0
o=anna 1 1 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
a=sendrecv
m=audio 40000 RTP/AVP 8 0 111 101
a=rtpmap:111 opus/48000/2
a=fmtp:111 useinbandfec=1
a=rtpmap:101 telephone-event/8000
a=ptime:30
a=rtcp:40005 IN IP4 192.0.2.11
m=video 0 RTP/SAVPF 96
c=IN IP6 2001:db8::1
a=rtpmap:96 VP8/90000
a=rtcp-mux
a=inactive
`, "\n", "\r\n"))

func TestParseReadsWhatASnifferNeeds(t *testing.T) {
	var s Session
	if !s.Parse(offer) || len(s.Media) != 2 {
		t.Fatalf("got %+v", s)
	}
	a, v := &s.Media[0], &s.Media[1]
	if a.Kind != Audio || a.Port != 40000 || a.Addr.String() != "192.0.2.10" || a.Ptime != 30 || a.Direction != SendRecv || !a.RTP || a.Secure || a.Mux {
		t.Errorf("audio: %+v", a)
	}
	if a.RTCPPort != 40005 || a.RTCPAddr.String() != "192.0.2.11" {
		t.Errorf("rtcp: %v:%d", a.RTCPAddr, a.RTCPPort)
	}
	for _, c := range []struct {
		pt    uint8
		name  string
		clock uint32
		chans uint8
	}{{8, "PCMA", 8000, 1}, {0, "PCMU", 8000, 1}, {111, "opus", 48000, 2}, {101, "telephone-event", 8000, 1}} {
		if f, ok := a.Format(c.pt); !ok || string(f.Name) != c.name || f.Clock != c.clock || f.Chans != c.chans {
			t.Errorf("payload type %d: %+v", c.pt, f)
		}
	}
	if v.Kind != Video || v.Port != 0 || v.Addr.String() != "2001:db8::1" || !v.Secure || !v.Mux || v.Direction != Inactive {
		t.Errorf("video: %+v", v)
	}
}

func TestParseForgives(t *testing.T) {
	for _, c := range []struct {
		name, body string
		ok         bool
		check      func(*Media) bool
	}{
		{"bare line feeds and missing s= and t=", "v=0\nc=IN IP4 10.0.0.1\nm=audio 5000 RTP/AVP 0\n", true, func(m *Media) bool { return m.Port == 5000 && m.Addr.IsValid() }},
		{"the session's address after the media's", "m=audio 5000 RTP/AVP 0\nc=IN IP4 10.0.0.2\n", true, func(m *Media) bool { return m.Addr.String() == "10.0.0.2" }},
		{"T.38", "c=IN IP4 10.0.0.1\nm=image 5000 udptl t38\n", true, func(m *Media) bool { return m.T38 && !m.RTP && m.Kind == Image }},
		{"two ports", "c=IN IP4 10.0.0.1\nm=audio 5000/2 RTP/AVP 0\n", true, func(m *Media) bool { return m.Ports == 2 && m.Port == 5000 }},
		{"a multicast TTL", "c=IN IP4 233.0.0.1/127\nm=audio 5000 RTP/AVP 0\n", true, func(m *Media) bool { return m.Addr.String() == "233.0.0.1" }},
		{"IPv6 in brackets", "c=IN IP6 [2001:db8::1]\nm=audio 5000 RTP/AVP 0\n", true, func(m *Media) bool { return m.Addr.String() == "2001:db8::1" }},
		{"IPv6 with a zone", "c=IN IP6 fe80::1%eth0\nm=audio 5000 RTP/AVP 0\n", true, func(m *Media) bool { return m.Addr.String() == "fe80::1" }},
		{"MIKEY for all media", "a=key-mgmt:mikey AQAF\nc=IN IP4 10.0.0.1\nm=audio 5000 RTP/SAVP 0\n", true, func(m *Media) bool { return m.Secure && m.Keyed && !m.Fingerprint }},
		{"SRTP without a key", "c=IN IP4 10.0.0.1\nm=audio 5000 RTP/SAVP 0\n", true, func(m *Media) bool { return m.Secure && !m.Keyed }},
		{"a host name", "c=IN IP4 pbx.example.net\nm=audio 5000 RTP/AVP 0\n", true, func(m *Media) bool { return !m.Addr.IsValid() }},
		{"hold in the old way", "c=IN IP4 0.0.0.0\nm=audio 5000 RTP/AVP 0\n", true, func(m *Media) bool { return m.Held() }},
		{"SDES keys", "c=IN IP4 10.0.0.1\nm=audio 5000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n", true, func(m *Media) bool { return m.Secure && m.RTP }},
		{"DTLS for all media", "a=fingerprint:sha-256 AA\nc=IN IP4 10.0.0.1\nm=audio 5000 UDP/TLS/RTP/SAVPF 0\n", true, func(m *Media) bool { return m.Secure }},
		{"a format that only a=rtpmap names", "c=IN IP4 10.0.0.1\nm=audio 5000 RTP/AVP 0\na=rtpmap:97 iLBC/8000\n", true, func(m *Media) bool { f, ok := m.Format(97); return ok && string(f.Name) == "iLBC" }},
		{"a remapped static type", "c=IN IP4 10.0.0.1\nm=audio 5000 RTP/AVP 2\na=rtpmap:2 G726-32/8000\n", true, func(m *Media) bool { f, _ := m.Format(2); return string(f.Name) == "G726-32" }},
		{"numbers out of range", "c=IN IP4 10.0.0.1\nm=audio 70000 RTP/AVP 300 0\n", true, func(m *Media) bool { return m.Port == 0 && len(m.Formats) == 1 }},
		{"candidates", "c=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\na=candidate:1 1 UDP 2130706431 192.0.2.10 40000 typ host\na=candidate:2 1 tcp 1 192.0.2.10 9 typ host\n" +
			"a=candidate:3 1 udp 1 pbx.example.net 4 typ host\na=candidate:4 2 udp 1 2001:db8::1 40001 typ srflx raddr 10.0.0.1 rport 5\n", true, func(m *Media) bool {
			return len(m.Candidates) == 2 && m.Candidates[0].String() == "192.0.2.10:40000" && m.Candidates[1].String() == "[2001:db8::1]:40001" && !m.Held()
		}},
		{"no hold where candidates are to follow", "c=IN IP4 0.0.0.0\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n", true, func(m *Media) bool { return !m.Held() }},
		{"a session with an address only", "v=0\nc=IN IP4 10.0.0.1\n", true, nil},
		{"no description at all", "hello\n\x00\n", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Session
			if ok := s.Parse([]byte(c.body)); ok != c.ok {
				t.Fatalf("Parse: %v", ok)
			}
			if c.check != nil && (len(s.Media) != 1 || !c.check(&s.Media[0])) {
				t.Errorf("got %+v", s.Media)
			}
		})
	}
}

func TestBundledMediaHasTheTransportOfTheFirst(t *testing.T) {
	var s Session
	const video = "m=video 0 RTP/SAVPF 96\na=bundle-only\na=rtpmap:96 VP8/90000\n"
	s.Parse([]byte("a=group:BUNDLE 0 1\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVPF 111\n" + video))
	if v := s.Media[1]; v.Port != 4000 || !v.Mux {
		t.Errorf("bundled: %+v", v)
	}
	s.Parse([]byte("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVPF 111\n" + video))
	if v := s.Media[1]; v.Port != 0 {
		t.Errorf("without a bundle: %+v", v)
	}
	const first, second = "m=audio 9 RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=candidate:1 1 udp 1 192.0.2.1 4000 typ host\n", "m=video 9 RTP/SAVPF 96\nc=IN IP4 0.0.0.0\n"
	s.Parse([]byte("a=group:BUNDLE 0 1\n" + first + second))
	if v := s.Media[1]; len(v.Candidates) != 1 || v.Candidates[0] != s.Media[0].Candidates[0] {
		t.Errorf("without an address of its own: %+v", v)
	}
	s.Parse([]byte(first + second))
	if v := s.Media[1]; len(v.Candidates) != 0 {
		t.Errorf("without an address and a bundle: %+v", v)
	}
}

func TestParseKeepsNothingOfTheLastDescription(t *testing.T) {
	var s Session
	s.Parse(offer)
	s.Parse([]byte("c=IN IP4 10.0.0.1\nm=audio 1234 RTP/AVP 0\n"))
	if len(s.Media) != 1 || len(s.Media[0].Formats) != 1 || s.Media[0].Ptime != 0 || s.Media[0].RTCPPort != 1235 {
		t.Errorf("got %+v", s.Media)
	}
}

func TestParseIsBounded(t *testing.T) {
	b := []byte("c=IN IP4 10.0.0.1\n" + strings.Repeat("m=audio 5000 RTP/AVP"+strings.Repeat(" 0", 200)+"\n", 100))
	var s Session
	if !s.Parse(b) || len(s.Media) != MaxMedia || s.Omitted != 100-MaxMedia || len(s.Media[0].Formats) > MaxFormats {
		t.Errorf("%d media, %d omitted", len(s.Media), s.Omitted)
	}
}

func TestParseAllocatesNothingOnceWarm(t *testing.T) {
	var s Session
	s.Parse(offer)
	if n := testing.AllocsPerRun(100, func() { s.Parse(offer) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(offer)
	f.Add([]byte("m=image 1 udptl t38\na=rtcp:9\nc=IN IP6 ::1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Session
		ok := s.Parse(b)
		if !ok && len(s.Media) > 0 {
			t.Fatal("media in what is no description")
		}
		if len(s.Media) > MaxMedia {
			t.Fatalf("%d media", len(s.Media))
		}
		for i := range s.Media {
			m := &s.Media[i]
			if len(m.Formats) > MaxFormats || m.Ports == 0 || len(m.Candidates) > MaxCandidates {
				t.Fatalf("media %+v", m)
			}
			for _, x := range m.Formats {
				if x.PT > 127 {
					t.Fatalf("payload type %d", x.PT)
				}
				if st := Static(x.PT); len(x.Name) > 0 && !bytes.Contains(b, x.Name) && !bytes.Equal(st.Name, x.Name) {
					t.Fatalf("name %q came from nowhere", x.Name)
				}
			}
		}
		var again Session
		again.Parse(offer) // a used Session says the same as a fresh one
		if again.Parse(b) != ok || len(again.Media) != len(s.Media) {
			t.Fatal("a second parse says something else")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var s Session
	b.ReportAllocs()
	for b.Loop() {
		s.Parse(offer)
	}
}
