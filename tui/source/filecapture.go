package source

import (
	"context"
	"io"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// Application names who wrote a capture, in its header.
var Application = "voiptop " + protocol.Version

// Capture reads the files once more and writes the packets of one call.
func (f *File) Capture(ctx context.Context, id string, w io.Writer) (int64, error) {
	c, err := f.again(ctx, id)
	if err != nil {
		return 0, err
	}
	out := analyze.NewPacketWriter(w, Application, "Call-ID: "+c.CallID)
	if _, err := Packets(ctx, f, []*protocol.CDR{c}, protocol.KeepRTP, nil, Taker{Packet: out.Write}); err != nil {
		return out.Bytes(), err
	}
	return out.Bytes(), out.Flush()
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
