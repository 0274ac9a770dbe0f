package pcapng

import (
	"encoding/binary"
	"strings"
	"testing"
)

// blocks walks over whole blocks and answers their types.
func blocks(t *testing.T, b []byte) (kinds []uint32) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 12 {
			t.Fatalf("%d bytes are left", len(b))
		}
		n := binary.LittleEndian.Uint32(b[4:])
		if n%4 != 0 || n < 12 || int(n) > len(b) || binary.LittleEndian.Uint32(b[n-4:]) != n {
			t.Fatalf("a block of type %#x says that it has %d bytes", binary.LittleEndian.Uint32(b), n)
		}
		kinds = append(kinds, binary.LittleEndian.Uint32(b))
		b = b[n:]
	}
	return kinds
}

func TestBlocksAreWholeWhateverIsInThem(t *testing.T) {
	for n := range 9 {
		data := make([]byte, n)
		b := AppendSection(nil, strings.Repeat("a", n), []string{strings.Repeat("c", 3*n), "\xff", strings.Repeat("x", 5000)})
		at := len(b)
		if b = AppendInterface(b, 1); len(b)-at != InterfaceBytes {
			t.Errorf("an interface has %d bytes", len(b)-at)
		}
		b = AppendNamedInterface(b, 1, strings.Repeat("n", n))
		at = len(b)
		if b = AppendPacket(b, 0, -1, data, 900); len(b)-at != PacketBytes(n) {
			t.Errorf("a packet of %d bytes has %d, want %d", n, len(b)-at, PacketBytes(n))
		}
		if got := blocks(t, b); len(got) != 4 || got[0] != Section || got[1] != Interface || got[2] != Interface || got[3] != Enhanced {
			t.Errorf("blocks are %#x", got)
		}
	}
}
