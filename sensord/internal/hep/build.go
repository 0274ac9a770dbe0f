package hep

import (
	"encoding/binary"

	"voiptop/sensord/internal/decode"
)

// Append appends m as a HEP3 message. Version and Cut are not used; times are cut to microseconds. The error is
// ErrTooLong, and b is as it was.
func Append(b []byte, m *Message) ([]byte, error) {
	start := len(b)
	be := binary.BigEndian
	b = append(b, magic+"\x00\x00"...)
	if v4 := isIPv4(m.Src) && isIPv4(m.Dst); v4 {
		b = append(head(b, chunkFamily, 1), familyIPv4)
		b = append(head(b, chunkProtocol, 1), m.Protocol)
		b = append(head(b, chunkSrc4, 4), m.Src.IP[12:]...)
		b = append(head(b, chunkDst4, 4), m.Dst.IP[12:]...)
	} else {
		b = append(head(b, chunkFamily, 1), familyIPv6)
		b = append(head(b, chunkProtocol, 1), m.Protocol)
		b = append(head(b, chunkSrc6, 16), m.Src.IP[:]...)
		b = append(head(b, chunkDst6, 16), m.Dst.IP[:]...)
	}
	b = be.AppendUint16(head(b, chunkSrcPort, 2), m.Src.Port)
	b = be.AppendUint16(head(b, chunkDstPort, 2), m.Dst.Port)
	t := max(m.Time, 0)
	b = be.AppendUint32(head(b, chunkSeconds, 4), uint32(t/1e9))
	b = be.AppendUint32(head(b, chunkMicros, 4), uint32(t%1e9/1e3))
	b = append(head(b, chunkType, 1), byte(m.Type))
	b = be.AppendUint32(head(b, chunkAgent, 4), m.Agent)
	payload := uint16(chunkPayload)
	if m.Compressed {
		payload = chunkCompressed
	}
	for _, c := range [...]struct {
		kind  uint16
		value []byte
	}{{chunkKey, m.Key}, {chunkNode, m.Node}, {chunkCorrelation, m.Correlation}, {payload, m.Payload}} {
		if c.value == nil {
			continue
		}
		if len(b)-start+chunkHead+len(c.value) > MaxMessage {
			return b[:start], ErrTooLong
		}
		b = append(head(b, c.kind, len(c.value)), c.value...)
	}
	be.PutUint16(b[start+4:], uint16(len(b)-start))
	return b, nil
}

// head appends the header of a generic chunk whose value has n bytes.
func head(b []byte, kind uint16, n int) []byte {
	n += chunkHead
	return append(b, 0, 0, byte(kind>>8), byte(kind), byte(n>>8), byte(n))
}

// isIPv4 reports whether e has an IPv4 address, which is held as ::ffff:a.b.c.d.
func isIPv4(e decode.Endpoint) bool {
	return string(e.IP[:12]) == "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
}
