package hep

import (
	"encoding/binary"

	"voiptop/sensord/internal/decode"
)

// IP protocol numbers (IANA).
const (
	protoTCP = 6
	protoUDP = 17
)

// Wrapper puts payloads into IP packets, so that they look as if they had been captured on the wire: for captures that are
// kept, and for the way from a listener into the engine. The zero value is ready.
type Wrapper struct {
	buf []byte
	seq uint32 // of TCP: goes on over all connections, so that it goes on in each
	id  uint16
}

// UDP makes an IPv4 or IPv6 packet (LINKTYPE_RAW) of a UDP datagram. headers says how many bytes come before the payload.
// The packet is valid until the next call; it is nil when the payload is too long for one.
func (w *Wrapper) UDP(src, dst decode.Endpoint, payload []byte) (packet []byte, headers int) {
	return w.wrap(src, dst, protoUDP, payload)
}

// TCP is UDP for a message that a TCP segment carried. Its sequence numbers are made up: they only go up.
func (w *Wrapper) TCP(src, dst decode.Endpoint, payload []byte) (packet []byte, headers int) {
	return w.wrap(src, dst, protoTCP, payload)
}

func (w *Wrapper) wrap(src, dst decode.Endpoint, proto uint8, payload []byte) ([]byte, int) {
	be := binary.BigEndian
	transport := 8
	if proto == protoTCP {
		transport = 20
	}
	length := transport + len(payload)
	if length+20 > MaxMessage {
		return nil, 0
	}
	b := w.buf[:0]
	var sum uint64
	ip := 40
	if isIPv4(src) && isIPv4(dst) {
		ip = 20
		w.id++
		b = append(b, 0x45, 0)
		b = be.AppendUint16(b, uint16(ip+length))
		b = be.AppendUint16(b, w.id)
		b = append(b, 0x40, 0, 64, proto, 0, 0) // don't fragment, TTL 64
		b = append(append(b, src.IP[12:]...), dst.IP[12:]...)
		be.PutUint16(b[10:], fold(add(0, b)))
		sum = add(0, b[12:])
	} else {
		b = append(b, 0x60, 0, 0, 0)
		b = be.AppendUint16(b, uint16(length))
		b = append(b, proto, 64)
		b = append(append(b, src.IP[:]...), dst.IP[:]...)
		sum = add(0, b[8:])
	}
	b = be.AppendUint16(b, src.Port)
	b = be.AppendUint16(b, dst.Port)
	check := ip + 6
	if proto == protoTCP {
		b = be.AppendUint32(b, w.seq)
		b = append(b, 0, 0, 0, 1, 5<<4, 0x18, 0xff, 0xff, 0, 0, 0, 0) // PSH and ACK
		check = ip + 16
		w.seq += uint32(len(payload))
	} else {
		b = be.AppendUint16(b, uint16(length))
		b = append(b, 0, 0)
	}
	b = append(b, payload...)
	c := fold(add(sum+uint64(proto)+uint64(length), b[ip:]))
	if c == 0 && proto == protoUDP { // 0 says that there is none (RFC 768)
		c = 0xffff
	}
	be.PutUint16(b[check:], c)
	w.buf = b
	return b, ip + transport
}

// add adds b to a checksum of RFC 1071, as 16-bit words.
func add(sum uint64, b []byte) uint64 {
	for ; len(b) >= 4; b = b[4:] {
		sum += uint64(binary.BigEndian.Uint32(b))
	}
	if len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
