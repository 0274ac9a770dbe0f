package sip

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plain reads a message in the plainest way, a byte or a line at a time: what Parse must find.
type plain struct {
	raw    []byte
	line   []byte
	status int
	method []byte
	uri    []byte // or reason phrase
	sure   bool
	fields [numNames][]byte // nil: not there
	names  []string         // of all header fields, as written
	body   int
	cut    bool
}

func (p *plain) parse(b []byte) error {
	*p = plain{raw: b, body: len(b), cut: true}
	at := 0
	for at < len(b) && (b[at] == '\r' || b[at] == '\n') {
		at++
	}
	nl := bytes.IndexByte(b[at:], '\n')
	if nl < 0 {
		if !LooksLikeSIP(b[at:]) {
			return ErrNotSIP
		}
		return ErrShort
	}
	p.line = bytes.TrimSuffix(b[at:at+nl], []byte("\r"))
	if !p.firstLine() {
		return ErrNotSIP
	}
	at += nl + 1
	for at < len(b) {
		if b[at] == '\n' || bytes.HasPrefix(b[at:], []byte("\r\n")) {
			p.cut, p.body = false, at+bytes.IndexByte(b[at:], '\n')+1
			break
		}
		end := plainEnd(b, at)
		name, value, ok := bytes.Cut(b[at:end], []byte(":"))
		for end < len(b) && (b[end] == ' ' || b[end] == '\t') {
			end = plainEnd(b, end)
			value = b[at+len(name)+1 : end]
		}
		if ok && len(name) > 0 && !bytes.ContainsRune(name, '\n') {
			name = bytes.TrimRight(name, " \t\r\n")
			p.names = append(p.names, string(name))
			if n := plainName(name); n != notIndexed && p.fields[n] == nil {
				p.fields[n] = append([]byte{}, bytes.Trim(value, " \t\r\n")...)
			}
		}
		at = end
	}
	return nil
}

// plainEnd answers where the next line starts.
func plainEnd(b []byte, at int) int {
	if nl := bytes.IndexByte(b[at:], '\n'); nl >= 0 {
		return at + nl + 1
	}
	return len(b)
}

// plainName is nameOf one name after the other.
func plainName(b []byte) Name {
	for n, name := range names {
		if equalFold(b, name) {
			return Name(n)
		}
	}
	for name, n := range compact {
		if equalFold(b, name) {
			return n
		}
	}
	return notIndexed
}

func (p *plain) firstLine() bool {
	l := p.line
	if len(l) >= 8 && equalFold(l[:8], "sip/2.0 ") {
		rest := bytes.TrimLeft(l[8:], " ")
		if len(rest) < 3 {
			return false
		}
		for _, c := range rest[:3] {
			if c < '0' || c > '9' {
				return false
			}
			p.status = p.status*10 + int(c-'0')
		}
		if p.status < 100 || p.status > 699 || len(rest) > 3 && rest[3] != ' ' {
			return false
		}
		p.uri, p.sure = bytes.TrimLeft(rest[3:], " "), true
		return true
	}
	sp, last := bytes.IndexByte(l, ' '), bytes.LastIndexByte(bytes.TrimRight(l, " \t\r\n"), ' ')
	if sp < 1 || last <= sp || len(l) < last+5 || !equalFold(l[last+1:last+5], "sip/") {
		return false
	}
	p.method, p.uri = l[:sp], bytes.Trim(l[sp:last], " \t\r\n")
	for _, c := range p.method {
		if !bytes.ContainsRune([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"), rune(c)) {
			return false
		}
	}
	p.sure = LooksLikeSIP(p.raw)
	return true
}

// same fails the test unless Parse finds in b what the plain way does.
func same(t *testing.T, b []byte) {
	t.Helper()
	var m Message
	var p plain
	err, want := m.Parse(b), p.parse(b)
	if !errors.Is(err, want) {
		t.Fatalf("%q: %v, want %v", b, err, want)
	}
	if err != nil {
		return
	}
	for _, c := range []struct {
		what      string
		got, want []byte
	}{
		{"first line", m.FirstLine(), p.line},
		{"method", m.MethodText(), p.method},
		{"uri or phrase", append(m.Phrase(), m.RequestURI()...), p.uri},
		{"body", m.raw[m.body:], b[p.body:]},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Fatalf("%q: %s %q, want %q", b, c.what, c.got, c.want)
		}
	}
	if m.Status() != p.status || m.cut != p.cut || m.Sure() != p.sure || p.status == 0 && m.Method() != MethodOf(p.method) {
		t.Fatalf("%q: status %d, cut %v, sure %v, want %d, %v, %v", b, m.Status(), m.cut, m.Sure(), p.status, p.cut, p.sure)
	}
	for n := range numNames {
		if v, want := m.Get(n), p.fields[n]; !bytes.Equal(v, want) || (v == nil) != (want == nil) {
			t.Fatalf("%q: %s %q, want %q", b, names[n], v, want)
		}
	}
	for _, name := range p.names {
		if m.Others()&OthersOf(name) == 0 {
			t.Fatalf("%q: %s is not among the others", b, name)
		}
	}
	via, _ := firstValue(p.fields[Via])
	from, to := ParseAddress(p.fields[From]).Tag(), ParseAddress(p.fields[To]).Tag()
	if branch := Param(via, "branch"); !bytes.Equal(m.Branch(), branch) || !bytes.Equal(m.FromTag(), from) || !bytes.Equal(m.ToTag(), to) {
		t.Fatalf("%q: branch %q, tags %q and %q, want %q, %q and %q", b, m.Branch(), m.FromTag(), m.ToTag(), branch, from, to)
	}
}

