package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// pcapng reads draft-ietf-opsawg-pcapng. Every block is
//
//	type 4 | total length 4 | body | total length 4
//
// A section header starts anew with its own byte order and interfaces; unknown blocks are skipped.
type pcapng struct {
	b          *buffer
	swapped    bool // big-endian section
	interfaces []ngInterface
	last       int64 // time of the last packet, for packets without one
	secrets    func(lines []byte)
}

// ngInterface is what an interface description says of its packets.
type ngInterface struct {
	link    uint16
	snaplen uint32
	mul     uint64 // nanoseconds are units * mul / div, or with shift set, units * 1e9 >> shift
	div     uint64
	shift   uint8
	offset  int64 // nanoseconds
}

const (
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
	blockSecrets   = 10

	secretsTLS = 0x544c534b // a TLS key log

	byteOrderMagic = 0x1a2b3c4d

	maxInterfaces  = 1 << 16
	maxPacketBlock = maxFrame + 64<<10 // a frame and its options
	maxDescription = 64 << 10          // of an interface description; what stands behind is not read
	maxSecrets     = 16 << 20          // of a secrets block; what stands behind is not read
	maxBlock       = 1 << 30           // of blocks that are skipped: more is damage

	maxTime = math.MaxInt64 / 2 // year 2116; later times are held there, so that sums of times do not overflow
)

