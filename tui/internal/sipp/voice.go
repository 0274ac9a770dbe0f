package sipp

import (
	"encoding/binary"
	"net/netip"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// maxVoice bounds the voice of a side, in bytes: two hours of G.711.
const maxVoice = 128 << 20

// Voice gathers what each side sent of RTP, as captures that sipp plays: it sends the packets from its own address, to where the other
// side's SDP asks for them.
type Voice struct {
	from, to [2]netip.AddrPort
	out      [2][]byte
}

// NewVoice chooses the stream of each side: the audio with most packets. Those that are encrypted are left out: they cannot be heard
// where keys are others.
func NewVoice(c *protocol.CDR) *Voice {
	v := &Voice{}
	var most [2]uint64
	for i := range c.Streams {
		s := &c.Streams[i]
		side := Caller
		switch s.Direction {
		case protocol.FromCaller:
		case protocol.FromCallee:
			side = Callee
		default:
			continue
		}
		from, err := netip.ParseAddrPort(s.Src)
		to, errTo := netip.ParseAddrPort(s.Dst)
		if err != nil || errTo != nil || s.Encrypted || s.Media != "" && s.Media != "audio" || s.Packets <= most[side] {
			continue
		}
		most[side], v.from[side], v.to[side] = s.Packets, from, to
	}
	return v
}

// Packet takes a packet of the call. It is done with p when it returns.
func (v *Voice) Packet(p *analyze.Packet) error {
	src, dst, payload, ok := datagram(p)
	if !ok {
		return nil
	}
	for side := range v.out {
		if src != v.from[side] || dst != v.to[side] || len(v.out[side])+len(payload) > maxVoice {
			continue
		}
		if v.out[side] == nil {
			v.out[side] = pcapHead()
		}
		v.out[side] = appendPacket(v.out[side], p.Time, src, dst, payload)
	}
	return nil
}

// Capture is the capture of a side, nil if there is none.
func (v *Voice) Capture(s Side) []byte { return v.out[s] }

// datagram is the UDP datagram of a frame: Ethernet with VLAN tags, Linux cooked, or IP alone; no fragments.
func datagram(p *analyze.Packet) (src, dst netip.AddrPort, payload []byte, ok bool) {
	b := p.Data
	var kind uint16
	switch p.Link {
	case 1: // Ethernet
		if len(b) < 14 {
			return src, dst, nil, false
		}
		kind, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	case 113: // Linux cooked
		if len(b) < 16 {
			return src, dst, nil, false
		}
		kind, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case 276: // Linux cooked 2
		if len(b) < 20 {
			return src, dst, nil, false
		}
		kind, b = binary.BigEndian.Uint16(b), b[20:]
	case 12, 101, 228, 229: // IP
		kind = 0x0800
	default:
		return src, dst, nil, false
	}
	for (kind == 0x8100 || kind == 0x88a8) && len(b) >= 4 {
		kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if kind != 0x0800 && kind != 0x86dd || len(b) < 20 {
		return src, dst, nil, false
	}
	var from, to netip.Addr
	switch b[0] >> 4 {
	case 4:
		head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if b[9] != 17 || head < 20 || total < head || len(b) < head || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
			return src, dst, nil, false
		}
		from, to = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		b = b[head:min(total, len(b))]
	case 6:
		if len(b) < 40 || b[6] != 17 {
			return src, dst, nil, false
		}
		from, to = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		b = b[40:min(40+int(binary.BigEndian.Uint16(b[4:])), len(b))]
	default:
		return src, dst, nil, false
	}
	if len(b) < 8 {
		return src, dst, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < 8 || n > len(b) {
		return src, dst, nil, false
	}
	src, dst = netip.AddrPortFrom(from, binary.BigEndian.Uint16(b)), netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:]))
	return src, dst, b[8:n], true
}

// pcapHead is the head of a capture file of Ethernet frames, in microseconds: the form that every libpcap reads.
func pcapHead() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, 65535)
	return binary.LittleEndian.AppendUint32(b, 1)
}

// appendPacket puts a datagram into a frame of its own. sipp makes addresses, ports and checksums anew.
func appendPacket(b []byte, nanos int64, src, dst netip.AddrPort, payload []byte) []byte {
	ip := 20
	if src.Addr().Is6() {
		ip = 40
	}
	n := 14 + ip + 8 + len(payload)
	b = binary.LittleEndian.AppendUint32(b, uint32(nanos/1e9))
	b = binary.LittleEndian.AppendUint32(b, uint32(nanos%1e9/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = append(b, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1)
	if ip == 20 {
		b = append(b, 0x08, 0, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(ip+8+len(payload)))
		b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
	} else {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
		b = append(b, 17, 64)
	}
	b = append(append(b, src.Addr().AsSlice()...), dst.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}
