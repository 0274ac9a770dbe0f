package screen

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/style"
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

const sideFrom = 120 // cells of width from which the ladder has a pane beside it

// detail is the screen of one call.
type detail struct {
	e    *env
	w, h int
	id   protocol.UUID
	name string // until the call is there

	cdr    *protocol.CDR
	ladder *ladder.Ladder
	err    error
	page   page
	cursor int // row of the ladder
	top    int
	off    int // columns scrolled off
	follow bool
	stream int // chosen on the page of streams
	text   scroll
}

// detailMsg is the call, or why it cannot be read.
type detailMsg struct {
	id  protocol.UUID
	cdr *protocol.CDR
	err error
}

// detailDue asks for a running call again.
type detailDue struct{ id protocol.UUID }

func newDetail(e *env, r *row, known *protocol.CDR) *detail {
	d := &detail{e: e, id: r.call.ID, name: title(e.Theme, r.call.CDR)}
	if known != nil && known.ID == d.id {
		d.take(known)
	}
	return d
}

func (d *detail) load() tea.Cmd {
	id := d.id
	return d.e.ask(func(ctx context.Context) tea.Msg {
		c, err := d.e.Source.Call(ctx, id.String())
		return detailMsg{id, c, err}
	})
}

func (d *detail) take(c *protocol.CDR) {
	d.cdr = c
	d.ladder = ladder.Build(c)
	if d.follow {
		d.cursor = len(d.ladder.Rows) - 1
	}
	d.settle()
}

func (d *detail) setSize(w, h int) {
	d.w, d.h = w, h
	d.settle()
}

// The rooms of the page of the ladder: the ladder, beside it a pane, below it a chart.
func (d *detail) side() int {
	if d.w < sideFrom {
		return 0
	}
	return min(60, d.w*2/5)
}

func (d *detail) chart() int {
	if d.h < 26 || d.w < 60 || d.cdr == nil || !hasIntervals(d.cdr) {
		return 0
	}
	return 8
}

func (d *detail) ladderHeight() int { return max(1, d.h-5-d.chart()) }

// settle keeps the cursor in the ladder and on the screen.
func (d *detail) settle() {
	d.text.w, d.text.h = d.w, max(1, d.h-3)
	if d.cdr == nil {
		return
	}
	d.cursor = max(0, min(d.cursor, len(d.ladder.Rows)-1))
	d.top = max(min(d.top, d.cursor), d.cursor-d.ladderHeight()+1)
	d.top = max(0, min(d.top, len(d.ladder.Rows)-d.ladderHeight()))
	d.off = min(d.off, d.ladderView().MaxOff(d.ladder))
	d.stream = max(0, min(d.stream, len(d.cdr.Streams)-1))
	if d.page == pageFindings {
		d.text.set(findingLines(d.e.Theme, d.cdr, d.w))
	}
}

func (d *detail) ladderView() ladder.View {
	w := d.w
	if s := d.side(); s > 0 {
		w -= s + 3
	}
	return ladder.View{Theme: d.e.Theme, W: w, Off: d.off}
}

func (d *detail) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case detailMsg:
		if msg.id != d.id {
			return nil
		}
		if d.err = msg.err; msg.err == nil {
			d.take(msg.cdr)
		}
		if d.cdr != nil && d.cdr.End == 0 {
			return d.e.after(time.Second, detailDue{d.id})
		}
	case detailDue:
		if msg.id == d.id {
			return d.load()
		}
	case tea.KeyMsg:
		return d.key(msg)
	}
	return nil
}

func (d *detail) key(k tea.KeyMsg) tea.Cmd {
	if d.cdr == nil {
		return nil
	}
	switch {
	case key.Matches(k, keys.Focus):
		d.page = (d.page + 1) % pages
		d.text.Home()
	case key.Matches(k, keys.CopyLadder):
		return d.e.copy(d.plainLadder(), "ladder")
	case key.Matches(k, keys.Follow):
		d.follow = !d.follow
		if d.follow {
			d.cursor = len(d.ladder.Rows) - 1
		}
	case d.page == pageFindings:
		move(k, &d.text)
	case d.page == pageStreams:
		move(k, (*streamCursor)(d))
	case key.Matches(k, keys.Left):
		d.off = max(0, d.off-1)
	case key.Matches(k, keys.Right):
		d.off++
	case key.Matches(k, keys.Next):
		d.problem(1)
	case key.Matches(k, keys.Prev):
		d.problem(-1)
	case key.Matches(k, keys.Open):
		if r := d.row(); r != nil && r.Stream >= 0 {
			d.page, d.stream = pageStreams, r.Stream
		}
	default:
		if move(k, (*rowCursor)(d)) {
			d.follow = false
		}
	}
	d.settle()
	return nil
}

// problem moves the cursor to the next row with something wrong.
func (d *detail) problem(step int) {
	n := len(d.ladder.Rows)
	for i := 1; i <= n; i++ {
		at := ((d.cursor+step*i)%n + n) % n
		if g := d.ladder.Rows[at].Grade; g == protocol.SeverityBad || g == protocol.SeverityWarn {
			d.cursor, d.follow = at, false
			return
		}
	}
}

// row is the one under the cursor.
func (d *detail) row() *ladder.Row {
	if d.ladder == nil || len(d.ladder.Rows) == 0 {
		return nil
	}
	return &d.ladder.Rows[d.cursor]
}

