package lines

import (
	"encoding/binary"
	"math/bits"
)

// plain is find for every processor, eight bytes at a time.
func plain(b []byte, m *marks) (n int) {
	firsts := 0       // colons, or ends without one before
	name := uint64(1) // 1 up to the first colon of a line
	for at := 0; at < len(b) && n < room-8; at += 8 {
		var w uint64
		if len(b)-at >= 8 {
			w = binary.LittleEndian.Uint64(b[at:])
		} else {
			for i, c := range b[at:] {
				w |= uint64(c) << (8 * i)
			}
		}
		ends := equal(w, '\n')
		for found := ends | equal(w, ':'); found != 0; found &= found - 1 {
			i := bits.TrailingZeros64(found)
			m.colons[firsts], m.ends[n] = uint16(at+i/8), uint16(at+i/8)
			end := ends >> i & 1
			firsts += int(name)
			n += int(end)
			name = end
		}
	}
	return n
}

// equal has the highest bit of each byte of w that is c.
func equal(w uint64, c byte) uint64 {
	const each = 0x0101010101010101
	x := w ^ each*uint64(c)
	return ^((x&^(each<<7) + each*0x7f) | x | each*0x7f)
}
