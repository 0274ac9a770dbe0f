package redact

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

const invite = "INVITE sip:+420555123456@pbx.example.com;user=phone SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKabc;received=198.51.100.7;rport=5060\r\n" +
	"From: \"Alice Novák\" <sip:1001@pbx.example.com>;tag=1928301774\r\n" +
	"t: sip:+420555123456@pbx.example.com;tag=x1\r\n" +
	"Contact: Alice <sip:1001@10.0.0.11:5060;transport=udp>;+sip.instance=\"<urn:uuid:0001f2ab>\"\r\n" +
	"P-Asserted-Identity: <tel:+420777888999>, \"B\" <sips:bob%23@[2001:db8::17]:5061>\r\n" +
	"Call-ID: 95fb90b30002@10.0.0.11\r\nCSeq: 1 INVITE\r\n" +
	"Proxy-Authorization: Digest username=\"1001\", realm=\"pbx.example.com\", nonce=\"deadbeef\", uri=\"sip:1001@10.0.0.11\", response=\"0123abcd\", algorithm=MD5\r\n" +
	"User-Agent: Deskphone D120 2.8\r\nX-Customer: Novak 4711\r\nContent-Type: application/sdp\r\nContent-Length: 193\r\n\r\n" +
	"v=0\r\no=alice 53655765 2353687637 IN IP4 10.0.0.11\r\ns=call of Novak\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwg\r\na=candidate:1 1 UDP 2130706431 10.0.0.11 49170 typ host\r\n"

// secrets must not be seen in what was masked.
var secrets = []string{"420555123456", "1001", "Alice", "alice", "Nov", "example", "10.0.0.11", "198.51.100.7", "777888999", "bob", "2001:db8", "95fb90b", "deadbeef", "0123abcd", "4711", "WVNfX", "0001f2ab"}

