package call

import (
	"bytes"
	"strings"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// A B2BUA (a PBX, a session border controller) makes two calls of one conversation: it takes one in and sends another out.
// Calls that belong together are a group; its id is that of the call that started first. Calls are joined, in the order of what
// is sure:
//
//   - by what a header says: Session-ID (RFC 7989), Replaces (RFC 3891), Refer-To with Replaces, and the headers of
//     Config.MatchHeaders, which hold the Call-ID of the other leg or the same value in both;
//   - by the Call-ID itself, where a B2BUA adds a suffix to it ("_b2b-1");
//   - by media: the outgoing INVITE comes from where the incoming one went within joinTime, and names the same endpoint;
//   - by number: the same, with the same caller and callee; or with one of both, if it is a whole telephone number and the
//     other changed between one and an extension. Only one call may fit: on a trunk where two do, none is joined.

const (
	// joinTime is how long after an INVITE has come in the B2BUA may send its own: it looks up a database, seldom more.
	joinTime = int64(3e9)
	// joinTimeHalf is the same where only one of the two numbers is the same.
	joinTimeHalf = int64(1e9)
	// referTime is how long after a REFER its call may start; the transaction lasts no longer.
	referTime  = transactionTime
	wholeDigit = 7    // digits that make a number unmistakable enough to stand alone, and that are compared
	maxPlaces  = 4096 // a power of two
	maxRefers  = 64   // transfers under way at a time
	maxKey     = 128  // bytes of a header value that joins calls
	maxKeys    = 8    // of them of one call
)

// group is a set of calls. A group that was joined to another has over set. All that are one stand in a ring.
type group struct {
	id         protocol.UUID // zero: not needed so far
	start      int64
	number     uint64
	over       *group
	prev, next *group   // in the ring; nil: alone
	call       *Call    // whose own group it was, while it is in the table
	leg        *legSeen // what is left of it afterwards
}

func (g *group) root() *group {
	for g.over != nil {
		g = g.over
	}
	return g
}

// uuid is the id of the group that g is part of: it is reckoned while the call is there that it is the id of.
func (g *group) uuid() protocol.UUID {
	r := g.root()
	if r.id == (protocol.UUID{}) {
		r.id = r.call.uuid()
	}
	return r.id
}

// groupID is the id of the call's group.
func (c *Call) groupID() protocol.UUID {
	if c.group.alone() {
		return c.uuid()
	}
	return c.group.uuid()
}

// alone reports whether g was never joined with another.
func (g *group) alone() bool { return g.over == nil && g.next == nil && g.id == (protocol.UUID{}) }

// lost reports whether the id of g, a root, can no longer be known: its call has gone, and nobody had asked.
func (g *group) lost() bool { return g.call == nil && g.id == (protocol.UUID{}) }

// join makes one group of two: that of the call which started first. A group that is lost stays as it is: it is long past, and the clock was set
// back since.
func (g *group) join(o *group) {
	a, b := g.root(), o.root()
	if a == b || a.lost() || b.lost() {
		return
	}
	a.uuid()
	b.uuid()
	if b.start < a.start || b.start == a.start && b.number < a.number {
		a, b = b, a
	}
	b.over = a
	a.link(b)
}

// link makes one ring of the rings of two groups.
func (g *group) link(o *group) {
	for _, v := range [...]*group{g, o} {
		if v.next == nil {
			v.prev, v.next = v, v
		}
	}
	g.next.prev, o.next.prev = o, g
	g.next, o.next = o.next, g.next
}

// unlink takes g out of its ring.
func (g *group) unlink() {
	g.prev.next, g.next.prev = g.next, g.prev
	g.prev, g.next = nil, nil
}

// keyed is the group of the running calls that have a value in one of their headers.
type keyed struct {
	group *group
	calls int
}

// refer is a transfer under way.
type refer struct {
	group *group
	time  int64
	to    [16]byte // who was asked to call
	user  digest   // whom
}

// legs is what a Table knows of calls that may belong together.
type legs struct {
	keys   map[string]*keyed
	places []place
	refers []refer
	key    []byte

	headers sip.Others // those that name another leg
}

// enter puts a new call into a group of its own, and joins that to the group of another leg, if there is one.
func (t *Table) enter(c *Call, d *decode.Datagram, m *sip.Message) {
	c.group = &group{start: c.startTime, number: c.number, call: c}
	if c.joined() {
		return // its beginning was not captured
	}
	t.joinByHeaders(c, m)
	t.joinByCallID(c)
	t.joinByRefer(c, d)
	if c.group.over == nil {
		t.joinByNumbers(c, d)
	}
}

// joinByHeaders reads the headers that name another leg.
func (t *Table) joinByHeaders(c *Call, m *sip.Message) {
	if v := m.Get(sip.Replaces); v != nil {
		if o := t.joinTo(c, beforeSemicolon(v)); o != nil {
			o.transfer.replaced = true
		}
	}
	if m.Others()&t.legs.headers == 0 {
		return
	}
	m.Fields(func(name, value []byte) bool {
		switch {
		case len(name) == len(sessionID) && strings.EqualFold(string(name), sessionID):
			if id := beforeSemicolon(value); len(id) == 32 && strings.Trim(string(id), "0") != "" {
				t.joinByKey(c, 's', id)
			}
		default:
			for _, h := range t.cfg.MatchHeaders {
				if len(h) == len(name) && strings.EqualFold(h, string(name)) && len(value) > 0 {
					t.joinTo(c, value)
					t.joinByKey(c, 'h', value)
				}
			}
		}
		return true
	})
}

const sessionID = "Session-ID"

// joinByKey joins c to the calls that have the same value.
func (t *Table) joinByKey(c *Call, kind byte, value []byte) {
	if len(value) > maxKey || len(c.keys) == maxKeys {
		return
	}
	if t.legs.keys == nil {
		t.legs.keys = map[string]*keyed{}
	}
	t.legs.key = append(append(t.legs.key[:0], kind), value...)
	k := t.legs.keys[string(t.legs.key)]
	if k == nil {
		k = &keyed{group: c.group}
		t.legs.keys[string(t.legs.key)] = k
	}
	k.group.join(c.group)
	k.calls++
	c.keys = append(c.keys, string(t.legs.key))
}

// joinTo joins c to a running call, and answers that; nil when there is none.
func (t *Table) joinTo(c *Call, callID []byte) *Call {
	o := t.byID.of(callID)
	if o == nil || o == c {
		return nil
	}
	o.group.join(c.group)
	return o
}

// joinByCallID knows the B2BUAs that add to the Call-ID, and the calls that named this one before it started.
func (t *Table) joinByCallID(c *Call) {
	for _, mark := range [...]string{"_b2b-", "-b2b_"} {
		if !strings.Contains(c.callID, "b2b") { // quickly told
			break
		}
		if i := strings.LastIndex(c.callID, mark); i > 0 {
			t.joinTo(c, []byte(c.callID[:i]))
		}
	}
	if len(t.legs.keys) == 0 || len(c.callID) > maxKey {
		return
	}
	t.legs.key = append(append(t.legs.key[:0], 'h'), c.callID...)
	if k := t.legs.keys[string(t.legs.key)]; k != nil {
		k.group.join(c.group)
	}
}

// expectReferred notes that the receiver of a REFER will call a user.
func (t *Table) expectReferred(c *Call, d *decode.Datagram, user []byte) {
	keep := t.legs.refers[:0]
	for _, r := range t.legs.refers {
		if d.Time-r.time < referTime {
			keep = append(keep, r)
		}
	}
	t.legs.refers = keep
	if len(user) > 0 && len(keep) < maxRefers {
		t.legs.refers = append(keep, refer{c.group, d.Time, d.Dst.IP, noDigest.Bytes(user)})
	}
}

// referring reports whether a transfer is under way.
func (l *legs) referring(now int64) bool {
	n := len(l.refers)
	return n > 0 && now-l.refers[n-1].time <= referTime
}

// joinByRefer joins c to the call in which its caller was told to make it.
func (t *Table) joinByRefer(c *Call, d *decode.Datagram) {
	var found *group
	for i := range t.legs.refers {
		r := &t.legs.refers[i]
		if d.Time-r.time > referTime || r.to != d.Src.IP || r.user != noDigest.Bytes([]byte(c.calleeURI)) {
			continue
		}
		if found != nil && found != r.group.root() {
			return
		}
		found = r.group.root()
	}
	if found != nil {
		found.join(c.group)
	}
}

// joinByMedia joins c to a call of which the INVITE went to where c comes from, if both name the same endpoint.
func (c *Call) joinByMedia(b *binding) {
	if c.group.over != nil || c.answer != 0 || b.origin != announced || b.rtcp || b.who != caller {
		return
	}
	for o := b.call.table.ends.top(b.hash, &b.end); o != nil; o = o.below {
		if l := o.call; l != c && o.origin == announced && !o.rtcp && o.who == caller && !l.ended() && l.number < c.number &&
			l.dst.IP == c.src.IP && c.startTime-l.startTime <= joinTime {
			l.group.join(c.group)
			return
		}
	}
}

// leave takes a finished call's header values out.
func (t *Table) leave(c *Call) {
	for _, key := range c.keys {
		if k := t.legs.keys[key]; k != nil {
			if k.calls--; k.calls == 0 {
				delete(t.legs.keys, key)
			}
		}
	}
}

func beforeSemicolon(b []byte) []byte {
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimSpace(b)
}

// unescaped is b without the escapes of a URI (RFC 3261 section 19.1.2).
func unescaped(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			hi, lo := hexDigit(b[i+1]), hexDigit(b[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
