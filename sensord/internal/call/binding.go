package call

import (
	"net/netip"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sdp"
	"voiptop/sensord/internal/sip"
)

// binding is an endpoint that a call's SDP announced. Of several calls that announce the same endpoint at a time, the one
// that started last has its media; the others wait below it.
type binding struct {
	end     decode.Endpoint
	call    *Call
	below   *binding
	who     uint8 // whose SDP it was: caller or callee
	rtcp    bool  // only for RTCP
	secure  bool
	t38     bool
	ptime   uint16
	formats []format
}

// format is a payload type of a binding.
type format struct {
	pt    uint8
	codec *codec
}

func (b *binding) codec(pt uint8) *codec {
	if b == nil {
		return nil
	}
	for i := range b.formats {
		if b.formats[i].pt == pt {
			return b.formats[i].codec
		}
	}
	return nil
}

// side is what a party said of its audio.
type side struct {
	described bool
	refused   bool // port 0 in its newest answer
	secure    bool
	addr      netip.Addr      // where it wants media, first said
	port      uint16          //
	from      decode.Endpoint // who sent that SDP
	direction sdp.Direction
	pending   sdp.Direction // offered, not yet answered
	offered   bool          // pending is set
	ptime     uint16
}

// held reports whether media is stopped by agreement.
func (c *Call) held() bool {
	for i := range c.media {
		if d := c.media[i].direction; d == sdp.SendOnly || d == sdp.Inactive {
			return true
		}
	}
	return false
}

// commitHold ends an offer: its direction holds from now on if it was accepted.
func (c *Call) commitHold(accepted bool) {
	for i := range c.media {
		s := &c.media[i]
		if s.offered && accepted {
			s.direction = s.pending
		}
		s.offered = false
	}
	c.wasHeld = c.wasHeld || c.held()
}

// describe takes the session description of a message that who sent.
func (c *Call) describe(d *decode.Datagram, m *sip.Message, who int) {
	body := m.SDP()
	if body == nil {
		return
	}
	t := c.table
	s := &t.sdp
	if !s.Parse(body) {
		t.count.badSDP++
		return
	}
	answer := !m.Request() || m.Method() == sip.Ack || m.Method() == sip.Prack
	names := t.scratch[:0]
	for i := range s.Media {
		media := &s.Media[i]
		if i > 0 && len(names) > 0 {
			names = append(names, ' ')
		}
		names = appendCodecs(names, media)
		if media.T38 {
			c.t38 = true
		}
		if media.Kind == sdp.Audio && i == c.firstAudio(s) {
			c.side(d, media, who, m, answer)
		}
		if media.Port != 0 {
			c.bindMedia(media, who)
		}
	}
	t.scratch = names
	if n := len(c.messages); n > 0 && c.messages[n-1].t == d.Time {
		c.messages[n-1].sdp = t.name(names)
	}
	if answer {
		c.negotiate(s)
	}
}

func (c *Call) firstAudio(s *sdp.Session) int {
	for i := range s.Media {
		if s.Media[i].Kind == sdp.Audio {
			return i
		}
	}
	return -1
}

// side notes what a party says of its audio.
func (c *Call) side(d *decode.Datagram, media *sdp.Media, who int, m *sip.Message, answer bool) {
	s := &c.media[who]
	dir := media.Direction
	if media.Held() {
		dir = sdp.Inactive
	}
	if answer {
		s.direction, s.offered = dir, false
		s.refused = media.Port == 0
		c.wasHeld = c.wasHeld || c.answer != 0 && c.held()
	} else if m.Method() == sip.Invite || m.Method() == sip.Update {
		s.pending, s.offered = dir, true
	}
	s.secure = s.secure || media.Secure
	s.ptime = max(s.ptime, media.Ptime)
	if media.Port != 0 && !s.described && !media.Held() {
		s.described, s.addr, s.port, s.from = true, media.Addr, media.Port, d.Src
	}
}

// negotiate keeps the codecs that an answer chose: the first of each media that carries speech or pictures.
func (c *Call) negotiate(s *sdp.Session) {
	c.chosen = c.chosen[:0]
	for i := range s.Media {
		media := &s.Media[i]
		if media.Port == 0 {
			continue
		}
		if media.T38 {
			c.chosen = append(c.chosen, c.table.codec(sdp.Format{Name: t38Name}, sdp.Image))
			continue
		}
		for _, f := range media.Formats {
			if k := c.table.codec(f, media.Kind); k.name != "" && !k.aside {
				c.chosen = append(c.chosen, k)
				break
			}
		}
	}
}

var t38Name = []byte("T38")

func appendCodecs(dst []byte, m *sdp.Media) []byte {
	if m.T38 {
		return append(dst, t38Name...)
	}
	for i, f := range m.Formats {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if f.Name == nil {
			dst = append(dst, '?')
		}
		dst = append(dst, f.Name...)
	}
	return dst
}

// bindMedia announces the endpoints of a media section.
func (c *Call) bindMedia(m *sdp.Media, who int) {
	if !m.Addr.IsValid() || m.Addr.IsUnspecified() {
		return
	}
	for i := range m.Ports {
		port := m.Port + 2*i
		if port < m.Port {
			break
		}
		c.bind(decode.EndpointOf(netip.AddrPortFrom(m.Addr, port)), m, who, false)
		if !m.RTP || m.Mux {
			continue
		}
		rtcpAddr, rtcpPort := m.Addr, m.RTCPPort+2*i
		if m.RTCPAddr.IsValid() {
			rtcpAddr = m.RTCPAddr
		}
		if rtcpPort != 0 {
			c.bind(decode.EndpointOf(netip.AddrPortFrom(rtcpAddr, rtcpPort)), m, who, true)
		}
	}
}

func (c *Call) bind(e decode.Endpoint, m *sdp.Media, who int, rtcp bool) {
	var b *binding
	for _, o := range c.bindings {
		if o.end == e {
			b = o
			break
		}
	}
	if b == nil {
		if len(c.bindings) == maxBindings {
			return
		}
		b = &binding{end: e, call: c, who: uint8(who), rtcp: rtcp}
		c.bindings = append(c.bindings, b)
		c.table.stack(b)
	}
	b.rtcp = b.rtcp && rtcp
	if rtcp {
		return
	}
	b.secure, b.t38, b.ptime = b.secure || m.Secure, m.T38, m.Ptime
	changed := false
	for _, f := range m.Formats {
		k := c.table.codec(f, m.Kind)
		changed = b.set(f.PT, k) || changed
	}
	if changed {
		for _, s := range c.streams {
			if s.to == b || s.from == b {
				s.pt = noPT // look its codec up again
			}
		}
	}
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
	top := t.ends[b.end]
	if top == nil || top.call.ended() || top.call.number < b.call.number {
		b.below = top
		t.ends[b.end] = b
		if top != nil {
			top.shared(b)
			for _, s := range top.call.streams {
				if s.to == top || s.from == top {
					s.stale = true
				}
			}
		}
		b.trim()
		return
	}
	top.shared(b)
	at := top
	for at.below != nil && at.below.call.number > b.call.number {
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
	if !b.call.ended() && !b.rtcp && !o.rtcp {
		b.call.shares, o.call.shares = true, true
	}
}

// unstack takes a binding off.
func (t *Table) unstack(b *binding) {
	top := t.ends[b.end]
	if top == b {
		if b.below == nil {
			delete(t.ends, b.end)
		} else {
			t.ends[b.end] = b.below
		}
		return
	}
	for at := top; at != nil; at = at.below {
		if at.below == b {
			at.below = b.below
			return
		}
	}
}
