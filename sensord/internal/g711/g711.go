// Package g711 expands ITU-T G.711, A-law and mu-law, to linear samples.
//
// It is used by audio, which plays streams, and by tone, which listens for tones in them. It is not for encoding.
package g711

// MuLaw and ALaw give the sample of each byte, 16 bits (ITU-T G.711 tables 1 and 2): a byte is a sign, three bits of segment and
// four of level. Bit 7 is set in bytes of positive samples of both.
var (
	MuLaw = table(func(b byte) int16 {
		b = ^b
		v := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
		if b&0x80 != 0 {
			v = -v
		}
		return int16(v)
	})
	ALaw = table(func(b byte) int16 {
		b ^= 0x55 // even bits are inverted on the line
		v := int(b&0x0f)<<4 + 8
		if seg := b >> 4 & 7; seg > 0 {
			v = (v + 0x100) << (seg - 1)
		}
		if b&0x80 == 0 {
			v = -v
		}
		return int16(v)
	})
)

func table(expand func(byte) int16) *[256]int16 {
	t := new([256]int16)
	for i := range t {
		t[i] = expand(byte(i))
	}
	return t
}
