package audio

import "math"

// noise is comfort noise (RFC 3389): white, at the level that the packet says. The spectrum that it may say is not used.
type noise struct{ amplitude float64 }

// newNoise takes the first byte of the payload: the level in -dBov, 0 to 127.
func newNoise(level uint8) *noise {
	// Uniform noise of amplitude A has the power A*A/3; 0 dBov is a square wave of full scale.
	return &noise{amplitude: math.Sqrt(3) * 32768 * math.Pow(10, -float64(level&0x7f)/20)}
}

// make appends n samples. They are a function of their place, so that it makes no difference where one starts.
func (z *noise) make(dst []int16, at int64, n int) []int16 {
	for i := range n {
		x := uint64(at+int64(i)) * 0x9e3779b97f4a7c15 // splitmix64
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		u := float64(int64(x^x>>31)) / (1 << 63) // -1..1
		dst = append(dst, int16(max(min(math.Round(u*z.amplitude), 32767), -32768)))
	}
	return dst
}
