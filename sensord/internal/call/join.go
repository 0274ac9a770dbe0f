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
	joinedEither                  // at a 2xx that is the answer, or that to an INVITE within the call, see early.go
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
	case !m.Request() || !m.Tagged():
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
	id := noDigest.Bytes(m.CallID())
	if t.gone.has(id, t.now) || t.letGo.has(id, t.now) {
		return b, false
	}
	return b, t.byID.n < t.cfg.MaxCalls // none goes for the sake of a call of which half is lost
}

// joinAt takes what the message at which a call is joined tells of its first INVITE: a response came back from where that went.
func (c *Call) joinAt(d *decode.Datagram, m *sip.Message) {
	c.table.count.joined++
	c.calleeURI = "" // of a request within a dialog it is a Contact
	if !m.Request() {
		c.src, c.dst = d.Dst, d.Src
	}
	c.setRoles(d, m)
	if m.Request() || c.begun != joinedSetUp {
		return
	}
	c.inviteCSeq, _, _ = m.CSeq()
	c.inviteTime, c.branch = d.Time, m.BranchDigest()
}

// sure notes a request of a joined call that tells that it was answered, although no answer was seen.
func (c *Call) sure() {
	if c.joined() && c.answer == 0 && c.final == finalNone {
		c.begun = joinedUp
	}
}

// gone remembers the Call-IDs of calls that have left the Table, for a period: what still comes of them makes no call. It has room
// for some, and with more the oldest are forgotten before their time. Of a Call-ID it keeps 32 bits beside its place: that another
// is taken for it, and is not joined, happens once in a billion times.
type gone struct {
	places    [][goneDepth]departure
	period    int64 // ns
	forgotten uint64
}

// departure is a Call-ID and when it left, in seconds since the epoch; 0: none.
type departure struct{ id, time uint32 }

const (
	gonePlaces = 1 << 14 // a power of two
	goneDepth  = 4       // 64 Ki Call-IDs in all: a minute of 1000 calls a second
)

// add remembers a Call-ID that left at a time.
func (g *gone) add(id digest, now int64) {
	if g.places == nil {
		g.places = make([][goneDepth]departure, gonePlaces)
	}
	place := &g.places[id&(gonePlaces-1)]
	oldest := &place[0]
	for i := range place {
		if place[i].time < oldest.time {
			oldest = &place[i]
		}
	}
	if oldest.remembered(now, g.period) {
		g.forgotten++
	}
	*oldest = departure{uint32(id >> 32), uint32(now / 1e9)}
}

// has reports whether a Call-ID left not long ago.
func (g *gone) has(id digest, now int64) bool {
	if g.places == nil {
		return false
	}
	for _, d := range g.places[id&(gonePlaces-1)] {
		if d.id == uint32(id>>32) && d.remembered(now, g.period) {
			return true
		}
	}
	return false
}

func (d *departure) remembered(now, period int64) bool {
	return d.time != 0 && now-int64(d.time)*1e9 <= period
}
