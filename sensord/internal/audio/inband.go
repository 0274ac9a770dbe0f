package audio

import "math"

// toneFinder looks for digits in the voice itself, for those who send no telephone-events: in blocks of 20 ms, by the power at
// the eight frequencies of ITU-T Q.23 (Goertzel's algorithm). It is used to blank them only: what speech may be taken for a
// digit by it is silent then, so that it asks for more than a receiver does.
type toneFinder struct {
	n       int64 // samples of a block
	next    int64 // block that is looked at next
	rows    [4]float64
	columns [4]float64
	last    int   // digit in the block before, -1: none
	run     int64 // block that it was met in first
	block   []int16
}

const (
	blockMS     = 20
	findAhead   = digitMargin + 2*blockMS + 20 // ms that must be known of what comes after a sample that goes out
	toneShare   = 0.8                          // of a block's power that is in the two tones
	toneTwist   = 10.0                         // power of one over that of the other, at the most
	toneFloor   = 0.003                        // RMS of a block that is looked at, full scale 1: -50 dB
	toneBlocks  = 2                            // that have the same digit
	foundInBand = 255                          // event of a digit that was found
)

func newToneFinder(rate int) *toneFinder {
	f := &toneFinder{n: int64(rate * blockMS / 1000), last: -1}
	for i, hz := range [4]float64{697, 770, 852, 941} {
		f.rows[i] = 2 * math.Cos(2*math.Pi*hz/float64(rate))
	}
	for i, hz := range [4]float64{1209, 1336, 1477, 1633} {
		f.columns[i] = 2 * math.Cos(2*math.Pi*hz/float64(rate))
	}
	f.block = make([]int16, f.n)
	return f
}

// find looks for digits in the samples before end, which change no more.
func (s *side) find(end int64) {
	f := s.tones
	if f == nil {
		return
	}
	f.next = max(f.next, (s.base+f.n-1)/f.n)
	mask := int64(len(s.ring) - 1)
	for ; (f.next+1)*f.n <= end; f.next++ {
		for i := range f.block {
			f.block[i] = s.ring[(f.next*f.n+int64(i))&mask]
		}
		d := f.digit(f.block)
		if d < 0 || d != f.last {
			f.last, f.run = d, f.next
			continue
		}
		if f.next-f.run+1 >= toneBlocks {
			s.event(flowKey{}, uint32(f.run), foundInBand, 0, f.run*f.n, (f.next+1)*f.n)
		}
	}
}

// digit is the digit whose tones a block is, -1: none.
func (f *toneFinder) digit(block []int16) int {
	total := 0.0
	for _, v := range block {
		total += float64(v) * float64(v)
	}
	n := float64(len(block))
	if total < n*32768*toneFloor*32768*toneFloor {
		return -1
	}
	row, rowPower := strongest(block, &f.rows)
	column, columnPower := strongest(block, &f.columns)
	if 2*(rowPower+columnPower) < toneShare*n*total || rowPower > toneTwist*columnPower || columnPower > toneTwist*rowPower {
		return -1
	}
	return 4*row + column
}

// strongest is the frequency that most of a block's power is at, and its power.
func strongest(block []int16, coefficients *[4]float64) (best int, power float64) {
	for i, c := range coefficients {
		var s1, s2 float64
		for _, v := range block {
			s1, s2 = float64(v)+c*s1-s2, s1
		}
		if p := s1*s1 + s2*s2 - c*s1*s2; p > power {
			best, power = i, p
		}
	}
	return best, power
}
