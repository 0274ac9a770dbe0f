// Package ladder is the picture of a call or a conversation: its endpoints as columns, its messages and streams as arrows in order of
// time. Build makes the rows of the calls' records; View draws them on a terminal, Text and SVG for a file.
//
// It is not for choosing or scrolling rows: the call's screen does.
package ladder

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

// Ladder is the calls of a conversation as columns and rows.
type Ladder struct {
	Calls   []*protocol.CDR
	Columns []Column
	Rows    []Row
	Start   protocol.Time // of the first row
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
	Call     int               // index into the ladder's calls
	Message  int               // index into that call's messages, -1
	Stream   int               // index into that call's streams, -1

	last protocol.Time // when the message was seen last
	also []int         // messages that are counted on the row, too
}

// Shows reports whether the row is that of a message of its call, or counts it.
func (r *Row) Shows(message int) bool {
	return message >= 0 && (r.Message == message || slices.Contains(r.also, message))
}

const gapAfter = 10 * time.Second

// Options say what is drawn in one row.
type Options struct {
	Repeats bool              // each retransmission, and each OPTIONS, has a row of its own
	Hosts   map[string]string // names of addresses, which the user has given them
}

// Build makes the ladder of the calls of a conversation.
func Build(calls []*protocol.CDR, o Options) *Ladder {
	b := builder{o: o, byPort: sharedHosts(calls)}
	b.l.Calls = calls
	type event struct {
		t             protocol.Time
		call, message int
	}
	var events []event
	for i, c := range calls {
		for k := range c.Messages {
			events = append(events, event{c.Messages[k].T, i, k})
		}
	}
	slices.SortStableFunc(events, func(x, y event) int { return cmp.Compare(x.t, y.t) })
	for _, e := range events {
		b.message(e.call, e.message)
	}
	for i, c := range calls {
		for k := range c.Streams {
			b.stream(i, k)
		}
	}
	b.names()
	slices.SortStableFunc(b.l.Rows, func(x, y Row) int { return cmp.Compare(x.T, y.T) })
	b.deltas()
	return &b.l
}

type builder struct {
	o      Options
	l      Ladder
	byPort map[string]bool // hosts on which several endpoints talk to each other: told apart by port
}

// sharedHosts finds the hosts that send messages to themselves.
func sharedHosts(calls []*protocol.CDR) map[string]bool {
	m := map[string]bool{}
	for _, c := range calls {
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

// mediaColumns finds the columns of a stream: those of its hosts, or where several endpoints share a host, the ones of
// the call's two sides.
func (b *builder) mediaColumns(c *protocol.CDR, s *protocol.Stream) (from, to int) {
	if b.byPort[host(s.Src)] || b.byPort[host(s.Dst)] {
		if a, z, ok := b.sides(c); ok {
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
func (b *builder) sides(c *protocol.CDR) (caller, callee int, ok bool) {
	if c.Src == "" || c.Dst == "" || len(c.Messages) == 0 {
		return 0, 0, false
	}
	caller, callee = b.column(c.Src), b.column(c.Dst)
	for i := range c.Messages { // who rang or answered first is the callee; what stands between passes it on, and may ask who calls
		m := &c.Messages[i]
		if _, status := label(m); status >= 180 && status != 401 && status != 407 && strings.HasSuffix(m.CSeq, " INVITE") {
			if at := b.column(m.Src); at != caller {
				callee = at
			}
			break
		}
	}
	return caller, callee, caller != callee
}

// names names the columns in which a call begins or ends, but not those between its legs: they begin no call that they were not asked
// to, and end none without calling on.
func (b *builder) names() {
	calling, called := map[int]string{}, map[int]string{}
	asked := map[int]protocol.Time{} // by an INVITE, first
	for _, c := range b.l.Calls {
		for i := range c.Messages {
			m := &c.Messages[i]
			if at := b.column(m.Dst); strings.HasPrefix(m.FirstLine, "INVITE ") && (asked[at] == 0 || m.T < asked[at]) {
				asked[at] = m.T
			}
		}
	}
	for _, c := range b.l.Calls {
		if a, z, ok := b.sides(c); ok {
			called[z] = cmp.Or(called[z], c.Callee)
			if t := asked[a]; t == 0 || t > c.Start {
				calling[a] = cmp.Or(calling[a], c.Caller)
			}
		}
	}
	for i := range b.l.Columns {
		a, begins := calling[i]
		z, ends := called[i]
		if passes := ends && b.begins(i); begins != ends && !passes {
			b.l.Columns[i].Name = a + z
		}
		if name := b.o.Hosts[host(b.l.Columns[i].Addr)]; name != "" {
			b.l.Columns[i].Name = strings.TrimSpace(b.l.Columns[i].Name + " " + name)
		}
	}
}

// begins reports whether a call begins in a column.
func (b *builder) begins(column int) bool {
	for _, c := range b.l.Calls {
		if c.Src != "" && b.column(c.Src) == column {
			return true
		}
	}
	return false
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
	var end protocol.Time
	for _, c := range b.l.Calls {
		for i := range c.Streams {
			if c.End == 0 {
				end = max(end, c.Streams[i].Last)
			}
		}
	}
	if len(rows) > 0 {
		b.l.Start = rows[0].T
		gap(end)
	}
	b.l.Rows = out
}

func (b *builder) mediaDuring(from, to protocol.Time) bool {
	for _, c := range b.l.Calls {
		for i := range c.Streams {
			if s := &c.Streams[i]; s.First < to && s.Last > from {
				return true
			}
		}
	}
	return false
}

// seconds writes a duration as seconds with three decimals.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
