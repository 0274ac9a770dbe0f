package tone

import (
	"math"

	"voiptop/sensord/internal/g711"
)

// MaxDigits is how many digits a DTMF holds; later ones are left out.
const MaxDigits = 60

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

// DTMF collects the digits that are heard in one stream of G.711, each once. Its size is fixed; the zero value is ready.
type DTMF struct {
	samples [block]float64
	sums    [2]sums // of the halves of samples
	n       int     // of them there
	fresh   bool    // no block was full yet
	next    uint32  // time stamp that follows
	started bool

	held     [maxHeld]byte // packet before, which was not looked into
	heldLen  int
	heldALaw bool
	may      bool // the packet before may hold part of a digit
	changes  int  // of sign in the piece before

	candidate int8 // digit of the newest blocks, plus 1; 0: none
	run       int  // blocks in a row that had it
	current   int8 // digit that is held, plus 1; 0: none
	gone      int  // blocks in a row without it
	phases    [2]float64

	digits [MaxDigits]byte
	count  int
}

// Digits are those heard so far, in order.
func (d *DTMF) Digits() string { return string(d.digits[:d.count]) }

// Packet takes the payload of a packet of G.711 with the time stamp of its first sample. One that is older than what was taken is left
// out.
func (d *DTMF) Packet(timestamp uint32, payload []byte, aLaw bool) {
	if len(payload) > maxHeld || len(payload) == 0 {
		return
	}
	missing := int32(timestamp - d.next)
	switch {
	case !d.started:
		d.started, d.fresh = true, true
	case missing < 0 && missing > -8000: // it came before, or late
		return
	case missing < 0 || missing > longHole*hop:
		*d = DTMF{started: true, fresh: true, digits: d.digits, count: d.count}
	case missing > 0: // a digit that was held is taken to go on through it
		d.restart()
		d.heldLen = 0
	}
	d.next = timestamp + uint32(len(payload))
	may := d.mayHold(payload) && begins(payload, aLaw)
	switch {
	case may, d.may:
		d.take(d.held[:d.heldLen], d.heldALaw)
		d.heldLen = 0
		d.take(payload, aLaw)
	default: // the beginning of a digit may be in it, which shows in the next
		if d.heldLen > 0 {
			d.pass(d.heldLen)
		}
		d.heldLen, d.heldALaw = copy(d.held[:], payload), aLaw
	}
	d.may = may
}

const (
	maxHeld = 480 // bytes of a packet that is heard: 60 ms
	fewest  = 10  // in a piece, of a digit: 697 Hz alone has 12.5
	most    = 33  // 1633 Hz alone has 29.4
	differ  = 10  // from one piece to the next: of equal tones their sum changes sign now like the one, now like both
)

// mayHold tells cheaply what holds no part of a digit that is 40 ms long: then it has two pieces in a row that change sign about as often,
// and as often as a digit does.
func (d *DTMF) mayHold(payload []byte) (may bool) {
	for ; len(payload) > piece; payload = payload[piece:] {
		n := changes((*[piece + 1]byte)(payload))
		if n >= fewest && n <= most && n-d.changes <= differ && d.changes-n <= differ {
			may = true
		}
		d.changes = n
	}
	return may
}

// begins reports whether a packet begins as within a digit: where one is 40 ms long, and the packets are not longer than 30, one of them does.
func begins(payload []byte, aLaw bool) bool {
	if len(payload) < hop+4 {
		return true
	}
	table := tableOf(aLaw)
	var x [hop + 4]float64
	for i := range x {
		x[i] = float64(table[payload[i]])
	}
	var s sums
	s.take(x[:])
	return s.twoTones(hop)
}

func tableOf(aLaw bool) *[256]int16 {
	if aLaw {
		return g711.ALaw
	}
	return g711.MuLaw
}

// pass passes samples over that hold no digit.
func (d *DTMF) pass(n int) {
	d.restart()
	if d.gone += n / hop; d.gone >= over {
		d.current = 0
	}
}

// restart begins with an empty block.
func (d *DTMF) restart() { d.n, d.candidate, d.run, d.fresh = 0, 0, 0, true }

// take takes samples to look for digits in.
func (d *DTMF) take(payload []byte, aLaw bool) {
	table := tableOf(aLaw)
	for _, b := range payload {
		d.sample(float64(table[b]))
	}
}

func (d *DTMF) sample(v float64) {
	d.samples[d.n] = v
	if d.n++; d.n < block {
		return
	}
	if d.sums[0] = d.sums[1]; d.fresh {
		d.sums[0].take(d.samples[:hop+4])
		d.fresh = false
	}
	d.sums[1].take(d.samples[block-hop-4:])
	d.newBlock()
	copy(d.samples[:], d.samples[hop:])
	d.n = block - hop
}

// newBlock takes the next block.
func (d *DTMF) newBlock() {
	var digit int8
	var phases [2]float64
	if all := d.sums[0].plus(&d.sums[1]); all.twoTones(2 * hop) {
		digit, phases = d.digit()
	}
	if digit != 0 && digit == d.candidate && !inStep(digit, &d.phases, &phases) {
		digit = 0
	}
	d.phases = phases
	if digit == d.candidate && digit != 0 {
		d.run++
	} else {
		d.candidate, d.run = digit, 1
	}
	if digit == d.current {
		d.gone = 0
		return
	}
	if d.gone++; d.current != 0 && d.gone >= over {
		d.current = 0
	}
	if digit != 0 && d.run >= sure {
		d.current, d.gone = digit, 0
		if d.count < MaxDigits {
			d.digits[d.count] = digitNames[digit-1]
			d.count++
		}
	}
}

// digit is what the block's two strongest tones are, plus 1, with their phases; 0 when it is none.
func (d *DTMF) digit() (digit int8, phases [2]float64) {
	var x [block]float64
	power := 0.0
	for i, v := range d.samples {
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
