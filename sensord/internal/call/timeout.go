package call

import (
	"time"

	"voiptop/protocol"
)

// lastMedia is the time of the newest RTP packet, 0 without one.
func (c *Call) lastMedia() int64 {
	c.catchUp()
	return c.lastHeard()
}

// lastHeard is lastMedia of a call that has caught up.
func (c *Call) lastHeard() (last int64) {
	for _, s := range c.streams {
		last = max(last, s.rtp.Last())
	}
	for _, s := range c.borrowed {
		last = max(last, s.rtp.Last())
	}
	return last
}

// dueTime is when the call ends if nothing more of it is seen.
func (c *Call) dueTime() int64 {
	if c.ended() {
		if c.bye == 0 && c.final != finalRejected {
			return c.lastSIP + lingerRetry
		}
		return max(c.lastSIP, c.lastTrail()) + linger
	}
	return min(c.maxTime(), c.idleTime())
}

// lastTrail is when media that goes on after the end of c was last heard, up to trailTime. That of calls which share it says
// nothing of this one.
func (c *Call) lastTrail() int64 {
	if c.shares {
		return 0
	}
	return min(c.trail, c.lastSIP+trailTime)
}

// maxTime is when the call has lasted as long as a call may.
func (c *Call) maxTime() int64 { return c.startTime + c.holes + int64(c.table.cfg.AbsoluteTimeout) }

// idleTime is when the call has been silent for too long.
func (c *Call) idleTime() int64 {
	media, wait := c.lastMedia(), c.table.cfg.RTPTimeout
	switch {
	case c.unheard():
		wait = min(wait, time.Duration(transactionTime))
	case c.up() && !c.flows(media):
		wait = c.table.cfg.ByeTimeout
	}
	return max(c.lastSIP, media, c.resumed) + int64(wait)
}

// seen moves the clock on to the time of a packet.
func (t *Table) seen(now int64) {
	switch {
	case t.now == 0:
		t.began = now
	case now-t.now > int64(t.cfg.AbsoluteTimeout):
		t.hole(t.now, now)
		t.began = now
	}
	t.Tick(now)
}

// hole notes that nothing at all was captured from one time to another, for longer than any call may last: the sensor
// did not watch (captures of different days read as one, a clock that was set). Running calls do not age in a hole, so a BYE
// after it still finds its call.
func (t *Table) hole(from, to int64) {
	for c := t.order.oldest(); c != nil; c = t.order.after(c) {
		if c.ended() {
			continue
		}
		c.holes += to - from
		c.resumed = to
	}
}

// expire ends a call whose time has come.
func (c *Call) expire() {
	if c.ended() {
		return
	}
	media := c.lastMedia()
	c.by = protocol.PartySensor
	c.end = max(c.lastSIP, media)
	switch {
	case c.maxTime() <= c.idleTime():
		c.cause = protocol.EndTimeoutMax
		c.end = c.maxTime()
	case !c.up():
		c.cause = protocol.EndNoAnswer
		if c.cancel != 0 {
			c.cause, c.by, c.end = protocol.EndCancel, protocol.PartyCaller, c.cancel
		}
	case c.flows(media):
		c.cause = protocol.EndTimeoutRTP
	default:
		c.cause = protocol.EndTimeoutBye
	}
}

// flows reports whether media should be seen until the end, its newest packet being of that time: there was some, neither a hold nor
// a newer description, which may have taken it elsewhere.
func (c *Call) flows(media int64) bool { return media != 0 && media >= c.agreed && !c.held() }

// unheard reports whether nobody responded to the INVITE in any way.
func (c *Call) unheard() bool {
	return c.provisional == 0 && c.ack == 0 && !c.joined() && len(c.streams) == 0
}

// interrupt ends a call that the sensor can follow no longer.
func (c *Call) interrupt(cause protocol.EndCause) {
	if c.ended() {
		return
	}
	if c.unheard() && c.inviteRetrans >= inviteRepeats {
		c.expire()
		return
	}
	c.cause, c.by = cause, protocol.PartyUnknown
	if cause == protocol.EndInterrupted {
		c.by = protocol.PartySensor
	}
	c.end = max(c.lastSIP, c.lastMedia())
}
