package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Failed logins are counted by name and address together, by address, and by name. Each count sinks back to zero over
// window. The first two stop guessing from one place; the third slows many places down, and is so high that nobody can
// lock another out from one address.
const (
	window      = 5 * time.Minute
	maxPair     = 5
	maxAddress  = 30
	maxName     = 100
	maxCounters = 30000
)

type counter struct {
	level float64 // failures, less what has sunk
	at    time.Time
	limit float64
}

// sink brings the counter to now.
func (c *counter) sink(now time.Time) {
	c.level = max(0, c.level-c.limit*float64(now.Sub(c.at))/float64(window))
	c.at = now
}

// wait says how long the next attempt must wait, 0 if it may be made now.
func (c *counter) wait() time.Duration {
	return max(0, time.Duration((c.level-c.limit+1)/c.limit*float64(window)))
}

// turns says when something is due that is done once in a window.
type turns struct {
	mu   sync.Mutex
	last time.Time
}

func (t *turns) due(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.last) < window {
		return false
	}
	t.last = now
	return true
}

type limiter struct {
	now      func() time.Time
	mu       sync.Mutex
	counters map[string]*counter
	swept    time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, counters: map[string]*counter{}}
}

// keys of the counters that a login concerns, and their limits.
func keys(name, addr string) map[string]float64 {
	addr = network(addr)
	return map[string]float64{pairKey(name, addr): maxPair, "a " + addr: maxAddress, "n " + name: maxName}
}

func pairKey(name, addr string) string { return "p " + network(addr) + " " + name }

// network is the address that counts as one: an IPv6 user has a /64 of them.
func network(addr string) string {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return addr
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return a.String()
}

// wait says how long a login must wait, 0 if it may be tried now.
func (l *limiter) wait(name, addr string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for key := range keys(name, addr) {
		c := l.counters[key]
		if c == nil {
			continue
		}
		c.sink(now)
		wait = max(wait, c.wait())
	}
	return wait
}

func (l *limiter) failed(name, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for key, limit := range keys(name, addr) {
		c := l.counter(key, limit, now)
		c.level = min(c.level+1, limit)
	}
}

// counter is the counter of a key as it stands now, made if it is new; the mutex is held.
func (l *limiter) counter(key string, limit float64, now time.Time) *counter {
	c := l.counters[key]
	if c == nil {
		if len(l.counters) >= maxCounters {
			l.evict(now)
		}
		c = &counter{limit: limit, at: now}
		l.counters[key] = c
	}
	c.sink(now)
	return c
}

// take counts an attempt below a key of its own if it may be made, and says how long it must wait if not.
func (l *limiter) take(key string, limit float64) time.Duration { return l.look(key, limit, 1) }

// look says how long an attempt below a key must wait; if it need not, n is added to what is counted.
func (l *limiter) look(key string, limit, n float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	c := l.counter(key, limit, now)
	if wait := c.wait(); wait > 0 {
		return wait
	}
	c.level += n
	return 0
}

// sweepEvery bounds what eviction costs while the table stays full.
const sweepEvery = 10 * time.Second

// evict makes room: all counters that have sunk to zero, or else any one.
func (l *limiter) evict(now time.Time) {
	if now.Sub(l.swept) >= sweepEvery {
		l.swept = now
		for key, c := range l.counters {
			if c.sink(now); c.level == 0 {
				delete(l.counters, key)
			}
		}
	}
	for key := range l.counters {
		if len(l.counters) < maxCounters {
			return
		}
		delete(l.counters, key)
	}
}

// succeeded forgives the failures of this name from this address.
func (l *limiter) succeeded(name, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.counters, pairKey(name, addr))
}
