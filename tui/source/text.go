package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/sipmsg"
)

// Text is a SIP message as it was on the wire. Records have only a summary of it (protocol.Message).
type Text struct {
	CallID    string
	T         protocol.Time
	Src, Dst  string // "ip:port"
	Transport string // udp tcp ws tls wss sctp
	Raw       []byte
}

// Reader is a Source that has the messages of calls whole.
type Reader interface {
	Source
	// Texts calls emit with the messages of some calls, of one conversation mostly, each call's in the order of time. A file is read
	// again; of a sensor and of hosted the messages are taken from the packets that were kept, of which w, if it is not nil, hears how
	// much has come. When there are none, the error is a *protocol.Problem that says why; what emit got before is right.
	Texts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error) error
}

// Progress hears of a download: bytes that have come, of total, -1: not known.
type Progress func(done, total int64)

// errWhole ends a reading when everything has been found.
var errWhole = errors.New("all is found")

// span is where the messages of a call stand in the files: numbers of packets, from 1.
type span struct {
	first, last uint64
	apart       bool // it takes the packets before, too, to read them: TCP, TLS, HEP
}

const (
	innerFrame = 1 << 63 // frames that came in HEP have such numbers
	maxSpans   = 1 << 20 // calls whose place is remembered; others are looked for in all of the files
	margin     = 4096    // packets before the first: an IP fragment of it may be among them
)

// locate remembers that the packet at hand ends a message; of standard input, which cannot be read again, the message itself.
func (f *File) locate(d *analyze.Datagram, message []byte, transport string) {
	id := sipmsg.Value(message, "call-id")
	if f.recent != nil {
		f.recent.add(Text{string(id), protocol.TimeFromNanos(d.Time), d.Src.String(), d.Dst.String(), transport, slices.Clone(message)})
		return
	}
	s, ok := f.spans[string(id)]
	if !ok {
		if len(f.spans) >= maxSpans || len(id) == 0 {
			return
		}
		s.first = f.packets
	}
	s.last = f.packets
	s.apart = s.apart || transport != "udp" || d.HeaderLen == 0 || d.Frame >= innerFrame
	f.spans[string(id)] = s
}

// where answers which packets hold the messages of some calls: all when it is not known.
func (f *File) where(calls []*protocol.CDR) (from, to uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to = ^uint64(0), 0
	for _, c := range calls {
		s, ok := f.spans[c.CallID]
		if !ok || s.apart {
			from = 0
		}
		if !ok {
			to = ^uint64(0)
		}
		from, to = min(from, s.first), max(to, s.last)
	}
	return from - min(from, margin), to
}

// Texts reads the files again, where the messages stand. It implements Reader.
func (f *File) Texts(ctx context.Context, calls []*protocol.CDR, _ Progress, emit func(Text) error) error {
	if f.recent != nil {
		return f.fromRecent(calls, emit)
	}
	in, err := analyze.Open(f.paths, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	from, to := f.where(calls)
	if err := texts(ctx, in, f.keys, from, to, calls, emit); err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	return nil
}

// texts takes the messages of calls out of the packets from..to of in, numbered from 1.
func texts(ctx context.Context, in analyze.Source, keys []byte, from, to uint64, calls []*protocol.CDR, emit func(Text) error) error {
	var failed error
	e := analyze.New(analyze.Config{TLSKeys: keys, SIP: func(d *analyze.Datagram, message []byte, transport string) {
		id := sipmsg.Value(message, "call-id")
		if failed != nil || !slices.ContainsFunc(calls, func(c *protocol.CDR) bool { return c.CallID == string(id) }) {
			return
		}
		failed = emit(Text{string(id), protocol.TimeFromNanos(d.Time), d.Src.String(), d.Dst.String(), transport, slices.Clone(message)})
	}}, nothing{})
	var p analyze.Packet
	for n := uint64(1); n <= to && failed == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := in.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				return err
			}
			e.Close()
			break
		}
		if n >= from || p.Secrets != nil {
			e.Packet(&p)
		}
	}
	return failed
}

// nothing is a Sink for which only the messages count.
type nothing struct{ analyze.KeepsNothing }

// Call implements analyze.Sink.
func (nothing) Call(*protocol.CDR) {}

// Texts takes the messages from what the sensor has kept of the calls. It implements Reader.
func (s *sensor) Texts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error) error {
	return keptTexts(ctx, s, calls, w, emit)
}

// Texts takes the messages from what the calls' sensors have kept. It implements Reader.
func (h *Hosted) Texts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error) error {
	return keptTexts(ctx, h, calls, w, emit)
}

// keptTexts reads the captures of calls one by one. It stops when it has the last message that a record names: voice that was kept
// behind it need not come.
func keptTexts(ctx context.Context, src Source, calls []*protocol.CDR, w Progress, emit func(Text) error) error {
	var errs []error
	got := false
	for _, c := range calls {
		err := textsOfCapture(ctx, src, c, w, func(t Text) error {
			got = true
			return emit(t)
		})
		if err != nil {
			errs = append(errs, err)
		}
	}
	switch {
	case len(errs) == 0 && !got:
		return &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Title: "no message can be read in the packets that were kept",
			Detail: "they may be encrypted", Remedy: "docs/tls.md says how a sensor is told the keys",
		}
	case len(errs) == 0 || got && len(calls) > 1:
		return nil // of the other calls: the screen says so of each message that is missing
	}
	return errs[0]
}

func textsOfCapture(ctx context.Context, src Source, c *protocol.CDR, w Progress, emit func(Text) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, pipe := io.Pipe()
	var fetched error
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, fetched = src.Capture(ctx, c.ID.String(), &counted{Writer: pipe, tell: w, total: -1})
		pipe.CloseWithError(fetched)
	}()
	err := textsOfStream(ctx, r, c, emit)
	r.CloseWithError(errWhole)
	cancel()
	<-done
	var p *protocol.Problem
	switch {
	case errors.Is(err, errWhole):
		return nil
	case errors.As(fetched, &p): // it explains why
		return p
	}
	return err
}

func textsOfStream(ctx context.Context, r io.Reader, c *protocol.CDR, emit func(Text) error) error {
	in, err := analyze.Open([]string{"-"}, r)
	if err != nil {
		return err
	}
	defer in.Close()
	var last protocol.Time
	for i := range c.Messages {
		last = max(last, c.Messages[i].T)
	}
	left := len(c.Messages)
	return texts(ctx, in, nil, 0, ^uint64(0), []*protocol.CDR{c}, func(t Text) error {
		if err := emit(t); err != nil {
			return err
		}
		if left--; left <= 0 && t.T >= last && c.End != 0 {
			return errWhole
		}
		return nil
	})
}

// counted tells how much was written.
type counted struct {
	io.Writer
	tell        Progress
	done, total int64
}

// SetSize implements Sized.
func (c *counted) SetSize(total int64) { c.total = total }

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.done += int64(n)
	if c.tell != nil {
		c.tell(c.done, c.total)
	}
	return n, err
}
