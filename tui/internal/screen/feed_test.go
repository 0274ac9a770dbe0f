package screen

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"voiptop/protocol"
)

func TestFeedGathersUpdatesIntoOne(t *testing.T) {
	f := newFeed(&fake{}, time.Now)
	calls := liveCalls()
	for _, u := range []*protocol.LiveUpdate{
		{T: 1, Snapshot: true, Calls: calls[:3]},
		{T: 2, Calls: calls[3:5], Gone: []protocol.UUID{calls[0].ID}},
		{T: 3, Calls: calls[:1], Gone: []protocol.UUID{calls[4].ID, id(77)}},
	} {
		f.change(func(m *feedMsg) { m.merge(u) })
	}
	m := f.take()
	if !m.fresh || m.t != 3 || len(m.calls) != 4 || len(m.gone) != 2 || !m.gone[id(77)] || !m.gone[calls[4].ID] {
		t.Errorf("took %+v", m)
	}
	if _, back := m.calls[calls[0].ID]; !back {
		t.Error("a call that went and came again is missing")
	}
	if m = f.take(); m.fresh || m.calls != nil || m.t != 0 {
		t.Errorf("took again %+v", m)
	}
	f.change(func(m *feedMsg) { m.merge(&protocol.LiveUpdate{T: 4, Calls: calls[:1]}) })
	f.change(func(m *feedMsg) { m.merge(&protocol.LiveUpdate{T: 5, Snapshot: true}) })
	if m = f.take(); !m.fresh || len(m.calls) != 0 {
		t.Errorf("a snapshot did not replace what came before: %+v", m)
	}
}

func TestUpdatesReachTheScreenAtMostTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		e := &env{ctx: ctx, pause: sleep}
		f := newFeed(&fake{}, time.Now)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				f.change(func(m *feedMsg) { m.merge(&protocol.LiveUpdate{T: 1}) })
				time.Sleep(time.Millisecond)
			}
		}()
		began := time.Now()
		for range 20 {
			f.next(e)()
		}
		if d := time.Since(began); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("20 updates took %v", d)
		}
		cancel()
		<-done
		if m := f.next(e)(); m != nil {
			t.Errorf("after the end there came %+v", m)
		}
	})
}

func TestFeedConnectsAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		src := pbx()
		src.fail = errors.New("gone")
		f := newFeed(src, time.Now)
		done := make(chan struct{})
		go func() { defer close(done); f.run(ctx) }()
		time.Sleep(time.Minute)
		if m := f.take(); m.conn != lost || m.err == nil || !m.fresh {
			t.Errorf("after a minute of failures: %+v", m)
		}
		if src.watched < 6 || src.watched > 20 {
			t.Errorf("it tried %d times in a minute", src.watched)
		}
		src.mu.Lock()
		src.fail = nil
		src.mu.Unlock()
		time.Sleep(backoffMax)
		if m := f.take(); m.conn != connected || m.err != nil || len(m.calls) != 6 || m.info == nil {
			t.Errorf("after it came back: %+v", m)
		}
		cancel()
		<-done
	})
}

// tenThousand is a screen with 10,000 running calls.
func tenThousand(b *testing.B) (*Model, map[protocol.UUID]protocol.LiveCall) {
	src := &fake{}
	m := newBenchScreen(b, src)
	calls := map[protocol.UUID]protocol.LiveCall{}
	for i := range 10_000 {
		c := liveCalls()[i%6]
		c.ID = id(i)
		calls[c.ID] = c
	}
	m.take(feedMsg{conn: connected, fresh: true, calls: calls, t: 1, counters: counters()})
	m.e.marks.toggle(id(7))
	return m, calls
}

// BenchmarkTickOf10000Calls is what the screen does four times a second by itself, and for each key.
func BenchmarkTickOf10000Calls(b *testing.B) {
	m, _ := tenThousand(b)
	for b.Loop() {
		m.Update(tickMsg{})
		m.View()
	}
}

// BenchmarkUpdateOf10000Calls is an update that brings 500 of them.
func BenchmarkUpdateOf10000Calls(b *testing.B) {
	t, calls := tenThousand(b)
	few := map[protocol.UUID]protocol.LiveCall{}
	for i := range 500 {
		few[id(i)] = calls[id(i)]
	}
	for b.Loop() {
		t.take(feedMsg{conn: connected, calls: few, t: 2, counters: counters()})
		t.View()
	}
}
