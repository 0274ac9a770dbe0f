package rtp

// Limits as in RFC 3550 appendix A.1.
const (
	maxDropout  = 3000            // a larger step forward is a restart of the sequence unless time agrees with it
	maxApart    = 4               // strays that are no further apart belong together
	maxMisorder = windowSize - 64 // a larger step back is a restart; what the window surely holds
)

// place finds where a packet stands that is not the next in sequence.
func (s *Stream) place(t int64, h *Header, e *Event) {
	ahead := h.Seq - s.topSeq
	switch behind := -ahead; {
	case ahead == 0 || behind <= maxMisorder:
		ext := s.top - uint64(behind)
		switch s.window.fill(ext) {
		case false:
			s.dups++
			e.Flags, e.Seq = Duplicate, ext
		default:
			s.reordered++
			e.Flags, e.Seq = New|Reordered, ext
		}
	case ahead < maxDropout && !s.wildJump(t, h, ahead), s.sameClock(t, h, ahead):
		e.Lost = uint32(ahead) - 1
		s.topSeq = h.Seq
		s.window.advance(uint64(ahead))
		e.Flags = New
	case s.badHeld && s.neighbours(h.Seq): // both belong to a new sequence
		s.restarts++
		s.strays--
		s.topSeq = h.Seq
		apart := h.Seq - s.bad
		if int16(apart) < 0 {
			s.topSeq, apart = s.bad, -apart
		}
		s.window.advance(1 + uint64(apart)) // the stray counts now
		s.window.fill(s.top - uint64(apart))
		e.Flags, e.Lost = New|Restart, uint32(apart)-1
		s.timed = false
	default:
		s.bad, s.badHeld = h.Seq, true
		s.strays++
		e.Flags = Stray
	}
}

// neighbours reports whether a packet is close to the last stray. RFC 3550 waits for the very next number, but what begins anew may lose
// or overtake a packet as well.
func (s *Stream) neighbours(seq uint16) bool {
	d := int16(seq - s.bad)
	return d != 0 && -maxApart <= d && d <= maxApart
}

// lateness is how much later a packet came than its timestamp says, measured from the last one, ns.
func (s *Stream) lateness(t int64, h *Header) float64 {
	ticks := s.ticks + int64(int32(h.Timestamp-s.lastTS))
	return float64(t-s.t0) - float64(ticks)*s.nsPerTick - s.transit
}

// inStep reports whether the timestamp moved on by what so many packets take.
func (s *Stream) inStep(h *Header, packets uint16) bool {
	want := float64(packets) * float64(s.step)
	moved := float64(int32(h.Timestamp - s.lastTS))
	return s.votes > 0 && moved > 0.9*want && moved < 1.1*want
}

// wildJump reports whether a gap comes with a timestamp that fits neither the packets missing nor the time that went by:
// a new sequence, not a loss. With another payload type the clock may be another, so that nothing can be said.
func (s *Stream) wildJump(t int64, h *Header, ahead uint16) bool {
	if !s.timed || ahead < 16 || h.PayloadType != s.lastPT || s.inStep(h, ahead) {
		return false
	}
	late := s.lateness(t, h)
	return late > wildTime || late < -wildTime
}

// sameClock reports whether a jump agrees with the packets missing and with the time that went by: then it is a loss,
// however long.
func (s *Stream) sameClock(t int64, h *Header, ahead uint16) bool {
	if !s.timed || ahead >= 1<<15 || !s.inStep(h, ahead) {
		return false
	}
	late := s.lateness(t, h)
	return late < stepTime && late > -stepTime
}

// Resumes looks at a packet that has not been taken yet, after a time without any: how many sequence numbers were skipped before it;
// if none, whether the timestamp went on by more than a packet, as where a sender pauses; and whether it is not of the sequence at all, or not
// newer than what came.
func (s *Stream) Resumes(t int64, h *Header) (lost uint32, ran, anew bool) {
	ahead := h.Seq - s.topSeq
	if ahead == 0 || ahead >= maxDropout && !s.sameClock(t, h, ahead) || s.wildJump(t, h, ahead) {
		return 0, false, true
	}
	step := h.Timestamp - s.lastTS
	ran = ahead == 1 && s.votes > 0 && int32(step) > 0 && step >= 2*s.step && step > s.step+s.clock/50
	return uint32(ahead) - 1, ran, false
}
