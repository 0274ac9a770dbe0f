package spool

import (
	"time"

	"voiptop/protocol"
)

// counts are what the spool has counted since it was opened.
type counts struct {
	late, slow, disk                     uint64 // packets that were not stored
	windowFull, windowSlow, windowDisk   uint64 // held packets that were let go
	partial                              uint64 // captures that lack packets
	expiredSize, expiredAge, expiredFree uint64
	compressed, recovered                uint64
}

// Counters adds what the spool has counted to n.
func (s *Spool) Counters(n protocol.Counters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n[protocol.CountCapturesKept] = uint64(len(s.ready))
	for _, v := range []struct {
		name string
		n    uint64
	}{
		{"captures.packets.dropped.disk", s.count.disk},
		{"captures.packets.dropped.slow", s.count.slow},
		{"captures.packets.dropped.late", s.count.late},
		{"captures.window.dropped.full", s.count.windowFull},
		{"captures.window.dropped.slow", s.count.windowSlow},
		{"captures.window.dropped.disk", s.count.windowDisk},
		{"captures.partial", s.count.partial},
		{"captures.expired.size", s.count.expiredSize},
		{"captures.expired.age", s.count.expiredAge},
		{"captures.expired.free", s.count.expiredFree},
		{"captures.compressed", s.count.compressed},
		{"captures.recovered", s.count.recovered},
	} {
		if v.n > 0 {
			n[v.name] += v.n
		}
	}
}

// LetGo says when held packets were let go last, for want of room; the zero time: never.
func (s *Spool) LetGo() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.letGoAt
}
