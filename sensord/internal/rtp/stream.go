package rtp

// Limits for timestamps.
const (
	wildTime    = 3e9   // ns: a timestamp that is off by more says that the sender's clock was set anew, or stood still so long
	lateMost    = 20e9  // ns: later by more is no packet that was overtaken, but one with a wrong timestamp
	spurtPause  = 200e6 // ns: at a marker, a timestamp that stood still for longer is a pause of the sender, not delay
	stepTime    = 1e9   // ns: all packets later than stepDelay for so long: the path has become longer
	stepDelay   = 50e6  // ns
	stepPackets = 20
	baseWindow  = 5e9 // ns: the earliest packet of the last one to two windows is the base that lateness counts from
)

// Flags say what a packet was to its stream.
type Flags uint8

// The flags of an Event.
const (
	New       Flags = 1 << iota // counted for the first time
	Duplicate                   // seen before: changes nothing else
	Reordered                   // New, but older than the newest: repairs a loss that had been counted
	Restart                     // New, and the sequence started anew: not a loss
	Talkspurt                   // the first after a pause of the sender: silence suppression, hold
	ClockJump                   // the timestamp does not continue: the sender's clock was set anew
	Untimed                     // carries no media time: telephone-event, comfort noise, or the clock rate is unknown
	Stray                       // its sequence number is far off and no neighbour has confirmed it: not counted yet
)

// Event is what one packet meant for its stream.
type Event struct {
	Flags Flags
	Lost  uint32 // sequence numbers that were skipped just before it
	Seq   uint64 // extended sequence number, continuous across wraps and restarts
	Delay int64  // nanoseconds that it came later than the earliest packets of the last seconds; 0 when Untimed
}

// Stream holds what is known of one RTP stream (one source, one destination, one SSRC). It has a fixed size and no
// pointers. Init before use.
type Stream struct {
	nsPerTick float64
	clock     uint32
	gapLost   uint32    // sequence numbers that were skipped in deltaMax
	untimed   [2]uint64 // bit per payload type

	window
	topSeq  uint16 // sequence number of window.top
	bad     uint16 // sequence number of the last stray: a neighbour would confirm a restart
	badHeld bool   // a stray waits for its neighbour
	started bool
	timed   bool // there was a packet with media time

	dups, reordered, strays uint64
	first, last             int64
	deltaMax                int64

	// timing of the packets with media time
	lastTS      uint32
	lastSeq     uint16
	lastPT      uint8
	t0          int64
	ticks       int64 // since t0
	transit     float64
	steady      float64 // transit of the newest packet that came in order
	jitter      float64 // running, ns
	jitterMax   float64
	jitterSum   float64
	jitterCount uint64
	talkspurts  uint32
	clockJumps  uint32

	base base
	pdv  [7]uint32

	restarts uint32

	skew  skew
	step  uint32 // timestamp step in use and its votes (Boyer-Moore majority)
	votes uint32

	types [4]typeCount
}

// typeCount counts the packets of a payload type. The first four of a stream are counted; more are not in one.
type typeCount struct {
	n  uint32
	pt uint8
}

// Init makes s ready for a stream whose payload clock runs at clockRate Hz. 0 means unknown: loss and order are kept,
// times are not.
func (s *Stream) Init(clockRate uint32) {
	*s = Stream{}
	s.SetUntimed(13) // comfort noise, RFC 3389
	s.SetUntimed(19) // comfort noise before it was 13
	s.SetClockRate(clockRate)
}

// SetClockRate changes the rate of the payload's clock, when the payload type changed to one of another rate.
func (s *Stream) SetClockRate(hz uint32) {
	if hz == s.clock {
		return
	}
	s.clock, s.nsPerTick = hz, 0
	if hz != 0 {
		s.nsPerTick = 1e9 / float64(hz)
	}
	s.timed, s.votes = false, 0
}

// SetUntimed says that a payload type carries no media time of its own (telephone-event, RFC 4733: its timestamp is that
// of the event's start). Its packets count for loss, not for jitter. Comfort noise is known.
func (s *Stream) SetUntimed(payloadType uint8) {
	s.untimed[payloadType>>6&1] |= 1 << (payloadType & 63)
}

func (s *Stream) isUntimed(payloadType uint8) bool {
	return s.untimed[payloadType>>6&1]>>(payloadType&63)&1 != 0
}

// Packet takes a packet that arrived at t, nanoseconds since the epoch.
func (s *Stream) Packet(t int64, h *Header) (e Event) {
	switch {
	case !s.started:
		s.started = true
		s.first, s.last = t, t
		s.topSeq = h.Seq
		s.window.init(h.Seq)
		e.Flags = New
	case h.Seq == s.topSeq+1:
		s.topSeq = h.Seq
		s.window.advance(1)
		e.Flags = New
	default:
		s.place(t, h, &e)
		if e.Flags&Stray != 0 {
			return e
		}
	}
	if e.Flags&(Reordered|Duplicate) == 0 {
		e.Seq = s.top
		s.badHeld = false
	}
	if d := t - s.last; d > s.deltaMax {
		s.deltaMax, s.gapLost = d, e.Lost
	}
	s.last = t
	if e.Flags&Duplicate == 0 {
		s.countType(h.PayloadType)
	}
	if s.clock == 0 || s.isUntimed(h.PayloadType) {
		e.Flags |= Untimed
		return e
	}
	s.time(t, h, &e)
	return e
}

