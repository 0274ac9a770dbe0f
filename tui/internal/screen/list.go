package screen

import (
	"cmp"
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/internal/table"
)

// list is a filtered and sorted table of calls.
type list struct {
	e      *env
	name   string // in the settings
	cols   []column
	choice []int // of cols, nil: all
	table  *table.Table[protocol.UUID]
	rows   map[protocol.UUID]*row
	order  []*row // all of them, as they were sorted last: little changes, so sorting again is quick
	sorted []table.Row[protocol.UUID]
	filter rules.Expr
	only   map[string]bool        // Call-IDs, nil: all
	found  map[protocol.UUID]bool // that the source found by a filter which the rows cannot answer; nil: they can
	sort   int                    // column
	rev    bool
	follow bool // the cursor stays on the newest call

	changes uint64 // counts how often it was arranged
}

func newList(e *env, name string, cols []column, sortBy int) *list {
	tc := make([]table.Column, len(cols))
	for i, c := range cols {
		tc[i] = c.Column
	}
	l := &list{e: e, name: name, cols: cols, table: table.New[protocol.UUID](e.Theme, tc), rows: map[protocol.UUID]*row{}, sort: sortBy}
	l.table.SetSort(l.sort, l.rev)
	e.set.restore(l)
	return l
}

// get finds or makes the row of a call.
func (l *list) get(id protocol.UUID) *row {
	r := l.rows[id]
	if r == nil {
		r = &row{e: l.e, cols: l.cols}
		l.rows[id] = r
		l.order = append(l.order, r)
	}
	return r
}

// remove takes a call out of the list.
func (l *list) remove(id protocol.UUID) {
	if r := l.rows[id]; r != nil {
		r.gone = true
		delete(l.rows, id)
	}
}

// arrange filters and sorts anew. It is called when rows, filter or order changed.
func (l *list) arrange() {
	l.changes++
	l.order = slices.DeleteFunc(l.order, func(r *row) bool { return r.gone })
	by := l.cols[l.sort].cmp
	slices.SortFunc(l.order, func(a, b *row) int {
		c := by(a, b)
		if l.rev {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(b.call.Start, a.call.Start), slices.Compare(b.call.ID[:], a.call.ID[:]))
	})
	l.sorted = l.sorted[:0]
	for _, r := range l.order {
		if (l.only == nil || l.only[r.call.CallID]) && l.matches(r) {
			l.sorted = append(l.sorted, r)
		}
	}
	l.table.SetRows(l.sorted)
	if l.follow {
		l.toNewest()
	}
}

// matches reports whether the filter holds for a call.
func (l *list) matches(r *row) bool {
	if l.found != nil {
		return l.found[r.call.ID]
	}
	return l.filter.Match(r.call)
}

// toNewest puts the cursor on the call that began last.
func (l *list) toNewest() {
	newest := -1
	for i := range l.sorted {
		if newest < 0 || l.sorted[i].(*row).call.Start > l.sorted[newest].(*row).call.Start {
			newest = i
		}
	}
	if newest >= 0 {
		l.table.Move(newest - l.table.Cursor())
	}
}

// current is the call under the cursor.
func (l *list) current() *row {
	if r, ok := l.table.Current(); ok {
		return r.(*row)
	}
	return nil
}

// A list has columns to choose.
func (l *list) setting() string { return l.name }

func (l *list) titles() (out []string) {
	for _, c := range l.cols {
		out = append(out, c.Title)
	}
	return out
}

func (l *list) choose(cols []int)                 { l.choice = cols; l.table.Choose(cols) }
func (l *list) chosen() []int                     { return l.choice }
func (l *list) sortedBy() (col int, reverse bool) { return l.sort, l.rev }
func (l *list) columnAt(x int) int                { return l.table.ColumnAt(x) }
func (l *list) wheel(n int)                       { l.follow = false; l.table.Scroll(n) }
func (l *list) onScreen() []int                   { return l.table.Shown() }

func (l *list) click(y int) bool {
	hit := l.table.Click(y)
	l.follow = l.follow && !hit
	return hit
}

func (l *list) sortBy(col int, reverse bool) {
	l.sort, l.rev = col, reverse
	l.table.SetSort(l.sort, l.rev)
	l.arrange()
}

// key handles the keys of every list.
func (l *list) key(k tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(k, keys.Sort), key.Matches(k, keys.Reverse):
		return l.e.set.sortNext(l.e, l, key.Matches(k, keys.Reverse))
	case key.Matches(k, keys.Follow):
		l.follow = !l.follow
		if l.follow {
			l.toNewest()
		}
	case key.Matches(k, keys.Mark):
		if r := l.current(); r != nil {
			l.e.marks.toggle(r.call.ID)
			l.table.Move(1)
		}
	default:
		l.move(k)
	}
	return nil
}

func (l *list) move(k tea.KeyMsg) {
	if move(k, l.table) {
		l.follow = false
	}
}

// mover is what the arrow keys move.
type mover interface {
	Move(n int)
	Page(n int)
	Home()
	End()
}

// move handles the arrow keys and reports whether k was one.
func move(k tea.KeyMsg, m mover) bool {
	switch {
	case key.Matches(k, keys.Up):
		m.Move(-1)
	case key.Matches(k, keys.Down):
		m.Move(1)
	case key.Matches(k, keys.PageUp):
		m.Page(-1)
	case key.Matches(k, keys.PageDown):
		m.Page(1)
	case key.Matches(k, keys.Home):
		m.Home()
	case key.Matches(k, keys.End):
		m.End()
	default:
		return false
	}
	return true
}
