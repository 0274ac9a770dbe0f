// Package ladder is the picture of a call: its endpoints as columns, its messages and streams as arrows in order of time.
// Build makes the rows of a CDR; View draws them.
//
// It is not for choosing or scrolling rows: the call's screen does.
package ladder

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

// Ladder is a call as columns and rows.
type Ladder struct {
	Columns []Column
	Rows    []Row
}

// Column is an endpoint.
type Column struct {
	Name string // caller's or callee's number, "" for what stands between
	Addr string // the first address seen
	key  string
}

// Kind says what a row is.
type Kind uint8

// The kinds of rows.
const (
	Request Kind = iota
	Response
	Media
	Gap
)

// Row is an arrow, or a gap in time.
type Row struct {
	Kind     Kind
	T        protocol.Time
	Delta    time.Duration // since the row before; on a gap its length
	From, To int           // columns
	Label    string
	Status   int               // of a response
	Count    int               // how many times the message was seen
	Note     string            // what is remarkable
	Grade    protocol.Severity // of the note, "" when there is nothing wrong
	Message  int               // index into the CDR's messages, -1
	Stream   int               // index into the CDR's streams, -1
}

const gapAfter = 10 * time.Second

// Build makes the ladder of a call.
func Build(c *protocol.CDR) *Ladder {
	b := builder{c: c, byPort: sharedHosts(c)}
	for i := range c.Messages {
		b.message(i)
	}
	for i := range c.Streams {
		b.stream(i)
	}
	b.names()
	slices.SortStableFunc(b.l.Rows, func(x, y Row) int { return cmp.Compare(x.T, y.T) })
	b.deltas()
	return &b.l
}

type builder struct {
	c      *protocol.CDR
	l      Ladder
	byPort map[string]bool // hosts on which several endpoints talk to each other: told apart by port
}

// sharedHosts finds the hosts that send messages to themselves.
func sharedHosts(c *protocol.CDR) map[string]bool {
	m := map[string]bool{}
	for _, msg := range c.Messages {
		if h := host(msg.Src); h == host(msg.Dst) {
			m[h] = true
		}
	}
	for _, s := range c.Streams {
		if h := host(s.Src); h == host(s.Dst) {
			m[h] = true
		}
	}
	return m
}

func host(addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.Addr().String()
	}
	return addr
}

// column finds or adds the column of an address.
func (b *builder) column(addr string) int {
	key := host(addr)
	if b.byPort[key] {
		key = addr
	}
	for i := range b.l.Columns {
		if b.l.Columns[i].key == key {
			return i
		}
	}
	b.l.Columns = append(b.l.Columns, Column{Addr: addr, key: key})
	return len(b.l.Columns) - 1
}

func (b *builder) message(i int) {
	m := &b.c.Messages[i]
	if m.Retransmission && b.repeat(m) {
		return
	}
	r := Row{T: m.T, From: b.column(m.Src), To: b.column(m.Dst), Count: 1, Message: i, Stream: -1}
	r.Label, r.Status = label(m)
	if r.Status > 0 {
		r.Kind = Response
	}
	switch {
	case r.Status >= 500:
		r.Grade = protocol.SeverityBad
	case r.Status >= 400 && r.Status != 401 && r.Status != 407 && r.Status != 487:
		r.Grade = protocol.SeverityWarn
	}
	b.l.Rows = append(b.l.Rows, r)
}

// repeat counts a retransmission on the row of the message that it repeats.
func (b *builder) repeat(m *protocol.Message) bool {
	for i := len(b.l.Rows) - 1; i >= 0; i-- {
		r := &b.l.Rows[i]
		first := &b.c.Messages[r.Message]
		if first.FirstLine != m.FirstLine || first.CSeq != m.CSeq || first.Src != m.Src || first.Dst != m.Dst {
			continue
		}
		r.Count++
		after := "+" + seconds(m.T.Sub(first.T))
		switch {
		case r.Count == 2:
			r.Note = "again " + after
		case r.Count <= 4:
			r.Note += " " + after
		case r.Count == 5:
			r.Note += " ..."
		}
		if r.Grade == "" {
			r.Grade = protocol.SeverityWarn
		}
		return true
	}
	return false
}

