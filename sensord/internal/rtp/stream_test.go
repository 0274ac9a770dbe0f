package rtp

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

const ms = int64(1e6)

// pack is one packet of a test stream: number of the packet as sent, arrival in ms after its sending.
type pack struct {
	n     int
	delay float64 // ms
}

// play feeds packets of 20 ms G.711 in the order given and answers the stream.
func play(seq0 uint16, packs ...pack) *Stream {
	s := &Stream{}
	s.Init(8000)
	for _, p := range packs {
		s.Packet(at(p), header(seq0, p.n))
	}
	return s
}

func at(p pack) int64 { return 1e18 + int64(p.n)*20*ms + int64(p.delay*1e6) }

func header(seq0 uint16, n int) *Header {
	return &Header{PayloadType: 0, Seq: seq0 + uint16(n), Timestamp: 4e9 + uint32(n)*160, SSRC: 7}
}

func run(from, to int) (l []pack) {
	for n := from; n < to; n++ {
		l = append(l, pack{n: n})
	}
	return l
}

func join(l ...[]pack) (out []pack) {
	for _, x := range l {
		out = append(out, x...)
	}
	return out
}

func TestCounts(t *testing.T) {
	type want struct {
		packets, expected, lost, dups, reordered uint64
		bursts                                   [10]uint32
		restarts                                 uint32
	}
	for name, c := range map[string]struct {
		seq0  uint16
		packs []pack
		want
	}{
		"a clean stream":                              {0, run(0, 500), want{packets: 500, expected: 500}},
		"the sequence number wraps":                   {65500, run(0, 100), want{packets: 100, expected: 100}},
		"it wraps inside a gap":                       {65530, join(run(0, 4), run(9, 50)), want{packets: 45, expected: 50, lost: 5, bursts: [10]uint32{4: 1}}},
		"runs of one, three and twelve are lost":      {9, join(run(0, 70), run(71, 100), run(103, 300), run(312, 400)), want{packets: 384, expected: 400, lost: 16, bursts: [10]uint32{0: 1, 2: 1, 9: 1}}},
		"a run across a block of the window":          {0, join(run(0, 60), run(68, 600)), want{packets: 592, expected: 600, lost: 8, bursts: [10]uint32{7: 1}}},
		"a loss longer than the window":               {0, join(run(0, 10), run(1010, 1020)), want{packets: 20, expected: 1020, lost: 1000, bursts: [10]uint32{9: 1}}},
		"a minute is lost, and time agrees":           {0, join(run(0, 100), run(3300, 3400)), want{packets: 200, expected: 3400, lost: 3200, bursts: [10]uint32{9: 1}}},
		"each packet twice":                           {0, join(run(0, 1), run(0, 2), run(1, 3), run(2, 3)), want{packets: 3, expected: 3, dups: 3}},
		"a late packet repairs a loss":                {0, join(run(0, 10), run(11, 15), run(10, 11), run(15, 300)), want{packets: 300, expected: 300, reordered: 1}},
		"a late packet splits a burst":                {0, join(run(0, 10), run(13, 15), run(11, 12), run(15, 300)), want{packets: 298, expected: 300, lost: 2, reordered: 1, bursts: [10]uint32{0: 2}}},
		"the first two packets are swapped":           {0, join(run(1, 2), run(0, 1), run(2, 300)), want{packets: 300, expected: 300, reordered: 1}},
		"a packet from before the first, with a hole": {0, join(run(3, 5), run(0, 1), run(5, 300)), want{packets: 298, expected: 300, lost: 2, reordered: 1, bursts: [10]uint32{1: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := play(c.seq0, c.packs...).Report()
			got := want{r.Packets, r.Expected, r.Lost, r.Duplicates, r.Reordered, r.Bursts, r.Restarts}
			if got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestASequenceThatStartsAnewWithALossOrOutOfOrderIsSeenWhole(t *testing.T) {
	for _, c := range []struct {
		name string
		seqs []uint16
		lost uint64
	}{
		{"a packet is lost", []uint16{40000, 40002, 40003, 40004}, 2},
		{"two packets change places", []uint16{40001, 40000, 40002, 40003}, 1},
		{"and another is late", []uint16{40000, 40003, 40001, 40002}, 1},
		{"one of before is late", []uint16{40000, 10, 40001, 40002}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Stream{}
			s.Init(8000)
			now, ts := int64(1e18), uint32(0)
			for _, seq := range append([]uint16{7, 8, 9, 11, 12}, c.seqs...) {
				s.Packet(now, &Header{Seq: seq, Timestamp: ts})
				now, ts = now+20*ms, ts+160
			}
			if r := s.Report(); r.Packets != 9 || r.Lost != c.lost || r.Restarts != 1 || r.Strays != 0 {
				t.Errorf("packets %d lost %d restarts %d strays %d", r.Packets, r.Lost, r.Restarts, r.Strays)
			}
		})
	}
}

func TestSequenceRestartIsNoLoss(t *testing.T) {
	s := &Stream{}
	s.Init(8000)
	feed := func(from int64, seq uint16, ts uint32, n int) (flags Flags) {
		for i := range n {
			flags |= s.Packet(1e18+(from+int64(i)*20)*ms, &Header{Seq: seq + uint16(i), Timestamp: ts + uint32(i)*160}).Flags
		}
		return flags
	}
	feed(0, 100, 5000, 200)
	if f := feed(4000, 40000, 77, 200); f&Restart == 0 {
		t.Error("a jump far ahead: no restart was reported")
	}
	if f := feed(8000, 41000, 3e9, 200); f&Restart == 0 {
		t.Error("a jump of 800 with a timestamp out of all proportion: no restart was reported")
	}
	r := s.Report()
	if r.Packets != 600 || r.Lost != 0 || r.Restarts != 2 || r.Strays != 0 {
		t.Errorf("packets %d lost %d restarts %d strays %d, want 600 0 2 0", r.Packets, r.Lost, r.Restarts, r.Strays)
	}
	if r.JitterMaxMS > 0.001 {
		t.Errorf("jitter %.3f ms: the clock's jump was taken for lateness", r.JitterMaxMS)
	}
}

func TestOneStrayPacketChangesNothing(t *testing.T) {
	s := play(0, run(0, 100)...)
	if e := s.Packet(at(pack{n: 100}), &Header{Seq: 31000, Timestamp: 1}); e.Flags != Stray {
		t.Fatalf("flags %b, want a stray", e.Flags)
	}
	for n := 100; n < 200; n++ {
		s.Packet(at(pack{n: n}), header(0, n))
	}
	if r := s.Report(); r.Packets != 200 || r.Lost != 0 || r.Strays != 1 || r.Restarts != 0 {
		t.Errorf("%+v", r)
	}
}

// TestCountsAgreeWithASet compares the window with a set of all numbers, over streams that lose, repeat and delay at random.
func TestCountsAgreeWithASet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		loss, dup, late := rnd.Float64()*0.3, rnd.Float64()*0.1, rnd.Float64()*0.2
		type arrival struct{ n, when int }
		var order []arrival
		bursty := 0
		for n := range 1500 {
			if bursty > 0 {
				bursty--
				continue
			}
			if rnd.Float64() < loss {
				bursty = rnd.IntN(14)
				continue
			}
			when := n
			if rnd.Float64() < late {
				when += rnd.IntN(90)
			}
			order = append(order, arrival{n, when})
			if rnd.Float64() < dup {
				order = append(order, arrival{n, when + rnd.IntN(60)})
			}
		}
		slots := map[int][]int{}
		for _, a := range order {
			slots[a.when] = append(slots[a.when], a.n)
		}
		s := &Stream{}
		s.Init(8000)
		seen := map[int]bool{}
		lo, hi, dups := math.MaxInt, -1, uint64(0)
		for when := range 1700 {
			for _, n := range slots[when] {
				s.Packet(1e18+int64(when)*20*ms, header(60000, n))
				if seen[n] {
					dups++
				}
				seen[n] = true
				lo, hi = min(lo, n), max(hi, n)
			}
		}
		var bursts [10]uint32
		length := uint32(0)
		for n := lo; n <= hi; n++ {
			if !seen[n] {
				length++
				continue
			}
			countBurst(length, &bursts)
			length = 0
		}
		r := s.Report()
		if r.Packets != uint64(len(seen)) || r.Expected != uint64(hi-lo+1) || r.Duplicates != dups || r.Bursts != bursts {
			t.Fatalf("got %d of %d, %d duplicates, bursts %v; want %d of %d, %d, %v",
				r.Packets, r.Expected, r.Duplicates, r.Bursts, len(seen), hi-lo+1, dups, bursts)
		}
	}
}

func TestJitterIsThatOfRFC3550(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var packs []pack
	for n := range 1000 {
		packs = append(packs, pack{n, rnd.Float64() * 15})
	}
	j, sum, highest, last := 0.0, 0.0, 0.0, 0.0
	for i, p := range packs { // appendix A.8, in milliseconds
		if i > 0 {
			j += (math.Abs(p.delay-last) - j) / 16
			sum += j
			highest = max(highest, j)
		}
		last = p.delay
	}
	r := play(0, packs...).Report()
	if math.Abs(r.JitterMeanMS-sum/999) > 0.001 || math.Abs(r.JitterMaxMS-highest) > 0.001 {
		t.Errorf("mean %.4f max %.4f, want %.4f %.4f", r.JitterMeanMS, r.JitterMaxMS, sum/999, highest)
	}
}

func TestLatePacketsAreCountedByDelay(t *testing.T) {
	packs := run(0, 500)
	for i, d := range map[int]float64{50: 40, 100: 60, 150: 80, 200: 130, 250: 250, 300: 400} {
		packs[i].delay = d
	}
	s := play(0, packs...) // in the order of sending: arrival times overlap, as those of a queue do not, but delays are exact
	if got, want := s.Report().PDV, [7]uint32{5, 4, 3, 3, 2, 2, 1}; got != want {
		t.Errorf("later than 50..300 ms: %v, want %v", got, want)
	}
}

func TestALongerPathIsLateForOneSecondOnly(t *testing.T) {
	packs := run(0, 1000)
	for i := 500; i < 1000; i++ {
		packs[i].delay = 80
	}
	if got := play(0, packs...).Report().PDV[1]; got < 20 || got > 60 {
		t.Errorf("%d packets later than 70 ms, want about a second of them", got)
	}
}

func TestAStallThatCatchesUpIsLateness(t *testing.T) {
	packs := run(0, 500)
	for i := 200; i < 275; i++ { // nothing for 1.5 s, then all at once
		packs[i].delay = float64(275-i) * 20
	}
	r := play(0, packs...).Report()
	if r.Lost != 0 || r.PDV[0] != 73 || r.PDV[6] != 60 || r.DeltaMaxMS < 1500 || r.ClockJumps != 0 {
		t.Errorf("lost %d, later than 50..300 ms %v, longest gap %.0f ms", r.Lost, r.PDV, r.DeltaMaxMS)
	}
}

func TestSilenceIsNeitherLateNorLost(t *testing.T) {
	for name, frozen := range map[string]bool{"the timestamp goes on in the pause": false, "it stands still, with a marker": true} {
		t.Run(name, func(t *testing.T) {
			s := &Stream{}
			s.Init(8000)
			now, ts := int64(1e18), uint32(1000)
			var flags Flags
			for n := range 1000 {
				h := &Header{Seq: uint16(n), Timestamp: ts, Marker: n%100 == 0}
				if n%100 == 0 && n > 0 {
					now += 1500 * ms
					if !frozen {
						ts += 1500 * 8
						h.Timestamp = ts
					}
				}
				flags |= s.Packet(now, h).Flags
				now, ts = now+20*ms, ts+160
			}
			r := s.Report()
			// RFC 3550 appendix A.8 knows no pause: where the clock stood still each counts as one packet that came 1.5 s late.
			if frozen != (r.JitterMaxMS > 1500/16 && r.JitterMaxMS < 1600/16) || !frozen && r.JitterMaxMS > 0.01 || r.Lost != 0 || r.PDV != [7]uint32{} || r.Talkspurts != 9 || flags&Talkspurt == 0 || r.PtimeMS != 20 {
				t.Errorf("jitter %.3f lost %d pdv %v talkspurts %d ptime %.0f", r.JitterMaxMS, r.Lost, r.PDV, r.Talkspurts, r.PtimeMS)
			}
		})
	}
}

func TestEventsAndComfortNoiseCountForLossOnly(t *testing.T) {
	s := &Stream{}
	s.Init(8000)
	s.SetUntimed(101)
	for n := range 500 {
		h := header(0, n)
		switch {
		case n >= 100 && n < 112: // a digit: all packets carry the timestamp of its start
			h.PayloadType, h.Timestamp = 101, 4e9+100*160
		case n >= 200 && n < 220: // comfort noise with a clock of its own
			h.PayloadType, h.Timestamp = 13, 0
		case n == 300:
			continue
		}
		if e := s.Packet(at(pack{n: n}), h); (h.PayloadType != 0) != (e.Flags&Untimed != 0) {
			t.Fatalf("packet %d: flags %b", n, e.Flags)
		}
	}
	r := s.Report()
	if r.JitterMaxMS > 0.001 || r.Lost != 1 || r.PayloadType != 0 || r.PtimeMS != 20 || r.ClockJumps != 0 {
		t.Errorf("%+v", r)
	}
}

func TestSkewIsTheDriftOfTheSender(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, ppm := range []float64{-200, 0, 150} {
		s := &Stream{}
		s.Init(8000)
		const n = 15000 // five minutes
		for i := range n {
			ns := float64(i) * 20e6 / (1 + ppm/1e6)
			queue := rnd.ExpFloat64() * 8e6
			if i > n/2 && i < n/2+2000 {
				queue += 60e6 // congestion for forty seconds
			}
			s.Packet(1e18+int64(ns+queue), header(0, i))
		}
		want := ppm / 1e6 * n * 20
		if got := s.Report().SkewMS; math.Abs(got-want) > 6 {
			t.Errorf("%+.0f ppm: skew %.2f ms, want %.2f", ppm, got, want)
		}
	}
}

// A clock that stood still now and then is right in between.
func TestAClockThatStoodStillHasNotDrifted(t *testing.T) {
	for _, c := range []struct {
		name  string
		still []int // packets before which it did, for 150 ms
		ppm   float64
		drift bool
	}{
		{"once", []int{600}, 0, false},
		{"three times", []int{300, 700, 1100}, 0, false},
		{"never, and it drifts", nil, -4000, true},
		{"once, and it drifts", []int{800}, -4000, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(7, 8))
			s := &Stream{}
			s.Init(8000)
			stood := 0.0
			for i := range 1500 {
				if slices.Contains(c.still, i) {
					stood += 150e6
				}
				s.Packet(1e18+int64(float64(i)*20e6/(1+c.ppm/1e6)+stood+rnd.Float64()*5e6), header(0, i))
			}
			got := s.Report().SkewMS
			if drifted := got < -100; drifted != c.drift || !drifted && math.Abs(got) > 20 {
				t.Errorf("skew %.1f ms", got)
			}
		})
	}
}

