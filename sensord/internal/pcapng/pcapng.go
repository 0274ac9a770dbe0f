// Package pcapng writes the blocks of pcapng files (draft-ietf-opsawg-pcapng): little-endian, times in nanoseconds. The spool writes
// captures with it, and analyze's PacketWriter the files that voiptop and voipmon make.
//
// It is not for reading: package capture reads files of others, the spool its own.
//
//	block: type u32 | total length u32 | body, padded to 4 | total length u32
package pcapng

import (
	"encoding/binary"
	"strings"
)

// Types of blocks.
const (
	Section   = 0x0a0d0d0a
	Interface = 1
	Enhanced  = 6
)

// Codes of options.
const (
	OptEnd      = 0
	OptComment  = 1
	OptName     = 2 // of an interface
	OptUserAppl = 4
	OptResol    = 9
)

// MaxComment is how many bytes of a comment are written; a Call-ID may be as long as a packet.
const MaxComment = 1000

// AppendBlock appends a block of the given type whose body fill appends.
func AppendBlock(b []byte, kind uint32, fill func([]byte) []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = fill(b)
	n := uint32(len(b) - start + 4)
	binary.LittleEndian.PutUint32(b[start+4:], n)
	return binary.LittleEndian.AppendUint32(b, n)
}

// AppendOption appends an option.
func AppendOption(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return Pad(b, len(value))
}

// Pad appends zeros to a field of n bytes up to a multiple of four.
func Pad(b []byte, n int) []byte {
	return append(b, 0, 0, 0)[:len(b)+(4-n%4)%4]
}

// AppendSection appends a section header with comments.
func AppendSection(b []byte, application string, comments []string) []byte {
	return AppendBlock(b, Section, func(b []byte) []byte {
		return AppendOption(AppendSectionBody(b, application, comments), OptEnd, nil)
	})
}

// AppendSectionBody appends the body of a section header, without the end of its options.
func AppendSectionBody(b []byte, application string, comments []string) []byte {
	b = append(b, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0)   // byte order, version 1.0
	b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // length of the section: not told
	for _, c := range comments {
		b = AppendOption(b, OptComment, []byte(strings.ToValidUTF8(c[:min(len(c), MaxComment)], "?")))
	}
	return AppendOption(b, OptUserAppl, []byte(application))
}

// AppendInterface appends an interface of a link type, with nanosecond times.
func AppendInterface(b []byte, link uint16) []byte { return AppendNamedInterface(b, link, "") }

// AppendNamedInterface is AppendInterface with a name, unless that is "".
func AppendNamedInterface(b []byte, link uint16, name string) []byte {
	return AppendBlock(b, Interface, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint16(b, link)
		b = append(b, 0, 0, 0, 0, 0, 0) // reserved; no snaplen
		if name != "" {
			b = AppendOption(b, OptName, []byte(strings.ToValidUTF8(name, "?")))
		}
		b = AppendOption(b, OptResol, []byte{9})
		return AppendOption(b, OptEnd, nil)
	})
}

// InterfaceBytes is the size of a block that AppendInterface appends.
const InterfaceBytes = 32

// PacketBytes is the size of a packet's block without options.
func PacketBytes(data int) int { return 32 + (data+3)&^3 }

// AppendPacket appends a packet of length bytes on the wire, of which data was kept. time is in nanoseconds since the epoch.
func AppendPacket(b []byte, iface uint32, time int64, data []byte, length int) []byte {
	n := uint32(PacketBytes(len(data)))
	b = AppendPacketHead(b, n, iface, time, data, length)
	return binary.LittleEndian.AppendUint32(b, n)
}

// AppendPacketHead appends what of a packet's block of n bytes comes before its options.
func AppendPacketHead(b []byte, n, iface uint32, time int64, data []byte, length int) []byte {
	t := uint64(max(time, 0))
	b = binary.LittleEndian.AppendUint32(b, Enhanced)
	b = binary.LittleEndian.AppendUint32(b, n)
	b = binary.LittleEndian.AppendUint32(b, iface)
	b = binary.LittleEndian.AppendUint32(b, uint32(t>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(length))
	b = append(b, data...)
	return Pad(b, len(data))
}
