package audio

import (
	"math"
	"math/bits"
)

// spectrum makes power spectra of windows of n samples, n a power of two, by a fast Fourier transform (radix 2, decimation in
// time). It has one user.
type spectrum struct {
	window  []float64 // Hann, of sum n/2
	cos     []float64 // of 2 pi k / n, k < n/2
	sin     []float64
	re, im  []float64
	reverse []int
	power   []float64
}

func newSpectrum(n int) *spectrum {
	s := &spectrum{
		window: make([]float64, n), cos: make([]float64, n/2), sin: make([]float64, n/2),
		re: make([]float64, n), im: make([]float64, n), reverse: make([]int, n), power: make([]float64, n/2),
	}
	shift := 64 - bits.TrailingZeros(uint(n))
	for i := range n {
		s.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n))
		s.reverse[i] = int(bits.Reverse64(uint64(i)) >> shift)
	}
	for k := range n / 2 {
		s.sin[k], s.cos[k] = math.Sincos(2 * math.Pi * float64(k) / float64(n))
	}
	return s
}

// of gives the power in each of the n/2 bands of samples, of which there are n. A sine of full scale has the power 1 in the
// middle of its band. The result is valid until the next call.
func (s *spectrum) of(samples []int16) []float64 {
	n := len(s.re)
	for i, v := range samples[:n] {
		s.re[s.reverse[i]] = float64(v) / 32768 * s.window[i]
	}
	clear(s.im)
	for size := 2; size <= n; size <<= 1 {
		half, step := size/2, n/size
		for start := 0; start < n; start += size {
			for k := range half {
				i, j := start+k, start+k+half
				c, d := s.cos[k*step], -s.sin[k*step]
				re, im := s.re[j]*c-s.im[j]*d, s.re[j]*d+s.im[j]*c
				s.re[j], s.im[j] = s.re[i]-re, s.im[i]-im
				s.re[i], s.im[i] = s.re[i]+re, s.im[i]+im
			}
		}
	}
	scale := 4 / float64(n) // the window halves the amplitude, the other half is at the negative frequency
	for k := range s.power {
		re, im := s.re[k]*scale, s.im[k]*scale
		s.power[k] = re*re + im*im
	}
	return s.power
}
