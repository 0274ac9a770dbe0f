package bpf

import (
	"encoding/binary"
	"math/rand/v2"
)

// maker makes packets of which many are near what the expressions of the tests ask for.
type maker struct{ *rand.Rand }

func pick[T any](m maker, from ...T) T { return from[m.IntN(len(from))] }

func (m maker) maybe(share float64) bool { return m.Float64() < share }

func (m maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func be(v ...uint16) []byte {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint16(b, x)
	}
	return b
}

func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func (m maker) port() uint16 {
	return pick[uint16](m, 53, 5060, 5061, 5062, 80, 10000, 15000, 20000, 65535, 0)
}

func (m maker) mac() []byte {
	return pick(m, []byte{0, 0x11, 0x22, 0x33, 0x44, 0x55}, []byte{1, 0, 0x5e, 0, 0, 1}, []byte{255, 255, 255, 255, 255, 255}, []byte{2, 0, 0, 0, 0, 1})
}

func (m maker) ip4() []byte {
	return pick(m, []byte{10, 1, 2, 3}, []byte{10, 1, 9, 9}, []byte{192, 168, 7, 1}, []byte{224, 0, 0, 1}, []byte{255, 255, 255, 255}, []byte{0, 0, 0, 0}, []byte{10, 0, 0, 5})
}

func (m maker) ip6() []byte {
	b := pick(m, []byte{0x20, 1, 0xd, 0xb8}, []byte{0xfe, 0x80, 0, 0}, []byte{255, 2, 0, 0}, []byte{0x20, 1, 0xd, 0xb9})
	return append(append(make([]byte, 0, 16), b...), []byte{0, 0, 0, pick(m, byte(0), 1), 0, 0, 0, 0, 0, 0, 0, pick(m, byte(1), 2)}...)
}

func (m maker) transport(proto byte) []byte {
	switch proto {
	case 17, 6, 132:
		return cat(be(m.port(), m.port()), pick(m, []byte("SIP/2.0 200 OK\r\n"), be(0x1234, 0x80, 0x4142, 0x5018, 0x0040)), m.bytes(4+m.IntN(60)))
	}
	return cat([]byte{pick(m, byte(0), 3, 8, 128, 135)}, m.bytes(12+m.IntN(40)))
}

func (m maker) proto() byte { return pick[byte](m, 17, 17, 17, 6, 132, 1, 58, 2, 51, 103, 112, 47, 44) }

func (m maker) network(etherType uint16) []byte {
	proto := m.proto()
	switch etherType {
	case 0x0800:
		options := 4 * pick(m, 0, 0, 0, 1, 10)
		fragment := pick[uint16](m, 0, 0, 0x4000, 0x2000, 0x2000|185, 185)
		return cat([]byte{0x45 + byte(options/4), pick[byte](m, 0, 0xb8)}, be(100, uint16(m.Uint32()), fragment), []byte{64, proto}, be(0),
			m.ip4(), m.ip4(), m.bytes(options), m.transport(proto))
	case 0x86dd:
		next, rest := proto, m.transport(proto)
		if m.maybe(0.3) {
			next, rest = 44, cat([]byte{proto, 0}, be(pick[uint16](m, 0, 1, 1448, 1449)), m.bytes(4), rest)
		}
		return cat([]byte{0x60, 0, 0, 0}, be(80), []byte{next, 64}, m.ip6(), m.ip6(), rest)
	case 0x0806, 0x8035:
		return cat(be(1, 0x0800, 0x0604, 1), m.mac(), m.ip4(), m.mac(), m.ip4(), m.bytes(18))
	case 0x8100, 0x88a8, 0x9100:
		inner := m.etherType()
		return cat(be(pick[uint16](m, 5, 100, 0x2064, 200)), be(inner), m.network(inner))
	case 0x8847:
		labels := []byte{0, 0, pick[byte](m, 0x30, 0x40), 64} // label 3 or 4
		if m.maybe(0.5) {
			return cat(labels, m.network(0x8847))
		}
		labels[2] |= 1
		return cat(labels, m.network(pick[uint16](m, 0x0800, 0x86dd)))
	case 0x8864:
		inner := pick[uint16](m, 0x0800, 0x86dd)
		ppp := map[uint16]uint16{0x0800: 0x21, 0x86dd: 0x57}[inner]
		return cat([]byte{0x11, 0}, be(pick[uint16](m, 5, 6), 60, ppp), m.network(inner))
	}
	return m.bytes(20 + m.IntN(80))
}

func (m maker) etherType() uint16 {
	return pick[uint16](m, 0x0800, 0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x86dd, 0x0806, 0x8035, 0x8100, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8864, 0x8863, 46)
}

// frame makes one frame of a link; tag is the VLAN tag that a live capture keeps beside the frame, nil if there is none.
func (m maker) frame(l Link) (f []byte, tag []byte) {
	t := m.etherType()
	switch l {
	case Raw:
		t = pick[uint16](m, 0x0800, 0x86dd, 0)
		f = m.network(t)
	case SLL2:
		f = cat(be(t, 0), m.bytes(16), m.network(t))
	default:
		f = cat(m.mac(), m.mac(), be(t), m.network(t))
	}
	if m.maybe(0.2) {
		f[m.IntN(len(f))] ^= 1 << m.IntN(8)
	}
	if m.maybe(0.02) {
		f = m.bytes(1 + m.IntN(120))
	}
	for len(f) < 60 {
		f = append(f, 0)
	}
	if l.live() && m.maybe(0.4) {
		tag = be(pick[uint16](m, 0x8100, 0x88a8), pick[uint16](m, 5, 100, 0x2064))
	}
	return f, tag
}
