package call

import (
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sdp"
)

// Media does not always flow where SDP says. A party behind a NAT, or a server with an address of its provider's, names
// an address that nobody else sees. As long as one of the two endpoints of a stream is right, it is found by that. Where
// both are wrong there are two ways on, in this order:
//
//   - assumed: the announced port at the address that the SDP was sent from. It stands below all that SDP announces.
//   - learned: a flow that belongs to no call is given to the only call to which it can belong: one that agreed on media in
//     the last seconds and has none in that direction yet, whose SDP has the flow's payload type, and whose signalling or
//     SDP names an address of the flow. With two such calls it is given to neither.

// origin says how an endpoint came to be a call's.
type origin uint8

const (
	announced origin = iota
	assumed
	learned
)

const (
	learnTime  = int64(10e9) // how long after an answer, or after the newest description, media may begin
	learnAfter = 10          // packets in sequence that make a flow
	learnTries = 3           // at every learnAfter packets
	maxWaiting = 1024        // calls that wait for media at a time; with more, nothing is learned
	maxSuspect = 512         // flows that are looked at at a time; a power of two
)

// suspect is a flow that no call announced, with the headers of its first packets.
type suspect struct {
	hash    uint64
	packets int
	held    [learnAfter*learnTries - 1]heldPacket
}

type heldPacket struct {
	time   int64
	header rtp.Header
}

// newest is the last of the held packets; there is one.
func (s *suspect) newest() *heldPacket { return &s.held[min(s.packets, len(s.held))-1] }

func (s *suspect) hold(now int64, h *rtp.Header) {
	if s.packets < len(s.held) {
		s.held[s.packets] = heldPacket{now, *h}
	}
	s.packets++
}

// expectMedia puts c on the list of those whose media is about to begin: its two sides have been described. That of a call that was
// joined has begun already, and beside it flows that of calls which were not.
func (c *Call) expectMedia(now int64) {
	if !c.media[caller].described || !c.media[callee].described || c.overLimit || c.joined() {
		return
	}
	t := c.table
	for len(t.waiting) > 0 && (t.waiting[0].finished || now-t.waiting[0].agreed > learnTime) {
		t.waiting[0].expecting = false
		t.waiting[0] = nil
		t.waiting = t.waiting[1:]
	}
	c.agreed = now
	switch {
	case c.expecting:
	case len(t.waiting) == maxWaiting:
		t.crowded = now
	default:
		c.expecting = true
		t.waiting = append(t.waiting, c)
	}
}

// suspicious takes a packet of a flow that no call announced. It reports whether it is now known to which call the flow
// must belong; then the flow's endpoints are that call's.
func (t *Table) suspicious(d *decode.Datagram, h *rtp.Header, hash uint64) bool {
	if len(t.waiting) == 0 {
		return false
	}
	s := t.suspect(d, h, hash)
	if s == nil {
		return false
	}
	if (s.packets+1)%learnAfter == 0 {
		if c, from := t.suitor(d, h.PayloadType); c != nil {
			c.learn(d, from)
			t.count.learned++
			return true
		}
	}
	s.hold(d.Time, h)
	return false
}

// suspect finds the place of a flow; nil when another flow has it, or when this one was looked at long enough.
func (t *Table) suspect(d *decode.Datagram, h *rtp.Header, hash uint64) *suspect {
	if t.suspects == nil {
		t.suspects = make([]suspect, maxSuspect)
	}
	s := &t.suspects[suspectAt(&d.Src, &d.Dst, h.SSRC)]
	if s.packets > 0 {
		o := s.newest()
		switch idle := d.Time - o.time; {
		case s.hash != hash && idle < learnTime/50, s.packets > len(s.held) && idle < learnTime:
			return nil
		case s.hash != hash || s.packets > len(s.held) || h.Seq != o.header.Seq+1 || h.PayloadType != o.header.PayloadType:
			s.packets = 0
		}
	}
	s.hash = hash
	return s
}

