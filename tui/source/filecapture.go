package source

import (
	"context"
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
	out := &keeper{call: c, w: analyze.NewPacketWriter(w, Application, "Call-ID: "+c.CallID)}
	e := analyze.New(analyze.Config{TLSKeys: f.keys, Decide: only(c.CallID)}, out)
	var p analyze.Packet
	for n := 0; out.err == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return out.w.Bytes(), ctx.Err()
		}
		if err := in.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				return out.w.Bytes(), fmt.Errorf("read %s: %w", f.name, err)
			}
			break
		}
		e.Packet(&p)
	}
	e.Close()
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err == nil && out.w.Packets() == 0 {
		return 0, &protocol.Problem{Code: protocol.CodeCaptureNotKept, Title: "no packets of the call were found in " + f.name}
	}
	return out.w.Bytes(), out.err
}

// Application names who wrote a capture, in its header.
var Application = "voiptop " + protocol.Version

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

// keeper is a Sink that writes the kept packets of one call.
type keeper struct {
	analyze.KeepsNothing
	call *protocol.CDR
	w    *analyze.PacketWriter
	err  error
}

// Call implements analyze.Sink.
func (*keeper) Call(*protocol.CDR) {}

// Keep implements analyze.Sink.
func (o *keeper) Keep(c *analyze.KeptCall, p *analyze.Packet, _ int) {
	if c.ID == o.call.ID && o.err == nil {
		o.err = o.w.Write(p)
	}
}