// newPcapNG reads the first section header. secrets takes the TLS key logs in the file; what it gets is its own.
func newPcapNG(b *buffer, secrets func(lines []byte)) (*pcapng, error) {
	f := &pcapng{b: b, secrets: secrets}
	if err := f.section(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *pcapng) u16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if f.swapped {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (f *pcapng) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if f.swapped {
		v = bits.ReverseBytes32(v)
	}
	return v
}

// section reads a section header block: type 4 | length 4 | byte-order magic 4 | version 2+2 | section length 8 | options.
func (f *pcapng) section() error {
	h := f.b.peek(28)
	if len(h) < 28 {
		return cut(f.b, len(h), 28, "pcapng section header")
	}
	switch binary.LittleEndian.Uint32(h[8:]) {
	case byteOrderMagic:
		f.swapped = false
	case bits.ReverseBytes32(byteOrderMagic):
		f.swapped = true
	default:
		return &damage{f.b.offset(), fmt.Sprintf("a pcapng section header with byte-order magic %x", h[8:12])}
	}
	if major := f.u16(h[12:]); major != 1 {
		return &damage{f.b.offset(), fmt.Sprintf("pcapng version %d, only 1 is known", major)}
	}
	n := f.u32(h[4:])
	if n < 28 || n > maxBlock {
		return &damage{f.b.offset(), fmt.Sprintf("a pcapng section header of %d bytes", n)}
	}
	f.interfaces = f.interfaces[:0]
	return f.pass(n, "section header")
}

// pass skips a block of n bytes whose length has been checked.
func (f *pcapng) pass(n uint32, what string) error {
	at := f.b.offset()
	n = (n + 3) &^ 3
	if got := f.b.discard(int64(n)); got < int64(n) {
		return &damage{at, fmt.Sprintf("the file ends within a %s: %d of %d bytes", what, got, n)}
	}
	return nil
}

func (f *pcapng) next(r *record) error {
	for {
		h := f.b.peek(8)
		if len(h) < 8 {
			if len(h) == 0 && f.b.cause() == nil {
				return io.EOF
			}
			return cut(f.b, len(h), 8, "block header")
		}
		if binary.LittleEndian.Uint32(h) == magicNG {
			if err := f.section(); err != nil {
				return err
			}
			continue
		}
		kind, n := f.u32(h), f.u32(h[4:])
		if n < 12 || n > maxBlock {
			return &damage{f.b.offset(), fmt.Sprintf("a pcapng block of %d bytes: the file is damaged here", n)}
		}
		var err error
		switch kind {
		case blockEnhanced, blockPacket, blockSimple:
			return f.packet(kind, n, r)
		case blockInterface:
			err = f.describe(n)
		case blockSecrets:
			err = f.decryption(n)
		default:
			err = f.pass(n, "block")
		}
		if err != nil {
			return err
		}
	}
}

// packet reads one of the three packet blocks, after the 8 bytes of type and length:
//
//	enhanced: interface 4 | time high 4 | time low 4 | captured 4 | length 4 | data | options
//	obsolete: interface 2 | drops 2 | the rest as enhanced
//	simple:   length 4 | data; of interface 0, without a time
func (f *pcapng) packet(kind, n uint32, r *record) error {
	at := f.b.offset()
	if n > maxPacketBlock {
		return &damage{at, fmt.Sprintf("a packet block of %d bytes, more than %d: the file is damaged here", n, maxPacketBlock)}
	}
	all := int(n+3) &^ 3
	b := f.b.peek(all)
	if len(b) < all {
		return cut(f.b, len(b), all, "packet block")
	}
	head := 28
	if kind == blockSimple {
		head = 12
	}
	if int(n) < head+4 {
		return &damage{at, fmt.Sprintf("a packet block of %d bytes: too short", n)}
	}
	var iface, caplen, length uint32
	switch kind {
	case blockSimple:
		length = f.u32(b[8:])
		caplen = min(length, n-uint32(head)-4)
	case blockPacket:
		iface = uint32(f.u16(b[8:]))
		caplen, length = f.u32(b[20:]), f.u32(b[24:])
	default:
		iface = f.u32(b[8:])
		caplen, length = f.u32(b[20:]), f.u32(b[24:])
	}
	if iface >= uint32(len(f.interfaces)) {
		return &damage{at, fmt.Sprintf("a packet of interface %d, which is not described", iface)}
	}
	i := &f.interfaces[iface]
	if kind == blockSimple {
		if i.snaplen > 0 {
			caplen = min(caplen, i.snaplen)
		}
		r.time = f.last
	} else {
		r.time = i.nanos(uint64(f.u32(b[12:]))<<32 | uint64(f.u32(b[16:])))
		f.last = r.time
	}
	if caplen > n-uint32(head)-4 || caplen > maxFrame {
		return &damage{at, fmt.Sprintf("a packet of %d bytes in a block of %d: the file is damaged here", caplen, n)}
	}
	end := head + int(caplen)
	r.data, r.length, r.link = b[head:end:end], int32(min(length, 1<<30)), i.link
	f.b.skip(all)
	return nil
}

// run is for enhanced packet blocks, which are almost all that there is.
func (f *pcapng) run(list []Packet, newest int64) (n int, cut bool) {
	b := f.b.b[:f.b.end]
	at := f.b.pos
	for ; n < len(list); n++ {
		if cut = at+32 > len(b); cut {
			break
		}
		h := b[at : at+28 : len(b)]
		kind, size, iface, caplen := f.u32(h), f.u32(h[4:]), f.u32(h[8:]), f.u32(h[20:])
		next := at + int(size+3)&^3
		if cut = next > len(b); cut || kind != blockEnhanced || size < 32 || size > maxPacketBlock || iface >= uint32(len(f.interfaces)) ||
			caplen > size-32 || caplen > maxFrame {
			break
		}
		i := &f.interfaces[iface]
		t := i.nanos(uint64(f.u32(h[12:]))<<32 | uint64(f.u32(h[16:])))
		if t < newest {
			break
		}
		length := max(min(f.u32(h[24:]), 1<<30), caplen)
		from, end := at+28, at+28+int(caplen)
		list[n] = Packet{Time: t, Data: b[from:end:end], Length: int(length), Link: i.link}
		newest, f.last, at = t, t, next
	}
	f.b.pos = at
	return n, cut
}

// describe reads an interface description block: link type 2 | reserved 2 | snaplen 4 | options.
func (f *pcapng) describe(n uint32) error {
	b := f.b.peek(int(min(n, maxDescription)))
	if len(b) < 20 || n < 20 {
		return cut(f.b, len(b), int(max(n, 20)), "interface description")
	}
	if len(f.interfaces) == maxInterfaces {
		return &damage{f.b.offset(), fmt.Sprintf("more than %d interfaces", maxInterfaces)}
	}
	i := ngInterface{link: f.u16(b[8:]), snaplen: f.u32(b[12:]), mul: 1000, div: 1}
	for o := b[16 : len(b)-4]; len(o) >= 4; {
		code, size := f.u16(o), int(f.u16(o[2:]))
		o = o[4:]
		if code == 0 || size > len(o) {
			break
		}
		switch {
		case code == 9 && size == 1: // if_tsresol
			i.resolution(o[0])
		case code == 14 && size == 8: // if_tsoffset, seconds
			i.offset = seconds(f.i64(o))
		}
		o = o[min((size+3)&^3, len(o)):]
	}
	f.interfaces = append(f.interfaces, i)
	return f.pass(n, "interface description")
}

// decryption reads a decryption secrets block: secrets type 4 | length 4 | secrets | options.
func (f *pcapng) decryption(n uint32) error {
	b := f.b.peek(int(min(n, maxSecrets)))
	if len(b) >= 20 && f.u32(b[8:]) == secretsTLS {
		size := f.u32(b[12:])
		text := b[16:min(uint64(len(b)), 16+uint64(size))]
		if uint64(len(text)) < uint64(size) { // the last line is not whole
			text = text[:bytes.LastIndexByte(text, '\n')+1]
		}
		f.secrets(bytes.Clone(text))
	}
	return f.pass(n, "secrets block")
}

func (f *pcapng) i64(b []byte) int64 {
	v := binary.LittleEndian.Uint64(b)
	if f.swapped {
		v = bits.ReverseBytes64(v)
	}
	return int64(v)
}

func seconds(s int64) int64 {
	const most = maxTime / 1_000_000_000
	return max(min(s, most), -most) * 1_000_000_000
}

// resolution sets the unit of time: 10^-v seconds, or 2^-v when the top bit is set.
func (i *ngInterface) resolution(v byte) {
	if v&0x80 != 0 {
		i.shift = min(v&0x7f, 63)
		i.mul, i.div = 1, 1
		if i.shift == 0 {
			i.mul = 1e9
		}
		return
	}
	i.mul, i.div = 1, 1
	for ; v < 9; v++ {
		i.mul *= 10
	}
	for ; v > 9 && i.div < 1e18; v-- {
		i.div *= 10
	}
}

func (i *ngInterface) nanos(units uint64) int64 {
	var t int64
	if i.shift > 0 {
		hi, lo := bits.Mul64(units, 1e9)
		t = clamp(hi>>i.shift, hi<<(64-i.shift)|lo>>i.shift)
	} else {
		hi, lo := bits.Mul64(units, i.mul)
		if i.div > 1 {
			lo /= i.div
		}
		t = clamp(hi, lo)
	}
	return max(0, min(t+i.offset, maxTime))
}

func clamp(hi, lo uint64) int64 {
	if hi != 0 || lo > maxTime {
		return maxTime
	}
	return int64(lo)
}
