package rtp

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// However long a clock stands still: RFC 3550 appendix A.8 takes what comes then for late by as much, and makes a sixteenth of it jitter.
// A timestamp that is another altogether says nothing of when its packet should have come.
func TestAClockThatStandsStillCountsAsJitterAndOneThatIsSetDoesNot(t *testing.T) {
	for _, c := range []struct {
		pause, jump float64 // s
		jitter      float64 // ms, the greatest
	}{
		{pause: 2.9, jitter: 2900. / 16},
		{pause: 3.1, jitter: 3100. / 16},
		{pause: 30, jitter: 30000. / 16},
		{pause: 30, jump: 30},
		{pause: 30, jump: 29, jitter: 1000. / 16},
		{jump: -50},
		{jump: 50},
		{jump: 100000},
		{pause: 10, jump: -50},
	} {
		for _, marker := range []bool{false, true} {
			t.Run(fmt.Sprintf("%g s later, timestamp on by %g s, marker %v", c.pause, c.jump, marker), func(t *testing.T) {
				s := &Stream{}
				s.Init(8000)
				now, ts := int64(1e18), uint32(1000)
				for n := range 400 {
					if n == 200 {
						now += int64(c.pause * 1e9)
						ts += uint32(int64(c.jump * 8000))
					}
					s.Packet(now, &Header{Seq: uint16(n), Timestamp: ts, Marker: marker && n == 200})
					now, ts = now+20*ms, ts+160
				}
				r := s.Report()
				if math.Abs(r.JitterMaxMS-c.jitter) > 0.001 {
					t.Errorf("jitter %.3f ms, want %.3f", r.JitterMaxMS, c.jitter)
				}
				if r.Lost != 0 || c.pause-c.jump > 3 && r.PDV != [7]uint32{} {
					t.Errorf("lost %d, pdv %v", r.Lost, r.PDV)
				}
			})
		}
	}
}

// A packet that others have overtaken by seconds has the clock of its stream, as its place in the sequence tells: it is late, and no clock was set.
func TestAPacketThatIsSecondsLateCountsAsAppendixA8Says(t *testing.T) {
	s := &Stream{}
	s.Init(8000)
	type arrival struct{ at, n int64 }
	var order []arrival
	for n := range int64(800) {
		at := n * 20
		if n%100 == 50 {
			at += 3501
		}
		order = append(order, arrival{at, n})
	}
	slices.SortFunc(order, func(a, b arrival) int { return int(a.at - b.at) })
	want, last, most := 0.0, 0.0, 0.0
	for i, a := range order {
		transit := float64(a.at - a.n*20)
		if i > 0 {
			want += (math.Abs(transit-last) - want) / 16
			most = max(most, want)
		}
		last = transit
		s.Packet(1e18+a.at*ms, &Header{Seq: uint16(a.n), Timestamp: uint32(a.n * 160)})
	}
	r := s.Report()
	if math.Abs(r.JitterMaxMS-most) > 0.001 || r.ClockJumps != 0 || r.Lost != 0 || r.Reordered != 8 {
		t.Errorf("jitter %.3f, want %.3f; %d clock jumps, %d lost, %d reordered", r.JitterMaxMS, most, r.ClockJumps, r.Lost, r.Reordered)
	}
	if r.PDV[6] != 8 {
		t.Errorf("%d packets later than 300 ms", r.PDV[6])
	}
	e := s.Packet(1e18+20000*ms, &Header{Seq: 799 - 7, Timestamp: 0x9abcdef0}) // again, with a timestamp that was damaged
	if after := s.Report(); e.Flags != Duplicate || after.JitterMaxMS != r.JitterMaxMS {
		t.Errorf("flags %b, jitter %.3f", e.Flags, after.JitterMaxMS)
	}
}
