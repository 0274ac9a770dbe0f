package screen

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/source"
)

const (
	feedEvery  = 100 * time.Millisecond // updates reach the screen at most so often
	backoffMin = 500 * time.Millisecond
	backoffMax = 10 * time.Second
)

// connection is where the feed stands.
type connection uint8

const (
	connecting connection = iota
	connected
	lost  // and tried again after a while
	ended // there is nothing more to come: the file is read
)

// feedMsg is what changed since the last one.
type feedMsg struct {
	conn     connection
	err      error
	retry    time.Time // when a lost source is tried again
	info     *protocol.SensorInfo
	fresh    bool // calls is all there is
	calls    map[protocol.UUID]protocol.LiveCall
	gone     map[protocol.UUID]bool
	t        protocol.Time
	counters protocol.Counters
}

// feed watches a source, connects again when it goes away, and gathers what changed until the screen takes it.
type feed struct {
	src source.Source
	now func() time.Time
	gathered[feedMsg]
}

func newFeed(src source.Source, now func() time.Time) *feed {
	return &feed{src: src, now: now, gathered: gather[feedMsg]()}
}

// run watches until ctx ends or the source has nothing more to say.
func (f *feed) run(ctx context.Context) {
	again(ctx, f.now, f.watch, func(conn connection, err error, retry time.Time) {
		f.change(func(m *feedMsg) { m.conn, m.err, m.retry = conn, err, retry })
	})
}

// again watches, and when that fails once more after a while, until ctx ends or there is nothing more to come; tell hears where it
// stands.
func again(ctx context.Context, now func() time.Time, watch func(context.Context) error, tell func(connection, error, time.Time)) {
	for wait := backoffMin; ctx.Err() == nil; {
		tell(connecting, nil, time.Time{})
		began := now()
		err := watch(ctx)
		if err == nil {
			tell(ended, nil, time.Time{})
			return
		}
		if ctx.Err() != nil {
			return
		}
		if now().Sub(began) > backoffMax {
			wait = backoffMin // it was well for a while
		}
		pause := wait/2 + rand.N(wait/2+1)
		tell(lost, err, now().Add(pause))
		if !sleep(ctx, pause) {
			return
		}
		wait = min(2*wait, backoffMax)
	}
}

// watch follows one connection. The first snapshot says that it stands.
func (f *feed) watch(ctx context.Context) error {
	first := true
	return f.src.Watch(ctx, func(u *protocol.LiveUpdate) error {
		if first {
			first = false
			info, err := f.src.Info(ctx)
			if err != nil && errors.Is(err, ctx.Err()) {
				return err
			}
			f.change(func(m *feedMsg) {
				m.conn, m.err = connected, nil
				if err == nil {
					m.info = &info
				}
			})
		}
		f.change(func(m *feedMsg) { m.merge(u) })
		return ctx.Err()
	})
}

func (m *feedMsg) merge(u *protocol.LiveUpdate) {
	if u.Snapshot || m.calls == nil {
		m.calls, m.gone = map[protocol.UUID]protocol.LiveCall{}, map[protocol.UUID]bool{}
	}
	m.fresh = m.fresh || u.Snapshot
	for _, c := range u.Calls {
		m.calls[c.ID] = c
		delete(m.gone, c.ID)
	}
	for _, id := range u.Gone {
		delete(m.calls, id)
		m.gone[id] = true
	}
	m.t, m.counters = u.T, u.Counters
}

// take answers what is pending and begins anew.
func (f *feed) take() feedMsg {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.pending
	f.pending = feedMsg{conn: m.conn, err: m.err, retry: m.retry}
	return m
}

// next is the command that waits for a change, gathers for a moment, and brings it.
func (f *feed) next(e *env) tea.Cmd {
	return func() tea.Msg {
		if !f.wait(e.ctx, e) {
			return nil
		}
		return f.take()
	}
}

// gathered is what changed until the screen takes it. Whoever watches changes it, the screen waits for it.
type gathered[T any] struct {
	wake chan struct{} // has room for one

	mu      sync.Mutex
	pending T
}

func gather[T any]() gathered[T] { return gathered[T]{wake: make(chan struct{}, 1)} }

func (g *gathered[T]) change(how func(*T)) {
	g.mu.Lock()
	how(&g.pending)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// wait waits for a change, and a moment for what comes with it; false when ctx ends.
func (g *gathered[T]) wait(ctx context.Context, e *env) bool {
	select {
	case <-g.wake:
		return e.pause(ctx, feedEvery)
	case <-ctx.Done():
		return false
	}
}
