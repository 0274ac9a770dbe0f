package style

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Line composes one line of a given width out of styled pieces. What does not fit is cut.
type Line struct {
	t    *Theme
	b    strings.Builder
	w    int // cells used
	max  int
	over bool // something was cut: nothing is added behind it
}

// NewLine begins a line of w cells.
func (t *Theme) NewLine(w int) *Line { return &Line{t: t, max: w} }

// Add appends text, cleaned.
func (l *Line) Add(st Style, s string) *Line { return l.add(st, s, false) }

// AddSelected is Add as on a selected row.
func (l *Line) AddSelected(st Style, s string) *Line { return l.add(st, s, true) }

func (l *Line) add(st Style, s string, sel bool) *Line {
	if l.over {
		return l
	}
	s = l.t.Clean(s)
	n := Width(s)
	if l.w+n > l.max {
		s = ansi.Truncate(s, l.max-l.w, l.t.Glyph.Ellipsis)
		n, l.over = Width(s), true
	}
	l.b.WriteString(st.On(sel, s))
	l.w += n
	return l
}

// Sep appends the separator of header items, if something stands before it.
func (l *Line) Sep() *Line {
	if l.w == 0 {
		return l
	}
	return l.Add(l.t.Rule, " "+l.t.Glyph.Separator+" ")
}

// Left is the number of cells that are free.
func (l *Line) Left() int { return l.max - l.w }

// Right appends text so that it ends at the end of the line, if it fits whole with a blank before it.
func (l *Line) Right(st Style, s string) *Line {
	s = l.t.Clean(s)
	if n := Width(s); !l.over && n > 0 && l.w+1+n <= l.max {
		l.b.WriteString(spaces(l.max - l.w - n))
		l.b.WriteString(st.Render(s))
		l.w, l.over = l.max, true
	}
	return l
}

// String is the line, filled to its width.
func (l *Line) String() string { return l.b.String() + spaces(l.max-l.w) }
