package sdp

import (
	"bytes"
	"net/netip"
)

func (d *defaults) attribute(v []byte) {
	name, value := attr(v)
	if dir, ok := direction(name); ok {
		d.dir = dir
	}
	switch {
	case fold(name, "fingerprint"):
		d.secure, d.keyed = true, true
	case fold(name, "key-mgmt"), fold(name, "zrtp-hash"):
		d.keyed = true
	case fold(name, "group"):
		d.bundle = d.bundle || len(value) >= 6 && fold(value[:6], "bundle")
	}
}

func (m *Media) attribute(v []byte) {
	name, v := attr(v)
	switch {
	case fold(name, "rtpmap"):
		m.rtpmap(v)
	case fold(name, "ptime"):
		if n, ok := number(v, 1000); ok {
			m.Ptime = uint16(n)
		}
	case fold(name, "maxptime"):
		if n, ok := number(v, 1000); ok {
			m.MaxPtime = uint16(n)
		}
	case fold(name, "rtcp"):
		port, rest := word(v)
		if p, ok := number(port, 65535); ok {
			m.RTCPPort = uint16(p)
		}
		if a, ok := connection(rest); ok {
			m.RTCPAddr = a
		}
	case fold(name, "rtcp-mux"):
		m.Mux = true
	case fold(name, "bundle-only"):
		m.bundleOnly = true
	case fold(name, "candidate"):
		m.candidate(v)
	case fold(name, "crypto"), fold(name, "fingerprint"):
		m.Secure, m.Keyed = true, true
		m.Crypto = m.Crypto || fold(name, "crypto")
		m.Fingerprint = m.Fingerprint || fold(name, "fingerprint")
	case fold(name, "key-mgmt"), fold(name, "zrtp-hash"):
		m.Keyed = true
	default:
		if d, ok := direction(name); ok {
			m.Direction = d
		}
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
	pt, v := word(v)
	n, ok := number(pt, 127)
	if !ok {
		return
	}
	f := Format{PT: uint8(n), Chans: 1}
	enc, _ := word(v)
	f.Name = enc
	if i := bytes.IndexByte(enc, '/'); i >= 0 {
		f.Name = enc[:i]
		clock, chans := enc[i+1:], []byte(nil)
		if j := bytes.IndexByte(clock, '/'); j >= 0 {
			clock, chans = clock[:j], clock[j+1:]
		}
		if c, ok := number(clock, 1<<30); ok {
			f.Clock = uint32(c)
		}
		if c, ok := number(chans, 255); ok {
			f.Chans = uint8(c)
		}
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

func direction(name []byte) (Direction, bool) {
	switch {
	case fold(name, "sendrecv"):
		return SendRecv, true
	case fold(name, "sendonly"):
		return SendOnly, true
	case fold(name, "recvonly"):
		return RecvOnly, true
	case fold(name, "inactive"):
		return Inactive, true
	}
	return 0, false
}

func attr(v []byte) (name, value []byte) {
	if i := bytes.IndexByte(v, ':'); i >= 0 {
		name, value = v[:i], v[i+1:]
	} else {
		name = v
	}
	name, _ = word(name)
	return name, skip(value)
}
