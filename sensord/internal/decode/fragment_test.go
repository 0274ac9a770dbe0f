package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"voiptop/sensord/internal/capture"
)

const moreFragments = 0x2000

// pieces cuts an IP payload into fragments of size bytes.
func pieces(v6 bool, id uint16, payload []byte, size int) [][]byte {
	var out [][]byte
	for off := 0; off < len(payload); off += size {
		end := min(off+size, len(payload))
		more := uint16(0)
		if end < len(payload) {
			more = 1
		}
		if v6 {
			out = append(out, ethernet(etherIPv6, ipv6(44, slices.Concat([]byte{protoUDP, 0}, u16(uint16(off)|more), u32(uint32(id)), payload[off:end]))))
			continue
		}
		out = append(out, ethernet(etherIPv4, ipv4{id: id, frag: more*moreFragments | uint16(off/8)}.packet(protoUDP, payload[off:end])))
	}
	return out
}

func TestFragmentsAreReassembledInAnyOrder(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 100)
	for _, v6 := range []bool{false, true} {
		f := pieces(v6, 9, udp(5060, 5061, []byte(text)), 400)
		for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}} {
			t.Run(fmt.Sprint(v6, order), func(t *testing.T) {
				var frames [][]byte
				for _, i := range order {
					frames = append(frames, f[i])
				}
				s, c := run(Config{}, 1, frames...)
				if len(s.payloads) != 1 || s.payloads[0] != text || c["decode.fragments.reassembled"] != 1 {
					t.Fatalf("got %d payloads, counters %v", len(s.payloads), c)
				}
				if d := s.grams[0]; d.Src.Port != 5060 || d.Cut || d.HeaderLen != 0 || d.Frame != 5 {
					t.Errorf("got %+v", d)
				}
			})
		}
	}
}

// keeper collects the frames that a sink would keep.
type keeper struct{ frames []string }

func (k *keeper) Datagram(d *Datagram) {
	if d.End {
		return
	}
	for i := range d.Earlier {
		k.frames = append(k.frames, string(d.Earlier[i].Data))
	}
	k.frames = append(k.frames, string(d.Packet.Data))
}

func TestAllFramesOfAFragmentedDatagramAreThereToBeKept(t *testing.T) {
	f := pieces(false, 9, udp(1, 2, []byte(strings.Repeat("x", 1000))), 400)
	slices.Reverse(f)
	k := &keeper{}
	x := New(Config{}, k)
	for i, b := range f {
		x.Packet(&capture.Packet{Time: int64(i), Data: b, Link: 1})
	}
	if len(k.frames) != 3 {
		t.Fatalf("%d frames", len(k.frames))
	}
	for i := range f {
		if k.frames[i] != string(f[i]) {
			t.Errorf("frame %d differs", i)
		}
	}
}

func TestDatagramsOfTheSameIdentificationAreToldFromCopies(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		var frames [][]byte
		var want []string
		for i := range 5 {
			text := fmt.Sprint(i, strings.Repeat("0123456789abcdef", 50))
			want = append(want, text)
			f := pieces(v6, 9, udp(5060, 5061, []byte(text)), 400)
			frames = append(frames, slices.Concat(f, f)...) // each captured twice
		}
		s, c := run(Config{}, 1, frames...)
		if !slices.Equal(s.payloads, want) || c["packets.duplicate"] != uint64(len(frames)/2) {
			t.Errorf("v6 %v: %d payloads, counters %v", v6, len(s.payloads), c)
		}
	}
}

func TestWhereFragmentsOverlapTheFirstBytesStand(t *testing.T) {
	whole := udp(1, 2, []byte(strings.Repeat("a", 72)))
	late := slices.Clone(whole)
	for i := 8; i < len(late); i++ {
		late[i] = 'b'
	}
	frag := func(b []byte, from, to int, more uint16) []byte {
		return ethernet(etherIPv4, ipv4{id: 1, frag: more*moreFragments | uint16(from/8)}.packet(protoUDP, b[from:to]))
	}
	s, c := run(Config{}, 1, frag(whole, 0, 40, 1), frag(late, 24, 64, 1), frag(whole, 56, 80, 0))
	want := strings.Repeat("a", 32) + strings.Repeat("b", 24) + strings.Repeat("a", 16)
	if len(s.payloads) != 1 || s.payloads[0] != want || c["decode.fragments.overlap"] != 2 {
		t.Errorf("got %q\nwant %q\ncounters %v", s.payloads, want, c)
	}
}

func TestTheStartOfADatagramIsDeliveredWhenItsRestDoesNotCome(t *testing.T) {
	text := "INVITE sip:x SIP/2.0\r\n" + strings.Repeat("x", 1000)
	f := pieces(false, 9, udp(1, 2, []byte(text)), 400)
	s := &sink{}
	x := New(Config{}, s)
	x.Packet(&capture.Packet{Time: 1e18, Data: f[0], Link: 1})
	other := ethernet(etherIPv4, ipv4{}.packet(protoUDP, udp(3, 4, []byte("later"))))
	x.Packet(&capture.Packet{Time: 1e18 + 2e9, Data: other, Link: 1})
	if len(s.grams) != 2 || !s.grams[0].Cut || s.payloads[0] != text[:392] || s.grams[0].Length != len(text) || s.grams[0].Src.Port != 1 || s.grams[0].Time != 1e18 {
		t.Fatalf("got %+v", s.grams)
	}
	if s.payloads[1] != "later" || s.grams[1].HeaderLen != 42 || s.grams[1].Cut {
		t.Errorf("the next packet is wrong: %+v", s.grams[1])
	}
	if c := counted(x); c["decode.fragments.incomplete"] != 1 {
		t.Errorf("counters %v", c)
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	cfg := Config{MaxFragments: 10, MaxFragmentBytes: 5000}
	var frames [][]byte
	for id := range 100 {
		frames = append(frames, pieces(false, uint16(id), udp(1, 2, make([]byte, 1600)), 800)[0])
	}
	x := New(cfg, &sink{})
	for _, f := range frames {
		x.Packet(&capture.Packet{Data: f, Link: 1})
		if n := x.fragments.byAge.Len(); n > 10 || x.fragments.bytes > 5000 || n != len(x.fragments.byKey) {
			t.Fatalf("%d datagrams, %d bytes are held", n, x.fragments.bytes)
		}
	}
	if c := counted(x); c["decode.fragments.evicted"] < 90 {
		t.Errorf("counters %v", c)
	}
	x.Flush()
	if x.fragments.bytes != 0 {
		t.Errorf("%d bytes are left", x.fragments.bytes)
	}
}
