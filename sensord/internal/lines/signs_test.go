package lines

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func checkSigns(t *testing.T, b []byte, n int) {
	t.Helper()
	want := []uint16{}
	for i, c := range b[:n] {
		if strings.IndexByte(`",;<>\`, c) >= 0 {
			want = append(want, uint16(i))
		}
	}
	var s, usual Signs
	k := s.Find(b, n)
	if len(want) > manySigns || n > longValue {
		if k != -1 {
			t.Fatalf("%d signs in %d bytes are not too many: %d", len(want), n, k)
		}
		return
	}
	if k != len(want) || !slices.Equal(s[:k], want) || s[k] != uint16(n) || plainSigns(b[:n], &usual) != k || !slices.Equal(usual[:k], want) {
		t.Fatalf("%q: %d signs %v, plainly %v, want %v", b[:n], k, s, usual, want)
	}
}

func TestSignsAreFoundAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for at := range 150 {
			b := []byte(strings.Repeat("a", 200))
			b[at] = byte(c)
			checkSigns(t, b, 150)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := make([]byte, r.IntN(400))
		often := r.IntN(30) + 1
		for i := range b {
			b[i] = byte(r.IntN(256))
			if r.IntN(often) == 0 {
				b[i] = `",;<>\`[r.IntN(6)]
			}
		}
		checkSigns(t, b, r.IntN(len(b)+1))
	}
	for n := range 70 { // where they become too many
		checkSigns(t, []byte(strings.Repeat("<", 128)), n)
		checkSigns(t, []byte(strings.Repeat("long >", 128)), 6*n)
	}
	long := []byte(strings.Repeat("a", 1<<17) + ";")
	checkSigns(t, long, longValue)
	checkSigns(t, long, longValue+1)
	checkSigns(t, long, len(long))
}

func FuzzSigns(f *testing.F) {
	f.Add([]byte(`"A, B" <sip:a@b>;tag=1`), uint16(9))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) { checkSigns(t, b, min(int(n), len(b))) })
}
