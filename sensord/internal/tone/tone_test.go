package tone

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"voiptop/sensord/internal/g711"
)

// encode makes G.711 of samples of full scale 1, by search: the code whose value is nearest.
func encode(x []float64, aLaw bool) []byte {
	out := make([]byte, len(x))
	codes := muCodes
	if aLaw {
		codes = aCodes
	}
	for i, v := range x {
		out[i] = codes[int(math.Round(max(-1, min(1, v))*32767))+32768]
	}
	return out
}

var muCodes, aCodes = codesOf(g711.MuLaw), codesOf(g711.ALaw)

func codesOf(table *[256]int16) *[65536]byte {
	t := new([65536]byte)
	for v := range t {
		best := math.MaxInt
		for b, s := range table {
			if d := max(int(s)-v+32768, v-32768-int(s)); d < best {
				best, t[v] = d, byte(b)
			}
		}
	}
	return t
}

// dBm0 is the amplitude of a sine: one of full scale has 3.14 dBm0 (ITU-T G.711).
func dBm0(level float64) float64 { return math.Pow(10, (level-3.14)/20) }

type wave struct{ hz, level float64 }

// play makes ms milliseconds of tones, from a phase on.
func play(ms, phase float64, tones ...wave) []float64 {
	x := make([]float64, int(ms*8))
	for i := range x {
		for j, w := range tones {
			x[i] += dBm0(w.level) * math.Sin(2*math.Pi*w.hz*float64(i)/8000+phase*float64(j+1))
		}
	}
	return x
}

func noise(r *rand.Rand, x []float64, level float64) []float64 {
	for i := range x {
		x[i] += r.NormFloat64() * dBm0(level) / math.Sqrt2
	}
	return x
}

func TestFaxTonesAreHeardAsFarAsT30AndV25AllowThemToBeOff(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, law := range []bool{true, false} {
		for _, ms := range []float64{10, 20, 30, 60} {
			for _, level := range []float64{0, -20, -40} {
				for _, c := range []struct {
					hz   float64
					want Sound
				}{
					{1100, CNG},
					{1062, CNG},
					{1138, CNG},
					{2100, CED},
					{2085, CED},
					{2115, CED},
					{1000, None},
					{1200, None},
					{1850, None},
					{2225, None},
					{440, None},
					{2000, None},
					{2200, None},
				} {
					for range 20 {
						x := noise(r, play(ms, 7*r.Float64(), wave{c.hz, level}), max(level-26, -70))
						if got := Hear(encode(x, law), law); got != c.want {
							t.Errorf("%g Hz, %g dBm0, %g ms, A-law %v: %d, want %d", c.hz, level, ms, law, got, c.want)
							break
						}
					}
				}
			}
		}
	}
	if Hear(encode(play(20, 1, wave{1100, -50}), true), true) != None {
		t.Error("heard at -50 dBm0")
	}
}

