package g711

import "testing"

// The ends and the middle of both laws are those of ITU-T G.711 tables 1 and 2, in 16 bits.
func TestBytesExpandToTheValuesOfTheTables(t *testing.T) {
	for _, c := range []struct {
		name  string
		table *[256]int16
		code  byte
		want  int16
	}{
		{"mu-law, silence", MuLaw, 0xff, 0},
		{"mu-law, the least below", MuLaw, 0x7e, -8},
		{"mu-law, the greatest", MuLaw, 0x80, 32124},
		{"mu-law, the lowest", MuLaw, 0x00, -32124},
		{"A-law, silence", ALaw, 0xd5, 8},
		{"A-law, just below", ALaw, 0x55, -8},
		{"A-law, the greatest", ALaw, 0xaa, 32256},
		{"A-law, the lowest", ALaw, 0x2a, -32256},
	} {
		if got := c.table[c.code]; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Bit 7 is the sign of both, with the same value either way: who looks at nothing else may count on it.
func TestTheTopBitIsTheSign(t *testing.T) {
	for i := range 128 {
		for name, table := range map[string]*[256]int16{"mu": MuLaw, "A": ALaw} {
			if up, down := table[i|0x80], table[i]; up < 0 || down > 0 || up != -down {
				t.Errorf("%s-law: %#x is %d, %#x is %d", name, i|0x80, up, i, down)
			}
		}
	}
}
