package table

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/tui/internal/style"
)

var theme = style.New(style.Options{Profile: termenv.ANSI256, Dark: true})

var cols = []Column{
	{Title: "!", Min: 2},
	{Title: "State", Min: 6},
	{Title: "From", Min: 8, Max: 20, Prio: 1},
	{Title: "MOS", Min: 4, Right: true, Prio: 1},
	{Title: "Codec", Min: 5, Prio: 3},
	{Title: "Agent", Min: 10, Max: 40, Prio: 4},
}

type row struct {
	id      int
	version uint64
	text    string
}

func (r row) ID() int                             { return r.id }
func (r row) Version() uint64                     { return r.version }
func (r row) Cell(int, int) (string, style.Style) { return r.text, theme.Bad }

func rows(ids ...int) []Row[int] {
	out := make([]Row[int], len(ids))
	for i, id := range ids {
		out[i] = row{id: id, text: fmt.Sprint("r", id)}
	}
	return out
}

func current(t *testing.T, tb *Table[int]) int {
	t.Helper()
	r, ok := tb.Current()
	if !ok {
		t.Fatal("no row under the cursor")
	}
	return r.ID()
}

func TestCursorFollowsTheRowNotThePlace(t *testing.T) {
	tb := New[int](theme, cols)
	tb.SetSize(80, 6)
	tb.SetRows(rows(1, 2, 3, 4))
	tb.Move(2)
	tb.SetRows(rows(9, 8, 4, 3, 2, 1))
	if got := current(t, tb); got != 3 {
		t.Errorf("cursor is on %d after rows were inserted and turned round, want 3", got)
	}
	tb.SetRows(rows(9, 8, 4, 2, 1))
	if got := current(t, tb); got != 2 {
		t.Errorf("cursor is on %d after its row went, want 2, which took its place", got)
	}
	tb.SetRows(nil)
	if _, ok := tb.Current(); ok {
		t.Error("an empty table has a row under its cursor")
	}
	tb.SetRows(rows(5))
	if got := current(t, tb); got != 5 {
		t.Errorf("cursor is on %d, want 5", got)
	}
}

func TestLessImportantColumnsGoFirst(t *testing.T) {
	tb := New[int](theme, cols)
	for _, c := range []struct {
		w    int
		want []int
	}{{10, []int{0}}, {11, []int{0, 1}}, {21, []int{0, 1, 2}}, {26, []int{0, 1, 2, 3}}, {30, []int{0, 1, 2, 3}}, {31, []int{0, 1, 2, 3, 4}}, {120, []int{0, 1, 2, 3, 4, 5}}} {
		tb.SetSize(c.w, 5)
		if !slices.Equal(tb.Shown(), c.want) {
			t.Errorf("%d cells show columns %v, want %v", c.w, tb.Shown(), c.want)
		}
	}
}

func TestOnlyChangedRowsAreRendered(t *testing.T) {
	tb := New[int](theme, cols)
	tb.SetSize(80, 21)
	list := make([]Row[int], 10_000)
	for i := range list {
		list[i] = row{id: i, text: "x"}
	}
	tb.SetRows(list)
	tb.View(true)
	if tb.stats != 20 {
		t.Errorf("the first view rendered %d rows, want the 20 that are seen", tb.stats)
	}
	tb.stats = 0
	tb.View(true)
	if tb.stats != 0 {
		t.Errorf("the same view again rendered %d rows", tb.stats)
	}
	list[3] = row{id: 3, version: 1, text: "changed"}
	if v := strings.Join(tb.View(true), "\n"); tb.stats != 1 || !strings.Contains(v, "changed") {
		t.Errorf("one changed row rendered %d rows", tb.stats)
	}
}

func TestEveryLineFitsExactly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	texts := []string{"", "1001", "名前名前名前", "\x1b[31mred", "\xff\xfe", strings.Repeat("long ", 30)}
	tb := New[int](theme, cols)
	for range 500 {
		w, h := 1+rng.IntN(250), 1+rng.IntN(60)
		list := make([]Row[int], rng.IntN(100))
		for i := range list {
			list[i] = row{id: rng.IntN(1000)*1000 + i, version: rng.Uint64(), text: texts[rng.IntN(len(texts))]}
		}
		tb.SetSize(w, h)
		tb.SetRows(list)
		tb.Page(rng.IntN(5) - 2)
		v := tb.View(true)
		if len(v) != h {
			t.Fatalf("%dx%d: %d lines", w, h, len(v))
		}
		for _, l := range v {
			if got := ansi.StringWidth(l); got != w {
				t.Fatalf("%dx%d: line %q is %d cells", w, h, l, got)
			}
		}
	}
}

func TestCursorStaysOnTheScreen(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	tb := New[int](theme, cols)
	tb.SetSize(60, 9)
	tb.SetRows(rows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20))
	for range 1000 {
		switch rng.IntN(6) {
		case 0:
			tb.SetSize(60, 2+rng.IntN(30))
		case 1:
			tb.Move(rng.IntN(9) - 4)
		case 2:
			tb.Page(rng.IntN(3) - 1)
		case 3:
			tb.Home()
		case 4:
			tb.End()
		case 5:
			tb.SetRows(rows(rng.Perm(1 + rng.IntN(40))...))
		}
		if body := tb.h - 1; tb.cursor < tb.top || tb.cursor >= tb.top+body {
			t.Fatalf("cursor %d is not among rows %d..%d", tb.cursor, tb.top, tb.top+body-1)
		}
	}
}

// BenchmarkTick is one tick of a live view: 10,000 rows, of which 100 changed.
func BenchmarkTick(b *testing.B) {
	tb := New[int](theme, cols)
	tb.SetSize(120, 40)
	list := make([]Row[int], 10_000)
	for i := range list {
		list[i] = row{id: i, text: "some text"}
	}
	for n := 0; b.Loop(); n++ {
		for i := range 100 {
			list[(n*100+i)%len(list)] = row{id: (n*100 + i) % len(list), version: uint64(n), text: "other"}
		}
		tb.SetRows(list)
		tb.View(true)
	}
}