// After a pause of its sender a stream is played as it comes; what a queue held up is late until the queue is empty.
func TestAPauseOfTheSenderIsNoLatenessAndAQueueIs(t *testing.T) {
	for _, c := range []struct {
		name        string
		spacing     float64 // of the packets after the stall of 700 ms, ms
		least, most uint32  // later than 300 ms
	}{
		{"a pause", 20, 1, 20},
		{"a queue that empties at once", 0.1, 15, 25},
		{"a queue that empties slowly", 15, 60, 85},
	} {
		t.Run(c.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(3, 4))
			s := &Stream{}
			s.Init(8000)
			last := 0.0
			for i := range 900 {
				at := float64(i) * 20
				if i >= 300 {
					at = max(at, last+c.spacing)
					if i == 300 {
						at = 300*20 + 700
					}
				}
				if c.spacing == 20 && i >= 300 {
					at = float64(i)*20 + 700
				}
				last = at
				s.Packet(1e18+int64((at+rnd.Float64()*3)*1e6), header(0, i))
			}
			if n := s.Report().PDV[6]; n < c.least || n > c.most {
				t.Errorf("%d packets later than 300 ms, want %d to %d", n, c.least, c.most)
			}
		})
	}
}

func TestUnknownClockStillCountsLoss(t *testing.T) {
	s := &Stream{}
	s.Init(0)
	for _, p := range join(run(0, 50), run(52, 100)) {
		if e := s.Packet(at(p), header(0, p.n)); e.Flags&Untimed == 0 {
			t.Fatal("a packet without a known clock carries a delay")
		}
	}
	if r := s.Report(); r.Lost != 2 || r.JitterMeanMS != 0 || r.PtimeMS != 0 {
		t.Errorf("%+v", r)
	}
}

func TestStreamIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Stream{}); n > 768 {
		t.Errorf("a stream takes %d bytes", n)
	}
}

func TestPacketDoesNotAllocate(t *testing.T) {
	s := &Stream{}
	s.Init(8000)
	b := []byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3}
	n := 0
	if a := testing.AllocsPerRun(2000, func() {
		n++
		var h Header
		b[2], b[3] = byte(n>>8), byte(n)
		if !Parse(b, &h) {
			t.Fatal("not parsed")
		}
		h.Timestamp = uint32(n) * 160
		s.Packet(int64(n)*20*ms, &h)
		s.Report()
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzStream feeds arbitrary packets and checks what must hold of any report.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 0, 160, 20, 0, 2, 1, 64, 20})
	f.Add([]byte{255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 9, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &Stream{}
		s.Init(8000)
		now, sent := int64(0), uint64(0)
		for ; len(b) >= 5; b = b[5:] {
			now += int64(b[4]) * ms
			e := s.Packet(now, &Header{Seq: uint16(b[0])<<8 | uint16(b[1]), Timestamp: uint32(b[2])<<24 | uint32(b[3])<<4, Marker: b[4]&1 != 0, PayloadType: b[4] >> 3})
			sent++
			if e.Delay < 0 {
				t.Fatalf("delay %d", e.Delay)
			}
		}
		r := s.Report()
		if r.Packets+r.Duplicates+r.Strays != sent || r.Packets > r.Expected || r.Lost != r.Expected-r.Packets {
			t.Fatalf("%d sent: %+v", sent, r)
		}
		runs := uint64(0)
		for i, n := range r.Bursts {
			runs += uint64(i+1) * uint64(n)
		}
		if runs > r.Lost || (r.Lost > 0) != (runs > 0) {
			t.Fatalf("%d lost, but bursts %v", r.Lost, r.Bursts)
		}
		if !(r.JitterMeanMS >= 0 && r.JitterMeanMS <= r.JitterMaxMS) || math.IsNaN(r.SkewMS) {
			t.Fatalf("jitter %v %v skew %v", r.JitterMeanMS, r.JitterMaxMS, r.SkewMS)
		}
	})
}