func TestAFaxIsSureByTheRhythmOfItsTones(t *testing.T) {
	type burst struct {
		sound    Sound
		from, to float64 // s
	}
	for name, c := range map[string]struct {
		bursts       []burst
		cng, ced     bool
		lost, spoilt int // every so many packets
	}{
		"calls":                             {bursts: []burst{{CNG, 1, 1.5}, {CNG, 4.5, 5}}, cng: true},
		"calls, as early as may be":         {bursts: []burst{{CNG, 1, 1.425}, {CNG, 3.975, 4.4}}, cng: true},
		"calls, as late as may be":          {bursts: []burst{{CNG, 1, 1.575}, {CNG, 5.025, 5.6}}, cng: true},
		"calls, with losses":                {bursts: []burst{{CNG, 1, 1.5}, {CNG, 4.5, 5}, {CNG, 8, 8.5}}, cng: true, lost: 3},
		"one beep":                          {bursts: []burst{{CNG, 1, 1.5}}},
		"beeps in another rhythm":           {bursts: []burst{{CNG, 1, 1.5}, {CNG, 2, 2.5}, {CNG, 3, 3.5}}},
		"a long tone":                       {bursts: []burst{{CNG, 1, 5}, {CNG, 8, 8.5}}},
		"short beeps":                       {bursts: []burst{{CNG, 1, 1.1}, {CNG, 4.5, 4.6}}},
		"answers":                           {bursts: []burst{{CED, 1, 3.6}}, ced: true},
		"answers, with phase reversals":     {bursts: []burst{{CED, 1, 3.6}}, ced: true, spoilt: 22},
		"answers, with losses":              {bursts: []burst{{CED, 1, 3.6}}, ced: true, lost: 3},
		"a beep of half a second, 2100 Hz":  {bursts: []burst{{CED, 1, 1.5}, {CED, 2, 2.5}, {CED, 3, 3.5}}},
		"answers, for as long as may be":    {bursts: []burst{{CED, 1, 7}}, ced: true},
		"a tone of ten seconds, 2100 Hz":    {bursts: []burst{{CED, 1, 11}}},
		"a tone that comes again and again": {bursts: []burst{{CED, 1, 2.2}, {CED, 3, 4.2}, {CED, 5, 6.2}, {CED, 7, 8.2}}},
		"both":                              {bursts: []burst{{CNG, 1, 1.5}, {CNG, 4.5, 5}, {CED, 7, 10}}, cng: true, ced: true},
	} {
		t.Run(name, func(t *testing.T) {
			for shift := range Every {
				var f Fax
				for i := shift; i < 600; i += Every {
					at := 0.02 * float64(i)
					for _, b := range c.bursts {
						if at >= b.from && at+0.02 <= b.to && (c.lost == 0 || i/Every%c.lost != 0) && (c.spoilt == 0 || i%c.spoilt != 0) {
							f.Packet(int64(1e18+at*1e9), b.sound)
						}
					}
				}
				if h := f.Heard(); (h.Calling != 0) != c.cng || (h.Answering != 0) != c.ced {
					t.Errorf("shift %d: %+v", shift, h)
				}
			}
		})
	}
}

// digitsOf feeds samples in packets of so many.
func digitsOf(x []float64, law bool, packet int) string {
	var d DTMF
	b := encode(x, law)
	for i := 0; i+packet <= len(b); i += packet {
		d.Packet(uint32(i), b[i:i+packet], law)
	}
	return d.Digits()
}

func tones(digit byte) (low, high float64) {
	for i := range digitNames {
		if digitNames[i] == digit {
			return rows[i/4], columns[i%4]
		}
	}
	return 0, 0
}

func TestDigitsAreHeardWithinTheLimitsOfQ24(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, c := range []struct {
		name      string
		on, off   float64 // ms
		by        float64 // off its frequency
		low, high float64 // dBm0
		heard     bool
	}{
		{"as a telephone sends it", 100, 100, 0, -6, -4, true},
		{"as short as may be", 40, 40, 0, -6, -6, true},
		{"too short", 23, 100, 0, -6, -6, false},
		{"1.5 % too high", 50, 50, 0.015, -6, -6, true},
		{"1.5 % too low", 50, 50, -0.015, -6, -6, true},
		{"3.5 % too high", 100, 100, 0.035, -6, -6, false},
		{"3.5 % too low", 100, 100, -0.035, -6, -6, false},
		{"the higher tone 4 dB stronger", 50, 50, 0, -10, -6, true},
		{"the higher tone 8 dB weaker", 50, 50, 0, -6, -14, true},
		{"the higher tone 8 dB stronger", 50, 50, 0, -14, -6, false},
		{"the higher tone 12 dB weaker", 50, 50, 0, -6, -18, false},
		{"as loud as may be", 50, 50, 0, -3, -3, true},
		{"as quiet as may be", 50, 50, 0, -28, -28, true},
		{"one tone alone", 100, 100, 0, -6, -90, false},
		{"too quiet", 100, 100, 0, -38, -38, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong := 0
			for range 40 {
				x := make([]float64, 100+r.IntN(200))
				for i := range digitNames {
					low, high := tones(digitNames[i])
					x = append(x, play(c.on, 7*r.Float64(), wave{low * (1 + c.by), c.low}, wave{high * (1 + c.by), c.high})...)
					x = append(x, make([]float64, int(8*c.off))...)
				}
				x = noise(r, append(x, make([]float64, 800)...), -50)
				law := r.IntN(2) == 0
				want := ""
				if c.heard {
					want = digitNames
				}
				if got := digitsOf(x, law, 80+80*r.IntN(3)); got != want {
					if wrong++; wrong == 1 {
						t.Errorf("%q", got)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("wrong in %d of 40", wrong)
			}
		})
	}
}

func TestAnInterruptionDividesNoDigitAndAPauseDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, c := range []struct {
		hole float64
		want string
	}{{10, "5"}, {30, "55"}} {
		for range 50 {
			x := make([]float64, 100+r.IntN(200))
			low, high := tones('5')
			for range 2 {
				x = append(x, play(60, 7*r.Float64(), wave{low, -8}, wave{high, -8})...)
				x = append(x, make([]float64, int(8*c.hole))...)
			}
			if got := digitsOf(noise(r, append(x, make([]float64, 900)...), -55), true, 160); got != c.want {
				t.Fatalf("%g ms: %q", c.hole, got)
			}
		}
	}
}

