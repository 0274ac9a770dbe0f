package opened

import (
	"bytes"
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

// packets are the packets and the messages of one call, or those of the calls of a group, taken out of the capture.
type packets struct {
	name     string // the call's id, and whether it is the group's
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

// packetsOf takes the packets of a call, and of others of its group, out of the capture, or answers what was taken before. c.reading is held.
func (c *Capture) packetsOf(ctx context.Context, r *protocol.CDR, legs ...*protocol.CDR) (*packets, error) {
	name := r.ID.String()
	if len(legs) > 0 {
		name += "-group"
	}
	if i := slices.IndexFunc(c.kept, func(p *packets) bool { return p.name == name }); i >= 0 {
		p := c.kept[i]
		c.kept = append(slices.Delete(c.kept, i, i+1), p)
		return p, nil
	}
	p := &packets{name: name, path: filepath.Join(c.o.Dir, name+".pcapng")}
	if err := c.extract(ctx, append([]*protocol.CDR{r}, legs...), p); err != nil {
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

// extract goes over the capture once more, up to the end of the calls, of which the first is the one that was asked for. It is the whole
// engine that decides what belongs to a call, as it was the first time: the packets are those that voipmon pcap writes.
func (c *Capture) extract(ctx context.Context, calls []*protocol.CDR, p *packets) (err error) {
	in, err := analyze.Open(c.o.Paths, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := os.Create(p.path)
	if err != nil {
		return fmt.Errorf("make room for the packets: %w", err)
	}
	r := calls[0]
	t := &taker{byCallID: map[string]bool{}, wanted: map[protocol.UUID]bool{}, several: len(calls) > 1}
	var comments []string
	for _, call := range calls {
		comments = append(comments, "Call-ID: "+call.CallID)
		t.byCallID[call.CallID], t.wanted[call.ID] = true, true
	}
	t.left = len(t.wanted)
	out := analyze.NewPacketWriter(f, Application, comments...)
	t.out = out
	e := analyze.New(analyze.Config{TLSKeys: c.keys, Decide: t, SIP: func(d *analyze.Datagram, text []byte, transport string) {
		if string(sipmsg.Value(text, "call-id")) == r.CallID && len(p.messages) < maxMessages {
			p.messages = append(p.messages, message{protocol.TimeFromNanos(d.Time), d.Src.String(), d.Dst.String(), transport, strings.ToValidUTF8(string(text), "\ufffd")})
		}
	}}, t)
	var x analyze.Packet
	for n := 0; err == nil && t.err == nil && t.left > 0; n++ {
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

// taker is a Sink, and a Decider, that lets the packets of some calls pass, one that is of several of them once.
type taker struct {
	analyze.KeepsNothing
	byCallID map[string]bool
	wanted   map[protocol.UUID]bool
	left     int // calls that are not over
	out      *analyze.PacketWriter
	err      error
	several  bool
	at       int64 // of the packet written last, if there are several calls
	last     []byte
}

// Headers implements analyze.Decider.
func (*taker) Headers() []string { return nil }

// Decide implements analyze.Decider.
func (t *taker) Decide(s *analyze.Subject) analyze.Decision {
	if !t.byCallID[s.CallID] {
		return analyze.Decision{Keep: protocol.KeepNone}
	}
	return analyze.Decision{Rule: "save", Keep: protocol.KeepRTP}
}

// Call implements analyze.Sink.
func (t *taker) Call(c *protocol.CDR) {
	if t.wanted[c.ID] {
		t.left--
	}
}

// Keep implements analyze.Sink.
func (t *taker) Keep(k *analyze.KeptCall, p *analyze.Packet, _ int) {
	if t.err != nil || !t.wanted[k.ID] {
		return
	}
	if t.several {
		if t.at == p.Time && bytes.Equal(t.last, p.Data) {
			return
		}
		t.at, t.last = p.Time, append(t.last[:0], p.Data...)
	}
	t.err = t.out.Write(p)
}

// messages answers the messages of a call as they were on the wire: those that were put aside, or, if some are missing there, those of
// the capture.
func (c *Capture) messages(ctx context.Context, r *protocol.CDR) (*Answer, error) {
	all, ok, err := c.texts.messages(r)
	if err == nil && !ok {
		all, err = c.extracted(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(append([]message{}, all...))
	if err != nil {
		return nil, fmt.Errorf("write the messages: %w", err)
	}
	return jsonAnswer(b), nil
}

// extracted takes the messages of a call out of the capture.
func (c *Capture) extracted(ctx context.Context, r *protocol.CDR) ([]message, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	p, err := c.packetsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.messages, nil
}

// capture answers the packets of a call, or of all calls of its group, as a pcapng file.
func (c *Capture) capture(ctx context.Context, r *protocol.CDR, group bool) (*Answer, error) {
	var legs []*protocol.CDR
	name := ".pcapng"
	if group {
		var err error
		if legs, err = c.legs(r); err != nil {
			return nil, err
		}
		name = "_conversation.pcapng"
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	p, err := c.packetsOf(ctx, r, legs...)
	if err != nil {
		return nil, err
	}
	if p.size == 0 {
		return nil, &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "no packet of the call was found", Detail: "its messages came in connections whose packets cannot be told apart",
		}
	}
	return &Answer{Status: http.StatusOK, Type: typePCAPNG, Name: r.FileName(name), File: p.path}, nil
}
