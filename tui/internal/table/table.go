// Package table is a windowed table: it renders only the rows that are on the screen, keeps rendered rows until they
// change, and its cursor follows a row's identity, not its place.
//
// It is not for sorting or filtering: the screens hand it rows in the order to show.
package table

import (
	"slices"
	"strings"

	"voiptop/tui/internal/style"
)

// Column describes one column. Widths are in cells, without the blank between columns.
type Column struct {
	Title    string
	Min, Max int  // Max 0: Min
	Right    bool // text at the right
	Desc     bool // rows are sorted by it from large to small, unless reversed
	Prio     int  // when room is short, columns with the highest number go first
}

// Row is one line of a table.
type Row[K comparable] interface {
	ID() K
	// Version changes when the cells do.
	Version() uint64
	// Cell is the text of a column, by its place in the list that SetColumns got, and its style. w is the column's width.
	Cell(col, w int) (string, style.Style)
}

// Marker is a Row that may be marked.
type Marker interface{ Marked() bool }

// Table shows rows. The zero Table is not usable; New makes one.
type Table[K comparable] struct {
	theme   *style.Theme
	all     []Column
	chosen  []int // indices into all, in their order; nil: all of them
	shown   []int // those of chosen that have room
	widths  []int // of shown
	sortCol int   // index into all, -1: none
	sortRev bool

	w, h   int // h counts the title line
	rows   []Row[K]
	cursor int
	top    int
	curID  K
	hasCur bool

	cache map[K]rendered
	stats int // rows rendered since New
}

type rendered struct {
	version uint64
	sel     bool
	line    string
}

// New makes an empty table.
func New[K comparable](t *style.Theme, cols []Column) *Table[K] {
	return &Table[K]{theme: t, all: slices.Clone(cols), sortCol: -1, cache: map[K]rendered{}}
}

// SetSize gives the table its room: h lines, of which the first holds the titles.
func (t *Table[K]) SetSize(w, h int) {
	h = max(h, 1)
	if w != t.w {
		t.w = w
		t.layout()
	}
	t.h = h
	t.scroll()
}

// SetSort marks a column as the one that rows are sorted by.
func (t *Table[K]) SetSort(col int, reverse bool) { t.sortCol, t.sortRev = col, reverse }

// SetTitle gives a column another title.
func (t *Table[K]) SetTitle(col int, title string) { t.all[col].Title = title }

// Shown lists the columns that have room now.
func (t *Table[K]) Shown() []int { return t.shown }

// Choose says which columns are shown, in which order; nil: all. Those that have no room are left out by their Prio.
func (t *Table[K]) Choose(cols []int) {
	t.chosen = cols
	t.layout()
}

// layout chooses the columns that fit and shares out the room that is left.
func (t *Table[K]) layout() {
	clear(t.cache)
	t.shown, t.widths = t.shown[:0], t.widths[:0]
	chosen := t.chosen
	if chosen == nil {
		for i := range t.all {
			chosen = append(chosen, i)
		}
	}
	room := t.w - 1 // the cursor mark
	take := make([]bool, len(t.all))
	for prio := 0; ; prio++ {
		more := false
		for _, i := range chosen {
			c := t.all[i]
			more = more || c.Prio > prio
			if c.Prio == prio && c.Min+1 <= room {
				take[i] = true
				room -= c.Min + 1
			} else if c.Prio == prio {
				room = 0 // keep the order of importance: nothing less important may slip in
			}
		}
		if !more {
			break
		}
	}
	for _, i := range chosen {
		if take[i] {
			t.shown = append(t.shown, i)
			t.widths = append(t.widths, t.all[i].Min)
		}
	}
	left := t.w
	for _, w := range t.widths {
		left -= w + 1
	}
	for grown := true; grown && left > 0; {
		grown = false
		for k, i := range t.shown {
			if left > 0 && t.widths[k] < t.all[i].Max {
				t.widths[k]++
				left--
				grown = true
			}
		}
	}
}

// SetRows replaces the rows. The cursor stays on the row it was on, else at its place.
func (t *Table[K]) SetRows(rows []Row[K]) {
	t.rows = rows
	if t.hasCur && (t.cursor >= len(rows) || rows[t.cursor].ID() != t.curID) {
		at := -1
		for i := range rows {
			if rows[i].ID() == t.curID {
				at = i
				break
			}
		}
		if at >= 0 {
			t.top += at - t.cursor // the row stays where it is on the screen
			t.cursor = at
		}
	}
	t.settle()
}

// settle keeps the cursor on a row and remembers which.
func (t *Table[K]) settle() {
	t.cursor = max(0, min(t.cursor, len(t.rows)-1))
	t.hasCur = len(t.rows) > 0
	if t.hasCur {
		t.curID = t.rows[t.cursor].ID()
	}
	t.scroll()
}

