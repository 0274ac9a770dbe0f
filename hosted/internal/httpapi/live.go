package httpapi

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"voiptop/protocol"
)

// live watches sensors for those who look at running calls. A sensor is watched once, however many look, and only while
// somebody does: what its uplink carries does not grow with the viewers.
type live struct {
	links   Links
	mu      sync.Mutex
	viewers int           // open views
	byUser  map[int64]int // of each user
	feeds   map[protocol.UUID]*feed
}

func newLive(links Links) *live {
	return &live{links: links, byUser: map[int64]int{}, feeds: map[protocol.UUID]*feed{}}
}

// enter counts a view of a user, unless there are too many: of one user, so that nobody takes the views of all.
func (l *live) enter(user int64) (leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.viewers >= maxViewers || l.byUser[user] >= maxOfUser {
		return nil, false
	}
	l.viewers++
	l.byUser[user]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.viewers--
		if l.byUser[user]--; l.byUser[user] == 0 {
			delete(l.byUser, user)
		}
	}, true
}

// feed is one sensor's running calls as they are now.
type feed struct {
	stop     context.CancelFunc
	mu       sync.Mutex
	seen     bool // the first snapshot is here
	t        protocol.Time
	calls    map[protocol.UUID]protocol.LiveCall
	weight   int // bytes of calls, about
	counters protocol.Counters
	viewers  map[*viewer]struct{}
}

// What a sensor says is its tenant's, or whoever has its key: it may be anything. A call takes about 600 bytes.
const (
	maxFeed     = 16 << 20 // bytes of one sensor's running calls; those for which there is no room are not shown
	maxCounters = 1000     // names of one sensor's counters
	maxWaiting  = 200_000  // calls and ids that wait for one viewer; who is that slow begins anew
)

// weigh is about how many bytes a running call takes.
func weigh(c *protocol.LiveCall) int {
	const fields = 400 // the struct, its numbers and the map's share
	return fields + len(c.CallID) + len(c.GroupID) + len(c.State) + len(c.Caller) + len(c.Callee) + len(c.Src) + len(c.Dst) + len(c.Transport) +
		len(c.Codec) + len(c.Trend) + len(c.Finding) + len(c.Severity) + len(c.Kept) + len(c.Held) + len(c.Rule)
}

// retryWatch is how long after a sensor's stream broke it is asked again.
const retryWatch = time.Second

// join makes v a viewer of a sensor's calls, and answers how it leaves.
func (l *live) join(sensor protocol.UUID, v *viewer) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.feeds[sensor]
	if f == nil {
		ctx, stop := context.WithCancel(context.Background()) // ends when the last viewer leaves
		f = &feed{stop: stop, viewers: map[*viewer]struct{}{}, calls: map[protocol.UUID]protocol.LiveCall{}}
		l.feeds[sensor] = f
		go f.run(ctx, l.links, sensor)
	}
	f.mu.Lock()
	f.viewers[v] = struct{}{}
	if f.seen {
		v.take(f.all())
	}
	f.mu.Unlock()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		f.mu.Lock()
		delete(f.viewers, v)
		last := len(f.viewers) == 0
		f.mu.Unlock()
		if last && l.feeds[sensor] == f {
			f.stop()
			delete(l.feeds, sensor)
		}
	}
}

// run watches the sensor until ctx ends. While the sensor is gone it has no running calls.
func (f *feed) run(ctx context.Context, links Links, sensor protocol.UUID) {
	for {
		if client := links.Client(sensor); client != nil {
			_ = client.Watch(ctx, func(u *protocol.LiveUpdate) error { f.apply(u); return nil }) // it ended: ask again
		}
		f.apply(&protocol.LiveUpdate{Snapshot: true})
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryWatch):
		}
	}
}