// suspectAt is the place of a flow among the suspects. Which flows share one must be the same in every run, and the seed of flowHash is not.
func suspectAt(src, dst *decode.Endpoint, ssrc uint32) uint64 {
	return (endHash(src)*0x9e3779b97f4a7c15 ^ endHash(dst) ^ uint64(ssrc)*0xbf58476d1ce4e5b9) >> 20 & (maxSuspect - 1)
}

// suitor finds the only call that can own a flow, and who of its parties sends it.
func (t *Table) suitor(d *decode.Datagram, pt uint8) (found *Call, from int) {
	if t.crowded != 0 && d.Time-t.crowded < learnTime {
		return nil, 0
	}
	for _, c := range t.waiting {
		who, ok := c.mayOwn(d, pt)
		switch {
		case !ok:
		case found != nil:
			return nil, 0
		default:
			found, from = c, who
		}
	}
	return found, from
}

// recall gives a stream the packets that came before its call was known.
func (t *Table) recall(s *stream) {
	if t.suspects == nil {
		return
	}
	p := &t.suspects[suspectAt(&s.key.src, &s.key.dst, s.key.ssrc)]
	if p.hash != s.hash || p.packets == 0 || p.packets > len(p.held) || t.now-p.newest().time > learnTime {
		return
	}
	for i := range p.held[:p.packets] {
		o := &p.held[i]
		if o.header.PayloadType != s.pt {
			s.payload(o.header.PayloadType)
		}
		s.takePacket(o.time, &o.header)
	}
	t.count.rtp += uint64(p.packets)
	t.count.unbound -= uint64(p.packets)
	p.packets = 0
}

// mayOwn reports whether a flow can be media of c, and who of its parties sends it.
func (c *Call) mayOwn(d *decode.Datagram, pt uint8) (from int, ok bool) {
	if c.finished || c.ended() || d.Time-c.agreed > learnTime {
		return 0, false
	}
	for who := range c.media {
		if !c.isAt(who, d.Src) && !c.isAt(1-who, d.Dst) || c.isAt(1-who, d.Src) || c.isAt(who, d.Dst) {
			continue
		}
		if c.audible(who) || !c.describes(pt) {
			return 0, false
		}
		return who, true
	}
	return 0, false
}

// isAt reports whether an endpoint is at an address of a party: where its messages or its SDP came from, or what that names.
func (c *Call) isAt(who int, e decode.Endpoint) bool {
	s := &c.media[who]
	signalling := &c.src
	if who == callee {
		signalling = &c.dst
	}
	return e.IP == s.from.IP || e.IP == signalling.IP || e.AddrPort().Addr() == s.addr
}

// audible reports whether a stream from a party was seen.
func (c *Call) audible(who int) bool {
	for _, s := range c.heard() {
		if c.sender(s) == who {
			return true
		}
	}
	return false
}

// describes reports whether either side's audio has a payload type.
func (c *Call) describes(pt uint8) bool {
	for _, b := range c.bindings {
		if k := b.codec(pt); k != nil && k.kind == sdp.Audio {
			return true
		}
	}
	return false
}

// learn makes the endpoints of a flow from a party those of c.
func (c *Call) learn(d *decode.Datagram, from int) {
	for _, v := range [...]struct {
		end decode.Endpoint
		who int
	}{{d.Src, from}, {d.Dst, 1 - from}} {
		if c.table.ends.get(&v.end) == nil {
			c.bindAs(v.end, v.who, learned, c.audioOf(v.who))
		}
	}
}

// audioOf is where a party announced its audio; nil when it did not.
func (c *Call) audioOf(who int) *binding {
	for _, b := range c.bindings {
		if int(b.who) == who && b.origin == announced && len(b.formats) > 0 {
			return b
		}
	}
	return nil
}

// bindAs makes an endpoint that a party's SDP does not name known as that party's. like is where it announced that media.
func (c *Call) bindAs(e decode.Endpoint, who int, how origin, like *binding) {
	for _, o := range c.bindings {
		if o.end.Equal(&e) {
			return
		}
	}
	b := c.newBinding()
	b.end, b.call, b.who, b.origin, b.like = e, c, uint8(who), how, like
	c.add(b)
}
