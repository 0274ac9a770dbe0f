package tone

import "math"

// A digit is two tones at a time (ITU-T Q.23). What ITU-T Q.24 asks of receivers, by its table 1: each within 1.5 % of its
// frequency is taken and 3.5 % off is not; the higher tone at most 4 dB stronger, or 8 dB weaker; 40 ms long are taken and 23 ms not,
// an interruption of 10 ms divides nothing and a pause of 30 ms does; down to -25 dBm0.
const (
	block = 102 // samples that are looked at together, 12.75 ms, by a window
	hop   = 51  // and by which the next begins later: the phase that a tone has gone on by tells its frequency

	digitFloor = 400.0       // RMS of one tone, of 32767: -32 dBm0
	twistHigh  = 10.0 * 0.33 // power of the higher tone over that of the lower: 4 dB and a margin of 1.2
	twistLow   = 10.0 * 0.83 // and the other way round: 8 dB and 1.2
	share      = 0.80        // of the power is in the two tones: what speech seldom has
	offBy      = 0.025       // of its frequency that a tone may be off

	sure     = 4  // blocks in a row that are one digit make it: of 40 ms at least five are
	over     = 4  // blocks in a row without it end it
	longHole = 10 // blocks: what is missing for longer ends all
)

var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

const digitNames = "123A456B789C*0#D"

// bin is what is known of one of the eight frequencies.
type bin struct{ cos, sin, c, step, most float64 }

var (
	bins       [8]bin
	window     [block]float64
	windowGain float64 // power of a windowed sine over its squared bin, see newBlock
)

func init() {
	for i, hz := range append(rows[:], columns[:]...) {
		w := 2 * math.Pi * hz / 8000
		bins[i] = bin{math.Cos(w), math.Sin(w), 2 * math.Cos(w), math.Mod(w*hop, 2*math.Pi), 2 * math.Pi * hz * offBy / 8000 * hop}
	}
	sum, squares := 0.0, 0.0
	for i := range window {
		window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/block)
		sum += window[i]
		squares += window[i] * window[i]
	}
	windowGain = 2 * squares / (sum * sum)
}

// Finder looks for digits in samples, 8000 a second. The zero value is ready.
type Finder struct {
	samples [block]float64
	sums    [2]sums // of the halves of samples
	n       int     // of them there
	begun   bool    // a block was full

	candidate int8 // digit of the newest blocks, plus 1; 0: none
	run       int  // blocks in a row that had it
	current   int8 // digit that is held, plus 1; 0: none
	gone      int  // blocks in a row without it
	phases    [2]float64
}

// Sample takes the next sample; full scale is 32767. digit is the name of a digit that is sure now, 0: there is no new one.
func (f *Finder) Sample(v float64) (digit byte) {
	f.samples[f.n] = v
	if f.n++; f.n < block {
		return 0
	}
	if f.sums[0] = f.sums[1]; !f.begun {
		f.sums[0].take(f.samples[:hop+4])
		f.begun = true
	}
	f.sums[1].take(f.samples[block-hop-4:])
	digit = f.newBlock()
	copy(f.samples[:], f.samples[hop:])
	f.n = block - hop
	return digit
}

// Held says how many of the newest samples belong to a digit that is heard now, and are taken for one for sure; 0: none is. It changes every
// 51 samples.
func (f *Finder) Held() int {
	if f.candidate == 0 || f.run < sure {
		return 0
	}
	return (f.run-1)*hop + f.n + hop
}

// Reset begins anew.
func (f *Finder) Reset() { *f = Finder{} }

// pass passes samples over that hold no digit.
func (f *Finder) pass(n int) {
	f.restart()
	if f.gone += n / hop; f.gone >= over {
		f.current = 0
	}
}

// restart begins with an empty block.
func (f *Finder) restart() { f.n, f.candidate, f.run, f.begun = 0, 0, 0, false }

// newBlock takes the next block, and names a digit that is sure with it.
func (f *Finder) newBlock() (began byte) {
	var digit int8
	var phases [2]float64
	if all := f.sums[0].plus(&f.sums[1]); all.twoTones(2 * hop) {
		digit, phases = f.digit()
	}
	if digit != 0 && digit == f.candidate && !inStep(digit, &f.phases, &phases) {
		digit = 0
	}
	f.phases = phases
	if digit == f.candidate && digit != 0 {
		f.run++
	} else {
		f.candidate, f.run = digit, 1
	}
	if digit == f.current {
		f.gone = 0
		return 0
	}
	if f.gone++; f.current != 0 && f.gone >= over {
		f.current = 0
	}
	if digit != 0 && f.run >= sure {
		f.current, f.gone = digit, 0
		return digitNames[digit-1]
	}
	return 0
}

