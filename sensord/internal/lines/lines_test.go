package lines

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// line is what Next answers.
type line struct{ colon, end int }

// slow are the lines of b from offset at on, in the plainest way.
func slow(b []byte, at int) (all []line) {
	for at < len(b) {
		l := line{end: len(b)}
		if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
			l.end = at + i
		}
		l.colon = l.end
		if i := bytes.IndexByte(b[at:l.end], ':'); i >= 0 {
			l.colon = at + i
		}
		all = append(all, l)
		at = l.end + 1
	}
	return all
}

func check(t *testing.T, b []byte, at int) {
	t.Helper()
	var text Text
	text.Read(b, at)
	want := append(slow(b, at), line{len(b), len(b)}, line{len(b), len(b)})
	for i, w := range want {
		if colon, end := text.Next(); (line{colon, end}) != w {
			t.Fatalf("line %d of %q from %d: colon %d, end %d, want %v", i, b, at, colon, end, w)
		}
	}
	// The plain way and that of the processor find the same.
	b = b[at:min(len(b), at+reach)]
	var fast, usual marks
	n, k := find(b, &fast), plain(b, &usual)
	both := min(n, k)
	if !slices.Equal(fast.colons[:both], usual.colons[:both]) || !slices.Equal(fast.ends[:both], usual.ends[:both]) || n != k && both < few {
		t.Fatalf("%q: %d marks %v, want %d, %v", b, n, fast, k, usual)
	}
}

func TestLinesAreThoseOfThePlainWay(t *testing.T) {
	header := "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9\r\nno colon here\r\n:\r\nTo: <sip:a@b>\r\n\r\nv=0\na=x:y:z\n"
	for _, s := range []string{
		"", "\n", ":", "\r\n", "a", "a:b", "a:b\n", ":\n:", "\n\n\n", header, strings.Repeat(header, 20),
		strings.Repeat("\n", 600), strings.Repeat(":", 600), strings.Repeat(":\n", 600), strings.Repeat("x", 600), strings.Repeat("\x00\n\xff:\x8a\xba", 200),
		strings.Repeat("x", 511) + "\n", strings.Repeat("x", 512) + "\n", strings.Repeat("x", 510) + ":\n", strings.Repeat("x", 511) + ":\n",
		strings.Repeat("n", 2000) + ":" + strings.Repeat("v", 2000) + "\n" + header, "name:" + strings.Repeat("v", 2000) + ":",
	} {
		for at := range min(len(s), 130) + 1 {
			check(t, []byte(s), at)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := make([]byte, r.IntN(1200))
		often := r.IntN(100) + 1
		for i := range b {
			if b[i] = "x\x00\xff;\x0b\x8a\xba\x3b"[r.IntN(8)]; r.IntN(often) == 0 {
				b[i] = ":\n"[r.IntN(2)]
			}
		}
		check(t, b, r.IntN(len(b)+1))
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(strings.Repeat("Subject: a:b\r\n", 50)), uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, at uint16) { check(t, b, min(int(at), len(b))) })
}

func TestReadingAllocatesNothing(t *testing.T) {
	b := []byte(strings.Repeat("Subject: a:b\r\n", 100))
	if n := testing.AllocsPerRun(100, func() {
		var text Text
		text.Read(b, 0)
		for end := 0; end < len(b); {
			_, end = text.Next()
		}
	}); n != 0 {
		t.Errorf("%v allocations a text", n)
	}
}

func BenchmarkLines(b *testing.B) {
	head := []byte(strings.Repeat("Supported: replaces, timer, 100rel\r\n", 14))
	read := func() {
		var text Text
		text.Read(head, 0)
		for end := 0; end < len(head); {
			_, end = text.Next()
		}
	}
	b.Run("text", func(b *testing.B) {
		for b.Loop() {
			read()
		}
	})
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			for at := 0; at < len(head); {
				end := at + bytes.IndexByte(head[at:], '\n')
				bytes.IndexByte(head[at:end], ':')
				at = end + 1
			}
		}
	})
}
