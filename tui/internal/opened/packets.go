package opened

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/sipmsg"
)

// packets are the packets and the messages of one call, taken out of the capture.
type packets struct {
	call     protocol.UUID
	path     string // a pcapng file; it has no bytes if there was no packet
	size     int64
	messages []message
}

// message is a SIP message as it was on the wire.
type message struct {
	T         protocol.Time `json:"t"`
	Src       string        `json:"src"` // ip:port
	Dst       string        `json:"dst"`
	Transport string        `json:"transport"`
	Text      string        `json:"text"` // what is no UTF-8 is U+FFFD
}

const (
	keptBytes   = 256 << 20 // packets of calls that are kept, beside those of the last
	keptCalls   = 16
	maxMessages = 2000 // of one call
)

// packetsOf takes the packets of a call out of the capture, or answers what was taken before. c.reading is held.
func (c *Capture) packetsOf(ctx context.Context, r *protocol.CDR) (*packets, error) {
	if i := slices.IndexFunc(c.kept, func(p *packets) bool { return p.call == r.ID }); i >= 0 {
		p := c.kept[i]
		c.kept = append(slices.Delete(c.kept, i, i+1), p)
		return p, nil
	}
	p := &packets{call: r.ID, path: filepath.Join(c.o.Dir, r.ID.String()+".pcapng")}
	if err := c.extract(ctx, r, p); err != nil {
		return nil, errors.Join(err, ignoreAbsent(os.Remove(p.path)))
	}
	total := p.size
	for _, k := range c.kept {
		total += k.size
	}
	for len(c.kept) > 0 && (total > keptBytes || len(c.kept) >= keptCalls) {
		total -= c.kept[0].size
		if err := os.Remove(c.kept[0].path); err != nil {
			return nil, err
		}
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	c.kept = append(c.kept, p)
	return p, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// extract goes over the capture once more, up to the end of the call. It is the whole engine that decides what belongs to the call, as it
// was the first time: the packets are those that voipmon pcap writes.
func (c *Capture) extract(ctx context.Context, r *protocol.CDR, p *packets) (err error) {
	in, err := analyze.Open(c.o.Paths, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := os.Create(p.path)
	if err != nil {
		return fmt.Errorf("make room for the packets: %w", err)
	}
	out := analyze.NewPacketWriter(f, Application, "Call-ID: "+r.CallID)
	t := &taker{call: r, out: out}
	e := analyze.New(analyze.Config{TLSKeys: c.keys, Decide: t, SIP: func(d *analyze.Datagram, text []byte, transport string) {
		if string(sipmsg.Value(text, "call-id")) == r.CallID && len(p.messages) < maxMessages {
			p.messages = append(p.messages, message{protocol.TimeFromNanos(d.Time), d.Src.String(), d.Dst.String(), transport, strings.ToValidUTF8(string(text), "\ufffd")})
		}
	}}, t)
	var x analyze.Packet
	for n := 0; err == nil && t.err == nil && !t.over; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			err = ctx.Err()
		} else if err = in.Next(&x); err == nil {
			e.Packet(&x)
		}
	}
	e.Close()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	err = errors.Join(err, t.err, out.Flush(), f.Close())
	p.size = out.Bytes()
	if err != nil {
		return fmt.Errorf("take the packets of call %s: %w", r.CallID, err)
	}
	return nil
}

// Application names who wrote a capture, in its header.
const Application = "voiptop"

// taker is a Sink, and a Decider, that lets the packets of one call pass.
type taker struct {
	analyze.KeepsNothing
	call *protocol.CDR
	out  *analyze.PacketWriter
	over bool // there is nothing more of it
	err  error
}

// Headers implements analyze.Decider.
func (*taker) Headers() []string { return nil }

// Decide implements analyze.Decider.
func (t *taker) Decide(s *analyze.Subject) analyze.Decision {
	if s.CallID != t.call.CallID {
		return analyze.Decision{Keep: protocol.KeepNone}
	}
	return analyze.Decision{Rule: "save", Keep: protocol.KeepRTP}
}

// Call implements analyze.Sink.
func (t *taker) Call(c *protocol.CDR) { t.over = t.over || c.ID == t.call.ID }

// Keep implements analyze.Sink.
func (t *taker) Keep(k *analyze.KeptCall, p *analyze.Packet, _ int) {
	if t.err == nil && k.ID == t.call.ID {
		t.err = t.out.Write(p)
	}
}

// messages answers the messages of a call as they were on the wire.
func (c *Capture) messages(ctx context.Context, r *protocol.CDR) (*Answer, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	p, err := c.packetsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(append([]message{}, p.messages...))
	if err != nil {
		return nil, fmt.Errorf("write the messages: %w", err)
	}
	return jsonAnswer(b), nil
}

// capture answers the packets of a call as a pcapng file.
func (c *Capture) capture(ctx context.Context, r *protocol.CDR) (*Answer, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	p, err := c.packetsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	if p.size == 0 {
		return nil, &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "no packet of the call was found", Detail: "its messages came in connections whose packets cannot be told apart",
		}
	}
	return &Answer{Status: http.StatusOK, Type: typePCAPNG, Name: r.FileName(".pcapng"), File: p.path}, nil
}