// plainLadder is the whole ladder as text.
func (d *detail) plainLadder() string {
	v := ladder.View{Theme: d.e.Theme, W: 14 + 30*len(d.ladder.Columns) + 40}
	lines := v.Header(d.ladder)
	for i := range d.ladder.Rows {
		lines = append(lines, v.Line(d.ladder, i, false))
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(ansi.Strip(l), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// rowCursor and streamCursor let the arrow keys move the cursors of a detail.
type (
	rowCursor    detail
	streamCursor detail
)

func (c *rowCursor) Move(n int) { c.cursor += n; (*detail)(c).settle() }
func (c *rowCursor) Page(n int) { c.Move(n * max(1, (*detail)(c).ladderHeight()-1)) }
func (c *rowCursor) Home()      { c.Move(-c.cursor) }
func (c *rowCursor) End()       { c.Move(len(c.ladder.Rows)) }

func (c *streamCursor) Move(n int) { c.stream += n; (*detail)(c).settle() }
func (c *streamCursor) Page(n int) { c.Move(5 * n) }
func (c *streamCursor) Home()      { c.Move(-c.stream) }
func (c *streamCursor) End()       { c.Move(len(c.cdr.Streams)) }

// head is the two lines above every page: the call and its quality, and what is wrong with it.
func (d *detail) head() []string {
	t, c := d.e.Theme, d.cdr
	l := t.NewLine(d.w).Add(t.Title, " voiptop").Add(t.Dim, " > ").Add(t.Bold, party(c.Caller, c.CallerDomain, c.Src)+" "+t.Glyph.Arrow+" "+party(c.Callee, c.CalleeDomain, c.Dst))
	if c.CallerName != "" && d.w >= 100 {
		l.Add(t.Dim, ` "`+c.CallerName+`"`)
	}
	text, st := "running", t.Good
	if c.End != 0 {
		text, st = endCell(t, c)
	}
	l.Add(t.Text, "  ").Add(st, text).Add(t.Text, "  "+clock(time.Duration(c.DurationMS)*time.Millisecond))
	if c.MOS != nil {
		s, st := mosCell(t, c.MOS)
		l.Add(t.Dim, "  MOS ").Add(st, s)
	}
	for _, f := range facts(c) {
		l.Add(t.Dim, "  "+f)
	}
	tabs, width := d.tabs()
	room := d.w - width - 2
	if room < 20 {
		return []string{l.String(), style.FitStyled(tabs, d.w), t.HLine("", d.w)}
	}
	cause := causeLines(t, c, room)[0]
	if d.err != nil {
		cause = t.NewLine(room).Add(t.Warn, " "+say(d.err)).String()
	}
	return []string{l.String(), cause + " " + tabs + " ", t.HLine("", d.w)}
}

// tabs are the names of the pages, and the cells they take.
func (d *detail) tabs() (text string, width int) {
	for p := range pages {
		name := p.String()
		switch p {
		case pageStreams:
			name += fmt.Sprintf(" %d", len(d.cdr.Streams))
		case pageFindings:
			name += fmt.Sprintf(" %d", len(d.cdr.Findings))
		}
		st := d.e.Theme.Dim
		if name = " " + name + " "; p == d.page {
			name, st = "["+name[1:len(name)-1]+"]", d.e.Theme.Key
		}
		text += st.Render(name)
		width += len(name)
	}
	return text, width
}

func (d *detail) view() []string {
	t := d.e.Theme
	if d.cdr == nil {
		text := []string{d.name, "Reading the call"}
		if d.err != nil {
			text = []string{d.name, say(d.err), "esc goes back"}
		}
		return centred(t, text, d.w, d.h)
	}
	out := d.head()
	switch d.page {
	case pageStreams:
		out = append(out, d.streamsPage(max(0, d.h-len(out)))...)
	case pageFindings:
		out = append(out, d.text.view()...)
	default:
		out = append(out, d.ladderPage()...)
	}
	return fill(out, d.w, d.h)
}

func (d *detail) ladderPage() []string {
	t, v := d.e.Theme, d.ladderView()
	if len(d.ladder.Rows) == 0 {
		return centred(t, []string{"No messages and no streams are kept of this call"}, d.w, d.h-3)
	}
	left := v.Header(d.ladder)
	for i := d.top; i < len(d.ladder.Rows) && i < d.top+d.ladderHeight(); i++ {
		left = append(left, v.Line(d.ladder, i, i == d.cursor))
	}
	left = fill(left, v.W, 2+d.ladderHeight())
	if s := d.side(); s > 0 {
		right := fill(d.facts(s), s, len(left))
		for i := range left {
			left[i] += " " + t.Rule.Render(t.Glyph.V) + " " + right[i]
		}
	}
	if n := d.chart(); n > 0 {
		s := d.charted()
		left = append(left, t.HLine("RTP "+s.Src+" "+t.Glyph.Arrow+" "+s.Dst, d.w))
		left = append(left, d.charts(s, d.w, n-1)...)
	}
	return left
}

// charted is the stream under the cursor, else the worst.
func (d *detail) charted() *protocol.Stream {
	if r := d.row(); r != nil && r.Stream >= 0 && len(d.cdr.Streams[r.Stream].Intervals) > 0 {
		return &d.cdr.Streams[r.Stream]
	}
	var worst *protocol.Stream
	for i := range d.cdr.Streams {
		if s := &d.cdr.Streams[i]; len(s.Intervals) > 0 && (worst == nil || order(s) < order(worst)) {
			worst = s
		}
	}
	return worst
}
