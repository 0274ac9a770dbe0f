package call

import (
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// A sensor that starts while calls run, or a capture that begins among them, sees calls whose first INVITE it did not see. Such a
// call is joined at the first message that tells enough for a record: who talks, and where media goes or that the call was
// answered. It must not be the tail of a call that the Table had and has let go, see gone.

// beginning says how a call came into view, and how far it had come then.
type beginning uint8

const (
	fromStart    beginning = iota // its first INVITE was seen
	joinedSetUp                   // while it was set up: the 2xx to its INVITE is the answer
	joinedDialog                  // within its dialog, before the answer or after
	joinedUp                      // after the answer
)

// joined reports whether the first INVITE was not seen.
func (c *Call) joined() bool { return c.begun != fromStart }

// up reports whether the call was answered, as far as can be told.
func (c *Call) up() bool { return c.answer != 0 || c.begun > joinedSetUp }

// joins says whether a message of an unknown Call-ID makes a call, and how far that had come. Responses, and requests within a
// dialog, do if they describe media; a 2xx to an INVITE does even if not, since it tells that the call was answered; an INVITE
// does because its 2xx will. BYE, INFO and ACK alone tell that there was a call, and no more.
func (t *Table) joins(m *sip.Message) (b beginning, ok bool) {
	_, method, _ := m.CSeq()
	status := m.Status()
	switch {
	case method == sip.Invite && m.Request():
		b, ok = joinedUp, true
	case method == sip.Invite:
		b, ok = joinedSetUp, status >= 200 && status < 300 || status > 100 && status < 200 && m.SDP() != nil
	case !m.Request() || len(m.ToTag()) == 0:
	case method == sip.Ack:
		b, ok = joinedUp, m.SDP() != nil
	case method == sip.Prack: // acknowledges a provisional response (RFC 3262)
		b, ok = joinedSetUp, m.SDP() != nil
	case method == sip.Update:
		b, ok = joinedDialog, m.SDP() != nil
	}
	if !ok {
		return b, false
	}
	id := noDigest.bytes(m.CallID())
	if t.gone.has(id, t.now) || t.letGo.has(id, t.now) {
		return b, false
	}
	return b, len(t.byID) < t.cfg.MaxCalls // none goes for the sake of a call of which half is lost
}

// joinAt takes what the message at which a call is joined tells of its first INVITE: a response came back from where that went.
func (c *Call) joinAt(d *decode.Datagram, m *sip.Message) {
	c.table.count.joined++
	c.calleeURI = "" // of a request within a dialog it is a Contact
	if m.Request() {
		return
	}
	c.src, c.dst = d.Dst, d.Src
	c.inviteCSeq, _, _ = m.CSeq()
	c.inviteTime, c.branch = d.Time, noDigest.bytes(m.Branch())
}

// sure notes a request of a joined call that tells that it was answered, although no answer was seen.
func (c *Call) sure() {
	if c.joined() && c.answer == 0 && c.final == finalNone {
		c.begun = joinedUp
	}
}

// maxGone bounds each half of what a gone remembers.
const maxGone = 1 << 16

// gone remembers the Call-IDs of calls that have left the Table, for one to two times as long as its period: what still comes of
// them makes no call. Beyond maxGone in a period the oldest half is forgotten before its time.
type gone struct {
	newer, older map[digest]struct{}
	since        int64 // when newer began
	period       int64 // ns
	forgotten    uint64
}

// add remembers a Call-ID that left at a time.
func (g *gone) add(id digest, now int64) {
	if now-g.since > g.period || len(g.newer) == maxGone {
		g.turn(now)
	}
	if g.newer == nil {
		g.newer = map[digest]struct{}{}
	}
	g.newer[id] = struct{}{}
}

func (g *gone) turn(now int64) {
	if now-g.since <= g.period {
		g.forgotten += uint64(len(g.older))
	}
	if now-g.since > 2*g.period {
		clear(g.newer)
	}
	g.newer, g.older = g.older, g.newer
	clear(g.newer)
	g.since = now
}

// has reports whether a Call-ID left not long ago.
func (g *gone) has(id digest, now int64) bool {
	if now-g.since > 2*g.period {
		return false
	}
	if _, ok := g.newer[id]; ok {
		return true
	}
	_, ok := g.older[id]
	return ok && now-g.since <= g.period
}
