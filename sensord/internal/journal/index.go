package journal

import (
	"hash/maphash"

	"voiptop/protocol"
)

var callIDSeed = maphash.MakeSeed()

func hashCallID(s string) uint64 { return maphash.String(callIDSeed, s) }

// hashGroup is never 0, which stands for no group.
func hashGroup(s string) uint64 {
	if s == "" {
		return 0
	}
	return maphash.String(callIDSeed, s) | 1
}

// entry is a call in the index.
type entry struct {
	id    protocol.UUID
	hash  uint64 // of the Call-ID
	group uint64 // hash of the group's id
	seq   uint64
}

// index holds the newest calls, at most max, in the order of their numbers.
type index struct {
	max  int
	ring []entry                  // grows to max, then the oldest is overwritten
	head int                      // of the ring when it is full: where the oldest is
	seqs map[protocol.UUID]uint64 // number of the call's newest record; 0: appended, not on the disk yet
}

func newIndex(max int) index {
	return index{max: max, seqs: map[protocol.UUID]uint64{}}
}

func (x *index) has(id protocol.UUID) bool {
	_, ok := x.seqs[id]
	return ok
}

// remember notes a call that is not on the disk yet.
func (x *index) remember(id protocol.UUID) {
	if _, ok := x.seqs[id]; !ok {
		x.seqs[id] = 0
	}
}

// forget drops a call that did not come onto the disk.
func (x *index) forget(id protocol.UUID) {
	if x.seqs[id] == 0 {
		delete(x.seqs, id)
	}
}

// add notes a call that is on the disk.
func (x *index) add(e entry) {
	x.seqs[e.id] = e.seq
	if len(x.ring) < x.max {
		x.ring = append(x.ring, e)
		return
	}
	if old := x.ring[x.head]; x.seqs[old.id] == old.seq {
		delete(x.seqs, old.id)
	}
	x.ring[x.head] = e
	x.head = (x.head + 1) % x.max
}

// at gives the i-th entry from the oldest.
func (x *index) at(i int) entry { return x.ring[(x.head+i)%len(x.ring)] }

// below gives how many entries have a number below seq.
func (x *index) below(seq uint64) int {
	lo, hi := 0, len(x.ring)
	for lo < hi {
		if m := (lo + hi) / 2; x.at(m).seq < seq {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}
