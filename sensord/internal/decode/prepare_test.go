package decode

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"voiptop/sensord/internal/capture"
)

// plainFrames are frames of all sorts: some plain, some to be taken apart in turn.
func plainFrames(r *rand.Rand) capture.Packet {
	payload := make([]byte, r.IntN(60))
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	ports := []uint16{5060, 16384, 40000, portGTPU, portVXLAN, portGeneve, portESP, portL2TP, portOldVXLAN, portTZSP}
	u := udp(ports[r.IntN(len(ports))], ports[r.IntN(len(ports))], payload)
	if r.IntN(4) == 0 { // a length that is none
		copy(u[4:], u16(uint16(r.IntN(80))))
	}
	h := ipv4{id: uint16(r.IntN(3)), tos: byte(r.Uint32()), ttl: byte(1 + r.IntN(255))}
	if r.IntN(8) == 0 {
		h.frag = uint16(r.Uint32())
	}
	proto := byte(protoUDP)
	if r.IntN(8) == 0 {
		proto = byte(r.Uint32())
	}
	t, b := uint16(etherIPv4), h.packet(proto, u)
	if r.IntN(3) == 0 {
		t, b = etherIPv6, ipv6(proto, u)
	}
	if r.IntN(4) == 0 { // bytes that are wrong
		b[r.IntN(len(b))] = byte(r.Uint32())
	}
	for range r.IntN(3) {
		t, b = etherVLAN, slices.Concat([]byte{0, 5}, u16(t), b)
	}
	p := capture.Packet{Link: capture.LinkEthernet}
	switch r.IntN(4) {
	case 0:
		p.Link, b = capture.LinkSLL, slices.Concat(make([]byte, 14), u16(t), b)
	case 1:
		p.Link = capture.LinkRaw
	case 2:
		p.Link, b = capture.LinkSLL2, slices.Concat(u16(t), make([]byte, 18), b)
	default:
		b = ethernet(t, b)
	}
	p.Length = len(b)
	if r.IntN(6) == 0 {
		b = b[:r.IntN(len(b)+1)]
	}
	if r.IntN(6) == 0 { // the network card's padding
		b = append(b, make([]byte, r.IntN(20))...)
	}
	p.Data = slices.Clip(b)
	return p
}

// told is a handler that writes down what it is told.
type told struct{ lines []string }

func (s *told) Datagram(d *Datagram)  { s.lines = append(s.lines, "datagram "+describe(d)) }
func (s *told) Duplicate(d *Datagram) { s.lines = append(s.lines, "duplicate "+describe(d)) }

func describe(d *Datagram) string {
	return fmt.Sprintf("%d %d %v %v %d dscp %d ttl %d %v %d %x at %d", d.Frame, d.Time, d.Src, d.Dst, d.Transport, d.DSCP, d.TTL, d.Cut, d.Length, d.Payload, d.HeaderLen)
}

func TestAFrameThatIsPreparedGivesWhatItGivesInTurn(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	one, two := &told{}, &told{}
	inTurn, ahead := New(Config{}, one), New(Config{}, two)
	plain, time := 0, int64(1e18)
	var d Prepared
	for i := range 60_000 {
		p := plainFrames(r)
		time += int64(r.IntN(30e6)) - 5e6
		p.Time = time
		inTurn.Packet(&p)

		if Prepare(&p, &d); d.Plain {
			plain++
			again := ahead.Take(&p, p.Time, d.Key())
			ahead.Turn(&p, &d)
			if again {
				ahead.Duplicate(&d.Datagram)
			} else {
				two.Datagram(&d.Datagram)
			}
		} else {
			ahead.Packet(&p)
		}
		if !slices.Equal(one.lines, two.lines) {
			t.Fatalf("frame %d, link %d, %x:\nprepared %q\nin turn  %q", i, p.Link, p.Data, two.lines, one.lines)
		}
		one.lines, two.lines = one.lines[:0], two.lines[:0]
	}
	if a, b := fmt.Sprint(counted(inTurn)), fmt.Sprint(counted(ahead)); a != b {
		t.Errorf("counted ahead %s, in turn %s", b, a)
	}
	if plain < 5_000 {
		t.Errorf("%d plain frames", plain)
	}
}
