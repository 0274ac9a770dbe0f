package sip

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

var invite = crlf(`INVITE sip:1012@pbx.example.net;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-7f3a;rport
Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK-inner
Max-Forwards: 70
From: "Anna \"A\" Novak" <sip:1001@example.net;user=phone>;tag=aa17
To: <sip:1012@example.net>
Call-ID: 4711-anna@192.0.2.10
CSeq: 314159 INVITE
Contact: <sip:1001@192.0.2.10:5060>
User-Agent: Desk phone 9/2.1
Content-Type: application/sdp
Content-Length: 24

v=0
o=- 1 1 IN IP4 0.0.0
`)

func parse(t *testing.T, b []byte) *Message {
	t.Helper()
	m := &Message{}
	if err := m.Parse(b); err != nil {
		t.Fatalf("parse: %v\n%s", err, b)
	}
	return m
}

func TestParseFindsThePartsOfARequest(t *testing.T) {
	m := parse(t, invite)
	for _, c := range []struct{ what, got, want string }{
		{"method", m.Method().String(), "INVITE"},
		{"uri", string(m.RequestURI()), "sip:1012@pbx.example.net;transport=udp"},
		{"call-id", string(m.CallID()), "4711-anna@192.0.2.10"},
		{"branch", string(m.Branch()), "z9hG4bK-7f3a"},
		{"display", string(ParseAddress(m.Get(From)).Display), `Anna \"A\" Novak`},
		{"tag", string(ParseAddress(m.Get(From)).Tag()), "aa17"},
		{"user", string(ParseURI(ParseAddress(m.Get(From)).URI).User), "1001"},
		{"agent", string(m.Get(UserAgent)), "Desk phone 9/2.1"},
		{"second via", string(m.Header("via", 1)), "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK-inner"},
		{"unindexed", string(m.Header("max-forwards", 0)), "70"},
		{"body", string(m.Body()), "v=0\r\no=- 1 1 IN IP4 0.0."},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
	if n, method, ok := m.CSeq(); n != 314159 || method != Invite || !ok {
		t.Errorf("CSeq: got %d %v %v", n, method, ok)
	}
	if m.Header("via", 2) != nil {
		t.Error("a third Via was found where there are two")
	}
}

func TestParseForgivesWhatPhonesSend(t *testing.T) {
	for _, c := range []struct {
		name, message string
		header        Name
		want          string
	}{
		{"compact names", "BYE sip:a@b SIP/2.0\ni: x1\nv: SIP/2.0/UDP h;branch=z9\n\n", CallID, "x1"},
		{"compact names in capitals", "BYE sip:a@b SIP/2.0\nI: x1\n\n", CallID, "x1"},
		{"blanks before the colon", "BYE sip:a@b SIP/2.0\nCall-ID  \t :   x1  \n\n", CallID, "x1"},
		{"any case", "BYE sip:a@b SIP/2.0\ncALL-id:x1\n\n", CallID, "x1"},
		{"bare line feeds", "BYE sip:a@b SIP/2.0\nCall-ID: x1\n\n", CallID, "x1"},
		{"a folded line", "BYE sip:a@b SIP/2.0\nTo:\n  <sip:a@b>\n\t;tag=9\nCall-ID: x1\n\n", CallID, "x1"},
		{"a colon within a value", "BYE sip:a@b SIP/2.0\nSubject: a: b\n\n", Subject, "a: b"},
		{"a line without a colon", "BYE sip:a@b SIP/2.0\nnonsense\nCall-ID: x1\n\n", CallID, "x1"},
		{"no blank line", "BYE sip:a@b SIP/2.0\nCall-ID: x1", CallID, "x1"},
		{"empty lines before", "\r\n\r\nBYE sip:a@b SIP/2.0\nCall-ID: x1\n\n", CallID, "x1"},
		{"blanks around the Request-URI", "BYE  sip:a@b  SIP/2.0\nCall-ID: x1\n\n", CallID, "x1"},
		{"bytes that are no UTF-8", "BYE sip:a@b SIP/2.0\nSubject: \xff\xfe\n\n", Subject, "\xff\xfe"},
		{"the first of two", "BYE sip:a@b SIP/2.0\nCall-ID: x1\nCall-ID: x2\n\n", CallID, "x1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parse(t, []byte(c.message)).Get(c.header); string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseReadsStatusLines(t *testing.T) {
	for _, c := range []struct {
		line   string
		status int
		phrase string
	}{
		{"SIP/2.0 200 OK", 200, "OK"},
		{"SIP/2.0 200 ", 200, ""},
		{"SIP/2.0 200", 200, ""},
		{"sip/2.0 404 Not Found", 404, "Not Found"},
		{"SIP/2.0 183 Session Progress", 183, "Session Progress"},
	} {
		m := parse(t, []byte(c.line+"\r\nCSeq: 2 INVITE\r\n\r\n"))
		if m.Status() != c.status || string(m.Phrase()) != c.phrase || m.Request() || m.Method() != Invite {
			t.Errorf("%q: got %d %q, request %v, method %v", c.line, m.Status(), m.Phrase(), m.Request(), m.Method())
		}
	}
}

func TestParseRefusesWhatIsNotSIP(t *testing.T) {
	for _, s := range []string{
		"", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "SIP/2.0 99 x\r\n\r\n", "SIP/2.0 2000 OK\r\n\r\n", "INVITE sip:a@b",
		"INV\x00TE sip:a@b SIP/2.0\r\n\r\n", "INVITE SIP/2.0\r\n\r\n", "\x80\x08\x00\x01",
	} {
		if err := new(Message).Parse([]byte(s)); err == nil {
			t.Errorf("%q was taken for SIP", s)
		}
	}
}

func TestBodyIsBoundedByContentLengthAndByTheDatagram(t *testing.T) {
	for _, c := range []struct {
		length, body string
		cut          bool
	}{
		{"Content-Length: 3\r\n", "abc", false},
		{"l: 3\r\n", "abc", false},
		{"", "abcdef", false},
		{"Content-Length: 10\r\n", "abcdef", true},
		{"Content-Length: -1\r\n", "abcdef", false},
		{"Content-Length: 99999999999999999999\r\n", "abcdef", false},
	} {
		m := parse(t, []byte("BYE sip:a@b SIP/2.0\r\n"+c.length+"\r\nabcdef"))
		if string(m.Body()) != c.body || m.Cut() != c.cut {
			t.Errorf("%q: got body %q, cut %v; want %q, %v", c.length, m.Body(), m.Cut(), c.body, c.cut)
		}
	}
}

func TestCSeqOutOfRangeIsRefused(t *testing.T) {
	for _, c := range []struct {
		value string
		n     uint32
		ok    bool
	}{{"4294967295 BYE", 4294967295, true}, {"4294967296 BYE", 0, false}, {"x BYE", 0, false}, {"36893488147419103232 BYE", 0, false}, {"0009 BYE", 9, true}} {
		n, _, ok := parse(t, []byte("BYE sip:a@b SIP/2.0\r\nCSeq: "+c.value+"\r\n\r\n")).CSeq()
		if n != c.n || ok != c.ok {
			t.Errorf("%q: got %d %v", c.value, n, ok)
		}
	}
}

func TestSDPIsFoundInsideMultipart(t *testing.T) {
	body := "preamble\r\n--b=1\r\nContent-Type: application/isup\r\n\r\n\x01\x10v=0\r\n--b=1\r\nc: Application/SDP ; charset=x\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 0\r\n--b=1--\r\n"
	m := parse(t, []byte("INVITE sip:a@b SIP/2.0\r\nContent-Type: multipart/mixed;boundary=\"b=1\"\r\n\r\n"+body))
	if got := string(m.SDP()); got != "v=0\r\nm=audio 4000 RTP/AVP 0\r\n" {
		t.Errorf("got %q", got)
	}
	for _, ct := range []string{"text/plain", "multipart/mixed", "multipart/mixed;boundary=nothere"} {
		if got := parse(t, []byte("INVITE sip:a@b SIP/2.0\r\nContent-Type: "+ct+"\r\n\r\n"+body)).SDP(); got != nil {
			t.Errorf("%s: found %q", ct, got)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	var m Message
	if n := testing.AllocsPerRun(100, func() {
		if m.Parse(invite) != nil {
			t.Fatal("not parsed")
		}
		a := ParseAddress(m.Get(From))
		_ = ParseURI(a.URI)
		_, _, _ = m.CSeq()
		_, _, _, _ = m.Branch(), a.Tag(), m.SDP(), m.Header("User-Agent", 0)
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

// TestTortureMessagesAreRead runs over messages that others collected. Those of RFC 4475 and 5118 must all be
// recognised and give a Call-ID or be known to lack one.
func TestTortureMessagesAreRead(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "shared", "torture")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no torture messages here")
	}
	withoutCallID := map[string]bool{}
	for _, dir := range []string{"rfc4475", "rfc5118", "rfc5118-archived"} {
		files, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(root, dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if !LooksLikeSIP(b) {
				t.Errorf("%s/%s is not recognised", dir, f.Name())
			}
			m := Message{}
			if err := m.Parse(b); err != nil {
				t.Errorf("%s/%s: %v", dir, f.Name(), err)
				continue
			}
			if (len(m.CallID()) == 0) != withoutCallID[f.Name()] {
				t.Errorf("%s/%s: Call-ID %q", dir, f.Name(), m.CallID())
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(invite)
	f.Add([]byte("SIP/2.0 200 OK\r\ni:x\r\nf:<sip:a@b>;tag=\"x\\\"\r\n\r\n"))
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\nc: multipart/x;boundary=q\r\n\r\n--q\r\nc:application/sdp\r\n\r\nv=0\r\n--q--"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		if m.Parse(b) != nil {
			return
		}
		inside := func(what string, v []byte) {
			if len(v) > 0 && !bytes.Contains(b, v) {
				t.Fatalf("%s %q is no part of the message", what, v)
			}
		}
		for n := range numNames {
			v := m.Get(n)
			inside(names[n], v)
			if h := m.Header(names[n], 0); !bytes.Equal(h, v) {
				t.Fatalf("%s: Get %q, Header %q", names[n], v, h)
			}
			a := ParseAddress(v)
			inside("display", a.Display)
			inside("tag", a.Tag())
			u := ParseURI(a.URI)
			inside("user", u.User)
			inside("host", u.Host)
			if len(u.User)+len(u.Host)+len(u.Port)+len(u.Params) > len(a.URI) {
				t.Fatalf("the parts of %q are longer than it", a.URI)
			}
		}
		inside("sdp", m.SDP())
		inside("branch", m.Branch())
		if via, _ := firstValue(m.Get(Via)); !bytes.Equal(m.Branch(), Param(via, "branch")) {
			t.Fatalf("branch %q of %q", m.Branch(), via)
		}
		for n, tag := range map[Name][]byte{From: m.FromTag(), To: m.ToTag()} {
			if !bytes.Equal(tag, ParseAddress(m.Get(n)).Tag()) {
				t.Fatalf("tag %q of %q", tag, m.Get(n))
			}
		}
		if m.Sure() != LooksLikeSIP(b) {
			t.Fatalf("sure: %v", m.Sure())
		}
		if len(m.Body()) > len(b) {
			t.Fatal("body longer than the message")
		}
		// The head alone says the same as the whole.
		var head Message
		if err := head.Parse(b[:len(b)-len(m.raw[m.body:])]); err != nil || !bytes.Equal(head.FirstLine(), m.FirstLine()) || !bytes.Equal(head.CallID(), m.CallID()) {
			t.Fatalf("head alone: %v", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Parse(invite)
		_ = m.CallID()
		_, _, _ = m.CSeq()
		_ = ParseAddress(m.Get(From))
		_ = ParseAddress(m.Get(To))
	}
}

func TestTheShortWayToANameIsRight(t *testing.T) {
	taken := map[uint64]string{}
	check := func(line string) {
		t.Helper()
		colon := strings.IndexByte(line, ':')
		if colon <= 0 {
			return
		}
		n, other := fieldName([]byte(line), 0, colon)
		name := strings.TrimRight(line[:colon], " \t\r\n")
		if want := plainName([]byte(name)); n != want {
			t.Errorf("%q: field %d, want %d", line, n, want)
		}
		if n == notIndexed && other&OthersOf(name) == 0 {
			t.Errorf("%q: not among the others", line)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i, k := range byWords {
		if k.words == (words{}) {
			continue
		}
		if at := k.hash(); at != uint64(i) || k.name >= numNames {
			t.Errorf("name %d is at %d and looked for at %d", k.name, i, at)
		}
		taken[uint64(i)] = names[k.name]
	}
	if want := len(names) - len(longNames) + len(compact); len(taken) != want {
		t.Errorf("%d names have a place of their own, want %d", len(taken), want)
	}
	all := append(slices.Clone(names[:]), "v", "F", "t", "i", "m", "c", "l", "r", "o", "k", "s", "b", "e", "u", "X", "y", "max-forwards", "proxy-authenticate", "")
	for _, name := range all {
		for range 200 {
			b := []byte(name)
			for i := range b {
				if r.IntN(2) == 0 {
					b[i] = bytes.ToUpper(b[i : i+1])[0]
				}
				if r.IntN(40) == 0 {
					b[i] ^= 1 << r.IntN(8)
				}
			}
			check(string(b) + [...]string{":", " :", "\t:", "", ": x", "\r:"}[r.IntN(6)] + strings.Repeat("value ", r.IntN(4)) + "\r\n")
		}
	}
}