func TestDigitsAreHeardWhateverTheOrderAndLossOfPackets(t *testing.T) {
	low, high := tones('9')
	b := encode(append(append(make([]float64, 400), play(200, 1, wave{low, -8}, wave{high, -8})...), make([]float64, 1600)...), false)
	var d DTMF
	for i := 0; i+160 <= len(b); i += 160 {
		if i == 1120 { // lost
			continue
		}
		d.Packet(uint32(i)+4294966000, b[i:i+160], false)
		if i > 160 {
			d.Packet(uint32(i)+4294966000-160, b[i-160:i], false) // again
		}
	}
	if d.Digits() != "9" {
		t.Errorf("%q", d.Digits())
	}
}

// What people say is no fax and no digit (talk-off): all that is said in the recorded calls and in the sentences that they say.
func TestSpeechIsNoToneOfAMachine(t *testing.T) {
	files, err := filepath.Glob("../../../fixtures/audio/*.wav")
	if err != nil || len(files) == 0 {
		t.Fatalf("no speech: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b = b[44:]
		for gain := 0.25; gain <= 4; gain *= 2 {
			x := make([]float64, len(b)/2)
			for i := range x {
				x[i] = gain * float64(int16(uint16(b[2*i])|uint16(b[2*i+1])<<8)) / 32768
			}
			for _, law := range []bool{true, false} {
				if got := digitsOf(x, law, 160); got != "" {
					t.Errorf("%s: digits %q", name, got)
				}
				var f Fax
				g := encode(x, law)
				for i := 0; i+160 <= len(g); i += 160 {
					if s := Hear(g[i:i+160], law); s != None {
						f.Packet(int64(i)*125e3, s)
					}
				}
				if f.Heard() != (Heard{}) {
					t.Errorf("%s: a fax", name)
				}
			}
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	b := encode(play(20, 1, wave{1100, -10}), true)
	var d DTMF
	ts := uint32(0)
	if a := testing.AllocsPerRun(100, func() {
		Hear(b, true)
		d.Packet(ts, b, true)
		ts += 160
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzDTMF: whatever is sent, digits are digits and not more than fit.
func FuzzDTMF(f *testing.F) {
	low, high := tones('#')
	f.Add(encode(play(60, 1, wave{low, -8}, wave{high, -8}), true), uint32(7), true)
	f.Add([]byte{}, uint32(0), false)
	f.Fuzz(func(t *testing.T, b []byte, ts uint32, law bool) {
		var d DTMF
		var x Fax
		for i := range 8 {
			d.Packet(ts*uint32(i), b, law)
			x.Packet(int64(ts)*int64(i), Hear(b, law))
		}
		for i, c := range d.Digits() {
			if !containsByte(digitNames, byte(c)) {
				t.Fatalf("digit %d is %q", i, c)
			}
		}
	})
}

func containsByte(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

func BenchmarkHear(b *testing.B) {
	r := rand.New(rand.NewPCG(4, 4))
	speech := encode(noise(r, make([]float64, 160), -20), true)
	for name, p := range map[string][]byte{"noise": speech, "silence": encode(make([]float64, 160), true), "tone": encode(play(20, 1, wave{2100, -10}), true)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Hear(p, true)
			}
		})
	}
	b.Run("digits", func(b *testing.B) {
		var d DTMF
		ts := uint32(0)
		for b.Loop() {
			d.Packet(ts, speech, true)
			ts += 160
		}
	})
}
