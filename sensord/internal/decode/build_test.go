package decode

import (
	"encoding/binary"
	"slices"
)

// Builders of packets for tests. Checksums are left zero where nothing looks at them.

func ethernet(t uint16, payload []byte) []byte {
	return slices.Concat([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, u16(t), payload)
}

func u16(v uint16) []byte  { return binary.BigEndian.AppendUint16(nil, v) }
func le16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte  { return binary.BigEndian.AppendUint32(nil, v) }

// ipv4 builds IPv4 packets, by default from 10.0.0.1 to 10.0.0.2.
type ipv4 struct {
	src, dst [4]byte
	id       uint16
	frag     uint16 // flags and offset
	ttl, tos byte
}

func (h ipv4) packet(proto byte, payload []byte) []byte {
	if h.src == ([4]byte{}) {
		h.src = [4]byte{10, 0, 0, 1}
	}
	if h.dst == ([4]byte{}) {
		h.dst = [4]byte{10, 0, 0, 2}
	}
	if h.ttl == 0 {
		h.ttl = 64
	}
	return slices.Concat([]byte{0x45, h.tos}, u16(uint16(20+len(payload))), u16(h.id), u16(h.frag), []byte{h.ttl, proto, 0, 0}, h.src[:], h.dst[:], payload)
}

func ipv6(next byte, payload []byte) []byte {
	src := [16]byte{0xfd, 15: 1}
	dst := [16]byte{0xfd, 15: 2}
	return slices.Concat([]byte{0x6b, 0x80, 0, 0}, u16(uint16(len(payload))), []byte{next, 61}, src[:], dst[:], payload)
}

func udp(src, dst uint16, payload []byte) []byte {
	return slices.Concat(u16(src), u16(dst), u16(uint16(8+len(payload))), []byte{0, 0}, payload)
}

func tcp(src, dst uint16, seq uint32, flags byte, payload []byte) []byte {
	return slices.Concat(u16(src), u16(dst), u32(seq), u32(0), []byte{0x50, flags, 1, 0, 0, 0, 0, 0}, payload)
}
