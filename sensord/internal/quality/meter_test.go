package quality

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"voiptop/sensord/internal/rtp"
)

const ms = int64(1e6)

// call plays n packets of 20 ms; each says how late packet i is in milliseconds, below zero that it is lost.
func call(n int, late func(i int) float64) (*Meter, []Interval) {
	m := &Meter{}
	m.Init(ForCodec("PCMU"), 20, 0)
	var list []Interval
	for i := range n {
		d := int64(late(i) * 1e6)
		if d < 0 {
			continue
		}
		if m.Packet(1e18+int64(i)*20*ms+d, uint64(1000+i), d, 1.5) {
			list = append(list, m.Closed())
		}
	}
	if i, ok := m.Open(); ok {
		list = append(list, i)
	}
	return m, list
}

// expect is the MOS that the E-model gives for a buffer's loss and depth.
func expect(lossPct, burstR, depthMS float64) float64 {
	return Conditions{Codec: ForCodec("PCMU"), LossPct: lossPct, BurstR: burstR, DelayMS: 20 + depthMS}.MOS()
}

func TestCleanCall(t *testing.T) {
	m, list := call(1500, func(int) float64 { return 0 })
	s := m.Summary()
	near(t, "F1", s[F1].Avg, expect(0, 1, 50), 1e-9)
	near(t, "F2", s[F2].Avg, expect(0, 1, 200), 1e-9)
	near(t, "adaptive", s[Adaptive].Avg, expect(0, 1, 20), 1e-9)
	if s[Adaptive].Avg < 4.38 || s[Adaptive].Min != s[Adaptive].Avg {
		t.Errorf("a clean G.711 call: %+v", s[Adaptive])
	}
	if len(list) != 3 {
		t.Fatalf("%d intervals of 30 s, want 3", len(list))
	}
	for i, v := range list {
		if v.Start != 1e18+int64(i)*10e9 || v.Packets != 500 || v.Lost != 0 || math.Abs(v.JitterMS-1.5) > 1e-9 {
			t.Errorf("interval %d: %+v", i, v)
		}
	}
}

func TestNetworkLossHitsEveryBuffer(t *testing.T) {
	m, list := call(1000, func(i int) float64 {
		if i%50 == 7 {
			return -1
		}
		return 0
	})
	s := m.Summary()
	near(t, "F1", s[F1].Avg, expect(2, 1, 50), 1e-9)
	near(t, "F2", s[F2].Avg, expect(2, 1, 200), 1e-9)
	near(t, "adaptive", s[Adaptive].Avg, expect(2, 1, 20), 1e-9)
	if list[0].Packets != 490 || list[0].Lost != 10 || list[1].Lost != 10 {
		t.Errorf("intervals %+v", list)
	}
}

func TestBurstsAreWorseThanScatteredLoss(t *testing.T) {
	m, _ := call(1000, func(i int) float64 {
		if i%500 >= 100 && i%500 < 110 {
			return -1
		}
		return 0
	})
	// one run of ten in 500: 2 %, ten times as long as one, random loss would make it 1/0.98
	near(t, "F1", m.Summary()[F1].Avg, expect(2, 10*0.98, 50), 1e-9)
}

func TestALatePacketIsLostToTheBuffersItMisses(t *testing.T) {
	m, _ := call(500, func(i int) float64 {
		if i%20 == 3 {
			return 100 // 5 % of the packets
		}
		return 0
	})
	s := m.Summary()
	near(t, "F1 loses them", s[F1].Avg, expect(5, 1, 50), 1e-9)
	near(t, "F2 plays them", s[F2].Avg, expect(0, 1, 200), 1e-9)
	if s[Adaptive].Avg <= s[F1].Avg+0.2 || s[Adaptive].Avg <= s[F2].Avg {
		t.Errorf("adaptive %.3f should learn after the first (F1 %.3f, F2 %.3f)", s[Adaptive].Avg, s[F1].Avg, s[F2].Avg)
	}
}

func TestAdaptiveBufferShrinksAgain(t *testing.T) {
	_, list := call(3000, func(i int) float64 {
		if i < 500 && i%10 == 0 {
			return 300
		}
		return 0
	})
	first, last := list[0].MOS[Adaptive], list[len(list)-1].MOS[Adaptive]
	if first > 4 || math.Abs(last-expect(0, 1, 20)) > 1e-9 {
		t.Errorf("MOS %.3f with 300 ms of jitter, %.3f long after", first, last)
	}
}

func TestNothingIsPlayedBeyondHalfASecond(t *testing.T) {
	m, _ := call(500, func(i int) float64 {
		if i%10 == 0 {
			return 600
		}
		return 0
	})
	for b, s := range m.Summary() {
		if s.Avg > 3.6 {
			t.Errorf("buffer %d: MOS %.3f with 10 %% of the packets 600 ms late", b, s.Avg)
		}
	}
}

func TestAReorderedPacketIsPlayedWhenItIsInTime(t *testing.T) {
	m := &Meter{}
	m.Init(ForCodec("PCMU"), 20, 0)
	for i := 0; i < 500; i += 2 { // each pair swapped
		now := 1e18 + int64(i)*20*ms
		m.Packet(now+20*ms, uint64(i+2), 0, 0)
		m.Packet(now+21*ms, uint64(i+1), 21*ms, 0)
	}
	i, _ := m.Open()
	if i.Packets != 500 || i.Lost != 0 {
		t.Fatalf("packets %d lost %d", i.Packets, i.Lost)
	}
	near(t, "F1", i.MOS[F1], expect(0, 1, 50), 1e-9)
}

