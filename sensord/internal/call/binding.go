package call

import (
	"net/netip"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sdp"
)

// binding is an endpoint of a call's media, as its SDP announced it or as was found otherwise, see learn.go. Of several calls
// that announce the same endpoint at a time, the one that started last has its media; the others wait below it.
type binding struct {
	end      decode.Endpoint
	hash     uint64 // of end, see stack
	call     *Call
	below    *binding
	who      uint8 // whose SDP it was: caller or callee
	origin   origin
	rtcp     bool // only for RTCP
	secure   bool
	t38      bool
	ptime    uint16 // ms, what its owner asked for and
	maxPtime uint16 // the most it takes; 0: not said
	keyed    keying // how the keys of SRTP are agreed
	formats  []format
	like     *binding // whose formats it has, where it is not announced itself
}

// format is a payload type of a binding.
type format struct {
	pt    uint8
	codec *codec
}

// said is what was announced of the media at b.
func (b *binding) said() *binding {
	if b.like != nil {
		return b.like
	}
	return b
}

func (b *binding) codec(pt uint8) *codec {
	if b == nil {
		return nil
	}
	b = b.said()
	for i := range b.formats {
		if b.formats[i].pt == pt {
			return b.formats[i].codec
		}
	}
	return nil
}

// bindMedia announces the endpoints of a media section that was sent from an address.
func (c *Call) bindMedia(m *sdp.Media, who int, sent decode.Endpoint) {
	for _, a := range m.Candidates {
		c.bind(decode.EndpointOf(a), m, who, false)
	}
	addr := m.Addr
	if !addr.IsValid() && len(m.Candidates) == 0 && c.media[who].from.IP == sent.IP { // a host name, on the hop closest to who wrote it: its own
		addr = sent.AddrPort().Addr()
	}
	if !addr.IsValid() || addr.IsUnspecified() {
		return
	}
	for i := range m.Ports {
		port := m.Port + 2*i
		if port < m.Port {
			break
		}
		e := decode.EndpointOf(netip.AddrPortFrom(addr, port))
		b, fresh := c.bind(e, m, who, false)
		if fresh && e.IP != sent.IP && len(m.Candidates) == 0 { // first seen: the hop closest to who wrote it
			c.bindAs(decode.Endpoint{IP: sent.IP, Port: port}, who, assumed, b)
		}
		if !m.RTP || m.Mux {
			continue
		}
		rtcpAddr, rtcpPort := addr, m.RTCPPort+2*i
		if m.RTCPAddr.IsValid() {
			rtcpAddr = m.RTCPAddr
		}
		if rtcpPort != 0 {
			c.bind(decode.EndpointOf(netip.AddrPortFrom(rtcpAddr, rtcpPort)), m, who, true)
		}
	}
}

// bind announces one endpoint and tells whether it is new to the call.
func (c *Call) bind(e decode.Endpoint, m *sdp.Media, who int, rtcp bool) (b *binding, fresh bool) {
	for _, o := range c.bindings {
		if o.end.Equal(&e) {
			b = o
			break
		}
	}
	if fresh = b == nil; fresh {
		b = c.newBinding()
		b.end, b.call, b.who, b.rtcp = e, c, uint8(who), rtcp
		c.add(b)
	} else if b.origin != announced && !rtcp { // now it is: up with it
		c.table.unstack(b)
		*b = binding{end: e, call: c, who: uint8(who), rtcp: rtcp}
		c.table.stack(b)
	}
	b.rtcp = b.rtcp && rtcp
	if rtcp {
		if b.rtcp {
			b.describeKeys(m)
		}
		return b, fresh
	}
	b.describeKeys(m)
	b.t38, b.ptime, b.maxPtime = m.T38, m.Ptime, m.MaxPtime
	changed := false
	if b.formats == nil {
		b.formats = make([]format, 0, max(4, len(m.Formats)))
	}
	for i := range m.Formats {
		f := &m.Formats[i]
		k := c.table.codec(f, m.Kind)
		changed = b.set(f.PT, k) || changed
	}
	if changed {
		for _, s := range c.streams {
			if s.to != nil && s.to.said() == b || s.from != nil && s.from.said() == b {
				s.pt = noPT // look its codec up again
			}
		}
	}
	return b, fresh
}

