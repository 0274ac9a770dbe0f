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
	cols   []column
	table  *table.Table[protocol.UUID]
	rows   map[protocol.UUID]*row
	order  []*row // all of them, as they were sorted last: little changes, so sorting again is quick
	sorted []table.Row[protocol.UUID]
	filter rules.Expr
	sort   int // column
	rev    bool
	follow bool // the cursor stays on the newest call
}

func newList(e *env, cols []column, sortBy int) *list {
	tc := make([]table.Column, len(cols))
	for i, c := range cols {
		tc[i] = c.Column
	}
	l := &list{e: e, cols: cols, table: table.New[protocol.UUID](e.Theme, tc), rows: map[protocol.UUID]*row{}, sort: sortBy}
	l.table.SetSort(l.sort, l.rev)
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
		if l.filter.Match(r.call) {
			l.sorted = append(l.sorted, r)
		}
	}
	l.table.SetRows(l.sorted)
	if l.follow {
		l.toNewest()
	}
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

// nextSort goes on to the next column that is on the screen.
func (l *list) nextSort() {
	shown := l.table.Shown()
	at := slices.Index(shown, l.sort)
	if len(shown) == 0 {
		return
	}
	l.sort, l.rev = shown[(at+1)%len(shown)], false
	l.table.SetSort(l.sort, l.rev)
	l.arrange()
}

func (l *list) reverse() {
	l.rev = !l.rev
	l.table.SetSort(l.sort, l.rev)
	l.arrange()
}

// key handles the keys of every list and reports whether k was one.
func (l *list) key(k tea.KeyMsg) bool {
	switch {
	case key.Matches(k, keys.Sort):
		l.nextSort()
	case key.Matches(k, keys.Reverse):
		l.reverse()
	case key.Matches(k, keys.Follow):
		l.follow = !l.follow
		if l.follow {
			l.toNewest()
		}
	default:
		return l.move(k)
	}
	return true
}

func (l *list) move(k tea.KeyMsg) bool {
	moved := move(k, l.table)
	l.follow = l.follow && !moved
	return moved
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
