package quality

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s: %.4f, want %.4f", what, got, want)
	}
}

// TestPublishedReferencePoints holds what the Recommendations print.
func TestPublishedReferencePoints(t *testing.T) {
	near(t, "R of the defaults (G.107 clause 7.7)", defaults().rating(), 93.2, 0.05)
	near(t, "MOS of the defaults (G.107 clause 7.7)", MOS(defaults().rating()), 4.41, 0.005)
	for _, p := range []struct{ r, mos float64 }{ // G.107 Annex B table B.1, two decimals
		{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58},
	} {
		near(t, "MOS of R (G.107 table B.1)", MOS(p.r), p.mos, 0.0066)
	}
	// G.113 Appendix I: codecs without loss, on the default connection, R = 93.2 - Ie.
	for name, ie := range map[string]float64{"PCMU": 0, "G729": 11, "G723": 15, "GSM-EFR": 5, "GSM": 20, "G726-32": 7, "G726-24": 25, "G728": 7} {
		near(t, name, Conditions{Codec: ForCodec(name)}.Rating(), 93.2-ie, 0.05)
	}
	for name, bpl := range map[string]float64{"PCMA": 25.1, "g729": 19, "G723": 16.1, "GSM-EFR": 10} { // table I.3
		if c := ForCodec(name); c.Bpl != bpl || c.Provisional {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestEquations holds points that were worked out from the equations of G.107 by hand, term by term.
func TestEquations(t *testing.T) {
	m := defaults()
	no := m.noise()
	ro := 15 - 1.5*(m.slr+no)
	near(t, "No", no, -61.1792, 1e-4)
	near(t, "Ro", ro, 94.7688, 1e-4)
	near(t, "Is", m.simultaneous(ro, no, m.sidetone()), 1.4136, 1e-4)
	g711, g729 := ForCodec("PCMU"), ForCodec("G729")
	for _, c := range []struct {
		what string
		in   Conditions
		r    float64
	}{
		{"no delay, no loss", Conditions{Codec: g711}, 93.2062},
		{"100 ms: echo only, Idd begins above", Conditions{Codec: g711, DelayMS: 100}, 90.6637},
		{"150 ms", Conditions{Codec: g711, DelayMS: 150}, 89.5391},
		{"250 ms", Conditions{Codec: g711, DelayMS: 250}, 79.1771},
		{"1 % random loss", Conditions{Codec: g711, LossPct: 1, BurstR: 1}, 89.5664},
		{"5 % random loss", Conditions{Codec: g711, LossPct: 5}, 77.4255},
		{"5 % loss in bursts twice as long", Conditions{Codec: g711, LossPct: 5, BurstR: 2}, 93.2062 - 17.2101},
		{"G.729 at 2 %: Ie,eff is 19", Conditions{Codec: g729, LossPct: 2}, 74.2062},
		{"all is lost", Conditions{Codec: g711, LossPct: 100}, 93.2062 - 9500/125.1},
		{"more than all", Conditions{Codec: g711, LossPct: 200, DelayMS: -5, BurstR: -1}, 93.2062 - 9500/125.1},
	} {
		near(t, c.what, c.in.Rating(), c.r, 2e-4)
	}
}

// TestDelayAgreesWithTheShortFormula compares with Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3), a fit of the full model
// that R. Cole and J. Rosenbluth published ("Voice over IP performance monitoring", 2001) and that holds up to 400 ms.
func TestDelayAgreesWithTheShortFormula(t *testing.T) {
	for d := 50.0; d <= 300; d += 10 {
		short := 0.024*d + 0.11*max(0, d-177.3)
		near(t, "Id", 93.2-Conditions{Codec: ForCodec("PCMU"), DelayMS: d}.Rating(), short, 2.5)
	}
}

func TestQualityFallsWithDelayLossAndBursts(t *testing.T) {
	c := Conditions{Codec: ForCodec("PCMU"), BurstR: 1}
	falls := func(what string, set func(x float64), to float64) {
		last := math.Inf(1)
		for x := 0.0; x <= to; x += to / 200 {
			set(x)
			r := c.Rating()
			if r > last+1e-9 || MOS(r) < 1 || MOS(r) > 4.5 {
				t.Fatalf("%s %.2f: R %.4f after %.4f, MOS %.3f", what, x, r, last, MOS(r))
			}
			last = r
		}
	}
	falls("delay", func(x float64) { c.DelayMS = x }, 2000)
	c.DelayMS = 0
	falls("loss", func(x float64) { c.LossPct = x }, 100)
	c.LossPct = 5
	falls("burst ratio", func(x float64) { c.BurstR = x }, 20)
}

func TestMOSOfAnyRating(t *testing.T) {
	for r, want := range map[float64]float64{-50: 1, 0: 1, 5: 1, 100: 4.5, 120: 4.5} {
		near(t, "MOS", MOS(r), want, 1e-9)
	}
}

func TestCodecTable(t *testing.T) {
	for name, c := range byName {
		if c.Ie < 0 || c.Ie > 95 || c.Bpl < 1 || c.Source == "" || c.Name == "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for _, name := range []string{"opus", "iLBC", "G722", "AMR", "AMR-WB"} {
		if c := ForCodec(name); !c.Provisional || c.Source == ForCodec("no-such-codec").Source {
			t.Errorf("%s: %+v, want figures of its own, marked provisional", name, c)
		}
	}
	if c := ForCodec("no-such-codec"); !c.Provisional || c.Name != "no-such-codec" {
		t.Errorf("%+v", c)
	}
}