// digit is what the block's two strongest tones are, plus 1, with their phases; 0 when it is none.
func (f *Finder) digit() (digit int8, phases [2]float64) {
	var x [block]float64
	power := 0.0
	for i, v := range f.samples {
		v *= window[i]
		x[i] = v
		power += v * v
	}
	const least = digitFloor * digitFloor * block * 3 / 8 // of one tone: the window's mean square is 3/8
	if power < 2*least {
		return 0, phases
	}
	var best [2]int
	var most [2]float64
	var re, im [2]float64
	for i := range bins {
		b := &bins[i]
		s1, s2 := 0.0, 0.0
		for _, v := range x {
			s1, s2 = v+b.c*s1-s2, s1
		}
		if p := windowGain * (s1*s1 + s2*s2 - b.c*s1*s2); p > most[i/4] {
			most[i/4], best[i/4] = p, i%4
			re[i/4], im[i/4] = s1-s2*b.cos, s2*b.sin
		}
	}
	low, high := most[0], most[1]
	if min(low, high) < least || high > twistHigh*low || low > twistLow*high || low+high < share*power {
		return 0, phases
	}
	return int8(4*best[0] + best[1] + 1), [2]float64{math.Atan2(im[0], re[0]), math.Atan2(im[1], re[1])}
}

// inStep reports whether both tones of a digit went on by what their frequencies should, from one block to the next.
func inStep(digit int8, before, now *[2]float64) bool {
	for i, n := range [2]int{int(digit-1) / 4, 4 + int(digit-1)%4} {
		b := &bins[n]
		if math.Abs(math.Remainder(now[i]-before[i]-b.step, 2*math.Pi)) > b.most {
			return false
		}
	}
	return true
}

// sums tell cheaply what cannot be two tones. Of two sines of angles v and w per sample
//
//	x(i-2) + x(i+2) = 2 (cos v + cos w) (x(i-1) + x(i+1)) - (2 + 4 cos v cos w) x(i)
//
// and the sums are those of the equations for the v and w that fit best.
type sums struct{ oo, oi, ii, fo, fi, ff float64 } // i: x(i); o: its neighbours; f: theirs

// take sums over half of a block, and the two samples on either side that it needs.
func (s *sums) take(x []float64) {
	*s = sums{}
	for i := 2; i+2 < len(x); i++ {
		c, o, f := x[i], x[i-1]+x[i+1], x[i-2]+x[i+2]
		s.oo += o * o
		s.oi += o * c
		s.ii += c * c
		s.fo += f * o
		s.fi += f * c
		s.ff += f * f
	}
}

func (s *sums) plus(t *sums) sums {
	return sums{s.oo + t.oo, s.oi + t.oi, s.ii + t.ii, s.fo + t.fo, s.fi + t.fi, s.ff + t.ff}
}

// Limits of what is looked into.
const (
	fits = 0.7  // of the power may be left over
	wide = 1.35 // by which a tone may seem lower or higher, in noise
)

var lowRange, highRange = rangeOf(&rows), rangeOf(&columns)

// rangeOf gives the cosines of the greatest and least angle that the tones of a group may seem to have.
func rangeOf(group *[4]float64) (r [2]float64) {
	return [2]float64{math.Cos(2 * math.Pi * group[3] * wide / 8000), math.Cos(2 * math.Pi * group[0] / wide / 8000)}
}

// twoTones reports whether n samples may be of a digit.
func (s *sums) twoTones(n float64) bool {
	least := digitFloor * digitFloor * n / 2
	d := s.oo*s.ii - s.oi*s.oi
	if s.ii < least || d <= 0 {
		return false
	}
	a := (s.fo*s.ii - s.fi*s.oi) / d // of o
	b := (s.fi*s.oo - s.fo*s.oi) / d // of i
	if s.ff-a*s.fo-b*s.fi > fits*s.ff {
		return false
	}
	half, product := a/4, -(b+2)/4 // (cos v + cos w) / 2, cos v cos w
	root := half*half - product
	if root < -0.02 { // with noise the two may seem to be nearer than they are, or one
		return false
	}
	root = math.Sqrt(max(root, 0))
	low, high := half+root, half-root
	return low >= lowRange[0] && low <= lowRange[1] && high >= highRange[0] && high <= highRange[1]
}
