// Package rtp reads RTP and RTCP (RFC 3550) off the wire and keeps, per stream, what a person wants to know of it: loss,
// order, interarrival jitter, loss bursts, lateness, clock skew, silence, restarts, DTMF digits (RFC 4733).
//
// The call package owns the streams and feeds them, package audio those that it plays; quality turns their events into MOS. It is
// not for finding streams (call does, by SDP), and not for what a payload holds but digits (audio). It has no clock: time is the
// packet's, in nanoseconds. Nothing here allocates, keeps a pointer to a packet, or panics on any input.
package rtp

import "encoding/binary"

const headerLen = 12 // bytes of the fixed RTP header, RFC 3550 section 5.1

// Header is what one RTP packet says of itself. Offset and Length tell where its payload stands in the bytes that were
// parsed; padding is not part of it.
type Header struct {
	PayloadType uint8 // 0..127
	Marker      bool
	Seq         uint16
	Timestamp   uint32 // in units of the payload's clock
	SSRC        uint32
	Offset      int // of the payload, bytes from the start of the packet
	Length      int // of the payload on the wire; may reach past the bytes at hand when the capture was cut
}

// Payload gives the part of b, the packet that h was parsed from, which is payload and was captured.
func (h *Header) Payload(b []byte) []byte {
	return b[min(h.Offset, len(b)):min(h.Offset+h.Length, len(b))]
}

// Parse reads the header of an RTP packet into h and reports whether b is one: version 2, CSRC list, extension and padding
// inside its bounds, and not RTCP (RFC 5761 section 4). When it is not, h is undefined.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	|                           timestamp                           |
//	|                             SSRC                              |
//	|                     CSRC list, CC of them                     |
//	|  X: defined by profile        |  length in 32-bit words       |
func Parse(b []byte, h *Header) bool { return ParseCut(b, len(b), h) }

// ParseCut is Parse for a packet of which the capture holds only the first bytes: wire is its length on the wire. The
// fixed header must be there; what was cut away is taken to be payload, padding included.
func ParseCut(b []byte, wire int, h *Header) bool {
	if len(b) < headerLen || wire < len(b) || b[0]>>6 != 2 || isRTCPType(b[1]) {
		return false
	}
	h.PayloadType = b[1] & 0x7f
	h.Marker = b[1]&0x80 != 0
	h.Seq = binary.BigEndian.Uint16(b[2:])
	h.Timestamp = binary.BigEndian.Uint32(b[4:])
	h.SSRC = binary.BigEndian.Uint32(b[8:])
	end := headerLen + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if end+4 <= len(b) {
			end += 4 * int(binary.BigEndian.Uint16(b[end+2:]))
		}
		end += 4
	}
	if end > wire {
		return false
	}
	h.Offset = end
	h.Length = wire - end
	if b[0]&0x20 != 0 && wire == len(b) {
		pad := int(b[wire-1])
		if pad == 0 || pad > h.Length {
			return false
		}
		h.Length -= pad
	}
	return true
}

// isRTCPType reports whether the second byte of a packet is in the range that RFC 5761 section 4 leaves to RTCP packet
// types when RTP and RTCP share a port: 192..223, which as RTP would be payload types 64..95 with the marker set.
func isRTCPType(b byte) bool { return b >= 192 && b <= 223 }