func (t *Table[K]) scroll() {
	body := max(t.h-1, 1)
	t.top = min(t.top, t.cursor)
	t.top = max(t.top, t.cursor-body+1)
	t.top = max(0, min(t.top, len(t.rows)-body))
}

// Move moves the cursor by n rows.
func (t *Table[K]) Move(n int) { t.cursor += n; t.settle() }

// Page moves the cursor by n screens.
func (t *Table[K]) Page(n int) { t.top += n * max(t.h-2, 1); t.Move(n * max(t.h-2, 1)) }

// Home moves the cursor to the first row, End to the last.
func (t *Table[K]) Home() { t.cursor = 0; t.settle() }

// End moves the cursor to the last row.
func (t *Table[K]) End() { t.cursor = len(t.rows) - 1; t.settle() }

// ColumnAt is the column at a cell of a line, -1: none.
func (t *Table[K]) ColumnAt(x int) int {
	at := 1
	for k, i := range t.shown {
		if x < at+t.widths[k]+1 {
			return i
		}
		at += t.widths[k] + 1
	}
	return -1
}

// Click moves the cursor to the row on a line of the table, counted from the titles, which are 0. It reports whether there is one.
func (t *Table[K]) Click(y int) bool {
	at := t.top + y - 1
	if y < 1 || y >= t.h || at >= len(t.rows) {
		return false
	}
	t.cursor = at
	t.settle()
	return true
}

// Scroll moves the window by n rows, and the cursor as far as it must to stay in it.
func (t *Table[K]) Scroll(n int) {
	body := max(t.h-1, 1)
	t.top = max(0, min(t.top+n, len(t.rows)-body))
	t.cursor = max(t.top, min(t.cursor, t.top+body-1))
	t.settle()
}

// Len is the number of rows.
func (t *Table[K]) Len() int { return len(t.rows) }

// Cursor is the place of the cursor.
func (t *Table[K]) Cursor() int { return t.cursor }

// Current is the row under the cursor.
func (t *Table[K]) Current() (Row[K], bool) {
	if !t.hasCur {
		return nil, false
	}
	return t.rows[t.cursor], true
}

// View is the titles and the rows on the screen: h lines of w cells. focus says whether the cursor is drawn.
func (t *Table[K]) View(focus bool) []string {
	out := make([]string, 0, t.h)
	out = append(out, t.titles())
	for i := t.top; i < len(t.rows) && len(out) < t.h; i++ {
		out = append(out, t.line(t.rows[i], focus && i == t.cursor))
	}
	for len(out) < t.h {
		out = append(out, style.FitStyled("", t.w))
	}
	if len(t.cache) > 4*t.h+64 {
		clear(t.cache)
	}
	return out
}

func (t *Table[K]) titles() string {
	l := t.theme.NewLine(t.w)
	for k, i := range t.shown {
		c := t.all[i]
		title, st := c.Title, t.theme.Head
		if i == t.sortCol {
			st = t.theme.Key
			if c.Desc != t.sortRev {
				title += t.theme.Glyph.Down
			} else {
				title += t.theme.Glyph.Up
			}
		}
		l.Add(st, " ")
		if c.Right {
			l.Add(st, t.theme.FitRight(title, t.widths[k]))
		} else {
			l.Add(st, t.theme.Fit(title, t.widths[k]))
		}
	}
	return l.String()
}

func (t *Table[K]) line(r Row[K], sel bool) string {
	id, v := r.ID(), r.Version()
	if c, ok := t.cache[id]; ok && c.version == v && c.sel == sel {
		return c.line
	}
	t.stats++
	var b strings.Builder
	used := 1
	m, ok := r.(Marker)
	switch {
	case ok && m.Marked():
		b.WriteString(t.theme.Warn.On(sel, "*"))
	case sel:
		b.WriteString(t.theme.Bold.On(true, ">"))
	default:
		b.WriteByte(' ')
	}
	for k, i := range t.shown {
		w := t.widths[k]
		if used+w > t.w {
			break
		}
		text, st := r.Cell(i, w)
		if t.all[i].Right {
			text = t.theme.FitRight(text, w)
		} else {
			text = t.theme.Fit(text, w)
		}
		b.WriteString(st.On(sel, text))
		used += w
		if used < t.w {
			b.WriteString(t.theme.Text.On(sel, " "))
			used++
		}
	}
	if used < t.w {
		b.WriteString(t.theme.Text.On(sel, strings.Repeat(" ", t.w-used)))
	}
	line := b.String()
	t.cache[id] = rendered{v, sel, line}
	return line
}
