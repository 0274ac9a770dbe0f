package rtp

// Report is what is known of a stream. Times are nanoseconds since the epoch, durations milliseconds.
type Report struct {
	First, Last int64
	PayloadType uint8  // the one most packets carried
	ClockRate   uint32 // Hz, 0: unknown
	PtimeMS     float64

	FirstSeq, LastSeq uint64 // lowest and highest extended sequence number; restarts joined, so that their difference tells

	Packets    uint64 // unique
	Expected   uint64 // lowest to highest sequence number, restarts joined
	Lost       uint64 // Expected - Packets, RFC 3550 appendix A.3 without duplicates
	Duplicates uint64
	Reordered  uint64 // arrived after a packet with a higher sequence number
	Strays     uint64 // not counted: sequence number far off, and no neighbour that confirmed it

	JitterMeanMS float64 // mean over the packets of the running interarrival jitter, RFC 3550 appendix A.8
	JitterMaxMS  float64
	DeltaMaxMS   float64 // longest time between two packets
	GapLost      uint64  // packets lost in that time
	SkewMS       float64 // drift of the sender's clock over the stream; positive: it runs ahead of ours

	Bursts [10]uint32 // runs of lost packets of length 1..9, and 10 or more
	// PDV counts the packets that came later than 50, 70, 90, 120, 150, 200, 300 ms after the earliest ones of the last
	// seconds. Each count holds the ones after it: a packet 100 ms late is in the first three.
	PDV [7]uint32

	Restarts   uint32 // of the sequence
	ClockJumps uint32 // of the timestamp
	Talkspurts uint32 // beginnings of speech after a pause
}

// LossPct is the loss in per cent of the packets that were expected.
func (r *Report) LossPct() float64 {
	if r.Expected == 0 {
		return 0
	}
	return 100 * float64(r.Lost) / float64(r.Expected)
}

// Report says how the stream stands now. It may be asked at any time.
func (s *Stream) Report() (r Report) {
	if !s.started {
		return r
	}
	r = Report{
		First: s.first, Last: s.last,
		ClockRate: s.clock,
		FirstSeq:  s.window.base, LastSeq: s.top,
		Packets: s.received, Expected: s.expected(),
		Duplicates: s.dups, Reordered: s.reordered, Strays: s.strays,
		JitterMaxMS: s.jitterMax / 1e6,
		DeltaMaxMS:  float64(s.deltaMax) / 1e6,
		GapLost:     uint64(s.gapLost),
		SkewMS:      s.skew.ms(s.last - s.first),
		Bursts:      s.burstCounts(),
		PDV:         s.pdv,
		Restarts:    s.restarts, ClockJumps: s.clockJumps, Talkspurts: s.talkspurts,
	}
	r.Lost = r.Expected - r.Packets
	if s.jitterCount > 0 {
		r.JitterMeanMS = s.jitterSum / float64(s.jitterCount) / 1e6
	}
	if s.clock != 0 && s.votes > 0 {
		r.PtimeMS = float64(s.step) * 1000 / float64(s.clock)
	}
	most := uint32(0)
	for _, c := range s.types {
		if c.n > most {
			most, r.PayloadType = c.n, c.pt
		}
	}
	return r
}
