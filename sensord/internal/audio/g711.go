package audio

// G.711 by table (ITU-T G.711 tables 1 and 2): a byte is a sign, three bits of segment and four of level.
var (
	muLaw = g711(func(b byte) int16 {
		b = ^b
		v := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
		if b&0x80 != 0 {
			v = -v
		}
		return int16(v)
	})
	aLaw = g711(func(b byte) int16 {
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

func g711(expand func(byte) int16) *[256]int16 {
	t := new([256]int16)
	for i := range t {
		t[i] = expand(byte(i))
	}
	return t
}

// g711Decoder expands one byte to one sample. It has no state.
type g711Decoder struct{ table *[256]int16 }

func (g711Decoder) length(payload []byte) int { return len(payload) }

func (d g711Decoder) decode(dst []int16, payload []byte) ([]int16, error) {
	for _, b := range payload {
		dst = append(dst, d.table[b])
	}
	return dst, nil
}
