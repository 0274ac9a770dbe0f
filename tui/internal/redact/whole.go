package redact

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"voiptop/sensord/analyze"
)

// Whole masks a message that no single packet holds, and puts it into one: a UDP packet, whatever brought it. It is nil when the
// message is too long for one.
func (r *Redactor) Whole(time int64, src, dst netip.AddrPort, message []byte) *analyze.Packet {
	m := r.Message(message)
	a, b := r.Addr(src.Addr()), r.Addr(dst.Addr())
	udp := binary.BigEndian.AppendUint16(nil, src.Port())
	udp = binary.BigEndian.AppendUint16(udp, dst.Port())
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(m)))
	udp = append(append(udp, 0, 0), m...)
	if len(udp) > maxUDP || a.Is4() != b.Is4() {
		return nil
	}
	v := ^sum(udp, pseudo(a, b, protoUDP, len(udp)))
	if v == 0 {
		v = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], v)
	var ip []byte
	if a.Is4() {
		ip = []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protoUDP, 0, 0}
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(udp)))
		ip = append(append(ip, a.AsSlice()...), b.AsSlice()...)
		binary.BigEndian.PutUint16(ip[10:], ^sum(ip, 0))
	} else {
		ip = []byte{0x60, 0, 0, 0, 0, 0, protoUDP, 64}
		binary.BigEndian.PutUint16(ip[4:], uint16(len(udp)))
		ip = append(append(ip, a.AsSlice()...), b.AsSlice()...)
	}
	data := append(ip, udp...)
	return &analyze.Packet{Time: time, Data: data, Length: len(data), Link: linkRaw}
}

// maxUDP is the size of the largest UDP packet with its header, in IPv4.
const maxUDP = 65515

// sum is the internet checksum (RFC 1071) without its complement.
func sum(b []byte, start uint32) uint16 {
	s := start
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
		s = s&0xffff + s>>16
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// pseudo is the sum of the pseudo header (RFC 768, RFC 8200 section 8.1).
func pseudo(src, dst netip.Addr, proto byte, length int) uint32 {
	return uint32(sum(slices.Concat(src.AsSlice(), dst.AsSlice()), 0)) + uint32(proto) + uint32(length)
}
