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
	optName      = 2 // of an interface
	optResol     = 9
	optUserAppl  = 4
	maxComment   = 1000 // bytes of one comment; a Call-ID may be as long as a packet
	blockMaximum = 1 << 20

	// Options of our own (the upper half of the codes is for local use; readers pass over them).
	//
	// optMark tells, in four bytes, what of a packet is not media: so many bytes from its start, or markSignalling. A packet
	// without it is media with the boundary of the media packet before. It lets packets be held before it is known what of
	// them is kept.
	optMark        = 0x8001
	markSignalling = 1<<32 - 1
	markBytes      = 12 // that the mark and the end of options add to a block
	// optRoom is zeros: room for comments that are written when the call ends.
	optRoom = 0x8002
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
		return option(sectionBody(b, application, comments), optEnd, nil)
	})
}

func sectionBody(b []byte, application string, comments []string) []byte {
	b = append(b, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // length of the section: not told
	for _, c := range comments {
		b = option(b, optComment, []byte(strings.ToValidUTF8(c[:min(len(c), maxComment)], "?")))
	}
	return option(b, optUserAppl, []byte(application))
}

// sectionBytes is the size of the section header that appendSection makes.
func sectionBytes(application string, comments []string) int {
	return len(appendSection(nil, application, comments))
}

// sectionOf makes a section header of exactly size bytes, a multiple of four: what is left is optRoom. It is false when the
// comments do not fit.
func sectionOf(size int, application string, comments []string) ([]byte, bool) {
	b := block(nil, blockSection, func(b []byte) []byte {
		b = sectionBody(b, application, comments)
		if room := size - len(b) - 8; room >= 4 { // the end of options and the second length are 8 bytes
			b = option(b, optRoom, make([]byte, room-4))
		}
		return option(b, optEnd, nil)
	})
	return b, len(b) == size
}

// appendInterface appends an interface of a link type, with nanosecond times.
func appendInterface(b []byte, link uint16) []byte { return appendNamedInterface(b, link, "") }

// appendNamedInterface is appendInterface with a name, unless that is "".
func appendNamedInterface(b []byte, link uint16, name string) []byte {
	return block(b, blockInterface, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint16(b, link)
		b = append(b, 0, 0, 0, 0, 0, 0) // reserved; no snaplen
		if name != "" {
			b = option(b, optName, []byte(strings.ToValidUTF8(name, "?")))
		}
		b = option(b, optResol, []byte{9})
		return option(b, optEnd, nil)
	})
}

// packetBytes is the size of a packet's block without options.
func packetBytes(data int) int { return 32 + (data+3)&^3 }

// interfaceBytes is the size of a block that appendInterface appends.
const interfaceBytes = 32

// appendPacket appends a packet of length bytes on the wire, of which data was kept.
func appendPacket(b []byte, iface uint32, time int64, data []byte, length int) []byte {
	n := uint32(packetBytes(len(data)))
	b = appendPacketHead(b, n, iface, time, data, length)
	return binary.LittleEndian.AppendUint32(b, n)
}

// appendMarked is appendPacket with a mark.
func appendMarked(b []byte, iface uint32, time int64, data []byte, length int, mark uint32) []byte {
	n := uint32(packetBytes(len(data)) + markBytes)
	b = appendPacketHead(b, n, iface, time, data, length)
	b = binary.LittleEndian.AppendUint32(b, optMark|4<<16)
	b = binary.LittleEndian.AppendUint32(b, mark)
	b = binary.LittleEndian.AppendUint32(b, optEnd)
	return binary.LittleEndian.AppendUint32(b, n)
}

func appendPacketHead(b []byte, n, iface uint32, time int64, data []byte, length int) []byte {
	t := uint64(max(time, 0))
	b = binary.LittleEndian.AppendUint32(b, blockEnhanced)
	b = binary.LittleEndian.AppendUint32(b, n)
	b = binary.LittleEndian.AppendUint32(b, iface)
	b = binary.LittleEndian.AppendUint32(b, uint32(t>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	b = append(b, data...)
	return pad(b, len(data))
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
	eachOption(b[24:n-4], func(code uint16, v []byte) {
		if code == optComment {
			out = append(out, string(v))
		}
	})
	return out
}
