package screen

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// streamsFeed watches the streams of a source while they are on the screen, and gathers what changed until the screen takes it.
type streamsFeed struct {
	src source.StreamWatcher
	now func() time.Time
	gathered[streamsChange]
}

// streamsChange is what changed since the last one.
type streamsChange struct {
	conn  connection
	err   error
	fresh bool // rows is all there is
	rows  map[protocol.StreamID]protocol.LiveStream
	gone  map[protocol.StreamID]bool
	total int
}

// streamsWake says that a feed has something.
type streamsWake struct{ of *streamsFeed }

func newStreamsFeed(src source.StreamWatcher, now func() time.Time) *streamsFeed {
	return &streamsFeed{src: src, now: now, gathered: gather[streamsChange]()}
}

func (f *streamsFeed) run(ctx context.Context) {
	again(ctx, f.now, func(ctx context.Context) error {
		return f.src.WatchStreams(ctx, func(u *protocol.StreamUpdate) error {
			f.change(func(c *streamsChange) { c.merge(u) })
			return ctx.Err()
		})
	}, func(conn connection, err error, _ time.Time) {
		f.change(func(c *streamsChange) { c.conn, c.err = conn, err })
	})
}

func (c *streamsChange) merge(u *protocol.StreamUpdate) {
	c.conn, c.err = connected, nil
	if u.Snapshot || c.rows == nil {
		c.rows, c.gone = map[protocol.StreamID]protocol.LiveStream{}, map[protocol.StreamID]bool{}
	}
	c.fresh = c.fresh || u.Snapshot
	for _, s := range u.Streams {
		if s.About == nil {
			s.About = c.rows[s.ID].About
		}
		c.rows[s.ID] = s
		delete(c.gone, s.ID)
	}
	for _, id := range u.Gone {
		delete(c.rows, id)
		c.gone[id] = true
	}
	c.total = u.Total
}

// take answers what is pending and begins anew.
func (f *streamsFeed) take() streamsChange {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.pending
	f.pending = streamsChange{conn: c.conn, err: c.err, total: c.total}
	return c
}

// next is the command that waits for a change, gathers for a moment, and tells of it.
func (f *streamsFeed) next(ctx context.Context, e *env) tea.Cmd {
	return func() tea.Msg {
		if !f.wait(ctx, e) {
			return nil
		}
		return streamsWake{f}
	}
}
