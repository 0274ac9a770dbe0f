package call

import "voiptop/sensord/internal/decode"

// Of a 2xx to an INVITE in the first second of a capture, whose INVITE was not seen, nothing in it tells whether that was the first one, which
// had rung for a while, or one within the call: to hold it, to refresh it. What tells is the media: of a call that was up it flowed
// before, of one that is answered just now it begins. So until there is media the call counts as up, and its answer as not seen; and the answer
// is known where media begins within two seconds after the 2xx, at endpoints at which none was before, though there was time to see some.
// A hold that is taken back in that very second is taken for an answer.

const (
	earlyTime  = answerTime   // ns from the first packet in which flows are noted
	earlyLeast = int64(100e6) // ns before the 2xx: five packets of media that flows
	earlyMost  = int64(2e9)   // ns after it: when media begins
	earlySlots = 1 << 14      // endpoints, a power of two
)

// earlyMedia are the endpoints of media that flowed in the first second and belonged to no call; one may be pushed out by another.
type earlyMedia struct {
	began int64 // of which beginning, see Table.began
	slots []uint64
}

// noteEarly notes a flow that belongs to no call.
func (t *Table) noteEarly(d *decode.Datagram) {
	e := &t.early
	if d.Time-t.began > earlyTime {
		if e.slots != nil && d.Time-t.began > earlyTime+earlyMost {
			e.slots = nil
		}
		return
	}
	if e.slots == nil || e.began != t.began {
		e.began, e.slots = t.began, make([]uint64, earlySlots)
	}
	for _, end := range [...]*decode.Endpoint{&d.Src, &d.Dst} {
		h := endHash(end)
		e.slots[h>>8&(earlySlots-1)] = h
	}
}

// flowed reports whether media was at an endpoint before a call announced it.
func (e *earlyMedia) flowed(end *decode.Endpoint) bool {
	h := endHash(end)
	return e.slots != nil && e.slots[h>>8&(earlySlots-1)] == h
}

// mayAnswer reports whether a response with which a call is joined is one of which it cannot be said whether it is the answer.
func (t *Table) mayAnswer(status int, now int64) bool {
	return status >= 200 && now-t.began <= answerTime
}

// begins looks at the first packet of media of a call whose 2xx may have been the answer.
func (c *Call) begins(d, at *decode.Datagram) {
	t := c.table
	answer := c.inviteTime
	c.begun = joinedUp
	if c.answer != 0 || d.Time-answer > earlyMost || answer-t.began < earlyLeast || t.early.flowed(&at.Src) || t.early.flowed(&at.Dst) {
		return
	}
	c.answeredThen()
	c.decide()
}

// answeredThen notes that the 2xx was the answer.
func (c *Call) answeredThen() {
	c.begun, c.answer = joinedSetUp, c.inviteTime
	c.reached(c.answer)
}