// time keeps jitter, lateness, skew and packet time from a packet that carries media time. A duplicate counts for jitter
// alone: RFC 3550 appendix A.8 takes every packet that arrives.
func (s *Stream) time(t int64, h *Header, e *Event) {
	if !s.timed {
		s.timed = true
		s.t0, s.ticks, s.transit, s.steady = t, 0, 0, 0
		s.lastTS, s.lastSeq, s.lastPT = h.Timestamp, h.Seq, h.PayloadType
		if s.jitterCount > 0 || s.base.set {
			s.base.restart(t, 0)
			s.skew.rebase(0)
			return
		}
		s.base.restart(t, 0)
		s.skew.start(t)
		return
	}
	step := int32(h.Timestamp - s.lastTS)
	s.ticks += int64(step)
	transit := float64(t-s.t0) - float64(s.ticks)*s.nsPerTick
	d := transit - s.transit
	if h.Seq == s.lastSeq+1 && h.PayloadType == s.lastPT {
		s.vote(step)
		if s.votes > 0 && step > 0 && uint32(step) >= 2*s.step && uint32(step) > s.step+s.clock/50 {
			e.Flags |= Talkspurt
			s.talkspurts++
		}
	}
	s.lastTS, s.lastSeq, s.lastPT = h.Timestamp, h.Seq, h.PayloadType
	if e.Flags&(Reordered|Duplicate) != 0 { // its place in the sequence tells that its clock is the same, however late it is
		if off := transit - s.steady; off > lateMost || off < -wildTime {
			return
		}
		s.countJitter(max(d, -d))
		s.transit = transit
		if e.Flags&Duplicate == 0 {
			s.late(t, transit, e)
		}
		return
	}
	if off := transit - s.steady; off > wildTime || off < -wildTime { // the clock was set, or stood still: go on as if this packet had come with the delay of the last
		if moved := float64(step) * s.nsPerTick; off > 0 && moved > -wildTime { // it stood still, and this packet is late by it (A.8)
			s.countJitter(max(d, -d))
		}
		s.t0 += int64(off)
		s.transit = s.steady
		e.Flags |= ClockJump
		s.clockJumps++
		return
	}
	s.countJitter(max(d, -d))
	if off := transit - s.steady; h.Marker && off > spurtPause { // the clock stood still in a pause of the sender: a playout goes on from here
		s.t0 += int64(off)
		s.transit = s.steady
		if e.Flags&Talkspurt == 0 {
			e.Flags |= Talkspurt
			s.talkspurts++
		}
		return
	}
	s.transit, s.steady = transit, transit
	s.late(t, transit, e)
}

// late keeps how much later than the earliest ones a packet came.
func (s *Stream) late(t int64, transit float64, e *Event) {
	e.Delay = s.base.delay(t, int64(transit))
	if e.Delay > pdvLimits[0] {
		s.countLate(e.Delay)
	}
	s.skew.packet(t, transit)
}

// countJitter takes the difference of two packets' transit times, ns (RFC 3550 appendix A.8).
func (s *Stream) countJitter(d float64) {
	s.jitter += (d - s.jitter) / 16
	s.jitterSum += s.jitter
	s.jitterCount++
	if s.jitter > s.jitterMax {
		s.jitterMax = s.jitter
	}
}

// pdvLimits are the bounds of the delay histogram, ns.
var pdvLimits = [7]int64{50e6, 70e6, 90e6, 120e6, 150e6, 200e6, 300e6}

func (s *Stream) countLate(delay int64) {
	for i, limit := range pdvLimits {
		if delay > limit {
			s.pdv[i]++
		}
	}
}

// vote keeps the timestamp step that most neighbours have (Boyer and Moore's majority vote).
func (s *Stream) vote(step int32) {
	switch {
	case step <= 0:
	case uint32(step) == s.step:
		if s.votes < 1000 {
			s.votes++
		}
	case s.votes == 0:
		s.step, s.votes = uint32(step), 1
	default:
		s.votes--
	}
}

func (s *Stream) countType(pt uint8) {
	for i := range s.types {
		if c := &s.types[i]; c.pt == pt || c.n == 0 {
			c.pt = pt
			c.n++
			return
		}
	}
}

// JitterMS is the running interarrival jitter, milliseconds.
func (s *Stream) JitterMS() float64 { return s.jitter / 1e6 }

// Last is the time of the newest packet, nanoseconds.
func (s *Stream) Last() int64 { return s.last }
