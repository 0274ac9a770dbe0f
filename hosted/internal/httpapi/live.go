package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// live watches sensors for those who look at what runs: calls, or their streams. A sensor is watched once, however many look, and
// only while somebody does: what its uplink carries does not grow with the viewers.
type live[K comparable, V any] struct {
	links Links
	kind  kind[K, V]
	mu    sync.Mutex
	feeds map[protocol.UUID]*feed[K, V]
}

// kind is what is watched of a sensor.
type kind[K comparable, V any] struct {
	watch func(context.Context, *sensorapi.Client, func(change[K, V]) error) error
	key   func(*V) K
	less  func(a, b K) int
	join  func(old, now V) V // what is known of a row, and what is told of it now
	whole func(*V) bool      // a row can be shown without an older one
	weigh func(*V) int       // about how many bytes a row takes
}

// change is what a sensor, or hosted, says at a time.
type change[K comparable, V any] struct {
	t        protocol.Time
	all      bool // rows are all there are
	rows     []V
	gone     []K
	counters protocol.Counters
}

// views counts the open views of whatever kind.
type views struct {
	mu     sync.Mutex
	all    int
	byUser map[int64]int
}

// enter counts a view of a user, unless there are too many: of one user, so that nobody takes the views of all.
func (n *views) enter(user int64) (leave func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all >= maxViewers || n.byUser[user] >= maxOfUser {
		return nil, false
	}
	if n.byUser == nil {
		n.byUser = map[int64]int{}
	}
	n.all++
	n.byUser[user]++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.all--
		if n.byUser[user]--; n.byUser[user] == 0 {
			delete(n.byUser, user)
		}
	}, true
}

func newLive[K comparable, V any](links Links, k kind[K, V]) *live[K, V] {
	return &live[K, V]{links: links, kind: k, feeds: map[protocol.UUID]*feed[K, V]{}}
}

// feed is what runs at one sensor now.
type feed[K comparable, V any] struct {
	kind     *kind[K, V]
	stop     context.CancelFunc
	mu       sync.Mutex
	seen     bool // the first snapshot is here
	t        protocol.Time
	rows     map[K]V
	weight   int // bytes of rows, about
	counters protocol.Counters
	viewers  map[*viewer[K, V]]struct{}
}

// What a sensor says is its tenant's, or whoever has its key: it may be anything. A call takes about 600 bytes.
const (
	maxFeed     = 16 << 20 // bytes of what runs at one sensor; that for which there is no room is not shown
	maxCounters = 1000     // names of one sensor's counters
	maxWaiting  = 200_000  // rows and ids that wait for one viewer; who is that slow begins anew
)

// retryWatch is how long after a sensor's stream broke it is asked again.
const retryWatch = time.Second

// join makes v a viewer of a sensor, and answers how it leaves.
func (l *live[K, V]) join(sensor protocol.UUID, v *viewer[K, V]) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.feeds[sensor]
	if f == nil {
		ctx, stop := context.WithCancel(context.Background()) // ends when the last viewer leaves
		f = &feed[K, V]{kind: &l.kind, stop: stop, viewers: map[*viewer[K, V]]struct{}{}, rows: map[K]V{}}
		l.feeds[sensor] = f
		go f.run(ctx, l.links, sensor)
	}
	f.mu.Lock()
	f.viewers[v] = struct{}{}
	if f.seen {
		v.take(f, f.all())
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

// run watches the sensor until ctx ends. While the sensor is gone nothing runs at it.
func (f *feed[K, V]) run(ctx context.Context, links Links, sensor protocol.UUID) {
	for {
		if client := links.Client(sensor); client != nil {
			_ = f.kind.watch(ctx, client, func(c change[K, V]) error { f.apply(c); return nil }) // it ended: ask again
		}
		f.apply(change[K, V]{all: true})
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryWatch):
		}
	}
}

