package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/table"
)

// gridRow is a line of a grid.
type gridRow[K comparable] interface {
	table.Row[K]
	text() string // in lower case: what a filter looks into
}

// grid is a table of rows that are not calls: it is filtered by words, sorted by a column, and its columns are chosen. Its rows have
// one order besides, so that those which the sort finds equal stay in their places.
type grid[K comparable, R gridRow[K]] struct {
	e      *env
	name   string // in the settings
	word   string // what a row is
	heads  []table.Column
	by     func(col int) func(a, b R) int
	table  *table.Table[K]
	all    []R
	shown  []table.Row[K]
	filter string
	cols   []int // that are chosen, nil: all
	sort   int
	rev    bool
}

// init makes the table, in the user's columns and order.
func (g *grid[K, R]) init(e *env, name, word string, heads []table.Column, by func(col int) func(a, b R) int) {
	g.e, g.name, g.word, g.heads, g.by = e, name, word, heads, by
	g.table = table.New[K](e.Theme, heads)
	g.table.SetSort(g.sort, g.rev)
	e.set.restore(g)
}

// A grid has columns to choose.
func (g *grid[K, R]) setting() string { return g.name }

func (g *grid[K, R]) titles() (out []string) {
	for _, c := range g.heads {
		out = append(out, c.Title)
	}
	return out
}
func (g *grid[K, R]) choose(cols []int)                 { g.cols = cols; g.table.Choose(cols) }
func (g *grid[K, R]) chosen() []int                     { return g.cols }
func (g *grid[K, R]) sortedBy() (col int, reverse bool) { return g.sort, g.rev }
func (g *grid[K, R]) sortBy(col int, reverse bool)      { g.sort, g.rev = col, reverse; g.arrange() }
func (g *grid[K, R]) columnAt(x int) int                { return g.table.ColumnAt(x) }
func (g *grid[K, R]) click(y int) bool                  { return g.table.Click(y) }
func (g *grid[K, R]) wheel(n int)                       { g.table.Scroll(n) }
func (g *grid[K, R]) onScreen() []int                   { return g.table.Shown() }

// arrange filters and sorts anew. all is in the rows' own order.
func (g *grid[K, R]) arrange() {
	words := strings.Fields(strings.ToLower(g.filter))
	keep := make([]R, 0, len(g.all))
	for _, r := range g.all {
		if hasAll(r, words) {
			keep = append(keep, r)
		}
	}
	by := g.by(g.sort)
	slices.SortStableFunc(keep, func(a, b R) int {
		if g.rev {
			return -by(a, b)
		}
		return by(a, b)
	})
	g.shown = g.shown[:0]
	for _, r := range keep {
		g.shown = append(g.shown, r)
	}
	g.table.SetSort(g.sort, g.rev)
	g.table.SetRows(g.shown)
}

func hasAll[K comparable](r gridRow[K], words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := r.text()
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// current is the row under the cursor.
func (g *grid[K, R]) current() (r R, ok bool) {
	if x, found := g.table.Current(); found {
		r, ok = x.(R)
	}
	return r, ok
}

// key takes the keys of every grid.
func (g *grid[K, R]) key(k tea.KeyMsg) tea.Cmd {
	if key.Matches(k, keys.Sort, keys.Reverse) {
		return g.e.set.sortNext(g.e, g, key.Matches(k, keys.Reverse))
	}
	move(k, g.table)
	return nil
}

// count says how many rows there are: "6 of 37 shown".
func (g *grid[K, R]) count() string {
	if n := g.table.Len(); n != len(g.all) {
		return fmt.Sprintf("%d of %d shown", n, len(g.all))
	}
	return plural.Of(len(g.all), g.word)
}

// unmatched is what an empty grid says whose filter matches none of its rows.
func (g *grid[K, R]) unmatched() []string {
	return []string{noneOf(len(g.all), g.word), "/ changes it, esc clears it"}
}
