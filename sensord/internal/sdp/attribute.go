package sdp

import "net/netip"

// attribute is a kind of attribute that is read.
type attribute uint8

const (
	unread attribute = iota
	rtpmap
	ptime
	maxptime
	rtcp
	rtcpMux
	bundleOnly
	candidate
	crypto
	fingerprint
	keyMgmt
	zrtpHash
	group
	direction // the directions follow in their order
)

// attributeOf tells an attribute by its name, in any case.
func attributeOf(name []byte) attribute {
	is := func(s string, a attribute) attribute {
		if fold(name, s) {
			return a
		}
		return unread
	}
	switch len(name) {
	case 4:
		return is("rtcp", rtcp)
	case 5:
		return is("ptime", ptime) + is("group", group)
	case 6:
		return is("rtpmap", rtpmap) + is("crypto", crypto)
	case 8:
		return is("sendrecv", direction+attribute(SendRecv)) + is("sendonly", direction+attribute(SendOnly)) +
			is("recvonly", direction+attribute(RecvOnly)) + is("inactive", direction+attribute(Inactive)) +
			is("maxptime", maxptime) + is("rtcp-mux", rtcpMux) + is("key-mgmt", keyMgmt)
	case 9:
		return is("candidate", candidate) + is("zrtp-hash", zrtpHash)
	case 11:
		return is("fingerprint", fingerprint) + is("bundle-only", bundleOnly)
	}
	return unread
}

func (d *defaults) attribute(v []byte, colon int) {
	switch a, value := attr(v, colon); a {
	case fingerprint:
		d.secure, d.keyed = true, true
	case keyMgmt, zrtpHash:
		d.keyed = true
	case group:
		d.bundle = d.bundle || len(value) >= 6 && fold(value[:6], "bundle")
	default:
		if a >= direction {
			d.dir = Direction(a - direction)
		}
	}
}

func (m *Media) attribute(v []byte, colon int) {
	switch a, v := attr(v, colon); a {
	case unread, group:
	case rtpmap:
		m.rtpmap(v)
	case ptime:
		if n, ok := number(v, 1000); ok {
			m.Ptime = uint16(n)
		}
	case maxptime:
		if n, ok := number(v, 1000); ok {
			m.MaxPtime = uint16(n)
		}
	case rtcp:
		port, rest := word(v)
		if p, ok := number(port, 65535); ok {
			m.RTCPPort = uint16(p)
		}
		if a, ok := connection(rest); ok {
			m.RTCPAddr = a
		}
	case rtcpMux:
		m.Mux = true
	case bundleOnly:
		m.bundleOnly = true
	case candidate:
		m.candidate(v)
	case crypto:
		m.Secure, m.Keyed, m.Crypto = true, true, true
	case fingerprint:
		m.Secure, m.Keyed, m.Fingerprint = true, true, true
	case keyMgmt, zrtpHash:
		m.Keyed = true
	default:
		m.Direction = Direction(a - direction)
	}
}

// candidate reads "1 1 UDP 2130706431 192.0.2.10 40000 typ host": foundation, component, transport, priority, address, port.
func (m *Media) candidate(v []byte) {
	_, v = word(v)
	_, v = word(v)
	proto, v := word(v)
	_, v = word(v)
	addr, v := word(v)
	port, _ := word(v)
	a, ok := parseAddr(addr)
	p, ok2 := number(port, 65535)
	if !ok || !ok2 || p == 0 || !fold(proto, "udp") || len(m.Candidates) == MaxCandidates {
		return
	}
	m.Candidates = append(m.Candidates, netip.AddrPortFrom(a, uint16(p)))
}

// rtpmap reads "101 telephone-event/8000" or "96 opus/48000/2".
func (m *Media) rtpmap(v []byte) {
	pt, ok, v := leading(v, 127)
	if !ok {
		return
	}
	f := Format{PT: uint8(pt), Chans: 1}
	enc, _ := word(v)
	f.Name, enc = cut(enc, '/')
	clock, chans := cut(enc, '/')
	if c, ok := number(clock, 1<<30); ok {
		f.Clock = uint32(c)
	}
	if c, ok := number(chans, 255); ok {
		f.Chans = uint8(c)
	}
	if len(f.Name) == 0 {
		return
	}
	f.Name = shared(f.Name, f.PT)
	for i := range m.Formats {
		if m.Formats[i].PT == f.PT {
			m.Formats[i] = f
			return
		}
	}
	if len(m.Formats) < MaxFormats { // announced by a=rtpmap only: phones do send it
		m.Formats = append(m.Formats, f)
	}
}

// attr takes an attribute apart, whose first colon is at that offset, or behind its end.
func attr(v []byte, colon int) (a attribute, value []byte) {
	name := v
	if colon < len(v) {
		name, value = v[:colon], skip(v[colon+1:])
	}
	if a = attributeOf(name); a == unread {
		if w, _ := word(name); len(w) < len(name) { // blanks around it
			a = attributeOf(w)
		}
	}
	return a, value
}
