// Package quality says how a stream sounds: it plays every packet into simulated jitter buffers, counts what they would
// have to leave out, and rates loss, its burstiness, the delay and the codec by the E-model (ITU-T G.107), per interval of
// ten seconds and over the stream.
//
// The call package feeds a Meter with the events of package rtp; package audio plays what a Playout plays, so that what is heard
// is what was rated. It is not for network statistics (rtp), and it does not listen: the E-model predicts from transmission
// figures. It has no clock; time is the packet's.
package quality

import "math"

// Conditions are the inputs of the E-model that a sensor can know. Everything else stands at the defaults of G.107 table 2.
type Conditions struct {
	Codec   Codec
	LossPct float64 // Ppl: packets that are not played, per cent, 0..100
	BurstR  float64 // mean length of loss runs, relative to that of random loss of the same rate; below 1 counts as 1
	DelayMS float64 // mouth to ear, one way: T = Ta, Tr = 2T
}

// Rating is the transmission rating factor R of ITU-T G.107 (06/2015) clause 7.1: 93.2 for the defaults.
func (c Conditions) Rating() float64 { return transmission(c).rating() }

// MOS converts Rating to the estimated conversational quality MOS-CQE, 1..4.5 (G.107 Annex B).
func (c Conditions) MOS() float64 { return MOS(c.Rating()) }

// MOS converts a rating R to MOS-CQE (G.107 Annex B, equation B-4). Below R = 6.5 the equation would fall under 1.
func MOS(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// model holds all inputs of G.107 table 2.
type model struct {
	slr, rlr, stmr, dr, ds    float64 // dB
	telr, wepl                float64 // dB
	t, tr, ta                 float64 // ms
	qdu                       float64
	ie, bpl, ppl, burstR      float64
	nc, nfor, ps, pr          float64 // dBm0p, dBmp, dB(A)
	advantage                 float64
	delaySensitivity, minimum float64 // sT, mT in ms
}

func defaults() model {
	return model{
		slr: 8, rlr: 2, stmr: 15, dr: 3, ds: 3, telr: 65, wepl: 110, qdu: 1,
		bpl: 4.3, burstR: 1, nc: -70, nfor: -64, ps: 35, pr: 35,
		delaySensitivity: 1, minimum: 100,
	}
}

func transmission(c Conditions) model {
	m := defaults()
	m.ie, m.bpl = c.Codec.Ie, c.Codec.Bpl
	m.ppl, m.burstR = min(max(c.LossPct, 0), 100), max(c.BurstR, 1)
	m.t, m.ta, m.tr = max(c.DelayMS, 0), max(c.DelayMS, 0), 2*max(c.DelayMS, 0)
	return m
}

// rating is equation 7-1: R = Ro - Is - Id - Ie,eff + A.
func (m model) rating() float64 {
	no := m.noise()
	ro := 15 - 1.5*(m.slr+no) // 7-2
	ist := m.sidetone()
	return ro - m.simultaneous(ro, no, ist) - m.delay(ro, no, ist) - m.equipment() + m.advantage
}

// noise is No, the sum of all noise at the 0 dBr point: equations 7-3 to 7-7.
func (m model) noise() float64 {
	lstr := m.stmr + m.dr
	olr := m.slr + m.rlr
	nos := m.ps - m.slr - m.ds - 100 + 0.004*square(m.ps-olr-m.ds-14)
	pre := m.pr + 10*math.Log10(1+power10((10-lstr)/10))
	nor := m.rlr - 121 + pre + 0.008*square(pre-35)
	nfo := m.nfor + m.rlr
	return 10 * math.Log10(power10(m.nc/10)+power10(nos/10)+power10(nor/10)+power10(nfo/10))
}

// sidetone is Ist, equations 7-11 and 7-12.
func (m model) sidetone() float64 {
	stmro := -10 * math.Log10(power10(-m.stmr/10)+math.Exp(-m.t/4)*power10(-m.telr/10))
	return 12*root(1+math.Pow((stmro-13)/6, 8), 8) -
		28*root(1+math.Pow((stmro+1)/19.4, 35), 35) -
		13*root(1+math.Pow((stmro-3)/33, 13), 13) + 29
}

// simultaneous is Is, equations 7-8 to 7-17.
func (m model) simultaneous(ro, no, ist float64) float64 {
	x := m.slr + m.rlr + 0.2*(64+no-m.rlr)
	iolr := 20 * (root(1+math.Pow(x/8, 8), 8) - x/8)
	q := 37 - 15*math.Log10(m.qdu)
	g := 1.07 + 0.258*q + 0.0602*q*q
	iq := 15 * math.Log10(1+power10((ro-100)/15+46/8.4-g/9)+power10(46.0/30-g/40))
	return iolr + ist + iq
}

// delay is Id, equations 7-18 to 7-28: talker echo, listener echo, and delay itself.
func (m model) delay(ro, no, ist float64) float64 {
	terv := m.telr - 40*math.Log10((1+m.t/10)/(1+m.t/150)) + 6*math.Exp(-0.3*m.t*m.t)
	if m.stmr < 9 {
		terv += ist / 2
	}
	d := -1.5*(no-m.rlr) - (80 + 2.5*(terv-14))
	idte := (d/2 + math.Sqrt(d*d/4+100) - 1) * (1 - math.Exp(-m.t))
	if m.stmr > 20 {
		idte = math.Hypot(idte, ist)
	}
	e := ro - 10.5*(m.wepl+7)*math.Pow(m.tr+1, -0.25)
	idle := e/2 + math.Sqrt(e*e/4+169)
	idd := 0.0
	if m.ta > m.minimum {
		x, n := math.Log2(m.ta/m.minimum), 6*m.delaySensitivity
		idd = 25 * (root(1+math.Pow(x, n), n) - 3*root(1+math.Pow(x/3, n), n) + 2)
	}
	return idte + idle + idd
}

// equipment is Ie,eff, equation 7-29.
func (m model) equipment() float64 {
	if m.ppl <= 0 {
		return m.ie
	}
	return m.ie + (95-m.ie)*m.ppl/(m.ppl/m.burstR+m.bpl)
}

func square(x float64) float64  { return x * x }
func power10(x float64) float64 { return math.Pow(10, x) }
func root(x, n float64) float64 { return math.Pow(x, 1/n) }
