package audio

import (
	"math"
	"sync"
)

// resampler brings a stream of samples to a higher rate with a windowed sinc filter, as polyphase: output sample k is at the
// time of input sample k*in/out, both counted from the start of the time line, so that it makes no difference where one
// starts. In and out are the same: it passes samples on.
type resampler struct {
	up, down int // out/in in lowest terms
	phases   []float32
	history  []float32 // input from end-len on
	end      int64     // index of the next input sample
	next     int64     // index of the next output sample
	out      []int16
}

const (
	halfTaps = 24 // input samples on either side of an output sample
	taps     = 2 * halfTaps
	// The filter passes up to 0.92 of the input's bandwidth less than 1 dB down and stops above 1.08 by 70 dB.
	kaiserBeta = 7.0
)

func newResampler(in, out int) *resampler {
	g := gcd(in, out)
	r := &resampler{up: out / g, down: in / g}
	if r.up != r.down {
		r.phases = polyphase(r.up)
	}
	return r
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

var (
	filters   = map[int][]float32{}
	filtersMu sync.Mutex
)

// polyphase is the filter for each of up positions between two input samples. There is a handful of ratios.
func polyphase(up int) []float32 {
	filtersMu.Lock()
	defer filtersMu.Unlock()
	if f := filters[up]; f != nil {
		return f
	}
	f := make([]float32, up*taps)
	for p := range up {
		sum := 0.0
		h := make([]float64, taps)
		for i := range h {
			x := float64(i-halfTaps+1) - float64(p)/float64(up) // distance from the output sample
			w := x / halfTaps
			if w <= -1 || w >= 1 {
				continue
			}
			h[i] = sinc(x) * bessel(kaiserBeta*math.Sqrt(1-w*w))
			sum += h[i]
		}
		for i, v := range h {
			f[p*taps+i] = float32(v / sum)
		}
	}
	filters[up] = f
	return f
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel is the modified Bessel function of the first kind and order 0, by its series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / 2 / k * x / 2 / k
		sum += term
	}
	return sum
}

// start begins at input sample at, with silence before it.
func (r *resampler) start(at int64) {
	r.end = at
	r.next = (at*int64(r.up) + int64(r.down) - 1) / int64(r.down)
	if r.phases != nil {
		r.history = append(r.history[:0], make([]float32, taps)...)
	}
}

// push takes the next input samples and gives the output that they complete, which begins at output sample at and is valid
// until the next call.
func (r *resampler) push(in []int16) (at int64, out []int16) {
	at = r.next
	if r.phases == nil {
		r.end += int64(len(in))
		r.next = r.end
		return at, in
	}
	for _, v := range in {
		r.history = append(r.history, float32(v))
	}
	r.end += int64(len(in))
	first := r.end - int64(len(r.history)) // index of history[0]
	r.out = r.out[:0]
	pos, phase := r.next*int64(r.down)/int64(r.up), int(r.next*int64(r.down)%int64(r.up))
	for pos+halfTaps < r.end {
		h := r.history[pos-halfTaps+1-first:][:taps]
		f := r.phases[phase*taps:][:taps]
		var a, b float32
		for i := 0; i < taps; i += 2 {
			a += h[i] * f[i]
			b += h[i+1] * f[i+1]
		}
		r.out = append(r.out, round16(a+b))
		r.next++
		phase += r.down
		for phase >= r.up {
			phase -= r.up
			pos++
		}
	}
	if extra := len(r.history) - taps; extra > 0 {
		r.history = r.history[:copy(r.history, r.history[extra:])]
	}
	return at, r.out
}

var quiet [halfTaps]int16

// flush gives the output that waits for input to come.
func (r *resampler) flush() (at int64, out []int16) {
	if r.phases == nil {
		return r.next, nil
	}
	return r.push(quiet[:])
}

func round16(v float32) int16 {
	return int16(max(min(math.RoundToEven(float64(v)), 32767), -32768))
}
