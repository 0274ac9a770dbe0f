package screen

import (
	"cmp"
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/source"
)

// page is what the call's screen shows.
type page uint8

const (
	pageLadder page = iota
	pageStreams
	pageFindings
	pages
)

func (p page) String() string { return [...]string{"Ladder", "Streams", "Findings"}[p] }

const (
	sideFrom = 120 // cells of width from which the ladder has a pane beside it
	sideMin  = 24  // cells of that pane
)

// detail is the screen of one call, or of the conversation that it is a leg of.
type detail struct {
	e     *env
	prefs *settings
	w, h  int
	id    protocol.UUID
	group string
	name  string                             // until the call is there
	known func(group string) []protocol.UUID // the calls of a group that the lists have

	cdr     *protocol.CDR   // the call
	legs    []*protocol.CDR // of its conversation, in the order of their start; the call is one of them
	alone   bool            // the other legs are not wanted
	repeats bool            // each has a row of its own
	ladder  *ladder.Ladder
	texts   *texts
	err     error

	page    page
	cursor  int // row of the ladder
	top     int
	off     int // columns scrolled off
	follow  bool
	marks   []rowKey
	side    scroll                // the pane beside the ladder
	sideRow rowKey                // what it shows
	stream  int                   // chosen on the page of streams
	wanted  *protocol.StreamAbout // the stream to choose when the call is there
	finding int                   // chosen on the page of findings
	text    scroll
	over    overlay // over everything else, nil mostly
}

// overlay is a screen over that of the call.
type overlay interface {
	update(k tea.KeyMsg) (cmd tea.Cmd, done bool)
	size(w, h int)
	view() []string
	keyMap() keyMap
	typing() bool // keys are text
	refresh()     // the call has changed
	keep() bool   // what it shows is still there
	move(n int)
}

// rowKey names a row of a ladder whatever becomes of the others.
type rowKey struct {
	call            protocol.UUID
	message, stream int
}

// detailMsg is the call and the other legs of its conversation, or why it cannot be read.
type detailMsg struct {
	id   protocol.UUID
	cdr  *protocol.CDR
	legs []*protocol.CDR
	err  error
}

// detailDue asks for a running call again.
type detailDue struct{ id protocol.UUID }

// newDetail shows a call, of which a list has some; have is all of it, if that is here already.
func newDetail(e *env, listed, have *protocol.CDR, known func(string) []protocol.UUID) *detail {
	d := &detail{e: e, prefs: e.set, id: listed.ID, group: listed.GroupID, name: title(e.Theme, listed), known: known, texts: &texts{}}
	if have != nil && have.ID == d.id {
		d.take(have, nil)
	}
	return d
}

// legsShown bounds how many legs of a conversation are drawn.
const legsShown = 16

func (d *detail) load() tea.Cmd {
	id := d.id
	group := d.group
	if d.cdr != nil {
		group = d.cdr.GroupID // a leg may have been found since
	}
	known := d.known(group)
	ended := map[protocol.UUID]*protocol.CDR{} // legs that change no more
	for _, leg := range d.legs {
		if leg.End != 0 {
			ended[leg.ID] = leg
		}
	}
	return d.e.ask(func(ctx context.Context) tea.Msg {
		c, err := d.e.Source.Call(ctx, id.String())
		m := detailMsg{id: id, cdr: c, err: err}
		if err != nil || c.GroupID == "" {
			return m
		}
		list := known
		if g, ok := d.e.Source.(source.Grouper); ok {
			if all, err := g.Group(ctx, c); err == nil { // else those that the lists have
				list = append(list, all...)
			}
		}
		slices.SortFunc(list, func(a, b protocol.UUID) int { return slices.Compare(a[:], b[:]) })
		for _, leg := range slices.Compact(list) {
			if leg == c.ID || len(m.legs) == legsShown {
				continue
			}
			if x := ended[leg]; x != nil {
				m.legs = append(m.legs, x)
				continue
			}
			if x, err := d.e.Source.Call(ctx, leg.String()); err == nil && x.GroupID == c.GroupID { // one that is gone is no leg
				m.legs = append(m.legs, x)
			}
		}
		return m
	})
}

// take shows a call, and the other legs of its conversation.
func (d *detail) take(c *protocol.CDR, others []*protocol.CDR) {
	d.cdr = c
	d.legs = append([]*protocol.CDR{c}, others...)
	slices.SortStableFunc(d.legs, func(a, b *protocol.CDR) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), slices.Compare(a.ID[:], b.ID[:]))
	})
	if d.wanted != nil {
		d.toStream(d.wanted)
	}
	d.build()
}

// calls are the legs that are shown.
func (d *detail) calls() []*protocol.CDR {
	if d.alone {
		return []*protocol.CDR{d.cdr}
	}
	return d.legs
}

