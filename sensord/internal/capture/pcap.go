package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// record is one packet of a file: where it stands in the file, or in data once the file's buffer has gone on.
type record struct {
	time   int64
	off    int64
	data   []byte
	caplen int32
	length int32
	link   uint16
}

// damage ends the reading of a file before its end.
type damage struct {
	off  int64
	text string
}

func (d *damage) Error() string { return fmt.Sprintf("offset %d: %s", d.off, d.text) }

// format reads the records of one file in the order they stand in. It answers io.EOF at the file's regular end and a
// *damage where it ends otherwise.
type format interface {
	next(r *record) error
}

// Magic numbers as read in little-endian order.
const (
	magicMicro        = 0xa1b2c3d4
	magicNano         = 0xa1b23c4d
	magicMicroSwapped = 0xd4c3b2a1
	magicNanoSwapped  = 0x4d3cb2a1
	magicModified     = 0xa1b2cd34 // Kuznetzov's libpcap, as old Linux distributions had it
	magicModSwapped   = 0x34cdb2a1
	magicNG           = 0x0a0d0d0a // the same in either byte order
)

// pcap reads the classic format (draft-ietf-opsawg-pcap):
//
//	file:   magic 4 | major 2 | minor 2 | reserved 4 | reserved 4 | snaplen 4 | FCS and link type 4
//	packet: seconds 4 | micro- or nanoseconds 4 | captured length 4 | length on the wire 4 | data
type pcap struct {
	b       *buffer
	swapped bool
	scale   int64 // nanoseconds per unit of the fraction
	link    uint16
	header  int // of a packet
}

const (
	pcapFileHeader   = 24
	pcapPacketHeader = 16
	modPacketHeader  = 24 // interface 4 | protocol 2 | packet type 1 | padding 1 follow
)

func newPcap(b *buffer) (*pcap, error) {
	h := b.peek(pcapFileHeader)
	if len(h) < pcapFileHeader {
		return nil, fmt.Errorf("the pcap file header is cut: %d of %d bytes", len(h), pcapFileHeader)
	}
	f := &pcap{b: b, scale: 1000, header: pcapPacketHeader}
	switch binary.LittleEndian.Uint32(h) {
	case magicNano:
		f.scale = 1
	case magicNanoSwapped:
		f.scale, f.swapped = 1, true
	case magicMicroSwapped:
		f.swapped = true
	case magicModified:
		f.header = modPacketHeader
	case magicModSwapped:
		f.header, f.swapped = modPacketHeader, true
	}
	f.link = uint16(f.u32(h[20:])) // the upper half tells of the FCS
	b.skip(pcapFileHeader)
	return f, nil
}

func (f *pcap) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if f.swapped {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (f *pcap) next(r *record) error {
	h := f.b.peek(f.header)
	if len(h) < f.header {
		return f.ended(len(h), f.header, "packet header")
	}
	n := f.u32(h[8:])
	if n > maxFrame {
		return &damage{f.b.offset(), fmt.Sprintf("a packet of %d bytes, more than %d: the file is damaged here", n, maxFrame)}
	}
	r.time = int64(f.u32(h))*1e9 + int64(f.u32(h[4:]))*f.scale
	r.length = int32(min(f.u32(h[12:]), 1<<30))
	r.caplen, r.link, r.data = int32(n), f.link, nil
	all := f.header + int(n)
	if got := len(f.b.peek(all)); got < all {
		return f.ended(got, all, "packet")
	}
	r.off = f.b.offset() + int64(f.header)
	f.b.skip(all)
	return nil
}

func (f *pcap) ended(got, want int, what string) error {
	if got == 0 && f.b.cause() == nil {
		return io.EOF
	}
	return cut(f.b, got, want, what)
}

// cut describes a file that ends within something.
func cut(b *buffer, got, want int, what string) error {
	text := fmt.Sprintf("the file ends within a %s: %d of %d bytes", what, got, want)
	if err := b.cause(); err != nil {
		text += ": " + err.Error()
	}
	return &damage{b.offset(), text}
}