// telephoneEvents reports whether b takes digits as such (RFC 4733).
func (b *binding) telephoneEvents() bool {
	for i := range b.formats {
		if b.formats[i].codec.isDTMF() {
			return true
		}
	}
	return false
}

// encrypts reports whether what flows between two bindings is encrypted: keys that one side offers and the other does not
// take encrypt nothing. A side that is not known, or not described by SDP, has no say.
func encrypts(a, b *binding) bool {
	if a.described() && b.described() {
		return a.said().secure && b.said().secure
	}
	return a != nil && a.said().secure || b != nil && b.said().secure
}

// described reports whether SDP said what b receives.
func (b *binding) described() bool { return b != nil && (b.rtcp || len(b.said().formats) > 0) }

// add takes a new binding in. A call that has announced too many forgets the oldest.
func (c *Call) add(b *binding) {
	if len(c.bindings) == maxBindings {
		c.table.unstack(c.bindings[0])
		c.bindings = append(c.bindings[:0], c.bindings[1:]...)
	}
	c.bindings = append(c.bindings, b)
	c.table.stack(b)
	c.joinByMedia(b)
}

// over reports whether b comes before o at the same endpoint: what SDP announced, then the call that started last.
func (b *binding) over(o *binding) bool {
	if (b.origin == announced) != (o.origin == announced) {
		return b.origin == announced
	}
	return b.call.number > o.call.number
}

// set gives a payload type its codec and reports whether it had another.
func (b *binding) set(pt uint8, k *codec) bool {
	for i := range b.formats {
		if b.formats[i].pt == pt {
			old := b.formats[i].codec
			if k.name == "" || old == k {
				return false
			}
			b.formats[i].codec = k
			return true
		}
	}
	b.formats = append(b.formats, format{pt, k})
	return true
}

// stack puts a new binding on the endpoint's stack, below those of calls that started later and still run.
func (t *Table) stack(b *binding) {
	b.hash = endHash(&b.end)
	top := t.ends.top(b.hash, &b.end)
	if top == nil || top.call.ended() || b.over(top) {
		b.below = top
		t.ends.put(b, top)
		if top != nil {
			top.shared(b)
			top.contest()
		}
		b.trim()
		return
	}
	top.shared(b)
	at := top
	for at.below != nil && !b.over(at.below) {
		at = at.below
	}
	b.below, at.below = at.below, b
	top.trim()
	for _, s := range top.call.streams {
		if s.to == top || s.from == top {
			s.share()
		}
	}
}

// contest has the streams of b looked up again: a later call has announced its endpoint.
func (b *binding) contest() {
	waited := false
	for _, s := range b.call.heard() {
		if src, dst := s.ends(); *dst != b.end && *src != b.end {
			continue
		}
		if !waited {
			b.call.catchUp()
			waited = true
		}
		now := b.call.table.now
		s.contested, s.flowing = now, now-s.rtp.Last() <= goesOn
		s.watch |= stale
	}
}

// trim forgets what lies deeper in a stack than maxStack: thousands of calls may announce one endpoint, if they come from
// a scanner.
func (b *binding) trim() {
	for range maxStack - 1 {
		if b.below == nil {
			return
		}
		b = b.below
	}
	b.below = nil
}

// shared notes that two running calls announce the same endpoint.
func (b *binding) shared(o *binding) {
	if !b.call.ended() && !b.rtcp && !o.rtcp && b.origin == announced && o.origin == announced {
		b.call.shares, o.call.shares = true, true
	}
}

// unstack takes a binding off. It has none below it then: streams may still have it, and what was below it may go, and be used again.
func (t *Table) unstack(b *binding) {
	below := b.below
	b.below = nil
	if i := t.ends.find(b.hash, b); i >= 0 { // it is the top one
		if below == nil {
			t.ends.removeAt(i)
		} else {
			t.ends.slots[i].value = below
		}
		return
	}
	for at := t.ends.top(b.hash, &b.end); at != nil; at = at.below {
		if at.below == b {
			at.below = below
			return
		}
	}
}