func TestParseFindsWhatThePlainWayFinds(t *testing.T) {
	seeds := [][]byte{
		invite,
		[]byte("\r\n\n\rSIP/2.0  200  OK \r\ni:x\r\nf:<sip:a@b>;tag=\"x\\\"\r\nTo: \"a\\\"b\" <sip:a@b;x>;tag=\ty \r\nv: a;branch=1,b;branch=2\r\n\r\n"),
		[]byte("BYE sip:a@b SIP/2.0\nTo:\n  <sip:a@b>\n\t;tag=9\n :x\nCall-ID x1\n:y\nProxy-Authenticate: z\nContent-Encoding : q\nP-Asserted-Identity\t: w\n\n: \n"),
		[]byte("OPTIONS sip:a SIP/2.0 \r\nFrom: <sip:a>;x;tag=1;y\rTo: b\r\nSubject:\r\n\r\n\r\n" + strings.Repeat("x", 600)),
		append(bytes.Repeat([]byte("Max-Forwards: 70\r\n"), 60), invite...),
	}
	files, _ := filepath.Glob(filepath.Join("testdata", "torture", "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	head := []byte("INVITE sip:a@b SIP/2.0\r\n")
	long := append(append([]byte{}, head...), bytes.Repeat([]byte("Via: SIP/2.0/UDP 192.0.2.1;branch=z9\r\nWarning: x\r\n"), 40)...)
	seeds = append(seeds, append(long, invite[bytes.IndexByte(invite, '\n')+1:]...), append(long, "Subject: "+strings.Repeat("long: ", 300)+"\r\nl: 3\r\n\r\nabc"...))
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range seeds {
		same(t, s)
		for n := range min(len(s), 3000) { // cut anywhere
			same(t, s[:n])
		}
		for range 3000 {
			b := append([]byte{}, s...)
			for range r.IntN(4) + 1 {
				at := r.IntN(len(b))
				switch c := "\r\n: \t\x00;,\"<>\\sip/2.0"[r.IntN(19)]; r.IntN(3) {
				case 0:
					b[at] = c
				case 1:
					b = append(b[:at], b[at+1:]...)
				case 2:
					b = append(b[:at+1], b[at:]...)
					b[at] = c
				}
			}
			same(t, b)
		}
	}
}

func FuzzParseIsPlain(f *testing.F) {
	f.Add(invite)
	f.Add([]byte("\nSIP/2.0 200 OK\r\ni:x\r\nf:<sip:a@b>;tag=\"x\\\"\r\n\tz\r\nv:a;branch=b,c\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) { same(t, b) })
}
