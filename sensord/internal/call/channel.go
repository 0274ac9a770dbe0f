package call

import "voiptop/sensord/internal/decode"

// A channel is a call that has not ended and whose media is analysed. A call that begins while all channels are taken is
// over the limit, to its end: its record is made of its SIP, its media is told from other media and left alone, and of its
// packets a rule keeps the SIP at most.

// SetMaxChannels limits the channels, for calls that begin from now on; 0: no limit.
func (t *Table) SetMaxChannels(n int) { t.maxChannels = n }

// Channels tells how many are taken, and how many running calls have none.
func (t *Table) Channels() (used, over int) { return t.channels, t.overLimit }

// admit says whether a new call gets a channel.
func (t *Table) admit(c *Call) {
	if t.maxChannels > 0 && t.channels >= t.maxChannels {
		c.overLimit = true
		t.count.overLimit++
	}
}

// occupy takes a channel for a running call, and gives it back when the call has ended. A call that was challenged or
// redirected and tries again gets its channel back, whoever has taken one meanwhile.
func (c *Call) occupy() {
	running := !c.finished && !c.ended()
	if running == c.running {
		return
	}
	n := &c.table.channels
	if c.overLimit {
		n = &c.table.overLimit
	}
	if c.running = running; running {
		*n++
	} else {
		*n--
	}
}

// analysed finds who announced an endpoint, of the calls whose media is analysed.
func (t *Table) analysed(e decode.Endpoint) *binding {
	b := t.ends.get(&e)
	for b != nil && b.call.overLimit {
		b = b.below
	}
	return b
}

// leftAlone reports, and counts, media that belongs to no analysed call because its call is over the limit.
func (t *Table) leftAlone(d *decode.Datagram) bool {
	if t.count.overLimit == 0 || t.ends.get(&d.Dst) == nil && t.ends.get(&d.Src) == nil {
		return false
	}
	t.count.leftAlone++
	return true
}
