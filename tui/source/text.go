package source

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
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
	// again; a sensor and hosted have those that were kept, or of running calls are held until a rule decides; w, if it is not nil, hears
	// how much has come. When there are none, the error is a *protocol.Problem that says why; what emit got before is right.
	Texts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error) error
}

// Progress hears of a download: bytes that have come, of total, -1: not known.
type Progress func(done, total int64)

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
	return analyze.Messages(ctx, &part{Source: in, from: from, to: to}, keys, func(d *analyze.Datagram, callID, message []byte, transport string) error {
		if !slices.ContainsFunc(calls, func(c *protocol.CDR) bool { return c.CallID == string(callID) }) {
			return nil
		}
		return emit(Text{string(callID), protocol.TimeFromNanos(d.Time), d.Src.String(), d.Dst.String(), transport, slices.Clone(message)})
	})
}

// part is a Source of the packets from..to of another, numbered from 1, and of the TLS secrets before them.
type part struct {
	analyze.Source
	n, from, to uint64
}

// Next implements analyze.Source.
func (s *part) Next(p *analyze.Packet) error {
	for {
		if s.n++; s.n > s.to {
			return io.EOF
		}
		if err := s.Source.Next(p); err != nil || s.n >= s.from || p.Secrets != nil {
			return err
		}
	}
}

// Texts asks the sensor for the messages that are kept of the calls, or held so far. It implements Reader.
func (s *sensor) Texts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error) error {
	return pagedTexts(ctx, calls, w, emit, func(id protocol.UUID, o sensorapi.MessageOptions) (*sensorapi.MessagePage, error) {
		p, err := s.api.Messages(ctx, id.String(), o)
		return p, s.explain(err)
	})
}

// Texts asks the calls' sensors for the messages. It implements Reader.
func (h *Hosted) Texts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error) error {
	return pagedTexts(ctx, calls, w, emit, func(id protocol.UUID, o sensorapi.MessageOptions) (p *sensorapi.MessagePage, err error) {
		return p, h.get(ctx, "/calls/"+id.String()+"/messages?"+o.Query().Encode(), &p)
	})
}

// pagedTexts asks for the messages of calls one by one.
func pagedTexts(ctx context.Context, calls []*protocol.CDR, w Progress, emit func(Text) error, ask func(protocol.UUID, sensorapi.MessageOptions) (*sensorapi.MessagePage, error)) error {
	var first error
	got, bytes := false, int64(0)
	for _, c := range calls {
		o := sensorapi.MessageOptions{Limit: sensorapi.MaxMessages}
		for more := true; more; more = o.After > 0 {
			page, err := ask(c.ID, o)
			if err != nil {
				first = cmp.Or(first, err)
				if ctx.Err() != nil {
					return err
				}
				break
			}
			for _, m := range page.Messages {
				got, bytes = true, bytes+int64(len(m.Raw))
				if err := emit(Text{c.CallID, m.T, m.Src, m.Dst, m.Transport, m.Raw}); err != nil {
					return err
				}
			}
			if w != nil {
				w(bytes, -1)
			}
			o.After = page.Next
		}
	}
	if got {
		return nil // of the other calls: the screen says so of each message that is missing
	}
	return first
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
