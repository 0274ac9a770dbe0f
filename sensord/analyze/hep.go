package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/sip"
)

// HEPMessage is a HEP message that was met, see hep.Message.
type HEPMessage = hep.Message

// Datagram is a transport payload, see decode.Datagram.
type Datagram = decode.Datagram

// unwrapper takes HEP apart: what was captured elsewhere is analysed as if it had been captured here, with the addresses
// and the time that the message tells (hep.Clock).
type unwrapper struct {
	message  hep.Message
	clock    hep.Clock
	inflater hep.Inflater
	wrapper  hep.Wrapper
	inner    decode.Datagram
	packet   Packet // what inner would have been on the wire
	frames   uint64

	bad, ignored, empty, compressed, damaged uint64
	types                                    [256]uint64
}

// innerFrame marks the numbers of packets that came in HEP; one frame may carry several.
const innerFrame = 1 << 63

// hepMessage takes a HEP3 message, or if old one of version 1 or 2, that d carried.
func (e *Engine) hepMessage(d *decode.Datagram, b []byte, old bool) {
	if e.hep == nil {
		e.hep = &unwrapper{}
	}
	u := e.hep
	m := &u.message
	var err error
	if old {
		err = m.ParseOld(b)
	} else {
		err = m.Parse(b)
	}
	switch {
	case err != nil:
		u.bad++
		return
	case e.hepWanted != nil && !e.hepWanted(d.Packet, m):
		u.ignored++
		return
	}
	u.types[m.Type]++
	payload := m.Payload
	if len(payload) == 0 {
		u.empty++
		return
	}
	if m.Compressed {
		u.compressed++
		if payload, err = u.inflater.Inflate(payload); err != nil {
			u.damaged++
			return
		}
	}
	switch m.Type {
	case hep.SIP:
		if !sip.LooksLikeSIP(payload) {
			if sip.KindOf(payload) == sip.KeepAlive {
				e.count.keepAlive++
			} else {
				e.count.unparsed++
			}
			return
		}
		carrier := m.Carrier()
		u.unwrap(d, payload, carrier == "tcp" || carrier == "tls")
		e.sip(&u.inner, payload, carrier)
	case hep.RTP:
		u.unwrap(d, payload, false)
		e.calls.Media(&u.inner)
	case hep.RTCP:
		if payload[0] == '{' {
			if payload, err = hep.RTCPFromJSON(payload); err != nil {
				u.bad++
				return
			}
		}
		u.unwrap(d, payload, false)
		e.calls.Media(&u.inner)
	}
}

// unwrap makes u.inner of the payload that d carried in the message.
func (u *unwrapper) unwrap(d *decode.Datagram, payload []byte, tcp bool) {
	m := &u.message
	u.frames++
	u.inner = decode.Datagram{
		Time: u.clock.Time(m.Time, d.Packet.Time), Src: m.Src, Dst: m.Dst, Transport: decode.UDP, DSCP: d.DSCP, TTL: d.TTL,
		Cut: m.Cut, Length: len(payload), Payload: payload, Frame: innerFrame | u.frames, Packet: d.Packet, HeaderLen: 0,
	}
	make := u.wrapper.UDP
	if tcp {
		u.inner.Transport = decode.TCP
		make = u.wrapper.TCP
	}
	if data, headers := make(m.Src, m.Dst, payload); data != nil { // else the packet that brought it is kept
		u.packet = Packet{Time: u.inner.Time, Data: data, Length: len(data), Link: capture.LinkRaw, Iface: d.Packet.Iface}
		u.inner.Packet, u.inner.HeaderLen = &u.packet, headers
	}
}

// counters adds what was counted of HEP; u may be nil.
func (u *unwrapper) counters(n protocol.Counters) {
	if u == nil {
		return
	}
	for t, c := range u.types {
		if c > 0 {
			n["hep."+hep.Type(t).String()] += c
		}
	}
	for name, c := range map[string]uint64{
		"hep.unparsed": u.bad, "hep.ignored": u.ignored, "hep.empty": u.empty, "hep.compressed": u.compressed,
		"hep.compressed.damaged": u.damaged, "hep.time.replaced": u.clock.Replaced,
	} {
		if c > 0 {
			n[name] += c
		}
	}
}
