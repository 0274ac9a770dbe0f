package spool

import (
	"encoding/binary"
	"strings"
)

// Captures are pcapng (draft-ietf-opsawg-pcapng), little-endian: a section header whose comments name the call, an
// interface description for each link type, times in nanoseconds, and an enhanced packet block for each packet.

const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockEnhanced  = 6

	optEnd       = 0
	optComment   = 1
	optResol     = 9
	optUserAppl  = 4
	maxComment   = 1000 // bytes of one comment; a Call-ID may be as long as a packet
	blockMaximum = 1 << 20
)

// block appends a block of the given type whose body fill appends.
func block(b []byte, kind uint32, fill func([]byte) []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = fill(b)
	n := uint32(len(b) - start + 4)
	binary.LittleEndian.PutUint32(b[start+4:], n)
	return binary.LittleEndian.AppendUint32(b, n)
}

func option(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return pad(b, len(value))
}

// pad appends zeros to a field of n bytes up to a multiple of four.
func pad(b []byte, n int) []byte {
	return append(b, 0, 0, 0)[:len(b)+(4-n%4)%4]
}

// appendSection appends a section header with comments.
func appendSection(b []byte, application string, comments []string) []byte {
	return block(b, blockSection, func(b []byte) []byte {
		b = append(b, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0)
		b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // length of the section: not told
		for _, c := range comments {
			b = option(b, optComment, []byte(strings.ToValidUTF8(c[:min(len(c), maxComment)], "?")))
		}
		b = option(b, optUserAppl, []byte(application))
		return option(b, optEnd, nil)
	})
}

// appendInterface appends an interface of a link type, with nanosecond times.
func appendInterface(b []byte, link uint16) []byte {
	return block(b, blockInterface, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint16(b, link)
		b = append(b, 0, 0, 0, 0, 0, 0) // reserved; no snaplen
		b = option(b, optResol, []byte{9})
		return option(b, optEnd, nil)
	})
}

// appendPacket appends a packet of length bytes on the wire, of which data was kept.
func appendPacket(b []byte, iface uint32, time int64, data []byte, length int) []byte {
	n := uint32(32 + (len(data)+3)&^3)
	t := uint64(max(time, 0))
	b = binary.LittleEndian.AppendUint32(b, blockEnhanced)
	b = binary.LittleEndian.AppendUint32(b, n)
	b = binary.LittleEndian.AppendUint32(b, iface)
	b = binary.LittleEndian.AppendUint32(b, uint32(t>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	b = append(b, data...)
	b = pad(b, len(data))
	return binary.LittleEndian.AppendUint32(b, n)
}

// comments returns the comments of the section header at the start of b.
func comments(b []byte) []string {
	if len(b) < 28 || binary.LittleEndian.Uint32(b) != blockSection {
		return nil
	}
	n := int(min(binary.LittleEndian.Uint32(b[4:]), uint32(len(b))))
	if n < 28 {
		return nil
	}
	var out []string
	for o := b[24 : n-4]; len(o) >= 4; {
		code, size := binary.LittleEndian.Uint16(o), int(binary.LittleEndian.Uint16(o[2:]))
		o = o[4:]
		if code == optEnd || size > len(o) {
			break
		}
		if code == optComment {
			out = append(out, string(o[:size]))
		}
		o = o[min((size+3)&^3, len(o)):]
	}
	return out
}
