package sipp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/tui/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixture reads the first call of a fixture that where holds for: its record, and its messages.
func fixture(t testing.TB, name string, nth int) (*protocol.CDR, *Call, *Voice) {
	t.Helper()
	f, err := source.NewFile([]string{filepath.Join("../../../fixtures/pcap", name, "in.pcap")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.All(t.Context())
	if err != nil || len(list) <= nth {
		t.Fatalf("%d calls, %v", len(list), err)
	}
	c := list[nth]
	var texts []source.Text
	if err := f.Texts(t.Context(), []*protocol.CDR{c}, nil, func(x source.Text) error { texts = append(texts, x); return nil }); err != nil {
		t.Fatal(err)
	}
	call, err := New(texts)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVoice(c)
	if _, err := source.Packets(t.Context(), f, []*protocol.CDR{c}, protocol.KeepRTP, nil, source.Taker{Packet: v.Packet}); err != nil {
		t.Fatal(err)
	}
	return c, call, v
}

func TestScenariosAreAsTheyShouldBe(t *testing.T) {
	for _, name := range []string{"sipp-answered-pcmu", "sipp-auth", "sipp-cancelled"} {
		_, c, v := fixture(t, name, 0)
		for _, f := range c.Files(v) {
			if !strings.HasSuffix(f.Name, ".xml") {
				continue
			}
			path := filepath.Join("testdata", name+"_"+f.Name)
			if *update {
				if err := os.WriteFile(path, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.Data, want) {
				t.Errorf("%s: got\n%s", path, f.Data)
			}
		}
	}
}

func TestAllFixturesMakeScenariosOfRightXML(t *testing.T) {
	files, err := filepath.Glob("../../../fixtures/pcap/*/in.pcap")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range files {
		f, err := source.NewFile([]string{path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, _ := f.All(t.Context())
		for _, c := range list {
			var texts []source.Text
			if err := f.Texts(t.Context(), []*protocol.CDR{c}, nil, func(x source.Text) error { texts = append(texts, x); return nil }); err != nil {
				t.Fatal(err)
			}
			call, err := New(texts)
			if err != nil {
				continue // begun before the capture, encrypted
			}
			n++
			for _, file := range call.Files(nil) {
				if strings.HasSuffix(file.Name, ".xml") {
					wellFormed(t, path, file.Data)
				}
			}
		}
		f.Close()
	}
	if n < 100 {
		t.Errorf("scenarios of %d calls", n)
	}
}

func wellFormed(t testing.TB, name string, b []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, b)
		}
	}
}

func TestTheAddressesOfAScenarioAreSippsDomainsStay(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"sip:bob@10.0.0.5", "sip:bob@[remote_ip]"},
		{"sip:bob@10.0.0.5:5080;lr", "sip:bob@[remote_ip]:[remote_port];lr"},
		{"sip:bob@110.0.0.5", "sip:bob@110.0.0.5"},
		{"sip:bob@10.0.0.50", "sip:bob@10.0.0.50"},
		{"sip:bob@example.com", "sip:bob@example.com"},
		{"<sip:a@10.0.0.9:5060>, <sip:10.0.0.9>", "<sip:a@[local_ip]:[local_port]>, <sip:[local_ip]>"},
		{"10.0.0.5.example.com", "10.0.0.5.example.com"},
	} {
		s := &scenario{c: &Call{Caller: "10.0.0.9:5060", Callee: "10.0.0.5:5060"}}
		if got := s.addresses(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
	s := &scenario{c: &Call{Caller: "[2001:db8::9]:5060", Callee: "[2001:db8::5]:5060"}, side: Callee}
	if got := s.addresses(literal("sip:bob@[2001:db8::5]:5060")); got != "sip:bob@[local_ip]:[local_port]" {
		t.Errorf("IPv6: %s", got)
	}
	s = &scenario{c: &Call{Caller: "127.0.0.1:5070", Callee: "127.0.0.1:5060"}}
	if got := s.addresses("sip:a@127.0.0.1:5070 sip:b@127.0.0.1:5060"); got != "sip:a@[local_ip]:[local_port] sip:b@[remote_ip]:[remote_port]" {
		t.Errorf("one machine: %s", got)
	}
}

func TestSDPOfAScenarioHasSippsMedia(t *testing.T) {
	s := &scenario{c: &Call{}}
	got := strings.Join(s.body([]byte("v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=rtcp:4001\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\n"+
		"a=fmtp:8 [x]\r\nm=video 0 RTP/AVP 31\r\nm=audio 4004 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"), "application/sdp"), "|")
	const want = `v=0|o=- 1 2 IN IP[local_ip_type] [local_ip]|s=-|c=IN IP[media_ip_type] [media_ip]|t=0 0|m=audio [media_port] RTP/AVP 0 8|a=fmtp:8 \x5Bx]|m=video 0 RTP/AVP 31|` +
		`m=audio [media_port+2] RTP/AVP 0|c=IN IP4 0.0.0.0`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestACallWithoutItsInviteHasNoScenario(t *testing.T) {
	if _, err := New([]source.Text{{CallID: "x", Src: "10.0.0.1:5060", Dst: "10.0.0.2:5060", Raw: []byte("BYE sip:x SIP/2.0\r\n\r\n")}}); err == nil {
		t.Error("a scenario was made of a BYE")
	}
}

// FuzzScenario holds that whatever messages say, scenarios are XML.
func FuzzScenario(f *testing.F) {
	f.Add([]byte("INVITE sip:b@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;rport\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCSeq: 1 INVITE\r\n\r\n"), []byte("SIP/2.0 200 OK ]]> -- <&\r\nTo: <sip:b@x>;tag=2\r\nContact: <\r\nCSeq: 1 INVITE\r\n\r\nx\x00]]>"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		c, err := New([]source.Text{{CallID: "<--&\x00", T: 1, Src: "10.0.0.1:5060", Dst: "10.0.0.2:5060", Raw: a}, {T: 2, Src: "10.0.0.2:5060", Dst: "10.0.0.1:5060", Raw: b}})
		if err != nil {
			return
		}
		for _, file := range c.Files(nil) {
			if strings.HasSuffix(file.Name, ".xml") {
				wellFormed(t, file.Name, file.Data)
			}
		}
	})
}
