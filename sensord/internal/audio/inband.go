package audio

import (
	"math"

	"voiptop/sensord/internal/tone"
)

// toneFinder looks for digits in the voice itself, to blank those that are not sent as telephone-events: at 8000 samples a second,
// whatever the rate of the time line.
type toneFinder struct {
	finder tone.Finder
	factor int64     // samples of the time line for one of the finder's
	filter []float64 // low-pass, of which the middle is at the sample that is made; nil: the rates are the same
	next   int64     // sample of the finder's that is made next
}

const (
	findStep    = 51                  // samples at which the finder's answer changes
	findAhead   = digitMargin + 60    // ms that must be known of what comes after a sample that goes out: what makes a digit sure, twice
	foundInBand = 255                 // event of a digit that was found
	finderRate  = 8000                //
	filterEach  = 8                   // samples of the finder's on either side that the filter spans: 1 ms
	filterUpTo  = 3400.0 / finderRate // of the finder's rate: telephone bandwidth, far above the tones
)

func newToneFinder(rate int) *toneFinder {
	f := &toneFinder{factor: int64(max(1, rate/finderRate))}
	if f.factor == 1 {
		return f
	}
	half := int(filterEach * f.factor)
	f.filter = make([]float64, 2*half+1)
	sum := 0.0
	for i := range f.filter {
		x := float64(i - half)
		f.filter[i] = sinc(2*filterUpTo*x/float64(f.factor)) * (0.5 + 0.5*math.Cos(math.Pi*x/float64(half+1)))
		sum += f.filter[i]
	}
	for i := range f.filter {
		f.filter[i] /= sum
	}
	return f
}

// find looks for digits in the samples before end, which change no more.
func (s *side) find(end int64) {
	f := s.tones
	if f == nil {
		return
	}
	half := int64(len(f.filter) / 2)
	if first := (s.base + f.factor - 1) / f.factor; f.next < first { // steps begin at the same places wherever one begins to listen
		f.next = (first + findStep - 1) / findStep * findStep
		f.finder.Reset()
	}
	for ; f.next*f.factor+half < end; f.next++ {
		f.finder.Sample(s.at(f, half))
		if held := int64(f.finder.Held()); held > 0 && (f.next+1)%findStep == 0 {
			from := f.next + 1 - held
			s.event(flowKey{}, uint32(from), foundInBand, 0, from*f.factor, (f.next+1)*f.factor)
		}
	}
}

// at makes the next sample of the finder's.
func (s *side) at(f *toneFinder, half int64) (v float64) {
	mask, at := int64(len(s.ring)-1), f.next*f.factor
	if f.filter == nil {
		return float64(s.ring[at&mask])
	}
	for i, c := range f.filter {
		if j := at - half + int64(i); j >= 0 {
			v += c * float64(s.ring[j&mask])
		}
	}
	return v
}