// build makes the ladder anew. The cursor stays on its row.
func (d *detail) build() {
	var at rowKey
	if r := d.row(); r != nil {
		at = d.key(r)
	}
	d.ladder = ladder.Build(d.calls(), ladder.Options{Repeats: d.repeats, Hosts: d.e.set.hosts})
	if i := d.find(at); i >= 0 {
		d.top += i - d.cursor
		d.cursor = i
	}
	if d.follow {
		d.cursor = len(d.ladder.Rows) - 1
	}
	d.settle()
	if d.over != nil {
		if !d.over.keep() {
			d.over = nil
			return
		}
		d.over.refresh()
	}
}

// key names a row.
func (d *detail) key(r *ladder.Row) rowKey {
	return rowKey{d.ladder.Calls[r.Call].ID, r.Message, r.Stream}
}

// find answers where a row is now, -1 if it is not there.
func (d *detail) find(k rowKey) int {
	return slices.IndexFunc(d.ladder.Rows, func(r ladder.Row) bool { return r.Kind != ladder.Gap && d.key(&r) == k })
}

func (d *detail) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case detailMsg:
		if msg.id != d.id {
			return nil
		}
		if d.err = msg.err; msg.err == nil {
			d.take(msg.cdr, msg.legs)
		}
		cmds := []tea.Cmd{d.readTexts(false)}
		if d.cdr != nil && slices.ContainsFunc(d.legs, func(c *protocol.CDR) bool { return c.End == 0 }) {
			every := time.Second
			if isFleet(d.e.Source) {
				every = 2 * time.Second
			}
			cmds = append(cmds, d.e.after(every, detailDue{d.id}))
		}
		return tea.Batch(cmds...)
	case detailDue:
		if msg.id == d.id {
			return d.load()
		}
	case textsMsg:
		if msg.of != d.texts {
			return nil
		}
		d.texts.take(msg)
		d.sideRow = rowKey{}
		d.settle()
		if d.over != nil {
			d.over.refresh()
		}
	case tea.KeyMsg:
		return d.typed(msg)
	}
	return nil
}

// readTexts reads the messages of the calls if they are asked for, or if that costs nothing.
func (d *detail) readTexts(asked bool) tea.Cmd {
	x := d.texts
	if d.cdr == nil || x.state == textsComing || !asked && !unasked(d.e) {
		return nil
	}
	if x.state == textsHere && (x.err == nil || !asked) && x.calls == len(d.legs) && x.seen == messagesOf(d.legs) {
		return nil
	}
	cmd := x.read(d.e, d.legs)
	if cmd == nil {
		return nil
	}
	return tea.Batch(cmd, d.e.after(tickEvery, textsDue{x}))
}

// textsDue shows how far a reading has come.
type textsDue struct{ of *texts }

// progress shows how far the reading of the messages has come.
func (d *detail) progress(m textsDue) tea.Cmd {
	if m.of != d.texts || d.texts.state != textsComing {
		return nil
	}
	d.sideRow = rowKey{}
	d.fillSide()
	if d.over != nil {
		d.over.refresh()
	}
	return d.e.after(tickEvery, m)
}

// textOf is the message of a row, whole, nil if it is not there.
func (d *detail) textOf(r *ladder.Row) *source.Text {
	if r.Message < 0 {
		return nil
	}
	return d.texts.of(d.ladder.Calls[r.Call], r.Message)
}

// transportOf names what a message was sent over.
func transportOf(d *detail, r *ladder.Row) string {
	if x := d.textOf(r); x != nil {
		return x.Transport
	}
	return d.ladder.Calls[r.Call].Transport
}

// row is the one under the cursor.
func (d *detail) row() *ladder.Row {
	if d.ladder == nil || len(d.ladder.Rows) == 0 || d.cursor >= len(d.ladder.Rows) {
		return nil
	}
	return &d.ladder.Rows[d.cursor]
}

// streams are those of the calls that are shown, with their call.
func (d *detail) streams() (out []streamOf) {
	for _, c := range d.calls() {
		for i := range c.Streams {
			out = append(out, streamOf{c, &c.Streams[i]})
		}
	}
	return out
}

// streamOf is a stream of a call.
type streamOf struct {
	call *protocol.CDR
	s    *protocol.Stream
}

// toStream opens the page of streams at one of them, as soon as it is there.
func (d *detail) toStream(want *protocol.StreamAbout) {
	d.page, d.wanted = pageStreams, want
	if d.cdr == nil {
		return
	}
	at := slices.IndexFunc(d.streams(), func(x streamOf) bool {
		return x.call.ID == want.Call && x.s.Src == want.Src && x.s.Dst == want.Dst && x.s.SSRC == want.SSRC
	})
	d.stream, d.wanted = max(0, at), nil
}

// close ends what was begun for the call.
func (d *detail) close() { d.texts.leave() }
