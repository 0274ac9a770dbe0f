package source

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// Capture reads the files once more and writes the packets of one call.
func (f *File) Capture(ctx context.Context, id string, w io.Writer) (int64, error) {
	c, err := f.again(ctx, id)
	if err != nil {
		return 0, err
	}
	in, err := analyze.Open(f.paths, nil)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out := &callWriter{id: c.ID, w: bufio.NewWriterSize(w, 64<<10), links: map[uint16]uint32{}}
	e := analyze.New(analyze.Config{TLSKeys: f.keys, Decide: only(c.CallID)}, out)
	var p analyze.Packet
	for n := 0; out.err == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return out.n, ctx.Err()
		}
		if err := in.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				return out.n, fmt.Errorf("read %s: %w", f.name, err)
			}
			break
		}
		e.Packet(&p)
	}
	e.Close()
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err == nil && out.n == 0 {
		return 0, &protocol.Problem{Code: protocol.CodeCaptureNotKept, Title: "no packets of the call were found in " + f.name}
	}
	return out.n, out.err
}

// again finds a call whose packets the files still have.
func (f *File) again(ctx context.Context, id string) (*protocol.CDR, error) {
	c, err := f.Call(ctx, id)
	if err == nil && f.stdin() {
		err = &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Title: "packets from stdin are not kept",
			Remedy: "save them to a file and read it with -r",
		}
	}
	return c, err
}

// only is a Decider that keeps all of the calls of a Call-ID.
type only string

func (only) Headers() []string { return nil }

func (o only) Decide(c *analyze.Subject) analyze.Decision {
	if c.CallID != string(o) {
		return analyze.Decision{Keep: protocol.KeepNone}
	}
	return analyze.Decision{Rule: "save", Keep: protocol.KeepRTP}
}

// callWriter writes the kept packets of one call as a pcapng file (draft-ietf-opsawg-pcapng): a section header, an
// interface for every link type when its first packet comes, and a packet block each. Little-endian, nanoseconds.
//
//	block: type u32 | total length u32 | body, padded to 4 | total length u32
type callWriter struct {
	id    protocol.UUID
	w     *bufio.Writer
	links map[uint16]uint32 // link type -> interface
	n     int64
	err   error
}

// Types of pcapng blocks.
const (
	sectionHeader  = 0x0a0d0d0a
	interfaceBlock = 1
	packetBlock    = 6
)

func (o *callWriter) Call(*protocol.CDR) {}

func (o *callWriter) Decided(*analyze.KeptCall) {}

func (o *callWriter) Kept(*analyze.KeptCall) protocol.Capture { return protocol.Capture{} }

func (o *callWriter) Keep(c *analyze.KeptCall, p *analyze.Packet, _ int) {
	if c.ID != o.id {
		return
	}
	le := binary.LittleEndian
	if o.n == 0 {
		b := le.AppendUint32(nil, 0x1a2b3c4d)                  // byte order
		b = le.AppendUint32(b, 1)                              // version 1.0
		o.block(sectionHeader, le.AppendUint64(b, ^uint64(0))) // length unknown
	}
	iface, ok := o.links[p.Link]
	if !ok {
		iface = uint32(len(o.links))
		o.links[p.Link] = iface
		b := le.AppendUint16(nil, p.Link)
		b = le.AppendUint16(b, 0)
		b = le.AppendUint32(b, 0)                         // no snaplen
		b = append(b, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0) // if_tsresol: 10^-9 s; end of options
		o.block(interfaceBlock, b)
	}
	b := le.AppendUint32(make([]byte, 0, 24+len(p.Data)), iface)
	b = le.AppendUint32(b, uint32(uint64(p.Time)>>32))
	b = le.AppendUint32(b, uint32(p.Time))
	b = le.AppendUint32(b, uint32(len(p.Data)))
	b = le.AppendUint32(b, uint32(p.Length))
	o.block(packetBlock, append(b, p.Data...))
}

func (o *callWriter) block(kind uint32, body []byte) {
	if o.err != nil {
		return
	}
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	le := binary.LittleEndian
	total := uint32(len(body) + 12)
	b := le.AppendUint32(make([]byte, 0, total), kind)
	b = le.AppendUint32(b, total)
	b = append(b, body...)
	n, err := o.w.Write(le.AppendUint32(b, total))
	o.n += int64(n)
	o.err = err
}
