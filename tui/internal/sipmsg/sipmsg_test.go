package sipmsg

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

const invite = "INVITE sip:bob@b.example SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:alice@a.example>;tag=1\r\nSubject: one\r\n  two\r\ni: abc@10.0.0.1\r\n" +
	"Content-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"

func TestLinesKnowWhatTheyAre(t *testing.T) {
	var got []string
	for _, l := range Lines([]byte(invite)) {
		got = append(got, fmt.Sprintf("%d %s", l.Kind, l.Name))
	}
	want := "0 |1 v|1 From|1 Subject|1 |1 i|1 Content-Type|2 |3 v=|3 c=|3 m=|3 a=rtpmap|3 a=rtpmap|3 a=sendrecv"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestHeadersAreFoundByLongAndCompactName(t *testing.T) {
	for raw, want := range map[string]string{
		invite:                                 "abc@10.0.0.1",
		"SIP/2.0 200 OK\nCALL-ID :  x y \n\nz": "x y",
		"SIP/2.0 200 OK\r\nVia: a\r\n\r\ni: body": "",
		"": "",
		"SIP/2.0 200 OK\r\nI: 1\r\nCall-ID: 2\r\n": "1",
	} {
		if got := string(Value([]byte(raw), "call-id")); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

func TestABodyThatIsNoTextIsHexadecimal(t *testing.T) {
	l := Lines([]byte("INFO x SIP/2.0\r\nContent-Type: application/isup\r\n\r\n\x01\x10\x00AB\xff\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"))
	if first, last := l[3], l[4]; len(l) != 5 || first.Kind != Binary || first.Text != "0000  01 10 00 41 42 ff 00 01  02 03 04 05 06 07 08 09  ...AB..........." || !strings.HasPrefix(last.Text, "0010  0a  ") {
		t.Errorf("%q", l)
	}
}

func TestDiffPutsHeadersOfOneNameBesideEachOther(t *testing.T) {
	b := strings.NewReplacer("branch=z9hG4bK1", "branch=z9hG4bK2", "v: SIP", "Via: SIP", "a=rtpmap:0 PCMU/8000\r\n", "", "RTP/AVP 0 8", "RTP/AVP 8", "a=sendrecv", "a=sendrecv\r\na=ptime:20").Replace(invite)
	var got []string
	for _, p := range Diff(Lines([]byte(invite)), Lines([]byte(b))) {
		switch p.Change {
		case Changed:
			got = append(got, "~"+p.A.Text+" ~ "+p.B.Text)
		case Removed:
			got = append(got, "-"+p.A.Text)
		case Added:
			got = append(got, "+"+p.B.Text)
		}
	}
	want := []string{
		"~v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1 ~ Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2",
		"~m=audio 4000 RTP/AVP 0 8 ~ m=audio 4000 RTP/AVP 8",
		"-a=rtpmap:0 PCMU/8000", "+a=ptime:20",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDiffNamesWhatIsNotTheSame(t *testing.T) {
	for _, c := range []struct{ a, b, x, y string }{
		{"CSeq: 1 INVITE", "CSeq: 12 INVITE", "", "2"},
		{"abc", "abc", "", ""},
		{"näh", "nöh", "ä", "ö"},
		{"", "new", "", "new"},
	} {
		head, tail := Differ(c.a, c.b)
		if x, y := c.a[head:len(c.a)-tail], c.b[head:len(c.b)-tail]; x != c.x || y != c.y {
			t.Errorf("%q %q: %q %q", c.a, c.b, x, y)
		}
	}
}

// FuzzDiff: every line of both messages is in the difference, once and in order.
func FuzzDiff(f *testing.F) {
	f.Add(invite, strings.ReplaceAll(invite, "alice", "carol"))
	f.Add("", "\r\n\r\n")
	f.Add("a\n\nb", "\x00\xff")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, b := Lines([]byte(x)), Lines([]byte(y))
		i, j := 0, 0
		for _, p := range Diff(a, b) {
			if p.A != nil {
				if p.A != &a[i] {
					t.Fatalf("line %d of the first is not in its place", i)
				}
				i++
			}
			if p.B != nil {
				if p.B != &b[j] {
					t.Fatalf("line %d of the second is not in its place", j)
				}
				j++
			}
			if p.Change == Changed {
				head, tail := Differ(p.A.Text, p.B.Text)
				if head+tail > min(len(p.A.Text), len(p.B.Text)) || utf8.ValidString(p.A.Text) && utf8.ValidString(p.B.Text) && !utf8.ValidString(p.A.Text[head:len(p.A.Text)-tail]) {
					t.Fatalf("%q %q: %d %d", p.A.Text, p.B.Text, head, tail)
				}
			}
		}
		if i != len(a) || j != len(b) {
			t.Fatalf("%d of %d, %d of %d lines", i, len(a), j, len(b))
		}
	})
}
