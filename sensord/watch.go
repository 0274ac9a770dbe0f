package main

import (
	"bytes"
	"context"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// watchEvery is how often a watcher hears of changes.
const watchEvery = 250 * time.Millisecond

// viewer takes snapshots of the running calls; several watchers share one.
type viewer struct {
	pipeline *pipeline
	counters func() protocol.Counters
	now      func() time.Time

	mu    sync.Mutex
	taken time.Time
	last  *protocol.LiveUpdate
}

// snapshot lists the running calls, as of at most maxAge ago. The update is shared: it must not be changed.
func (v *viewer) snapshot(maxAge time.Duration) (*protocol.LiveUpdate, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last != nil && v.now().Sub(v.taken) < maxAge {
		return v.last, nil
	}
	u := &protocol.LiveUpdate{Snapshot: true}
	if err := v.pipeline.ask(func(e *analyze.Engine) {
		u.Calls = e.Live(nil)
		u.T = protocol.TimeFromNanos(e.Now())
	}); err != nil {
		return nil, err
	}
	u.Counters = v.counters()
	v.last, v.taken = u, v.now()
	return u, nil
}

// watch emits a snapshot and then what changes.
func (v *viewer) watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	u, err := v.snapshot(watchEvery / 2)
	if err != nil {
		return err
	}
	if err := emit(u); err != nil {
		return err
	}
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	known := byID(u.Calls)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		next, err := v.snapshot(watchEvery / 2)
		if err != nil {
			return err
		}
		now := byID(next.Calls)
		if err := emit(delta(known, now, next)); err != nil {
			return err
		}
		known = now
	}
}

func byID(calls []protocol.LiveCall) map[protocol.UUID]*protocol.LiveCall {
	m := make(map[protocol.UUID]*protocol.LiveCall, len(calls))
	for i := range calls {
		m[calls[i].ID] = &calls[i]
	}
	return m
}

// delta is what leads from one view to the next.
func delta(old, now map[protocol.UUID]*protocol.LiveCall, next *protocol.LiveUpdate) *protocol.LiveUpdate {
	d := &protocol.LiveUpdate{T: next.T, Counters: next.Counters}
	for i := range next.Calls {
		c := &next.Calls[i]
		if o := old[c.ID]; o == nil || !same(o, c) {
			d.Calls = append(d.Calls, *c)
		}
	}
	for id := range old {
		if now[id] == nil {
			d.Gone = append(d.Gone, id)
		}
	}
	return d
}

// same reports whether two rows show the same.
func same(a, b *protocol.LiveCall) bool {
	x, y := *a, *b
	ok := equal(x.PDDMS, y.PDDMS) && equal(x.MOS, y.MOS) && equal(x.LossPct, y.LossPct) && equal(x.JitterMS, y.JitterMS) &&
		bytes.Equal(x.Trend, y.Trend) && x.State == y.State && x.Packets == y.Packets && x.Status == y.Status &&
		x.Answer == y.Answer && x.End == y.End && x.Codec == y.Codec && x.Finding == y.Finding && x.Severity == y.Severity &&
		x.Kept == y.Kept && x.Held == y.Held && x.Rule == y.Rule && x.GroupID == y.GroupID
	return ok // the other fields are set by the first INVITE and stay
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
