package audio

import "errors"

const (
	gsmFrame   = 33  // bytes, RFC 3551 section 4.5.8.1
	gsmSamples = 160 // of a frame, 20 ms
)

// gsmDecoder is GSM 06.10 full rate (ETSI EN 300 961): regular pulse excitation goes through a long-term and a
// short-term predictor. Section numbers are the standard's; arithmetic is in 16 bits with saturation, as there.
type gsmDecoder struct {
	residual [120 + 40]int32 // reconstructed short-term residual: the last 120 samples, and room for a subframe
	lag      int32
	lar      [8]int32 // log-area ratios of the frame before
	v        [9]int32 // of the short-term filter
	deemph   int32
}

func newGSM() *gsmDecoder { return &gsmDecoder{lag: 40} }

// gsmSub is what a subframe of 5 ms says.
type gsmSub struct {
	lag, gain, grid, max int32
	pulse                [13]int32
}

// Tables 4.1, 4.3b, 4.6 and 3.3 of the standard.
var (
	gsmBits = [8]uint{6, 6, 5, 5, 4, 4, 3, 3}
	gsmMin  = [8]int32{-32, -32, -16, -16, -8, -8, -4, -4}
	gsmB    = [8]int32{0, 0, 2048, -2560, 94, -1792, -341, -1144}
	gsmInvA = [8]int32{13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708}
	gsmQLB  = [4]int32{3277, 11469, 21299, 32767}
	gsmFAC  = [8]int32{18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767}
)

var errGSM = errors.New("no GSM frame: the signature is missing")

func (*gsmDecoder) length(payload []byte) int { return len(payload) / gsmFrame * gsmSamples }

func (g *gsmDecoder) decode(dst []int16, payload []byte) ([]int16, error) {
	for ; len(payload) >= gsmFrame; payload = payload[gsmFrame:] {
		if payload[0]>>4 != 0xd {
			return dst, errGSM
		}
		dst = g.frame(dst, payload[:gsmFrame])
	}
	return dst, nil
}

func (g *gsmDecoder) frame(dst []int16, b []byte) []int16 {
	r := bitReader{b: b}
	r.take(4)
	var lar [8]int32
	for i := range lar { // 5.2.8: decoding of the coded log-area ratios
		v := (int32(r.take(gsmBits[i])) + gsmMin[i]) << 10
		v = multR(gsmInvA[i], saturate(v-gsmB[i]<<1))
		lar[i] = saturate(2 * v)
	}
	var residual [gsmSamples]int32
	for i := range 4 {
		s := gsmSub{lag: int32(r.take(7)), gain: int32(r.take(2)), grid: int32(r.take(2)), max: int32(r.take(6))}
		for j := range s.pulse {
			s.pulse[j] = int32(r.take(3))
		}
		g.excite(&s)
		copy(residual[40*i:], g.residual[120:])
		copy(g.residual[:], g.residual[40:])
	}
	var rp [8]int32
	for k, v := range residual {
		if k == 0 || k == 13 || k == 27 || k == 40 {
			g.coefficients(&rp, k, &lar)
		}
		for i := 7; i >= 0; i-- { // 5.3.4: short-term synthesis filtering
			v = saturate(v - multR(rp[i], g.v[i]))
			g.v[i+1] = saturate(g.v[i] + multR(rp[i], v))
		}
		g.v[0] = v
		g.deemph = saturate(v + multR(g.deemph, 28180)) // 5.3.5
		dst = append(dst, int16(saturate(2*g.deemph)&^7))
	}
	g.lar = lar
	return dst
}

// excite is RPE decoding (5.2.15 to 5.2.17) and long-term synthesis (5.3.2): it fills the last 40 samples of residual.
func (g *gsmDecoder) excite(s *gsmSub) {
	exp, mant := int32(0), s.max
	if s.max > 15 {
		exp = s.max>>3 - 1
		mant = s.max - exp<<3
	}
	if mant == 0 {
		exp, mant = -4, 7
	} else {
		for mant <= 7 {
			mant = mant<<1 | 1
			exp--
		}
		mant -= 8
	}
	shift := 6 - exp // 0..10
	round := int32(0)
	if shift > 0 {
		round = 1 << (shift - 1)
	}
	out := g.residual[120:]
	clear(out)
	for i, p := range s.pulse {
		v := multR(gsmFAC[mant], (p<<1-7)<<12)
		out[s.grid+int32(3*i)] = saturate(v+round) >> shift
	}
	if s.lag >= 40 && s.lag <= 120 {
		g.lag = s.lag
	}
	for k := range out {
		out[k] = saturate(out[k] + multR(gsmQLB[s.gain], g.residual[120+k-int(g.lag)]))
	}
}

// coefficients gives the reflection coefficients from sample k of a frame on: interpolation with the frame before
// (5.2.9.1), and from log-area ratios to coefficients (5.2.9.2).
func (g *gsmDecoder) coefficients(rp *[8]int32, k int, lar *[8]int32) {
	for i, cur := range lar {
		old, v := g.lar[i], cur
		switch {
		case k < 13:
			v = saturate(saturate(old>>2+cur>>2) + old>>1)
		case k < 27:
			v = saturate(old>>1 + cur>>1)
		case k < 40:
			v = saturate(saturate(old>>2+cur>>2) + cur>>1)
		}
		neg := v < 0
		if neg {
			v = min(-v, 32767)
		}
		switch {
		case v < 11059:
			v <<= 1
		case v < 20070:
			v += 11059
		default:
			v = saturate(v>>2 + 26112)
		}
		if neg {
			v = -v
		}
		rp[i] = v
	}
}

// multR is the product of two fractions of 16 bits, rounded (the standard's mult_r).
func multR(a, b int32) int32 {
	if a == -32768 && b == -32768 {
		return 32767
	}
	return (a*b + 16384) >> 15
}

// bitReader takes numbers from bytes, the most significant bit first.
type bitReader struct {
	b  []byte
	at uint
}

func (r *bitReader) take(n uint) (v uint32) {
	for range n {
		v = v<<1 | uint32(r.b[r.at>>3]>>(7-r.at&7)&1)
		r.at++
	}
	return v
}
