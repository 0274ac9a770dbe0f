package decode

import (
	"encoding/binary"
	"testing"

	"voiptop/sensord/internal/capture"
)

// null throws datagrams away.
type null struct{ n int }

func (s *null) Datagram(*Datagram) { s.n++ }

// rtpFrames returns Ethernet frames of n RTP packets in distinct flows, as a busy sensor sees them.
func rtpFrames(n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		rtp := make([]byte, 172)
		rtp[0] = 0x80
		binary.BigEndian.PutUint16(rtp[2:], uint16(i))
		frames[i] = ethernet(0x0800, ipv4{id: uint16(i), src: [4]byte{10, 0, byte(i >> 8), byte(i)}}.packet(protoUDP, udp(10000, 20000, rtp)))
	}
	return frames
}

func benchmarkDecode(b *testing.B, cfg Config) {
	frames := rtpFrames(2000)
	s := &null{}
	x := New(cfg, s)
	p := capture.Packet{Link: capture.LinkEthernet}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f := frames[i%len(frames)]
		binary.BigEndian.PutUint16(f[18:], uint16(i)) // identification
		p.Data, p.Length, p.Time = f, len(f), int64(i)*10_000
		x.Packet(&p)
		i++
	}
	if s.n != i {
		b.Fatalf("%d of %d packets came out", s.n, i)
	}
}

func BenchmarkUDP(b *testing.B)           { benchmarkDecode(b, Config{DuplicateWindow: -1}) }
func BenchmarkUDPDuplicates(b *testing.B) { benchmarkDecode(b, Config{}) }
func BenchmarkTCPSegment(b *testing.B) {
	x := New(Config{}, &null{})
	f := ethernet(0x0800, ipv4{}.packet(protoTCP, tcp(5060, 5061, 0, 0x18, make([]byte, 500))))
	p := capture.Packet{Link: capture.LinkEthernet, Data: f, Length: len(f)}
	seq := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint32(f[14+20+4:], seq)
		seq += 500
		p.Time += 1000
		x.Packet(&p)
	}
}

func TestRTPCostsNoAllocation(t *testing.T) {
	frames := rtpFrames(64)
	x := New(Config{}, &null{})
	p := capture.Packet{Link: capture.LinkEthernet}
	i := 0
	n := testing.AllocsPerRun(1000, func() {
		f := frames[i%len(frames)]
		p.Data, p.Length, p.Time = f, len(f), int64(i)*1e6
		i++
		x.Packet(&p)
	})
	if n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}