func TestAMessageLosesItsPeopleAndKeepsItsShape(t *testing.T) {
	got := string(New([]byte("k")).Message([]byte(invite)))
	if len(got) != len(invite) {
		t.Fatalf("%d bytes, was %d:\n%s", len(got), len(invite), got)
	}
	for _, s := range secrets {
		if strings.Contains(got, s) {
			t.Errorf("%q is still there", s)
		}
	}
	for _, keep := range []string{
		" SIP/2.0\r\n", ";user=phone", "Via: SIP/2.0/UDP 10.", ":5060;branch=z9hG4bKabc;received=", ";rport=5060", ">;tag=1928301774", ";tag=x1\r\n", "CSeq: 1 INVITE\r\n", "<tel:+",
		":5061>", "algorithm=MD5", "User-Agent: Deskphone D120 2.8\r\nX-Customer: ", "m=audio 49170 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", " 49170 typ host\r\n", "%23@[",
	} {
		if !strings.Contains(got, keep) {
			t.Errorf("%q is gone", keep)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestTheSameThingIsMaskedTheSameWay(t *testing.T) {
	r := New([]byte("k"))
	m := string(r.Message([]byte(invite)))
	user := regexp.MustCompile(`username="(\d+)"`).FindStringSubmatch(m)[1]
	if n := strings.Count(m, "sip:"+user+"@"); n != 3 || r.User("1001") != user {
		t.Errorf("1001 became %s, %d times:\n%s", user, n, m)
	}
	addr := r.Addr(netip.MustParseAddr("10.0.0.11")).String()
	if n := strings.Count(m, addr); n < 6 || len(addr) != 9 {
		t.Errorf("10.0.0.11 became %s, %d times:\n%s", addr, n, m)
	}
	if a, b := r.User("+420555123456"), r.User("00420555123456"); a[1:] != b[2:] || a == "+420555123456" {
		t.Errorf("one number became %s and %s", a, b)
	}
	if New([]byte("k")).Host("pbx.example.com") != r.Host("PBX.example.com") || New([]byte("other")).Host("pbx.example.com") == r.Host("pbx.example.com") {
		t.Error("the key does not decide")
	}
}

func TestDifferentThingsAreMaskedDifferently(t *testing.T) {
	r := New([]byte("k"))
	seen := map[string]string{}
	for i := range 256 {
		a := netip.AddrFrom4([4]byte{192, 168, byte(i / 16), byte(i)})
		m := r.Addr(a)
		if was, ok := seen[m.String()]; ok || !m.IsPrivate() || len(m.String()) != len(a.String()) {
			t.Errorf("%v became %v, as %s did", a, m, was)
		}
		seen[m.String()] = a.String()
		n := string([]byte{'1' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
		if was, ok := seen[r.User(n)]; ok {
			t.Errorf("%s became %s, as %s did", n, r.User(n), was)
		}
		seen[r.User(n)] = n
	}
	for _, same := range []string{"127.0.0.1", "0.0.0.0", "::1", "224.0.1.75", "localhost", "anonymous.invalid", ""} {
		if got := r.Host(same); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
}

func TestARecordLosesItsPeople(t *testing.T) {
	c := &protocol.CDR{
		CallID: "95fb90b30002@10.0.0.11", Caller: "1001", Callee: "+420555123456", CallerDomain: "pbx.example.com:5060", CallerName: "Alice Novák", Src: "10.0.0.11:5060", Dst: "[2001:db8::17]:5060", DTMFInfo: "4711",
		Streams:  []protocol.Stream{{Src: "10.0.0.11:4000", Dst: "198.51.100.7:9", DTMF: "4711"}},
		Messages: []protocol.Message{{Src: "10.0.0.11:5060", FirstLine: "INVITE sip:+420555123456@pbx.example.com SIP/2.0"}},
		Findings: []protocol.Finding{{Code: "one-way-audio", Text: "no RTP from 198.51.100.7 at 12:03:50", Evidence: "+420555123456 sent none to 10.0.0.11:4000"}},
	}
	r := New([]byte("k"))
	m := r.Call(c)
	b := string(m.AppendJSON(nil))
	for _, s := range secrets {
		if strings.Contains(b, s) {
			t.Errorf("%q is still there", s)
		}
	}
	if !strings.Contains(m.Findings[0].Text, "no RTP from ") || !strings.Contains(m.Findings[0].Text, " at 12:03:50") || !strings.Contains(m.Findings[0].Evidence, m.Callee) || m.Streams[0].Src != r.Endpoint("10.0.0.11:4000") {
		t.Errorf("%s", b)
	}
	if c.Streams[0].DTMF != "4711" || c.Messages[0].Src != "10.0.0.11:5060" || c.Findings[0].Text != "no RTP from 198.51.100.7 at 12:03:50" {
		t.Error("the record itself was changed")
	}
}

// masked writes a capture masked, and answers how many packets were left out.
func masked(t *testing.T, path, to string) (out int, all int) {
	t.Helper()
	in, err := analyze.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, r := analyze.NewPacketWriter(f, "test"), New([]byte("k"))
	var p analyze.Packet
	for {
		if err := in.Next(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all++
		m, ok := r.Packet(&p)
		if !ok {
			out++
			continue
		}
		if len(m.Data) != len(p.Data) || m.Time != p.Time || bytes.Equal(m.Data, p.Data) {
			t.Fatalf("packet %d is %d bytes, was %d", all, len(m.Data), len(p.Data))
		}
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out, all
}

// TestAMaskedCaptureGivesTheSameCalls: what the engine makes of the masked packets is what it makes of the others, but for the names.
func TestAMaskedCaptureGivesTheSameCalls(t *testing.T) {
	for _, name := range []string{"sipp-answered-pcmu", "sipp-ipv6", "sipp-auth", "sipp-loss", "sipp-hold", "baresip-kamailio-pcma", "baresip-dtmf"} {
		t.Run(name, func(t *testing.T) {
			paths, _ := filepath.Glob("../../../fixtures/pcap/" + name + "/in.pcap*")
			if len(paths) != 1 {
				t.Fatalf("fixture %v", paths)
			}
			to := filepath.Join(t.TempDir(), "masked.pcapng")
			if left, all := masked(t, paths[0], to); left > all/50 {
				t.Errorf("%d of %d packets were left out", left, all)
			}
			a, _, err := analyze.Files(t.Context(), paths, nil, analyze.Config{})
			if err != nil {
				t.Fatal(err)
			}
			b, _, err := analyze.Files(t.Context(), []string{to}, nil, analyze.Config{})
			if err != nil || len(a) != len(b) {
				t.Fatalf("%d calls, %d masked, %v", len(a), len(b), err)
			}
			r := New([]byte("k"))
			for i, c := range a {
				var m *protocol.CDR
				for _, x := range b {
					if x.CallID == r.ID(c.CallID) {
						m = x
					}
				}
				if m == nil {
					t.Fatalf("call %d, %s, is not among the masked", i, c.CallID)
				}
				want := r.Call(c)
				if m.Caller != want.Caller || m.Callee != want.Callee || m.Src != want.Src || m.Start != c.Start || m.End != c.End || m.Status != c.Status || len(m.Messages) != len(c.Messages) ||
					len(m.Streams) != len(c.Streams) || m.CallerName != want.CallerName {
					t.Errorf("call %d is\n%s\nwant\n%s", i, m.AppendJSON(nil), want.AppendJSON(nil))
				}
				for k := range m.Streams {
					if m.Streams[k].Lost != c.Streams[k].Lost || m.Streams[k].MOSAdapt != c.Streams[k].MOSAdapt || m.Streams[k].Src != want.Streams[k].Src {
						t.Errorf("call %d, stream %d: %+v, want %+v", i, k, m.Streams[k], want.Streams[k])
					}
				}
			}
			whole, _ := os.ReadFile(to)
			for _, c := range a {
				for _, s := range []string{c.CallID, c.CallerName} {
					if len(s) > 5 && bytes.Contains(whole, []byte(s)) {
						t.Errorf("%q is in the masked capture", s)
					}
				}
			}
			checksums(t, to)
		})
	}
}

// checksums asks tshark whether all are right.
func checksums(t *testing.T, path string) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Log("no tshark here: checksums are not compared")
		return
	}
	out, err := exec.Command(tshark, "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
		"-Y", `ip.checksum.status == "Bad" or udp.checksum.status == "Bad" or tcp.checksum.status == "Bad" or _ws.malformed`).Output()
	if err != nil {
		t.Logf("tshark: %v", err)
		return
	}
	if len(out) > 0 {
		t.Errorf("tshark finds\n%s", out[:min(len(out), 800)])
	}
}

// FuzzMessage: a message keeps its length, its lines and the ends of its lines, whatever it is.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("SIP/2.0 200 OK\nf: <sip:a@b\nVia: x,,;=\nContact: *\nt:\"\\\"\n\nfoo"))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := New([]byte("k")).Message(raw)
		if len(got) != len(raw) {
			t.Fatalf("%d bytes, was %d\n%q\n%q", len(got), len(raw), raw, got)
		}
		for i := range raw {
			if (raw[i] == '\n') != (got[i] == '\n') {
				t.Fatalf("lines end elsewhere\n%q\n%q", raw, got)
			}
		}
	})
}

// FuzzPacket: a packet keeps its length, and masking does not panic whatever it is.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 10, 0, 0, 0x80, 0}, uint16(linkRaw), 30)
	f.Add(make([]byte, 60), uint16(linkEthernet), 60)
	f.Fuzz(func(t *testing.T, b []byte, link uint16, length int) {
		was := bytes.Clone(b)
		m, ok := New([]byte("k")).Packet(&analyze.Packet{Data: b, Length: length, Link: link})
		if !bytes.Equal(b, was) || ok && len(m.Data) != len(b) {
			t.Fatalf("%v: the packet was changed", ok)
		}
	})
}
