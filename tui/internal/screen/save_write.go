package screen

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"voiptop/protocol"
	"voiptop/protocol/calltable"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/redact"
	"voiptop/tui/source"
)

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// fill writes the calls to w. note is what is not as wished.
func (e *env) fill(ctx context.Context, s saving, w io.Writer, j *job) (note string, err error) {
	var red *redact.Redactor
	if s.redacted {
		e.masking.mu.Lock()
		defer e.masking.mu.Unlock()
		red = e.masking.red
	}
	calls, err := e.whole(ctx, s)
	if err != nil {
		return "", err
	}
	if s.format == asMedia || s.format == asSIP {
		return e.fillPackets(ctx, s, calls, red, w, j)
	}
	if s.format == asSIPp {
		return e.fillScenarios(ctx, calls, red, w, j)
	}
	if s.format == asMessages {
		return "", e.fillMessages(ctx, calls, red, w, j)
	}
	if red != nil {
		for _, c := range calls { // the text of one may name what stands in another
			red.Call(c)
		}
		for i, c := range calls {
			calls[i] = red.Call(c)
		}
	}
	switch s.format {
	case asCSV:
		t := calltable.NewWriter(w, calltable.Columns(), e.Zone)
		t.NameZone = true
		for _, c := range calls {
			if err := t.Write(c); err != nil {
				return "", err
			}
		}
		return "", t.Flush()
	case asJSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, c := range calls {
			if err := enc.Encode(c); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	o := ladder.Options{}
	if red == nil { // names of hosts would tell what addresses no longer do
		o.Hosts = e.set.hosts
	}
	l, v := ladder.Build(calls, o), ladder.View{Time: s.time, Zone: e.Zone}
	name := "calls"
	if len(calls) > 0 {
		c := calls[0]
		name = party(c.Caller, c.CallerDomain, c.Src) + " → " + party(c.Callee, c.CalleeDomain, c.Dst)
	}
	if s.format == asSVG {
		_, err = w.Write(v.SVG(l, name))
	} else {
		_, err = io.WriteString(w, name+"\n\n"+v.Text(l, e.Theme.ASCII()))
	}
	return "", err
}

// whole reads the records of the calls, and of the other legs if they are wanted, in the order of their start.
func (e *env) whole(ctx context.Context, s saving) (calls []*protocol.CDR, err error) {
	seen := map[protocol.UUID]bool{}
	var read func(id protocol.UUID, legs bool) error
	read = func(id protocol.UUID, legs bool) error {
		if seen[id] {
			return nil
		}
		seen[id] = true
		c, err := e.Source.Call(ctx, id.String())
		if err != nil {
			return err
		}
		calls = append(calls, c)
		g, ok := e.Source.(source.Grouper)
		if !legs || !ok {
			return nil
		}
		others, err := g.Group(ctx, c)
		if err != nil {
			return err
		}
		for _, o := range others {
			if err := read(o, false); err != nil {
				return err
			}
		}
		return nil
	}
	for _, id := range s.calls {
		if err := read(id, s.group); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(calls, func(a, b *protocol.CDR) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return calls, nil
}

// fillPackets writes the packets of the calls as a pcapng file.
func (e *env) fillPackets(ctx context.Context, s saving, calls []*protocol.CDR, red *redact.Redactor, w io.Writer, j *job) (note string, err error) {
	tell := func(done, total int64) {
		j.done.Store(done)
		j.total.Store(total)
	}
	if len(calls) == 1 && s.format == asMedia && red == nil { // as it was kept, with all that it says of itself
		_, err := e.Source.Capture(ctx, calls[0].ID.String(), &telling{w, tell, 0, -1})
		return "", err
	}
	keep := protocol.KeepRTP
	if s.format == asSIP {
		keep = protocol.KeepSIP
	}
	var comments []string
	for _, c := range calls {
		id := c.CallID
		if red != nil {
			id = red.ID(id)
		}
		comments = append(comments, "Call-ID: "+id)
	}
	out := analyze.NewPacketWriter(w, source.Application, comments...)
	masked := masker{red: red, out: out}
	take := source.Taker{Packet: out.Write}
	if red != nil {
		take = source.Taker{Packet: masked.packet, Message: masked.message}
	}
	missing, err := source.Packets(ctx, e.Source, calls, keep, tell, take)
	if err != nil {
		return "", err
	}
	if out.Packets() == 0 {
		return "", errors.New("none of the packets could be masked: they are encrypted, or in a tunnel")
	}
	if len(missing) > 0 {
		note = fmt.Sprintf("%d of %s not in it (%s); ", len(missing), plural.Of(len(calls), "call"), headline(missing[0].Err))
	}
	note += masked.note()
	return note, out.Flush()
}

// fillMessages writes the messages of the calls, those of all by time.
func (e *env) fillMessages(ctx context.Context, calls []*protocol.CDR, red *redact.Redactor, w io.Writer, j *job) error {
	from, ok := e.Source.(source.Reader)
	if !ok {
		return errors.New("messages are not to be had here")
	}
	var list []source.Text
	room := maxTexts
	err := from.Texts(ctx, calls, func(done, total int64) {
		j.done.Store(done)
		j.total.Store(total)
	}, func(t source.Text) error {
		if room -= len(t.Raw); room < 0 {
			return fmt.Errorf("more than %d MiB of messages: save packets instead", maxTexts>>20)
		}
		list = append(list, t)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b source.Text) int { return cmp.Compare(a.T, b.T) })
	for _, t := range list {
		if red != nil {
			t.Src, t.Dst, t.Raw = red.Endpoint(t.Src), red.Endpoint(t.Dst), red.Message(t.Raw)
		}
		if _, err := fmt.Fprintf(w, "%s  %s > %s  %s\n%s\n\n", t.T.Std().In(e.Zone).Format("2006-01-02 15:04:05.000000 MST"), t.Src, t.Dst, t.Transport, bytes.TrimRight(t.Raw, "\r\n")); err != nil {
			return err
		}
	}
	return nil
}

// telling tells how much was written.
type telling struct {
	w           io.Writer
	tell        source.Progress
	done, total int64
}

// SetSize implements source.Sized.
func (t *telling) SetSize(total int64) { t.total = total }

// masker writes packets masked. A message that is in several packets, or in a tunnel, is put into one packet; what else cannot be
// masked is left out.
type masker struct {
	red         *redact.Redactor
	out         *analyze.PacketWriter
	left, whole int
}

func (m *masker) packet(p *analyze.Packet) error {
	x, ok := m.red.Packet(p)
	if !ok {
		m.left++
		return nil
	}
	return m.out.Write(x)
}

func (m *masker) message(d *analyze.Datagram, message []byte) error {
	if _, ok := m.red.Packet(d.Packet); ok {
		return nil
	}
	p := m.red.Whole(d.Time, d.Src.AddrPort(), d.Dst.AddrPort(), message)
	if p == nil {
		return nil
	}
	m.whole++
	return m.out.Write(p)
}

// note says what became of packets that could not be masked as they are.
func (m *masker) note() string {
	switch {
	case m.left == 0:
		return ""
	case m.whole == 0:
		return plural.Of(m.left, "packet") + " left out, not to be masked; "
	}
	return fmt.Sprintf("%s (fragments, TCP, tunnels) replaced by %s in them; ", plural.Of(m.left, "packet"), plural.Of(m.whole, "message"))
}
