package analyze

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
)

// udpFrame is an IPv4 packet with a UDP datagram.
func udpFrame(at int64, src, dst uint16, payload []byte) Packet {
	b := make([]byte, 28, 28+len(payload))
	b[0], b[8], b[9] = 0x45, 64, 17
	copy(b[12:], []byte{192, 0, 2, 1, 198, 51, 100, 1})
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	binary.BigEndian.PutUint16(b[20:], src)
	binary.BigEndian.PutUint16(b[22:], dst)
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	b = append(b, payload...)
	return Packet{Time: at, Data: b, Length: len(b), Link: capture.LinkIPv4}
}

// TestBadInputOfOthersIsSurvived feeds every file that others made to break parsers, as SIP over UDP and TCP and as media of a
// call, whole and cut.
func TestBadInputOfOthersIsSurvived(t *testing.T) {
	var files []string
	_ = filepath.WalkDir(filepath.Join("..", "..", "..", "shared", "torture"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		t.Skip("no such files here")
	}
	sink := &discard{}
	e := New(Config{MaxCalls: 100, Decide: keepAll(protocol.KeepSIP)}, sink)
	now := int64(1e18)
	call := packets(t, gen.Config{Calls: 1, Seed: 4})[:3]
	for i := range call {
		e.Packet(&call[i])
		now = max(now, call[i].Time)
	}
	seq := uint32(1)
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{b, b[:len(b)/2], b[len(b)/3:]} {
			for _, port := range []uint16{5060, 40000, 40001} {
				now += 1e6
				p := udpFrame(now, uint16(1024+i), port, b[:min(len(b), 65000)])
				e.Packet(&p)
			}
			for len(b) > 0 {
				n := min(len(b), 1+i%1400)
				p := segment(now, seq, string(b[:n]))
				e.Packet(&p)
				b, seq = b[n:], seq+uint32(n)
				if len(b) > 100*n {
					break
				}
			}
		}
		if e.Running() > 100 || e.segmentBytes > maxSegmentBytes {
			t.Fatalf("after %s: %d calls, %d bytes of segments", f, e.Running(), e.segmentBytes)
		}
	}
	e.Close()
	checkClean(t, e, sink)
	if len(sink.calls) < 20 {
		t.Errorf("%d calls in %d files", len(sink.calls), len(files))
	}
}

func checkClean(t *testing.T, e *Engine, sink *discard) {
	t.Helper()
	if e.Running() != 0 || len(e.flows) != 0 || e.segmentBytes != 0 {
		t.Errorf("left behind: %d calls, %d streams, %d bytes of segments", e.Running(), len(e.flows), e.segmentBytes)
	}
	for _, c := range sink.calls {
		if b, err := json.Marshal(c); err != nil || !json.Valid(b) || c.End < c.Start || c.EndCause == "" {
			t.Fatalf("%v: %+v", err, c)
		}
	}
}

// TestDamagedTrafficDoesNotGrowTheEngine flips bits in good traffic, at several rates, over and over with other seeds, so that
// every pass brings new Call-IDs, endpoints, SSRCs, streams and fragments.
func TestDamagedTrafficDoesNotGrowTheEngine(t *testing.T) {
	all := packets(t, gen.Small(5))
	all = all[:min(len(all), 20000)]
	const maxCalls = 50
	sink := &counting{}
	e := New(Config{MaxCalls: maxCalls, MaxMessages: 20, Decide: keepAll(protocol.KeepSIP)}, sink)
	var base uint64
	span := all[len(all)-1].Time - all[0].Time + 1e6
	passes := 12
	if testing.Short() {
		passes = 3
	}
	for pass := range passes {
		r := rand.New(rand.NewPCG(uint64(pass), 1))
		rate := []float64{0.0005, 0.005, 0.05}[pass%3] // of bytes
		for _, p := range all {
			p.Data = bytes.Clone(p.Data)
			for range 1 + int(rate*float64(len(p.Data))) {
				p.Data[r.IntN(len(p.Data))] ^= 1 << r.IntN(8)
			}
			p.Time += int64(pass) * span
			e.Packet(&p)
			if e.Running() > maxCalls {
				t.Fatalf("%d calls run", e.Running())
			}
		}
		if n := heap(); pass == 2 {
			base = n
		} else if pass > 2 && n > base+16<<20 {
			t.Fatalf("pass %d: the heap has grown from %d to %d MiB", pass, base>>20, n>>20)
		}
	}
	e.Close()
	if e.Running() != 0 || len(e.flows) != 0 || e.segmentBytes != 0 {
		t.Errorf("left behind: %d calls, %d streams, %d bytes of segments", e.Running(), len(e.flows), e.segmentBytes)
	}
	n := protocol.Counters{}
	e.Counters(n)
	if sink.calls < 50 || n[protocol.CountRTP] == 0 {
		t.Errorf("the traffic was damaged beyond use: %d calls, %d RTP packets", sink.calls, n[protocol.CountRTP])
	}
}

// counting is a Sink that only counts.
type counting struct {
	discard
	calls int
}

func (c *counting) Call(*protocol.CDR) { c.calls++ }

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestNoiseIsNoTraffic feeds random bytes as frames of every link type and as payloads.
func TestNoiseIsNoTraffic(t *testing.T) {
	sink := &discard{}
	e := New(Config{Decide: keepAll(protocol.KeepSIP)}, sink)
	r := rand.New(rand.NewPCG(7, 7))
	links := []uint16{capture.LinkEthernet, capture.LinkRaw, capture.LinkNull, capture.LinkLoop, capture.LinkSLL, capture.LinkSLL2, capture.LinkIPv4, capture.LinkIPv6, 9999}
	for i := range 60000 {
		b := make([]byte, r.IntN(300))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		p := Packet{Time: int64(1e18) + int64(i)*1e6, Data: b, Length: len(b), Link: links[i%len(links)]}
		if i%4 == 0 {
			p = udpFrame(p.Time, uint16(r.Uint32()), 5060, b)
		}
		e.Packet(&p)
	}
	e.Close()
	checkClean(t, e, sink)
	if len(sink.calls) != 0 {
		t.Errorf("%d calls in noise", len(sink.calls))
	}
}
