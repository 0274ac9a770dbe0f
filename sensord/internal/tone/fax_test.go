package tone

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// fsk makes V.21: bits at 300 a second, for so many milliseconds; one and nought are their frequencies.
func fsk(ms float64, level, one, nought float64, bit func(i int) bool) []float64 {
	x := make([]float64, int(ms*8))
	phase := 0.0
	for i := range x {
		hz := nought
		if bit(i * 300 / 8000) {
			hz = one
		}
		phase += 2 * math.Pi * hz / 8000
		x[i] = dBm0(level) * math.Sin(phase)
	}
	return x
}

// flags is the preamble of a fax: 01111110 again and again.
func flags(i int) bool { return i%8 != 0 && i%8 != 7 }

// answer makes 2100 Hz, for so many milliseconds: deep is how much of it goes up and down 15 times a second, and reversed whether its phase turns
// every 450 ms.
func answer(ms, level, deep float64, reversed bool) []float64 {
	x := play(ms, 1, wave{2100, level})
	for i := range x {
		x[i] *= 1 + deep*math.Sin(2*math.Pi*15*float64(i)/8000)
		if reversed && i/3600%2 == 1 {
			x[i] = -x[i]
		}
	}
	return x
}

// heardIn is what comes of samples in packets of so many, of which every fourth is heard.
func heardIn(x []float64, law bool, packet, shift int) Heard {
	var f Fax
	b := encode(x, law)
	for i := 0; (i+1)*packet <= len(b); i++ {
		if (i+shift)%Every != 0 {
			continue
		}
		if s := Hear(b[i*packet:(i+1)*packet], law); s != None {
			f.Packet(int64(1e18)+int64(i*packet)*125e3, s)
		}
	}
	return f.Heard()
}

func join(parts ...[]float64) (x []float64) {
	for _, p := range parts {
		x = append(x, p...)
	}
	return x
}

// Each signal of T.30, V.25 and V.8 is told from the others, at the levels that they are sent with, in noise, and in packets of 10 to 40 ms.
func TestTheSignalsOfFaxesAreToldFromEachOther(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	data := func(int) bool { return r.IntN(2) == 0 }
	var bits []bool
	for range 1000 {
		bits = append(bits, data(0))
	}
	message := func(i int) bool { return bits[i%len(bits)] }
	silence := make([]float64, 8000)
	for _, level := range []float64{-6, -20, -35} {
		for name, c := range map[string]struct {
			x    []float64
			want string
		}{
			"CED, without anything on top":   {join(silence, answer(3000, level, 0, false), silence), "answers"},
			"ANS, its phase reversed":        {join(silence, answer(3300, level, 0, true), silence), "answers"},
			"ANSam":                          {join(silence, answer(4000, level, 0.2, true), silence), "answers v8"},
			"ANSam without reversals":        {join(silence, answer(5000, level, 0.2, false), silence), "answers v8"},
			"the preamble and a DIS":         {join(silence, fsk(1000, level, 1650, 1850, flags), fsk(700, level, 1650, 1850, message), silence), "talks"},
			"a preamble, off by what may be": {join(silence, fsk(1100, level, 1656, 1844, flags), silence), "talks"},
			"CED, and a DIS":                 {join(silence, answer(3000, level, 0, false), silence[:600], fsk(1000, level, 1650, 1850, flags), fsk(700, level, 1650, 1850, message), silence), "answers talks"},
			"the other channel of V.21":      {join(silence, fsk(3000, level, 980, 1180, flags), silence), ""},
			"1650 Hz alone":                  {join(silence, play(3000, 1, wave{1650, level}), silence), ""},
			"a note, 1760 Hz":                {join(silence, play(3000, 1, wave{1760, level}), silence), ""},
			"two notes, 1650 and 1850 Hz":    {join(silence, fsk(4000, level, 1650, 1850, func(i int) bool { return i/100%2 == 0 }), silence), ""},
			"2100 Hz for a quarter minute":   {join(silence, answer(15000, level, 0, false)), ""},
			"2100 Hz that wavers on and on":  {join(silence, answer(15000, level, 0.2, false)), ""},
		} {
			x := noise(r, append([]float64(nil), c.x...), level-28)
			for _, law := range []bool{true, false} {
				for _, packet := range []int{80, 160, 240, 320} {
					if packet == 80 && strings.Contains(c.want, "talks") {
						continue // three bits: too few for some
					}
					for shift := range Every {
						h := heardIn(x, law, packet, shift)
						got := ""
						for _, v := range []struct {
							is   bool
							name string
						}{{h.Calling != 0, "calls"}, {h.Answering != 0, "answers"}, {h.V8, "v8"}, {h.Talking != 0, "talks"}} {
							if v.is {
								got += " " + v.name
							}
						}
						if got != "" {
							got = got[1:]
						}
						if got != c.want {
							t.Errorf("%s, %g dBm0, A-law %v, packets of %d, shift %d: %q, want %q", name, level, law, packet, shift, got, c.want)
						}
					}
				}
			}
		}
	}
}

