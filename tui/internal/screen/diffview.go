package screen

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/sipmsg"
	"voiptop/tui/internal/style"
)

const besideFrom = 110 // cells of width from which two texts stand beside each other

// difference is two messages, or two calls, compared line by line over the whole screen.
type difference struct {
	reader
	a, b  string // what is compared
	pairs []sipmsg.Pair
	only  bool // lines that are the same are left out
	w, h  int
}

func newDifference(t *style.Theme, nameA, nameB string, a, b []sipmsg.Line) *difference {
	return &difference{reader: newReader(t), a: nameA, b: nameB, pairs: sipmsg.Diff(a, b)}
}

func (d *difference) update(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	switch {
	case !d.asked && key.Matches(k, keys.Back):
		return nil, true
	case !d.asked && key.Matches(k, keys.Diff):
		d.only = !d.only
		d.text.Home()
		d.lay()
	default:
		d.key(k)
	}
	return nil, false
}

func (d *difference) size(w, h int) {
	d.w, d.h = w, h
	d.text.w, d.text.h = w, max(1, h-3)
	d.lay()
}

func (d *difference) keep() bool     { return true }
func (d *difference) typing() bool   { return d.asked }
func (d *difference) refresh()       {}
func (d *difference) keyMap() keyMap { return diffKeys }

// lay makes the lines: unified on a narrow screen; on a wide one the left half, with the right one put beside it in view.
func (d *difference) lay() {
	if d.w >= besideFrom {
		d.lines = nil
		d.text.set(d.beside())
		return
	}
	var out []rich
	for i := range d.pairs {
		if p := &d.pairs[i]; p.Change != sipmsg.Same || !d.only {
			out = append(out, d.unified(p)...)
		}
	}
	d.set(out)
}

func (d *difference) unified(p *sipmsg.Pair) []rich {
	t := d.t
	switch p.Change {
	case sipmsg.Changed:
		a, b := d.changed(p)
		return []rich{append(rich{{st: t.Bad, text: "- "}}, a...), append(rich{{st: t.Good, text: "+ "}}, b...)}
	case sipmsg.Removed:
		return []rich{{{st: t.Bad, text: "- " + p.A.Text}}}
	case sipmsg.Added:
		return []rich{{{st: t.Good, text: "+ " + p.B.Text}}}
	}
	return []rich{{{st: t.Dim, text: "  " + p.A.Text}}}
}

// changed are the two lines with what differs standing out.
func (d *difference) changed(p *sipmsg.Pair) (a, b rich) {
	t := d.t
	head, tail := sipmsg.Differ(p.A.Text, p.B.Text)
	part := func(s string, st style.Style) rich {
		return rich{{st: t.Text, text: s[:head]}, {st: st, text: s[head : len(s)-tail]}, {st: t.Text, text: s[len(s)-tail:]}}
	}
	return part(p.A.Text, t.Bad), part(p.B.Text, t.Good)
}

// beside lays the two texts beside each other; lines that belong together stand at one height.
func (d *difference) beside() (out []string) {
	t := d.t
	half := (d.w - 3) / 2
	cell := func(l *sipmsg.Line, st style.Style) rich {
		if l == nil {
			return nil
		}
		return rich{{st: st, text: l.Text}}
	}
	d.hits = d.hits[:0]
	for i := range d.pairs {
		p := &d.pairs[i]
		var a, b rich
		mark := " "
		switch p.Change {
		case sipmsg.Same:
			if d.only {
				continue
			}
			a, b = cell(p.A, t.Dim), cell(p.B, t.Dim)
		case sipmsg.Changed:
			mark = "~"
			a, b = d.changed(p)
		case sipmsg.Removed:
			mark = "-"
			a = cell(p.A, t.Bad)
		case sipmsg.Added:
			mark = "+"
			b = cell(p.B, t.Good)
		}
		a, n := a.mark(d.find.Value())
		b, m := b.mark(d.find.Value())
		if n+m > 0 {
			d.hits = append(d.hits, len(out))
		}
		left, right := a.wrapped(t, half), b.wrapped(t, d.w-3-half)
		for k := range max(len(left), len(right)) {
			x, y := style.FitStyled("", half), style.FitStyled("", d.w-3-half)
			if k < len(left) {
				x = left[k]
			}
			if k < len(right) {
				y = right[k]
			}
			out = append(out, x+" "+t.Key.Render(mark)+" "+y)
			mark = " "
		}
	}
	return out
}

// render is reader.render for both layouts: a search has changed.
func (d *difference) key(k tea.KeyMsg) {
	d.reader.key(k)
	if d.w >= besideFrom {
		d.text.set(d.beside())
		if d.asked {
			d.toHit(0)
		}
	}
}

func (d *difference) view() []string {
	t := d.t
	n := map[sipmsg.Change]int{}
	for i := range d.pairs {
		n[d.pairs[i].Change]++
	}
	head := t.NewLine(d.w).Add(t.Title, " difference ")
	for _, c := range []struct {
		n    int
		word string
		st   style.Style
	}{{n[sipmsg.Changed], "changed", t.Warn}, {n[sipmsg.Removed], "removed", t.Bad}, {n[sipmsg.Added], "added", t.Good}, {n[sipmsg.Same], "the same", t.Dim}} {
		if c.n > 0 {
			head.Add(c.st, fmt.Sprintf(" %d ", c.n)).Add(t.Dim, c.word)
		}
	}
	names := t.NewLine(d.w)
	if d.w >= besideFrom {
		half := (d.w - 3) / 2
		names.Add(t.Bold, t.Fit(" "+d.a, half)+"   "+t.Fit(d.b, d.w-3-half))
	} else {
		names.Add(t.Bad, " - ").Add(t.Text, t.Cut(d.a, (d.w-8)/2)).Add(t.Good, "  + ").Add(t.Text, d.b)
	}
	out := []string{head.String(), names.String(), t.HLine(d.searching(), d.w)}
	if len(d.text.lines) == 0 {
		return append(out, centred(t, []string{"No difference"}, d.w, d.text.h)...)
	}
	return append(out, d.text.view()...)
}