func BenchmarkStreamPacket(b *testing.B) {
	s := &Stream{}
	s.Init(8000)
	rnd := rand.New(rand.NewPCG(1, 1))
	var jitter [1024]int64
	for i := range jitter {
		jitter[i] = rnd.Int64N(9 * ms)
	}
	h := &Header{}
	b.ReportAllocs()
	for n := range b.N {
		h.Seq++
		h.Timestamp += 160
		s.Packet(int64(n)*20*ms+jitter[n&1023], h)
	}
}

func TestAPacketAfterAPauseTellsWhatBecameOfThoseBetween(t *testing.T) {
	const ms = 1_000_000
	for name, c := range map[string]struct {
		seq       uint16
		ts        uint32
		lost      uint32
		ran, anew bool
	}{
		"lost":                    {175, 175 * 160, 75, false, false},
		"held up":                 {100, 100 * 160, 0, false, false},
		"not sent, its clock ran": {100, 175 * 160, 0, true, false},
		"lost for a minute":       {3100, 3100 * 160, 3000, false, true}, // too long for the time that went by
		"another sequence":        {40000, 99, 0, false, true},
		"the last one again":      {99, 99 * 160, 0, false, true},
	} {
		var s Stream
		s.Init(8000)
		for i := range 100 {
			s.Packet(1e18+int64(i)*20*ms, &Header{Seq: uint16(i), Timestamp: uint32(160 * i)})
		}
		lost, ran, anew := s.Resumes(1e18+3500*ms, &Header{Seq: c.seq, Timestamp: c.ts})
		if ran != c.ran || anew != c.anew || !anew && lost != c.lost {
			t.Errorf("%s: %d lost, ran %v, anew %v", name, lost, ran, anew)
		}
	}
}
