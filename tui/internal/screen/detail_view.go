package screen

import (
	"fmt"
	"slices"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
)

// head is the two lines above every page: the call and its quality, and what is wrong with it.
func (d *detail) head() []string {
	t, c := d.e.Theme, d.cdr
	l := t.NewLine(d.w).Add(t.Title, " voiptop").Add(t.Dim, " > ").Add(t.Bold, between(t, c, max(d.w/2, d.w-50)))
	if c.CallerName != "" && d.w >= 100 {
		l.Add(t.Dim, ` "`+c.CallerName+`"`)
	}
	text, st := "running", t.Good
	if c.End != 0 {
		text, st = endCell(t, c)
	}
	l.Add(t.Text, "  ").Add(st, text).Add(t.Text, "  "+clock(lasted(c, d.e.clock())))
	if n := len(d.legs); n > 1 {
		l.Add(t.Text, "  ")
		if d.alone {
			l.Add(t.Dim, fmt.Sprintf("leg %d of %d", slices.Index(d.legs, c)+1, n))
		} else {
			l.Add(t.Bold, fmt.Sprintf("%d legs", n))
		}
	}
	if worst := d.worstMOS(); worst != nil {
		if l.Add(t.Dim, "  MOS "); d.w >= 130 {
			addMOS(t, l, *worst)
		} else {
			s, st := mosCell(t, worst)
			l.Add(st, s)
		}
	}
	for _, f := range facts(c) {
		l.Add(t.Dim, "  "+f)
	}
	tabs, width := d.tabs()
	room := d.w - width - 2
	if room < 20 {
		return []string{l.String(), style.FitStyled(tabs, d.w), t.HLine("", d.w)}
	}
	cause := causeLines(t, d.gravest(), room)[0]
	if d.err != nil {
		cause = t.NewLine(room).Add(t.Warn, " "+say(d.err)).String()
	}
	return []string{l.String(), cause + " " + tabs + " ", t.HLine("", d.w)}
}

// worstMOS is the lowest of the calls that are shown.
func (d *detail) worstMOS() (worst *float64) {
	for _, c := range d.calls() {
		if c.MOS != nil && (worst == nil || *c.MOS < *worst) {
			worst = c.MOS
		}
	}
	return worst
}

// gravest is the call with the gravest finding, of those that are shown; the one that was opened if none is graver.
func (d *detail) gravest() *protocol.CDR {
	top := d.cdr
	_, sev := worst(top.Findings)
	for _, c := range d.calls() {
		if _, s := worst(c.Findings); rank(s) > rank(sev) {
			top, sev = c, s
		}
	}
	return top
}

// tabs are the names of the pages, and the cells they take.
func (d *detail) tabs() (text string, width int) {
	for p := range pages {
		st, name := d.e.Theme.Dim, d.tab(p)
		if p == d.page {
			st = d.e.Theme.Key
		}
		text += st.Render(name)
		width += len(name)
	}
	return text, width
}

// tab is the name of a page.
func (d *detail) tab(p page) string {
	name := p.String()
	switch p {
	case pageStreams:
		name += fmt.Sprintf(" %d", len(d.streams()))
	case pageFindings:
		name += fmt.Sprintf(" %d", len(d.findings()))
	}
	if p == d.page {
		return "[" + name + "]"
	}
	return " " + name + " "
}

func (d *detail) tabWidth(p page) int { return len(d.tab(p)) }

func (d *detail) view() []string {
	t := d.e.Theme
	if d.over != nil {
		return fill(d.over.view(), d.w, d.h)
	}
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
		line := v.Line(d.ladder, i, i == d.cursor)
		if i != d.cursor && slices.Contains(d.marks, d.key(&d.ladder.Rows[i])) {
			line = t.Warn.Render("*") + line[1:] // a line that is not selected begins with a blank
		}
		left = append(left, line)
	}
	left = fill(left, v.W, 2+d.ladderHeight())
	if s := d.sideWidth(); s > 0 {
		right := fill(d.side.view(), s, len(left))
		if below := len(d.side.lines) - d.side.top - d.side.h; below > 0 {
			right[len(right)-1] = t.NewLine(s).Add(t.Dim, plural.Of(below+1, "line")+" more: ").Add(t.Key, "J").Add(t.Dim, " scrolls, ").Add(t.Key, "enter").Add(t.Dim, " shows it whole").String()
		}
		for i := range left {
			left[i] += " " + t.Rule.Render(t.Glyph.V) + " " + right[i]
		}
	}
	if n := d.chart(); n > 0 {
		s := d.charted()
		left = append(left, t.HLine("RTP "+s.Src+" "+t.Glyph.Arrow+" "+s.Dst, d.w))
		left = append(left, charts(d.e, s, d.w, n-1)...)
	}
	return left
}

// fillSide fills the pane beside the ladder, when it is to show something else.
func (d *detail) fillSide() {
	w := d.sideWidth()
	r := d.row()
	if w == 0 || r == nil {
		return
	}
	k := d.key(r)
	if same := k == d.sideRow && d.side.w == w; !same {
		d.side.top = 0
	}
	d.sideRow = k
	d.side.w, d.side.h = w, 2+d.ladderHeight()
	d.side.set(d.facts(w))
}

// charted is the stream under the cursor, else the worst, nil if no stream has intervals.
func (d *detail) charted() *protocol.Stream {
	if r := d.row(); r != nil && r.Stream >= 0 {
		if s := &d.ladder.Calls[r.Call].Streams[r.Stream]; len(s.Intervals) > 0 {
			return s
		}
	}
	var worst *protocol.Stream
	for _, x := range d.streams() {
		if s := x.s; len(s.Intervals) > 0 && (worst == nil || order(s) < order(worst)) {
			worst = s
		}
	}
	return worst
}
