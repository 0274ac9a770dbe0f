package screen

import (
	"context"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// polledEvery is the time between two looks at what a source has, while that is on the screen.
const polledEvery = 2 * time.Second

// polled is a grid of what a source has, asked for again and again, with notes on the row under the cursor.
type polled[K comparable, R gridRow[K], T any] struct {
	grid[K, R]
	polledBy[R, T]
	live   *live // for why there is nothing, and whether more can come
	w, h   int
	loaded bool
	busy   bool
	timer  bool  // the next look is due
	err    error // of the last answer; there may be a list beside it
	round  uint64
}

// polledBy is what one polled grid has for itself.
type polledBy[R, T any] struct {
	read  func(ctx context.Context) ([]T, error) // nil: the source has nothing of it
	row   func(v T, round uint64) R
	head  func(r R) string   // of the notes
	about func(r R) []string // three lines
	empty func() []string    // why there is nothing to see
}

// polledMsg is the answer to load.
type polledMsg[T any] struct {
	list []T
	err  error
}

// polledDue asks again.
type polledDue[T any] struct{}

func (p *polled[K, R, T]) setSize(w, h int) {
	p.w, p.h = w, h
	p.table.SetSize(w, h-p.notes())
}

// notes is the room below the table for the row under the cursor.
func (p *polled[K, R, T]) notes() int {
	if p.h < 12 {
		return 0
	}
	return 4
}

func (p *polled[K, R, T]) load() tea.Cmd {
	if p.busy || p.read == nil {
		return nil
	}
	p.busy = true
	return p.e.ask(func(ctx context.Context) tea.Msg {
		list, err := p.read(ctx)
		return polledMsg[T]{list, err}
	})
}

func (p *polled[K, R, T]) update(msg tea.Msg, seen bool) tea.Cmd {
	switch msg := msg.(type) {
	case polledMsg[T]:
		p.busy, p.err = false, msg.err
		if msg.err == nil || len(msg.list) > 0 {
			p.loaded = true
			p.round++
			p.all = p.all[:0]
			for i := range msg.list {
				p.all = append(p.all, p.row(msg.list[i], p.round))
			}
			p.arrange()
		}
		if p.timer || p.live.conn == ended {
			return nil
		}
		p.timer = true
		return p.e.after(polledEvery, polledDue[T]{})
	case polledDue[T]:
		p.timer = false
		if seen {
			return p.load()
		}
	case tea.KeyMsg:
		if key.Matches(msg, keys.Reload) {
			return p.load()
		}
		return p.key(msg)
	}
	return nil
}

func (p *polled[K, R, T]) view() []string {
	t := p.e.Theme
	if p.table.Len() == 0 {
		return centred(t, p.empty(), p.w, p.h)
	}
	out := p.table.View(true)
	if r, ok := p.current(); ok && p.notes() > 0 {
		out = append(out, t.HLine(p.head(r), p.w))
		out = append(out, p.about(r)...)
	}
	return fill(out, p.w, p.h)
}
