package rtp

import "encoding/binary"

// RTCP packet types: RFC 3550 section 12.1, RFC 3611 section 6.1.
const (
	typeSR  = 200
	typeRR  = 201
	typeBye = 203
	typeXR  = 207
)

// RTCPKind says which part of an RTCPItem is filled.
type RTCPKind uint8

// The kinds of items that WalkRTCP yields.
const (
	RTCPSender RTCPKind = iota + 1 // the sender's own half of an SR
	RTCPReport                     // one report block of an SR or RR
	RTCPVoIP                       // the VoIP metrics block of an XR
	RTCPBye                        // Source says goodbye
)

// RTCPItem is one statement found in a compound RTCP packet.
type RTCPItem struct {
	Kind   RTCPKind
	From   uint32 // SSRC of who sent the packet
	Source uint32 // SSRC of the stream that the statement is about
	Sender SenderInfo
	Report ReportBlock
	VoIP   VoIPMetrics
}

// SenderInfo is what a sender says of its own stream (RFC 3550 section 6.4.1).
type SenderInfo struct {
	NTP       uint64 // wall clock, seconds since 1900 in 32.32 fixed point
	Timestamp uint32 // the same moment on the RTP clock
	Packets   uint32 // sent so far
	Octets    uint32 // of payload, sent so far
}

// ReportBlock is what a receiver says of a stream (RFC 3550 section 6.4.1).
type ReportBlock struct {
	FractionLost uint8  // since the last report, in 1/256
	Lost         int32  // since the start; negative when duplicates arrived
	HighestSeq   uint32 // extended
	Jitter       uint32 // interarrival, in units of the stream's clock
	LSR          uint32 // middle 32 bits of the NTP time of the last SR received, 0: none
	DLSR         uint32 // delay since then, in 1/65536 s
}

// LossPct converts FractionLost to per cent.
func (r *ReportBlock) LossPct() float64 { return float64(r.FractionLost) * 100 / 256 }

// VoIPMetrics is the VoIP metrics block (RFC 3611 section 4.7). Rates are in 1/256, times in milliseconds, levels in dBm,
// MOS in tenths; 127 says "not available" in the fields R, ExternalR, MOSLQ and MOSCQ, and in the three levels.
type VoIPMetrics struct {
	LossRate       uint8
	DiscardRate    uint8
	BurstDensity   uint8
	GapDensity     uint8
	BurstMS        uint16
	GapMS          uint16
	RoundTripMS    uint16
	EndSystemMS    uint16
	SignalLevel    int8
	NoiseLevel     int8
	RERL           uint8
	Gmin           uint8
	R              uint8
	ExternalR      uint8
	MOSLQ          uint8
	MOSCQ          uint8
	RxConfig       uint8
	JBNominalMS    uint16
	JBMaximumMS    uint16
	JBAbsMaximumMS uint16
}

// IsRTCP reports whether b starts like a compound RTCP packet: version 2, a packet type of RFC 5761's range, and a length
// that is there. A compound packet on the wire starts with SR or RR (RFC 3550 section 6.1) unless RFC 5506 is in use.
func IsRTCP(b []byte) bool {
	return len(b) >= 4 && b[0]>>6 == 2 && isRTCPType(b[1]) && subLen(b) <= len(b)
}

// Listens reports whether RTCP is of one that has sent no RTP since its last report: RR in place of SR (RFC 3550 section 6.4).
func Listens(b []byte) bool { return len(b) >= 2 && b[1] == typeRR }

// subLen is the length in bytes of the RTCP packet that starts at b, from its length field in words minus one.
func subLen(b []byte) int { return 4 + 4*int(binary.BigEndian.Uint16(b[2:])) }

// WalkRTCP calls yield with each sender info, report block, VoIP metrics block and goodbye in the compound packet b. A
// packet that is cut or whose counts lie yields what is whole and inside its bounds; the rest of the compound is still
// read as far as lengths allow. whole is false when something was cut or wrong. The item is the callee's copy.
func WalkRTCP(b []byte, yield func(RTCPItem)) (whole bool) {
	whole = len(b) > 0
	for len(b) >= 4 {
		if b[0]>>6 != 2 {
			return false
		}
		n := subLen(b)
		if n > len(b) {
			whole, n = false, len(b)
		}
		p := b[:n]
		if pad := int(p[n-1]); p[0]&0x20 != 0 && n == len(b) && whole { // padding: only in the last packet, section 6.4.1
			if pad == 0 || pad > n-4 {
				return false
			}
			p = p[:n-pad]
		}
		switch p[1] {
		case typeSR, typeRR:
			whole = walkReport(p, yield) && whole
		case typeXR:
			whole = walkXR(p, yield) && whole
		case typeBye:
			whole = walkBye(p, yield) && whole
		}
		b = b[n:]
	}
	return whole && len(b) == 0
}