// label is a message in a few characters: "INVITE SDP", "180", "200 SDP PCMA", "486 Busy Here", "200 BYE".
func label(m *protocol.Message) (text string, status int) {
	method, rest, _ := strings.Cut(m.FirstLine, " ")
	if !strings.HasPrefix(method, "SIP/") {
		if m.SDP != "" {
			method += " SDP"
		}
		return method, 0
	}
	code, phrase, _ := strings.Cut(rest, " ")
	status, _ = strconv.Atoi(code)
	text = code
	if status >= 300 {
		text += " " + phrase
	}
	if _, of, _ := strings.Cut(m.CSeq, " "); of != "INVITE" && of != "" {
		text += " " + of
	}
	if m.SDP != "" {
		text += " SDP"
		for _, codec := range strings.FieldsFunc(m.SDP, func(r rune) bool { return r == ' ' || r == ',' }) {
			if codec != "telephone-event" {
				text += " " + codec // the first is the one that is used
				break
			}
		}
	}
	return text, max(status, 1)
}

func (b *builder) stream(i int) {
	s := &b.c.Streams[i]
	r := Row{Kind: Media, T: s.First, Count: 1, Message: -1, Stream: i}
	r.From, r.To = b.mediaColumns(s)
	mos := "-"
	if s.MOSAdapt.Avg > 0 {
		mos = fmt.Sprintf("%.2f", s.MOSAdapt.Avg)
	}
	r.Label = fmt.Sprintf("RTP %s %.1f%%", mos, s.LossPct)
	var notes []string
	if s.Encrypted {
		notes = append(notes, "encrypted")
	}
	switch {
	case s.LossPct >= 5, s.MOSAdapt.Avg > 0 && s.MOSAdapt.Avg < 3.1:
		r.Grade = protocol.SeverityBad
	case s.LossPct >= 1, s.MOSAdapt.Avg > 0 && s.MOSAdapt.Avg < 3.6:
		r.Grade = protocol.SeverityWarn
	}
	if s.Bursts[9] > 0 {
		notes = append(notes, fmt.Sprintf("gaps of 10+: %d", s.Bursts[9]))
	}
	if s.DTMF != "" {
		notes = append(notes, "DTMF "+s.DTMF)
	}
	if len(notes) == 0 && s.Codec != "" {
		notes = append(notes, s.Codec)
	}
	r.Note = strings.Join(notes, ", ")
	b.l.Rows = append(b.l.Rows, r)
}

// mediaColumns finds the columns of a stream: those of its hosts, or where several endpoints share a host, the ones of
// the call's two sides.
func (b *builder) mediaColumns(s *protocol.Stream) (from, to int) {
	if b.byPort[host(s.Src)] || b.byPort[host(s.Dst)] {
		if a, z, ok := b.sides(); ok {
			switch s.Direction {
			case protocol.FromCaller:
				return a, z
			case protocol.FromCallee:
				return z, a
			}
		}
	}
	return b.column(s.Src), b.column(s.Dst)
}

// sides answers the columns of caller and callee.
func (b *builder) sides() (caller, callee int, ok bool) {
	if b.c.Src == "" || b.c.Dst == "" || len(b.c.Messages) == 0 {
		return 0, 0, false
	}
	caller, callee = b.column(b.c.Src), b.column(b.c.Dst)
	for i := range b.c.Messages { // who rang or answered first is the callee; what stands between only passes it on
		m := &b.c.Messages[i]
		if _, status := label(m); status >= 180 && strings.HasSuffix(m.CSeq, " INVITE") {
			if at := b.column(m.Src); at != caller {
				callee = at
			}
			break
		}
	}
	return caller, callee, caller != callee
}

func (b *builder) names() {
	if a, z, ok := b.sides(); ok {
		b.l.Columns[a].Name, b.l.Columns[z].Name = b.c.Caller, b.c.Callee
	}
}

// deltas fills in the time since the row before, and puts a row where nothing happened for long.
func (b *builder) deltas() {
	rows := b.l.Rows
	out := make([]Row, 0, len(rows)+4)
	var last protocol.Time
	gap := func(to protocol.Time) {
		if d := to.Sub(last); d >= gapAfter {
			what := "nothing seen"
			if b.mediaDuring(last, to) {
				what = "media only"
			}
			out = append(out, Row{Kind: Gap, T: last, Delta: d, Label: what, Message: -1, Stream: -1})
		}
	}
	for _, r := range rows {
		gap(r.T)
		r.Delta = r.T.Sub(last)
		last = r.T
		out = append(out, r)
	}
	if b.c.End == 0 && len(rows) > 0 {
		var end protocol.Time
		for i := range b.c.Streams {
			end = max(end, b.c.Streams[i].Last)
		}
		gap(end)
	}
	b.l.Rows = out
}

func (b *builder) mediaDuring(from, to protocol.Time) bool {
	for i := range b.c.Streams {
		if s := &b.c.Streams[i]; s.First < to && s.Last > from {
			return true
		}
	}
	return false
}

// seconds writes a duration as seconds with three decimals.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
