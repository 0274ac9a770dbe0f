package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// record is one packet of a file.
type record struct {
	time   int64
	data   []byte // in the block in
	in     *block // nil: it was copied out
	length int32  // on the wire
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
	// next reads the next record. Its data lies in the buffer's block.
	next(r *record) error
	// run reads packets that lie whole in the buffer's block, the first not before the time newest and none before the one before
	// it, into list, and answers how many, and whether the next one does not lie whole in the block. What else there is, next tells.
	run(list []Packet, newest int64) (n int, cut bool)
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
	r.time = f.time(h)
	r.length, r.link = int32(min(f.u32(h[12:]), 1<<30)), f.link
	all := f.header + int(n)
	b := f.b.peek(all)
	if len(b) < all {
		return f.ended(len(b), all, "packet")
	}
	r.data = b[f.header:all:all]
	f.b.skip(all)
	return nil
}

// time is that of a packet header.
func (f *pcap) time(h []byte) int64 { return int64(f.u32(h))*1e9 + int64(f.u32(h[4:]))*f.scale }

func (f *pcap) run(list []Packet, newest int64) (n int, cut bool) {
	b := f.b.b[:f.b.end]
	at := f.b.pos
	for ; n < len(list); n++ {
		if cut = at+f.header > len(b); cut {
			break
		}
		h := b[at : at+pcapPacketHeader : len(b)]
		size := f.u32(h[8:])
		from := at + f.header
		end := from + int(size)
		t := f.time(h)
		if cut = end > len(b); cut || size > maxFrame || t < newest {
			break
		}
		length := max(min(f.u32(h[12:]), 1<<30), size)
		list[n] = Packet{Time: t, Data: b[from:end:end], Length: int(length), Link: f.link}
		newest, at = t, end
	}
	f.b.pos = at
	return n, cut
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