// apply takes an update of the sensor and passes on what it changes.
func (f *feed) apply(u *protocol.LiveUpdate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change := protocol.LiveUpdate{T: u.T, Counters: u.Counters}
	if len(change.Counters) > maxCounters {
		change.Counters = nil
	}
	if u.Snapshot {
		now := make(map[protocol.UUID]struct{}, len(u.Calls))
		for i := range u.Calls {
			now[u.Calls[i].ID] = struct{}{}
		}
		for id := range f.calls {
			if _, ok := now[id]; !ok && f.drop(id) {
				change.Gone = append(change.Gone, id)
			}
		}
	}
	for i := range u.Calls {
		if c := &u.Calls[i]; f.put(c) {
			change.Calls = append(change.Calls, *c)
		}
	}
	for _, id := range u.Gone {
		if f.drop(id) {
			change.Gone = append(change.Gone, id)
		}
	}
	f.seen, f.t, f.counters = true, u.T, change.Counters
	for v := range f.viewers {
		v.take(f, change)
	}
}

// put takes a call as it is now, if there is room.
func (f *feed) put(c *protocol.LiveCall) bool {
	before := 0
	if old, ok := f.calls[c.ID]; ok {
		before = weigh(&old)
	}
	after := weigh(c)
	if f.weight+after-before > maxFeed {
		return false
	}
	f.weight += after - before
	f.calls[c.ID] = *c
	return true
}

// drop forgets a call, if it is there.
func (f *feed) drop(id protocol.UUID) bool {
	old, ok := f.calls[id]
	if ok {
		f.weight -= weigh(&old)
		delete(f.calls, id)
	}
	return ok
}

// all is the feed's state as a change from nothing.
func (f *feed) all() (*feed, protocol.LiveUpdate) {
	u := protocol.LiveUpdate{T: f.t, Counters: f.counters, Calls: make([]protocol.LiveCall, 0, len(f.calls))}
	for _, c := range f.calls {
		u.Calls = append(u.Calls, c)
	}
	return f, u
}

// viewer is one who looks. What changed since it last got something waits here, each call once, so that a slow viewer
// costs no more than the running calls.
type viewer struct {
	mu      sync.Mutex
	calls   map[protocol.UUID]protocol.LiveCall
	gone    map[protocol.UUID]struct{}
	sources map[*feed]source
	dirty   bool
	over    bool // more waited than may: what waits is no longer all
}

type source struct {
	t        protocol.Time
	counters protocol.Counters
}

func newViewer() *viewer {
	return &viewer{calls: map[protocol.UUID]protocol.LiveCall{}, gone: map[protocol.UUID]struct{}{}, sources: map[*feed]source{}}
}

func (v *viewer) take(f *feed, u protocol.LiveUpdate) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over = v.over || len(v.calls)+len(v.gone) > maxWaiting; v.over {
		clear(v.calls)
		clear(v.gone)
		return
	}
	for _, c := range u.Calls {
		v.calls[c.ID] = c
		delete(v.gone, c.ID)
	}
	for _, id := range u.Gone {
		delete(v.calls, id)
		v.gone[id] = struct{}{}
	}
	v.sources[f] = source{u.T, u.Counters}
	v.dirty = true
}

// heard is how many sensors have said something.
func (v *viewer) heard() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.sources)
}

// late reports whether more waits for the viewer than may: it reads too slowly for what its sensors say.
func (v *viewer) late() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.over
}

// next is what changed since the last time, and whether anything did. Counters are summed over the sensors; the time is the
// latest of their clocks.
func (v *viewer) next() (protocol.LiveUpdate, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	changed := v.dirty
	u := protocol.LiveUpdate{Counters: protocol.Counters{}}
	for _, c := range v.calls {
		u.Calls = append(u.Calls, c)
	}
	for id := range v.gone {
		u.Gone = append(u.Gone, id)
	}
	slices.SortFunc(u.Calls, func(a, b protocol.LiveCall) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	slices.SortFunc(u.Gone, func(a, b protocol.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, s := range v.sources {
		u.T = max(u.T, s.t)
		for name, n := range s.counters {
			u.Counters[name] += n
		}
	}
	clear(v.calls)
	clear(v.gone)
	v.dirty = false
	return u, changed
}
