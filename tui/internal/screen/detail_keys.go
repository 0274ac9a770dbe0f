package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/sipmsg"
)

func (d *detail) typed(k tea.KeyMsg) tea.Cmd {
	if d.over != nil {
		cmd, done := d.over.update(k)
		if done {
			d.over = nil
		}
		return cmd
	}
	if d.cdr == nil {
		return nil
	}
	var cmd tea.Cmd
	switch {
	case key.Matches(k, keys.Focus):
		d.page = (d.page + 1) % pages
		d.text.Home()
	case key.Matches(k, keys.Legs) && len(d.legs) < 2:
		return toastCmd("no other leg of this call is known", false)
	case key.Matches(k, keys.Legs):
		d.alone = !d.alone
		d.build()
	case key.Matches(k, keys.Expand):
		d.repeats = !d.repeats
		d.build()
	case key.Matches(k, keys.CopyLadder):
		return d.e.copy(d.ladderView().Text(d.ladder, d.e.Theme.ASCII()), "ladder")
	case key.Matches(k, keys.Follow):
		d.follow = !d.follow
		if d.follow {
			d.cursor = len(d.ladder.Rows) - 1
		}
	case d.page == pageFindings:
		cmd = d.findingKey(k)
	case d.page == pageStreams:
		move(k, (*streamCursor)(d))
	default:
		cmd = d.ladderKey(k)
	}
	d.settle()
	return cmd
}

// ladderKey takes the keys of the page of the ladder.
func (d *detail) ladderKey(k tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(k, keys.Left):
		d.off = max(0, d.off-1)
	case key.Matches(k, keys.Right):
		d.off++
	case key.Matches(k, keys.Next):
		d.problem(1)
	case key.Matches(k, keys.Prev):
		d.problem(-1)
	case key.Matches(k, keys.Time):
		d.prefs.time = (d.prefs.time + 1) % ladder.Times
		return d.prefs.save(d.e)
	case key.Matches(k, keys.Columns):
		d.prefs.colour = (d.prefs.colour + 1) % ladder.Colours
		return d.prefs.save(d.e)
	case key.Matches(k, keys.Wider), key.Matches(k, keys.Narrower):
		return d.resplit(key.Matches(k, keys.Wider))
	case key.Matches(k, keys.SideDown):
		d.side.Move(3)
	case key.Matches(k, keys.SideUp):
		d.side.Move(-3)
	case key.Matches(k, keys.Mark):
		d.mark()
		d.cursor++
	case key.Matches(k, keys.Diff):
		return d.diff()
	case key.Matches(k, keys.Open):
		return d.open()
	default:
		if move(k, (*rowCursor)(d)) {
			d.follow = false
		}
	}
	return nil
}

// resplit gives the pane beside the ladder more room, or less.
func (d *detail) resplit(wider bool) tea.Cmd {
	if d.sideWidth() == 0 {
		return toastCmd(fmt.Sprintf("a pane is beside the ladder from %d columns on; enter shows the whole message", sideFrom), false)
	}
	step := 6
	if !wider {
		step = -step
	}
	before := d.sideWidth()
	d.prefs.split += step
	if d.sideWidth() == before {
		d.prefs.split -= step
	}
	d.sideRow = rowKey{}
	return d.prefs.save(d.e)
}

// open shows what the row under the cursor is about: the message whole, or the stream.
func (d *detail) open() tea.Cmd {
	r := d.row()
	switch {
	case r == nil:
	case r.Stream >= 0:
		d.page = pageStreams
		want := &d.ladder.Calls[r.Call].Streams[r.Stream]
		d.stream = slices.IndexFunc(d.streams(), func(s streamOf) bool { return s.s == want })
	case r.Message >= 0:
		d.show(newMessage(d))
		return d.readTexts(true)
	}
	return nil
}

func (d *detail) show(o overlay) {
	d.over = o
	o.size(d.w, d.h)
}

// mark marks the message under the cursor, or takes the mark from it. Two can be marked: they are compared.
func (d *detail) mark() {
	r := d.row()
	if r == nil || r.Message < 0 {
		return
	}
	k := d.key(r)
	if i := slices.Index(d.marks, k); i >= 0 {
		d.marks = slices.Delete(d.marks, i, i+1)
		return
	}
	if len(d.marks) == 2 {
		d.marks = d.marks[1:]
	}
	d.marks = append(d.marks, k)
}

// diff compares two messages: the marked ones; the marked one and that under the cursor; or that and the one of its kind before.
func (d *detail) diff() tea.Cmd {
	var rows []int
	for _, k := range d.marks {
		if i := d.find(k); i >= 0 {
			rows = append(rows, i)
		}
	}
	if r := d.row(); len(rows) < 2 && r != nil && r.Message >= 0 && !slices.Contains(rows, d.cursor) {
		if len(rows) == 0 {
			if before := d.like(d.cursor); before >= 0 {
				rows = append(rows, before)
			}
		}
		rows = append(rows, d.cursor)
	}
	if len(rows) < 2 {
		return toastCmd("space marks two messages, = compares them", false)
	}
	slices.Sort(rows)
	var lines [2][]sipmsg.Line
	var names [2]string
	for i, at := range rows {
		r := &d.ladder.Rows[at]
		x := d.textOf(r)
		if x == nil {
			why := d.texts.missing(d.e, d.ladder.Calls[r.Call])
			return tea.Batch(d.readTexts(true), toastCmd(strings.Join(why, "; "), true))
		}
		lines[i] = sipmsg.Lines(x.Raw)
		names[i] = r.Label + "  " + x.T.Std().In(d.e.Zone).Format("15:04:05.000") + "  " + x.Src + " " + d.e.Theme.Glyph.Arrow + " " + x.Dst
	}
	d.show(newDifference(d.e.Theme, names[0], names[1], lines[0], lines[1]))
	return nil
}

// like is the row before at with a message of the same kind, else with any message, -1 if there is none.
func (d *detail) like(at int) int {
	any := -1
	for i := at - 1; i >= 0; i-- {
		r := &d.ladder.Rows[i]
		if r.Message < 0 {
			continue
		}
		if r.Label == d.ladder.Rows[at].Label {
			return i
		}
		if any < 0 {
			any = i
		}
	}
	return any
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

// rowCursor, streamCursor and findingCursor let the arrow keys move the cursors of a detail.
type (
	rowCursor     detail
	streamCursor  detail
	findingCursor detail
)

func (c *rowCursor) Move(n int) { c.cursor += n; (*detail)(c).settle() }
func (c *rowCursor) Page(n int) { c.Move(n * max(1, (*detail)(c).ladderHeight()-1)) }
func (c *rowCursor) Home()      { c.Move(-c.cursor) }
func (c *rowCursor) End()       { c.Move(len(c.ladder.Rows)) }

func (c *streamCursor) Move(n int) { c.stream += n; (*detail)(c).settle() }
func (c *streamCursor) Page(n int) { c.Move(5 * n) }
func (c *streamCursor) Home()      { c.Move(-c.stream) }
func (c *streamCursor) End()       { c.Move(len((*detail)(c).streams())) }

func (c *findingCursor) Move(n int) {
	c.finding = max(0, min(c.finding+n, len((*detail)(c).findings())-1))
	(*detail)(c).fillFindings()
	(*detail)(c).seeFinding()
}
func (c *findingCursor) Page(n int) { c.text.Page(n) }
func (c *findingCursor) Home()      { c.Move(-c.finding) }
func (c *findingCursor) End()       { c.Move(len((*detail)(c).findings())) }
