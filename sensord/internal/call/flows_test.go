package call

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"voiptop/sensord/internal/decode"
)

func TestFlowsAgreeWithAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var f flows
	want := map[flowKey]*stream{}
	var keys []flowKey
	for range 300 { // few bits differ, so that probes run into each other
		keys = append(keys, flowKey{src: decode.EndpointOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(3))}), uint16(r.IntN(9)))), ssrc: uint32(r.IntN(20))})
	}
	for step := range 20000 {
		k := keys[r.IntN(len(keys))]
		h := flowHash(&k.src, &k.dst, k.ssrc) & 0xff // few hashes
		switch s := f.get(h, &k.src, &k.dst, k.ssrc); {
		case s != want[k]:
			t.Fatalf("step %d: got %p, want %p", step, s, want[k])
		case s != nil && r.IntN(2) == 0:
			f.remove(h, s)
			delete(want, k)
		case s == nil:
			n := &stream{key: k, hash: h}
			f.put(h, n)
			want[k] = n
		}
		if f.n != len(want) {
			t.Fatalf("step %d: %d entries, want %d", step, f.n, len(want))
		}
	}
}

func TestScheduleGivesCallsByTheirTime(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var s schedule
	var all []*Call
	want := map[*Call]int64{}
	put := func(c *Call) {
		due := 1 + int64(r.IntN(10_000))
		if s.put(c, due, 0); want[c] == 0 || due < want[c] { // never later than it was
			want[c] = due
		}
	}
	for i := range 2000 {
		all = append(all, &Call{number: uint64(i)})
		put(all[i])
	}
	for range 10_000 {
		put(all[r.IntN(len(all))])
	}
	for i := 0; i < len(all); i += 5 {
		s.forget(all[i])
		delete(want, all[i])
		if i%2 == 0 { // another call takes its memory
			all[i].number += 10_000
			put(all[i])
		}
	}
	if alive := s.n - s.dead; alive != len(want) || s.dead > 1024 && s.dead > s.n/2+1 {
		t.Fatalf("%d entries, %d of them dead, for %d calls", s.n, s.dead, len(want))
	}
	var last scheduled
	for s.ready(10_000) {
		first := s.next
		if first.before(&last) {
			t.Fatalf("%v after %v", first, last)
		}
		last = first
		if c, _ := s.pop(); c != nil {
			check(t, "due", first.due, want[c])
			delete(want, c)
		}
	}
	if len(want) > 0 || s.n > 0 || len(s.heap) > 0 || s.dead != 0 {
		t.Errorf("%d calls were not given, %d entries left, %d dead", len(want), s.n, s.dead)
	}
}

func TestWhatFallsDueInTheOrderInWhichItComesNeedsNoHeap(t *testing.T) {
	var s schedule
	number := uint64(0)
	given := 0
	for now := int64(1e9); now < 600e9; now += 20e6 { // calls that wait for one of four times
		for _, wait := range []int64{5e9, 32e9, 300e9, 1200e9} {
			number++
			s.put(&Call{number: number}, now+wait, now)
		}
		for s.ready(now) {
			s.pop()
			given++
		}
	}
	if len(s.heap) > 0 || given < 100_000 {
		t.Errorf("%d entries in the heap, %d were given", len(s.heap), given)
	}
	for i := range s.rows {
		if r := &s.rows[i]; cap(r.list) > 1<<18 {
			t.Errorf("row %d has room for %d", i, cap(r.list))
		}
	}
}

// Of two legs with one media both end at nearly the same time: the one that owns its streams is gone before the other's record is made.
func TestAStreamIsTheOtherLegsWhenItsOwnerIsGoneThoughThatHasEndedToo(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "first", aliceRTP, bobRTP)
	s.setUp(0.1, "second", aliceRTP, bobRTP)
	s.talk(3, 200, aliceRTP, bobRTP, 8, 0xa)
	s.talk(3, 200, bobRTP, aliceRTP, 8, 0xb)
	report := binary.BigEndian.AppendUint32([]byte{0x81, 201, 0, 7, 0, 0, 0, 0xb}, 0xa)
	s.t.Media(s.datagram(6, "198.51.100.20:50001", "192.0.2.10:40001", append(report, make([]byte, 20)...)))
	s.hangUp(8, "second")
	s.hangUp(8.5, "first")
	s.t.Tick(at(8.2) + linger)
	check(t, "records before the end of the first", len(s.calls), 1)
	s.setUp(8.3+float64(linger)/1e9, "third", "192.0.2.10:41000", "198.51.100.20:51000") // takes the room of the second
	s.t.Tick(at(8.6) + linger)
	check(t, "records", len(s.calls), 2)
	for _, c := range s.calls {
		check(t, "streams of "+c.CallID, len(c.Streams), 2)
		check(t, "packets of "+c.CallID, c.Streams[0].Packets, uint64(200))
		check(t, "codec of "+c.CallID, c.Streams[0].Codec, "PCMA")
		if c.Streams[0].RTCP == nil {
			t.Errorf("%s: no report", c.CallID)
		}
	}
}
