package spool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"voiptop/protocol"
	"voiptop/sensord/internal/pcapng"
)

// errTorn says that a file does not go on with a whole block.
var errTorn = errors.New("no whole pcapng block")

// blockReader reads a pcapng file block by block. It knows the captures' own form: little-endian.
type blockReader struct {
	r   *bufio.Reader
	buf []byte
}

func newBlockReader(r io.Reader) *blockReader { return &blockReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next gives the next block, from its type to its second length. It is valid until the one after is asked for. At the end
// of the file the error is io.EOF, where it is damaged or cut it is errTorn.
func (b *blockReader) next() (kind uint32, block []byte, err error) {
	h, err := b.r.Peek(8)
	switch {
	case errors.Is(err, io.EOF) && len(h) == 0:
		return 0, nil, io.EOF
	case errors.Is(err, io.EOF):
		return 0, nil, errTorn
	case err != nil:
		return 0, nil, err
	}
	kind, n := binary.LittleEndian.Uint32(h), int(binary.LittleEndian.Uint32(h[4:]))
	if n < 12 || n%4 != 0 || n > blockMaximum {
		return 0, nil, errTorn
	}
	if cap(b.buf) < n {
		b.buf = make([]byte, max(n, 4<<10))
	}
	block = b.buf[:n]
	if _, err := io.ReadFull(b.r, block); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		return 0, nil, err
	}
	if binary.LittleEndian.Uint32(block[n-4:]) != uint32(n) {
		return 0, nil, errTorn
	}
	return kind, block, nil
}

// firstBlock is next for blocks in memory: it gives the length of the block that b begins with, 0 if that is not whole.
func firstBlock(b []byte) (kind uint32, n int) {
	if len(b) < 12 {
		return 0, 0
	}
	kind, n = binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:]))
	if n < 12 || n%4 != 0 || n > min(len(b), blockMaximum) || binary.LittleEndian.Uint32(b[n-4:]) != uint32(n) {
		return 0, 0
	}
	return kind, n
}

// packet is an enhanced packet block taken apart.
type packet struct {
	iface  uint32
	time   int64  // nanoseconds, in the captures' own form
	data   []byte // in the block
	length int    // on the wire
	mark   uint32 // see optMark
	marked bool
}

// parsePacket takes a whole enhanced packet block apart.
func parsePacket(b []byte) (p packet, ok bool) {
	if len(b) < 32 {
		return p, false
	}
	n := binary.LittleEndian.Uint32(b[20:])
	if n > uint32(len(b)-32) {
		return p, false
	}
	p.iface = binary.LittleEndian.Uint32(b[8:])
	p.time = int64(uint64(binary.LittleEndian.Uint32(b[12:]))<<32 | uint64(binary.LittleEndian.Uint32(b[16:])))
	p.data = b[28 : 28+n]
	p.length = int(binary.LittleEndian.Uint32(b[24:]))
	eachOption(b[min(28+int(n+3)&^3, len(b)-4):len(b)-4], func(code uint16, v []byte) {
		if code == optMark && len(v) == 4 {
			p.mark, p.marked = binary.LittleEndian.Uint32(v), true
		}
	})
	return p, true
}

// eachOption calls f with the options of a block up to the end of options or to one that is not whole.
func eachOption(o []byte, f func(code uint16, v []byte)) {
	for len(o) >= 4 {
		code, n := binary.LittleEndian.Uint16(o), int(binary.LittleEndian.Uint16(o[2:]))
		o = o[4:]
		if code == pcapng.OptEnd || n > len(o) {
			return
		}
		f(code, o[:n])
		o = o[min((n+3)&^3, len(o)):]
	}
}

// cutter writes held packets anew, as far as a level keeps them.
type cutter struct {
	level    protocol.Keep
	boundary int    // of media packets without a mark
	packets  uint64 // that were written
}

// append appends what the level keeps of a whole block. Section headers are not taken along: the file has its own.
func (c *cutter) append(dst []byte, kind uint32, b []byte) []byte {
	switch kind {
	case pcapng.Section:
		return dst
	case pcapng.Enhanced:
	default:
		return append(dst, b...)
	}
	p, ok := parsePacket(b)
	if !ok {
		return dst
	}
	signalling := p.marked && p.mark == markSignalling
	if p.marked && !signalling {
		c.boundary = int(p.mark)
	}
	switch {
	case signalling, c.level == protocol.KeepRTP:
		c.packets++
		return append(dst, b...)
	case c.level == protocol.KeepHeaders && c.boundary > 0:
		c.packets++
		return pcapng.AppendPacket(dst, p.iface, p.time, p.data[:min(c.boundary, len(p.data))], p.length)
	}
	return dst
}
