package audio

// g722Decoder is ITU-T G.722 in its first mode, 64 kbit/s: two bits of a byte are the upper band (4 to 8 kHz), six the
// lower, each an adaptive difference; two filters put them together to two samples at 16 kHz. The names of the blocks
// are the Recommendation's (figures 5 and 7 to 10). Arithmetic is in 16 bits with saturation, as there.
type g722Decoder struct {
	low, high g722Band
	delay     [24]int32 // of the receive filters, newest last
}

// g722Band is the adaptive predictor of a band.
type g722Band struct {
	estimate int32 // of the next sample: s
	zeros    int32 // the part of it that the zeros gave: sz
	nb       int32 // logarithmic scale factor
	det      int32 // scale factor
	r        [2]int32
	p        [2]int32
	a        [2]int32 // of the poles
	d        [6]int32
	b        [6]int32 // of the zeros
}

func newG722() *g722Decoder {
	return &g722Decoder{low: g722Band{det: 32}, high: g722Band{det: 8}}
}

// Tables 12 to 16, 21 and 11 of the Recommendation.
var (
	g722QM2 = [4]int32{-7408, -1616, 7408, 1616}
	g722QM4 = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	g722QM6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	// How the scale factor answers to a code: WL by way of RL42, WH by way of RH2.
	g722StepLow  = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	g722StepHigh = [4]int32{798, -214, 798, -214}
	g722ILB      = [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
	g722QMF = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
)

func (*g722Decoder) length(payload []byte) int { return 2 * len(payload) }

func (g *g722Decoder) decode(dst []int16, payload []byte) ([]int16, error) {
	for _, code := range payload {
		il, ih := int32(code&0x3f), int32(code>>6)

		low := clamp(g.low.estimate+g.low.det*g722QM6[il]>>15, -16384, 16383) // INVQBL, RECONS, LIMIT
		dl := g.low.det * g722QM4[il>>2] >> 15                                // INVQAL
		g.low.scale(g722StepLow[il>>2], 18432, 8)
		g.low.adapt(dl)

		dh := g.high.det * g722QM2[ih] >> 15 // INVQAH
		high := clamp(g.high.estimate+dh, -16384, 16383)
		g.high.scale(g722StepHigh[ih], 22528, 10)
		g.high.adapt(dh)

		copy(g.delay[:], g.delay[2:])
		g.delay[22], g.delay[23] = low+high, low-high
		var x1, x2 int32
		for i, h := range g722QMF {
			x2 += g.delay[2*i] * h
			x1 += g.delay[2*i+1] * g722QMF[11-i]
		}
		dst = append(dst, int16(saturate(x1>>11)), int16(saturate(x2>>11)))
	}
	return dst, nil
}

// scale is LOGSCL and SCALEL, or LOGSCH and SCALEH.
func (b *g722Band) scale(step, limit, shift int32) {
	b.nb = clamp(b.nb*127>>7+step, 0, limit)
	v := g722ILB[b.nb>>6&31]
	if n := shift - b.nb>>11; n < 0 {
		v <<= -n
	} else {
		v >>= n
	}
	b.det = v << 2
}

// adapt is block 4: the predictor learns from the difference d and makes the next estimate.
func (b *g722Band) adapt(d int32) {
	r := saturate(b.estimate + d) // RECONS
	p := saturate(b.zeros + d)    // PARREC

	same := func(x, y int32) bool { return x>>15 == y>>15 }
	v := saturate(b.a[0] << 2) // UPPOL2
	if same(p, b.p[0]) {
		v = -v
	}
	a2 := min(v, 32767) >> 7
	if same(p, b.p[1]) {
		a2 += 128
	} else {
		a2 -= 128
	}
	a2 = clamp(a2+b.a[1]*32512>>15, -12288, 12288)
	a1 := b.a[0] * 32640 >> 15 // UPPOL1
	if same(p, b.p[0]) {
		a1 += 192
	} else {
		a1 -= 192
	}
	limit := saturate(15360 - a2)
	a1 = clamp(saturate(a1), -limit, limit)

	gain := int32(128) // UPZERO
	if d == 0 {
		gain = 0
	}
	for i := range b.b {
		g := gain
		if !same(d, b.d[i]) {
			g = -g
		}
		b.b[i] = saturate(g + b.b[i]*32640>>15)
	}

	copy(b.d[1:], b.d[:5]) // DELAYA
	b.d[0] = d
	b.r[1], b.r[0] = b.r[0], r
	b.p[1], b.p[0] = b.p[0], p
	b.a = [2]int32{a1, a2}

	poles := saturate(a1*saturate(2*b.r[0])>>15 + a2*saturate(2*b.r[1])>>15) // FILTEP
	zeros := int32(0)                                                        // FILTEZ
	for i := range b.b {
		zeros += b.b[i] * saturate(2*b.d[i]) >> 15
	}
	b.zeros = saturate(zeros)
	b.estimate = saturate(poles + b.zeros) // PREDIC
}

func clamp(v, lo, hi int32) int32 { return min(max(v, lo), hi) }

func saturate(v int32) int32 { return clamp(v, -32768, 32767) }