// apply takes what the sensor says and passes on what it changes.
func (f *feed[K, V]) apply(c change[K, V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := change[K, V]{t: c.t, counters: c.counters}
	if len(next.counters) > maxCounters {
		next.counters = nil
	}
	if c.all {
		now := make(map[K]struct{}, len(c.rows))
		for i := range c.rows {
			now[f.kind.key(&c.rows[i])] = struct{}{}
		}
		for k := range f.rows {
			if _, ok := now[k]; !ok && f.drop(k) {
				next.gone = append(next.gone, k)
			}
		}
	}
	for i := range c.rows {
		if f.put(c.rows[i]) {
			next.rows = append(next.rows, c.rows[i])
		}
	}
	for _, k := range c.gone {
		if f.drop(k) {
			next.gone = append(next.gone, k)
		}
	}
	f.seen, f.t, f.counters = true, next.t, next.counters
	for v := range f.viewers {
		v.take(f, next)
	}
}

// put takes a row as it is now, if there is room.
func (f *feed[K, V]) put(row V) bool {
	k, before := f.kind.key(&row), 0
	if old, ok := f.rows[k]; ok {
		before = f.kind.weigh(&old)
		row = f.kind.join(old, row)
	} else if !f.kind.whole(&row) {
		return false
	}
	after := f.kind.weigh(&row)
	if f.weight+after-before > maxFeed {
		return false
	}
	f.weight += after - before
	f.rows[k] = row
	return true
}

// drop forgets a row, if it is there.
func (f *feed[K, V]) drop(k K) bool {
	old, ok := f.rows[k]
	if ok {
		f.weight -= f.kind.weigh(&old)
		delete(f.rows, k)
	}
	return ok
}

// all is the feed's state as a change from nothing.
func (f *feed[K, V]) all() change[K, V] {
	c := change[K, V]{t: f.t, counters: f.counters, rows: make([]V, 0, len(f.rows))}
	for _, row := range f.rows {
		c.rows = append(c.rows, row)
	}
	return c
}

// viewer is one who looks. What changed since it last got something waits here, each row once, so that a slow viewer costs no
// more than what runs.
type viewer[K comparable, V any] struct {
	kind    *kind[K, V]
	mu      sync.Mutex
	rows    map[K]V
	gone    map[K]struct{}
	sources map[*feed[K, V]]source
	dirty   bool
	over    bool // more waited than may: what waits is no longer all
}

type source struct {
	t        protocol.Time
	counters protocol.Counters
}

func (l *live[K, V]) viewer() *viewer[K, V] {
	return &viewer[K, V]{kind: &l.kind, rows: map[K]V{}, gone: map[K]struct{}{}, sources: map[*feed[K, V]]source{}}
}

func (v *viewer[K, V]) take(f *feed[K, V], c change[K, V]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over = v.over || len(v.rows)+len(v.gone) > maxWaiting; v.over {
		clear(v.rows)
		clear(v.gone)
		return
	}
	for i := range c.rows {
		k, row := v.kind.key(&c.rows[i]), c.rows[i]
		if old, ok := v.rows[k]; ok {
			row = v.kind.join(old, row)
		}
		v.rows[k] = row
		delete(v.gone, k)
	}
	for _, k := range c.gone {
		delete(v.rows, k)
		v.gone[k] = struct{}{}
	}
	v.sources[f] = source{c.t, c.counters}
	v.dirty = true
}

// heard is how many sensors have said something.
func (v *viewer[K, V]) heard() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.sources)
}

// late reports whether more waits for the viewer than may: it reads too slowly for what its sensors say.
func (v *viewer[K, V]) late() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.over
}

// next is what changed since the last time, and whether anything did. Counters are summed over the sensors; the time is the
// latest of their clocks.
func (v *viewer[K, V]) next() (change[K, V], bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	changed := v.dirty
	c := change[K, V]{counters: protocol.Counters{}}
	for _, row := range v.rows {
		c.rows = append(c.rows, row)
	}
	for k := range v.gone {
		c.gone = append(c.gone, k)
	}
	slices.SortFunc(c.rows, func(a, b V) int { return v.kind.less(v.kind.key(&a), v.kind.key(&b)) })
	slices.SortFunc(c.gone, v.kind.less)
	for _, s := range v.sources {
		c.t = max(c.t, s.t)
		for name, n := range s.counters {
			c.counters[name] += n
		}
	}
	clear(v.rows)
	clear(v.gone)
	v.dirty = false
	return c, changed
}
