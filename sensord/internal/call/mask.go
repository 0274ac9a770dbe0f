package call

import (
	"encoding/binary"
	"strings"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/diagnose"
)

// Digits that a call sends as telephone-events (RFC 4733) or by INFO (maskinfo.go) are blanked in the packets that are kept of it, if
// its rule wants that: in a copy, of the same length and with a right checksum. Tones within the voice are the voice.

const (
	maskedEvent = 255 // no event of RFC 4733 section 3.2
	maskedDigit = 'X' // no digit either
)

// masking is the copy of a packet in which digits are blanked.
type masking struct {
	packet  capture.Packet
	data    []byte
	payload int // where in it the transport's payload begins, 0: not known
	sum     int // where the transport's checksum is, 0: not known, or none
	udp     bool
	whole   bool // leave the payload out: the digits in it cannot be found
}

// copy makes the copy of a packet of d.
func (k *masking) copy(d *decode.Datagram, p *capture.Packet) {
	k.data = append(k.data[:0], p.Data...)
	k.packet = *p
	k.packet.Data = k.data
	k.payload, k.sum, k.udp = 0, 0, false
	if p == d.Packet && d.HeaderLen > 0 && d.HeaderLen <= len(p.Data) {
		k.payload = d.HeaderLen
		k.sum = k.checksum(d)
	}
}

// mostBefore is how far before the payload a UDP header may begin: in TURN, an indication's header and addresses are between them.
const mostBefore = 8 + 128

// checksum finds the checksum of the UDP or TCP header before the payload.
func (k *masking) checksum(d *decode.Datagram) int {
	switch d.Transport {
	case decode.UDP:
		k.udp = true
		for n := 8; n <= mostBefore && n <= k.payload; n += 4 {
			if at := k.payload - n; k.ports(at, d) && k.data[at+6]|k.data[at+7] != 0 {
				return at + 6
			}
		}
	case decode.TCP:
		for n := 20; n <= 60 && n <= k.payload; n += 4 {
			if at := k.payload - n; int(k.data[at+12]>>4)*4 == n && k.ports(at, d) {
				return at + 16
			}
		}
	}
	return 0
}

func (k *masking) ports(at int, d *decode.Datagram) bool {
	be := binary.BigEndian
	return be.Uint16(k.data[at:]) == d.Src.Port && be.Uint16(k.data[at+2:]) == d.Dst.Port
}

// set changes a byte, and the checksum with it (RFC 1624, equation 3).
func (k *masking) set(at int, v byte) {
	if at >= len(k.data) || k.data[at] == v {
		return
	}
	was := k.data[at]
	k.data[at] = v
	if k.sum == 0 {
		return
	}
	be, shift := binary.BigEndian, 8*(1-(at-k.payload)&1) // headers are of even length
	s := uint32(^be.Uint16(k.data[k.sum:])) + uint32(^(uint16(was) << shift)) + uint32(uint16(v)<<shift)
	s = s&0xffff + s>>16
	sum := ^uint16(s&0xffff + s>>16)
	if sum == 0 && k.udp {
		sum = 0xffff // 0 says that there is none, RFC 768
	}
	be.PutUint16(k.data[k.sum:], sum)
}

// cut leaves the payload out.
func (k *masking) cut() *capture.Packet {
	n := k.payload
	if n == 0 {
		n = fragmentHeaders
	}
	k.packet.Data = k.data[:min(n, len(k.data))]
	return &k.packet
}

// unreadable reports whether media of the call is encrypted: digits cannot be found in it.
func (c *Call) unreadable() bool {
	for _, b := range c.bindings {
		if b.said().secure {
			return true
		}
	}
	for _, s := range c.heard() {
		if s.encrypted() {
			return true
		}
	}
	return false
}

// keepMasked is keepMedia for an RTP packet of s, in a call of which digits are blanked. payload is where in the datagram
// that of RTP begins.
func (c *Call) keepMasked(s *stream, d *decode.Datagram, payload int) {
	switch {
	case s.encrypted():
		if !c.kept.Open && c.kept.Keep == protocol.KeepRTP { // as take does where SDP has said so
			c.kept.Keep = protocol.KeepHeaders
			c.table.sink.Decided(c.kept)
		}
	case payload < len(d.Payload) && s.hasEvents(d.Payload[payload:]):
		original, k := d.Packet, &c.table.mask
		k.copy(d, original)
		if k.payload == 0 {
			d.Packet = k.cut()
		} else {
			s.maskEvents(k, d.Payload, payload)
			d.Packet = &k.packet
		}
		c.keepMedia(d, payload)
		d.Packet = original
		return
	}
	c.keepMedia(d, payload)
}

// hasEvents reports whether the payload of the newest packet is of telephone-events: as SDP says; where it says nothing, by what
// such a payload looks like.
func (s *stream) hasEvents(payload []byte) bool {
	k := s.format(s.pt)
	switch {
	case k == nil || k.name == "":
		return s.pt >= 96 && len(payload) == 4
	case k.isDTMF():
		return true
	}
	return strings.EqualFold(k.name, "red")
}

func (s *stream) format(pt uint8) *codec {
	for i := range s.types {
		if s.types[i].pt == pt {
			return s.types[i].codec
		}
	}
	if k := s.to.codec(pt); k != nil {
		return k
	}
	return s.from.codec(pt)
}

// maskEvents blanks the events in the payload at b[at:]: one or several of four bytes each, or those in redundant data.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|F|  block PT   |  timestamp offset         |   block length    |   RFC 2198 section 3; F is 0 in the last, of one byte
func (s *stream) maskEvents(k *masking, b []byte, at int) {
	if f := s.format(s.pt); f == nil || !strings.EqualFold(f.name, "red") {
		k.events(at, len(b))
		return
	}
	data := at
	for data < len(b) && b[data]&0x80 != 0 {
		data += 4
	}
	data++
	for h := at; h < len(b); h += 4 {
		end, last := len(b), b[h]&0x80 == 0
		if !last && h+4 <= len(b) {
			end = data + int(binary.BigEndian.Uint16(b[h+2:])&0x3ff)
		}
		if f := s.format(b[h] & 0x7f); f == nil || f.isDTMF() {
			k.events(data, min(end, len(b)))
		}
		if last {
			return
		}
		data = end
	}
}

// events blanks the events from one offset in the datagram to another.
func (k *masking) events(from, to int) {
	for at := from; at+4 <= to; at += 4 {
		k.set(k.payload+at, maskedEvent)
	}
}

// maskDigits replaces the digits in a record.
func maskDigits(r *protocol.CDR) {
	r.DTMFInfo = strings.Repeat("*", len(r.DTMFInfo))
	for i := range r.Streams {
		r.Streams[i].DTMF = strings.Repeat("*", len(r.Streams[i].DTMF))
		r.Streams[i].DTMFInband = strings.Repeat("*", len(r.Streams[i].DTMFInband))
	}
	diagnose.MaskDigits(r.Findings)
}