func TestALateRepairReachesIntoTheClosedInterval(t *testing.T) {
	m := &Meter{}
	m.Init(ForCodec("PCMU"), 20, 0)
	for i := range 600 {
		if i != 499 {
			m.Packet(1e18+int64(i)*20*ms, uint64(1000+i), 0, 0)
		}
		if i == 501 {
			m.Packet(1e18+int64(i)*20*ms, 1499, 40*ms, 0)
		}
	}
	if c := m.Closed(); c.Lost != 0 || c.Packets != 500 {
		t.Errorf("%+v", c)
	}
	if o, _ := m.Open(); o.Lost != 0 || o.Packets != 100 {
		t.Errorf("%+v", o)
	}
}

func TestTheWorstIntervalCounts(t *testing.T) {
	m, list := call(1510, func(i int) float64 { // the last interval has ten packets, half of them lost
		if i >= 500 && i < 1000 && i%10 == 0 || i >= 1500 && i%2 == 0 {
			return -1
		}
		return 0
	})
	s := m.Summary()
	if s[F1].Min != list[1].MOS[F1] {
		t.Errorf("worst %.3f, want that of the second interval %.3f; a rest of ten packets must not count", s[F1].Min, list[1].MOS[F1])
	}
	mean := (list[0].MOS[F1]*500 + list[1].MOS[F1]*500 + list[2].MOS[F1]*500 + list[3].MOS[F1]*10) / 1510
	near(t, "mean", s[F1].Avg, mean, 0.01)
}

func TestTheMeanIsNeverBelowTheWorst(t *testing.T) {
	m, _ := call(510, func(i int) float64 { // all is well until the last ten packets, which are not enough to be the worst interval
		if i >= 500 && i%2 == 0 {
			return -1
		}
		return 0
	})
	for b, s := range m.Summary() {
		if s.Avg < s.Min {
			t.Errorf("buffer %d: mean %.3f, worst %.3f", b, s.Avg, s.Min)
		}
	}
}

func TestAGapOverIntervalsIsOneBurst(t *testing.T) {
	_, list := call(3000, func(i int) float64 {
		if i >= 300 && i < 2700 {
			return -1
		}
		return 0
	})
	packets, lost := uint32(0), uint32(0)
	for _, v := range list {
		packets, lost = packets+v.Packets, lost+v.Lost
	}
	if packets != 600 || lost != 2400 {
		t.Errorf("packets %d lost %d in %d intervals", packets, lost, len(list))
	}
	if list[0].MOS[F1] > 1.5 {
		t.Errorf("MOS %.2f of an interval that lost most", list[0].MOS[F1])
	}
}

func TestASilentStreamHasNoMOS(t *testing.T) {
	m := &Meter{}
	m.Init(ForCodec("PCMU"), 0, 0)
	if s := m.Summary(); s != [Buffers]Score{} {
		t.Errorf("%+v", s)
	}
	if _, ok := m.Open(); ok {
		t.Error("an interval without a packet")
	}
}

func TestSummaryChangesNothing(t *testing.T) {
	m, _ := call(700, func(i int) float64 { return float64(i % 7) })
	before := *m
	m.Summary()
	m.Open()
	if *m != before {
		t.Error("the meter has changed")
	}
}

func TestMeterIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Meter{}); n > 768 {
		t.Errorf("a meter takes %d bytes", n)
	}
}

// feed drives a stream and its meter together, as the call package does.
type feed struct {
	s rtp.Stream
	m Meter
	h rtp.Header
	n int64
}

func newFeed() *feed {
	f := &feed{}
	f.s.Init(8000)
	f.m.Init(ForCodec("PCMU"), 20, 0)
	return f
}

func (f *feed) packet(t int64) {
	f.h.Seq++
	f.h.Timestamp += 160
	if e := f.s.Packet(t, &f.h); e.Flags&rtp.New != 0 {
		f.m.Packet(t, e.Seq, e.Delay, f.s.JitterMS())
	}
}

func TestPacketDoesNotAllocate(t *testing.T) {
	f := newFeed()
	if a := testing.AllocsPerRun(3000, func() { // closes intervals, too
		f.n++
		f.packet(f.n * 20 * ms)
		if f.n%100 == 0 {
			f.m.Summary()
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzMeter: whatever order packets come in, MOS stays on its scale and the sums agree.
func FuzzMeter(f *testing.F) {
	f.Add([]byte{1, 0, 20, 1, 0, 20, 9, 3, 20, 0xf8, 1, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &Meter{}
		m.Init(ForCodec("G729"), 20, 10)
		seq, now := uint64(1<<32), int64(0)
		seen := map[uint64]bool{}
		packets := uint64(0)
		total := uint64(0)
		for ; len(b) >= 3; b = b[3:] {
			seq += uint64(int64(int8(b[0])))
			now += int64(b[2]) * 10 * ms
			if seen[seq] {
				continue
			}
			seen[seq] = true
			packets++
			if m.Packet(now, seq, int64(b[1])*3*ms, float64(b[1])) {
				total += uint64(m.Closed().Packets)
			}
		}
		open, _ := m.Open()
		if total += uint64(open.Packets); total > packets {
			t.Fatalf("%d packets in the intervals, %d were fed", total, packets)
		}
		for _, s := range m.Summary() {
			if packets > 0 && !(s.Min >= 1 && s.Avg <= 4.5 && s.Avg >= 1) {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// BenchmarkStreamAndMeter is the whole cost of a packet's analysis: rtp.Stream and the three buffers.
func BenchmarkStreamAndMeter(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var jitter [1024]int64
	for i := range jitter {
		jitter[i] = rnd.Int64N(40 * ms)
	}
	f := newFeed()
	b.ReportAllocs()
	for n := range b.N {
		f.packet(int64(n)*20*ms + jitter[n&1023])
	}
}