// What is heard while one waits is no fax: tones of networks (ITU-T E.180, E.182), music in any key, a whistle.
func TestRingingMusicAndWhistlesAreNoFaxes(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	cadence := func(on, off float64, tones ...wave) []float64 {
		var x []float64
		for len(x) < 8000*20 {
			x = append(append(x, play(on, 1, tones...)...), make([]float64, int(off*8))...)
		}
		return x
	}
	sounds := map[string][]float64{
		"ring-back":           cadence(1000, 4000, wave{425, -10}),
		"ring-back, American": cadence(2000, 4000, wave{440, -12}, wave{480, -12}),
		"busy":                cadence(500, 500, wave{480, -12}, wave{620, -12}),
		"special information": cadence(330, 0, wave{950, -12}),
		"recording":           cadence(500, 14500, wave{1400, -12}),
		"call waiting":        cadence(200, 600, wave{440, -12}),
		"hold, 1 s of 2100":   cadence(1200, 1800, wave{2100, -12}),
		"hold, 1100 Hz":       cadence(500, 1500, wave{1100, -12}),
		"test tone, 1020 Hz":  cadence(20000, 0, wave{1020, -10}),
	}
	sit := []float64{}
	for range 8 {
		sit = join(sit, play(330, 1, wave{950, -10}), play(330, 1, wave{1400, -10}), play(330, 1, wave{1800, -10}), make([]float64, 8000))
	}
	sounds["special information tones"] = sit
	for song := range 60 { // notes of random keys and lengths, with overtones, vibrato, and a second voice
		var x []float64
		for len(x) < 8000*20 {
			note := func() float64 { return 220 * math.Pow(2, float64(r.IntN(40))/12) }
			a, b, n := note(), note(), 400+r.IntN(8000)
			depth, overtone := 0.01*r.Float64(), 0.5*r.Float64()
			phaseA, phaseB := 0.0, 0.0
			for i := range n {
				hz := a * (1 + depth*math.Sin(2*math.Pi*5.5*float64(i)/8000))
				phaseA += 2 * math.Pi * hz / 8000
				phaseB += 2 * math.Pi * b / 8000
				x = append(x, 0.2*(math.Sin(phaseA)+overtone*math.Sin(2*phaseA)+float64(song%3)/2*math.Sin(phaseB)))
			}
		}
		sounds[fmt.Sprint("song ", song)] = x
	}
	for w := range 10 { // a whistle that glides about where V.21 is
		x, phase := make([]float64, 8000*10), 0.0
		for i := range x {
			phase += 2 * math.Pi * (1750 + 250*math.Sin(2*math.Pi*(0.3+0.7*float64(w))*float64(i)/8000)) / 8000
			x[i] = 0.2 * math.Sin(phase)
		}
		sounds[fmt.Sprint("whistle ", w)] = x
	}
	for name, x := range sounds {
		for shift := range Every {
			if h := heardIn(x, shift%2 == 0, 160, shift); h != (Heard{Once: h.Once}) {
				t.Errorf("%s: %+v", name, h)
			}
		}
	}
}
