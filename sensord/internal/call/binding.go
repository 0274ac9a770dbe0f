package call

import (
	"net/netip"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sdp"
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
