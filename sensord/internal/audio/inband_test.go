package audio

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// spoken reads a sentence of the fixtures at a rate.
func spoken(t *testing.T, name string, rate int) []int16 {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]int16, (len(b)-44)/2)
	for i := range x {
		x[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	if rate == 8000 {
		return x
	}
	r := newResampler(8000, rate)
	r.start(0)
	_, out := r.push(x)
	return slices.Clone(out)
}

// muted plays samples through a side that blanks digits.
func muted(x []int16, rate int) (out []int16) {
	s := newSide(rate, true)
	ahead := int(s.ms(findAhead))
	step := rate / 50
	for at := 0; at < len(x)+ahead; at += step {
		if at < len(x) {
			s.write(int64(at), x[at:min(at+step, len(x))], 1)
		}
		s.find(int64(min(at+step, len(x))))
		if end := min(at+step-ahead, len(x)); end > 0 {
			out = s.take(out, int64(end))
		}
	}
	return out
}

// What is said is not touched, at any rate that voice is decoded at; digits pressed between and within the sentences are gone, with 60 ms
// around them and no more.
func TestDigitsWithinTheVoiceAreBlankedAndSpeechIsNot(t *testing.T) {
	files, _ := filepath.Glob("../../../fixtures/audio/*.wav")
	if len(files) == 0 {
		t.Fatal("no speech")
	}
	for _, rate := range []int{8000, 16000, 48000} {
		if testing.Short() && rate == 48000 {
			continue
		}
		for _, name := range files {
			t.Run(fmt.Sprint(filepath.Base(name), " ", rate), func(t *testing.T) {
				x := spoken(t, name, rate)
				if i := differs(muted(x, rate), x); i >= 0 {
					t.Fatalf("speech is another at %.3f s", float64(i)/float64(rate))
				}
				ms := func(n int) int { return n * rate / 1000 }
				digits := 0
				for at := ms(700); at+ms(300) < len(x); at += ms(500) {
					pair := tonePairs[digits%16]
					for i := range ms(60) {
						v := 0.15 * (math.Sin(2*math.Pi*pair[0]*float64(i)/float64(rate)) + math.Sin(2*math.Pi*pair[1]*float64(i)/float64(rate)))
						x[at+i] = int16(32767 * v)
					}
					digits++
				}
				got := muted(x, rate)
				for d := range digits {
					from := ms(700) + d*ms(500)
					for i := from; i < from+ms(60); i++ {
						if got[i] != 0 {
							t.Fatalf("digit %d is heard %d ms after it began", d, (i-from)*1000/rate)
						}
					}
					for i := from + ms(60+75); i < min(from+ms(500-75), len(x)); i++ {
						if got[i] != x[i] {
							t.Fatalf("speech after digit %d is another, %d ms after it began", d, (i-from)*1000/rate)
						}
					}
				}
			})
		}
	}
}

func differs(a, b []int16) int {
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
