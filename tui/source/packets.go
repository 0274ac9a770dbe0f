package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/sipmsg"
)

// Missing says why nothing of a call was among the packets.
type Missing struct {
	Call *protocol.CDR
	Err  error // a *protocol.Problem mostly
}

// Taker takes packets. What it gets is valid until its functions return.
type Taker struct {
	Packet func(*analyze.Packet) error
	// Message, if it is not nil, takes each SIP message whole, before the packet that ended it: d.Packet.
	Message func(d *analyze.Datagram, message []byte) error
}

// Packets gives the packets of calls to take, those of all calls in the order of time: with protocol.KeepSIP the signalling alone,
// with KeepRTP the media, too. A file is read again; of a sensor and of hosted what was kept is fetched into temporary files first, of
// which tell, if it is not nil, hears how much has come. missing are the calls of which there was nothing; when there was nothing of
// all, err is the first of their errors.
func Packets(ctx context.Context, src Source, calls []*protocol.CDR, keep protocol.Keep, tell Progress, take Taker) (missing []Missing, err error) {
	if f, ok := src.(*File); ok {
		if len(calls) > 0 && f.stdin() {
			_, err := f.again(ctx, calls[0].ID.String())
			return nil, err
		}
		p := chosen{keep: keep, ids: map[protocol.UUID]bool{}, names: map[string]bool{}, take: take}
		for _, c := range calls {
			p.ids[c.ID], p.names[c.CallID] = true, true
		}
		return nil, p.run(ctx, f.paths, analyze.Config{TLSKeys: f.keys})
	}
	var paths []string
	defer func() {
		for _, path := range paths {
			os.Remove(path)
		}
	}()
	p := chosen{keep: keep, names: map[string]bool{}, take: take}
	for _, c := range calls {
		path, err := fetch(ctx, src, c, tell)
		switch {
		case err == nil:
			paths = append(paths, path)
			p.names[c.CallID] = true
		case ctx.Err() != nil:
			return nil, ctx.Err()
		default:
			missing = append(missing, Missing{c, err})
		}
	}
	if len(paths) == 0 && len(missing) > 0 {
		return missing, missing[0].Err
	}
	const week = 7 * 24 * time.Hour // a call is whole in what was kept of it, however long it was silent
	return missing, p.run(ctx, paths, analyze.Config{RTPTimeout: week, ByeTimeout: week, AbsoluteTimeout: week})
}

// fetch writes what was kept of a call to a temporary file.
func fetch(ctx context.Context, src Source, c *protocol.CDR, tell Progress) (path string, err error) {
	f, err := os.CreateTemp("", "voiptop-*.pcapng")
	if err != nil {
		return "", err
	}
	_, err = src.Capture(ctx, c.ID.String(), &counted{Writer: f, tell: tell, total: -1})
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// chosen is a Sink, and a Decider, that lets the packets of some calls pass.
type chosen struct {
	analyze.KeepsNothing
	keep  protocol.Keep
	ids   map[protocol.UUID]bool // nil: all that have one of names
	names map[string]bool        // Call-IDs
	take  Taker
	n     int
	err   error
}

// Headers implements analyze.Decider.
func (*chosen) Headers() []string { return nil }

// Decide implements analyze.Decider.
func (p *chosen) Decide(c *analyze.Subject) analyze.Decision {
	if !p.names[c.CallID] {
		return analyze.Decision{Keep: protocol.KeepNone}
	}
	return analyze.Decision{Rule: "save", Keep: p.keep}
}

// Call implements analyze.Sink.
func (*chosen) Call(*protocol.CDR) {}

// Keep implements analyze.Sink.
func (p *chosen) Keep(c *analyze.KeptCall, x *analyze.Packet, _ int) {
	if p.err == nil && (p.ids == nil || p.ids[c.ID]) {
		p.n++
		p.err = p.take.Packet(x)
	}
}

func (p *chosen) run(ctx context.Context, paths []string, cfg analyze.Config) error {
	in, err := analyze.Open(paths, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	cfg.Decide = p
	if p.take.Message != nil {
		cfg.SIP = func(d *analyze.Datagram, message []byte, _ string) {
			if p.err == nil && p.names[string(sipmsg.Value(message, "call-id"))] {
				p.err = p.take.Message(d, message)
			}
		}
	}
	e := analyze.New(cfg, p)
	var x analyze.Packet
	for n := 0; p.err == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := in.Next(&x); err != nil {
			if !errors.Is(err, io.EOF) {
				return fmt.Errorf("read packets: %w", err)
			}
			e.Close()
			break
		}
		e.Packet(&x)
	}
	if p.err == nil && p.n == 0 {
		return &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Title: "no packet of the call was found", Detail: "what was kept may be encrypted, or of media alone",
		}
	}
	return p.err
}