func walkReport(p []byte, yield func(RTCPItem)) bool {
	if len(p) < 8 {
		return false
	}
	count := int(p[0] & 0x1f)
	from := binary.BigEndian.Uint32(p[4:])
	at := 8
	if p[1] == typeSR {
		if len(p) < 28 {
			return false
		}
		yield(RTCPItem{Kind: RTCPSender, From: from, Source: from, Sender: SenderInfo{
			NTP:       binary.BigEndian.Uint64(p[8:]),
			Timestamp: binary.BigEndian.Uint32(p[16:]),
			Packets:   binary.BigEndian.Uint32(p[20:]),
			Octets:    binary.BigEndian.Uint32(p[24:]),
		}})
		at = 28
	}
	for ; count > 0; count-- {
		if len(p) < at+24 {
			return false
		}
		r := p[at : at+24]
		yield(RTCPItem{Kind: RTCPReport, From: from, Source: binary.BigEndian.Uint32(r), Report: ReportBlock{
			FractionLost: r[4],
			Lost:         int32(binary.BigEndian.Uint32(r[4:])<<8) >> 8, // 24 bits, signed
			HighestSeq:   binary.BigEndian.Uint32(r[8:]),
			Jitter:       binary.BigEndian.Uint32(r[12:]),
			LSR:          binary.BigEndian.Uint32(r[16:]),
			DLSR:         binary.BigEndian.Uint32(r[20:]),
		}})
		at += 24
	}
	return true
}

const (
	xrVoIP    = 7  // block type, RFC 3611 section 4.7
	xrVoIPLen = 36 // bytes, header included
)

func walkXR(p []byte, yield func(RTCPItem)) bool {
	if len(p) < 8 {
		return false
	}
	from := binary.BigEndian.Uint32(p[4:])
	for p = p[8:]; len(p) >= 4; {
		n := subLen(p)
		if n > len(p) {
			return false
		}
		if p[0] == xrVoIP {
			if n < xrVoIPLen {
				return false
			}
			yield(RTCPItem{Kind: RTCPVoIP, From: from, Source: binary.BigEndian.Uint32(p[4:]), VoIP: voipMetrics(p)})
		}
		p = p[n:]
	}
	return len(p) == 0
}

func voipMetrics(p []byte) VoIPMetrics {
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(p[at:]) }
	return VoIPMetrics{
		LossRate: p[8], DiscardRate: p[9], BurstDensity: p[10], GapDensity: p[11],
		BurstMS: u16(12), GapMS: u16(14), RoundTripMS: u16(16), EndSystemMS: u16(18),
		SignalLevel: int8(p[20]), NoiseLevel: int8(p[21]), RERL: p[22], Gmin: p[23],
		R: p[24], ExternalR: p[25], MOSLQ: p[26], MOSCQ: p[27],
		RxConfig: p[28], JBNominalMS: u16(30), JBMaximumMS: u16(32), JBAbsMaximumMS: u16(34),
	}
}

func walkBye(p []byte, yield func(RTCPItem)) bool {
	count := int(p[0] & 0x1f)
	if len(p) < 4+4*count {
		count = (len(p) - 4) / 4
	}
	for i := range count {
		ssrc := binary.BigEndian.Uint32(p[4+4*i:])
		yield(RTCPItem{Kind: RTCPBye, From: ssrc, Source: ssrc})
	}
	return count == int(p[0]&0x1f)
}

// RoundTrip measures the time from the point of capture to a receiver and back, from the SRs that went to it and the
// reports that came back: time of the report - time of the SR it names in LSR - DLSR (RFC 3550 section 6.4.1). The whole
// round trip between two parties is the sum of that measured on either side. The zero value is ready.
type RoundTrip struct {
	sent [4]struct {
		lsr uint32
		t   int64
	}
	next uint8
}

// SR notes that a sender report with the wall clock ntp passed at t nanoseconds.
func (r *RoundTrip) SR(t int64, ntp uint64) {
	r.sent[r.next%4].lsr = uint32(ntp >> 16)
	r.sent[r.next%4].t = t
	r.next++
}

// Report gives the round trip in nanoseconds for a report block that passed at t nanoseconds in the other direction. ok is
// false when the block names no SR that was seen, or when the result is negative (a lying DLSR) or over a minute.
func (r *RoundTrip) Report(t int64, b *ReportBlock) (rtt int64, ok bool) {
	if b.LSR == 0 {
		return 0, false
	}
	for _, s := range r.sent {
		if s.lsr == b.LSR && s.t != 0 {
			rtt = t - s.t - int64(b.DLSR)*1e9/65536
			return max(rtt, 0), rtt > -int64(1e6) && rtt < 60e9
		}
	}
	return 0, false
}
