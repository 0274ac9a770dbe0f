package spool

import (
	"encoding/binary"

	"voiptop/sensord/internal/pcapng"
)

// Captures are pcapng files: a section header whose comments name the call, an interface description for each link type, and an
// enhanced packet block for each packet.

const (
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

// sectionBytes is the size of the section header that pcapng.AppendSection makes.
func sectionBytes(application string, comments []string) int {
	return len(pcapng.AppendSection(nil, application, comments))
}

// sectionOf makes a section header of exactly size bytes, a multiple of four: what is left is optRoom. It is false when the
// comments do not fit.
func sectionOf(size int, application string, comments []string) ([]byte, bool) {
	b := pcapng.AppendBlock(nil, pcapng.Section, func(b []byte) []byte {
		b = pcapng.AppendSectionBody(b, application, comments)
		if room := size - len(b) - 8; room >= 4 { // the end of options and the second length are 8 bytes
			b = pcapng.AppendOption(b, optRoom, make([]byte, room-4))
		}
		return pcapng.AppendOption(b, pcapng.OptEnd, nil)
	})
	return b, len(b) == size
}

// appendMarked appends a packet with a mark.
func appendMarked(b []byte, iface uint32, time int64, data []byte, length int, mark uint32) []byte {
	n := uint32(pcapng.PacketBytes(len(data)) + markBytes)
	b = pcapng.AppendPacketHead(b, n, iface, time, data, length)
	b = binary.LittleEndian.AppendUint32(b, optMark|4<<16)
	b = binary.LittleEndian.AppendUint32(b, mark)
	b = binary.LittleEndian.AppendUint32(b, pcapng.OptEnd)
	return binary.LittleEndian.AppendUint32(b, n)
}

// comments returns the comments of the section header at the start of b.
func comments(b []byte) []string {
	if len(b) < 28 || binary.LittleEndian.Uint32(b) != pcapng.Section {
		return nil
	}
	n := int(min(binary.LittleEndian.Uint32(b[4:]), uint32(len(b))))
	if n < 28 {
		return nil
	}
	var out []string
	eachOption(b[24:n-4], func(code uint16, v []byte) {
		if code == pcapng.OptComment {
			out = append(out, string(v))
		}
	})
	return out
}
