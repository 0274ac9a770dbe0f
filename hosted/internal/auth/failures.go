package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"voiptop/hosted/internal/store"
)

// Failed log-ins are counted here and in the store: who guesses at one node is slowed down at all. What this node has counted
// spares the store a question. The table is bounded: a failure costs a check of a password, of which a node does a few at a time,
// and what is older than window is swept.

// mayTry says how long a log-in must wait, 0 if it may be tried now.
func (s *Service) mayTry(ctx context.Context, name, addr string) (wait time.Duration, err error) {
	if wait = s.limits.wait(name, addr); wait > 0 {
		return wait, nil
	}
	limits := failureKeys(name, addr)
	var keys [][32]byte
	for k := range limits {
		keys = append(keys, k)
	}
	all, err := s.store.LoginFailures(ctx, keys)
	if err != nil {
		return 0, err
	}
	now := s.now()
	for _, f := range all {
		c := counter{level: f.Level, at: f.At, limit: limits[f.Key]}
		if now.After(c.at) { // another node's clock may be ahead
			c.sink(now)
		}
		wait = max(wait, c.wait())
	}
	return wait, nil
}

// failed counts a log-in that failed.
func (s *Service) failed(ctx context.Context, name, addr string) error {
	s.limits.failed(name, addr)
	now := s.now()
	if s.sweeps.due(now) {
		if err := s.store.SweepLoginFailures(ctx, now.Add(-window)); err != nil {
			return err
		}
	}
	return s.store.CountLoginFailures(ctx, failureKeys(name, addr), window, now)
}

// succeeded forgives the failures of a name from an address.
func (s *Service) succeeded(ctx context.Context, name, addr string) error {
	s.limits.succeeded(name, addr)
	return s.store.ForgiveLoginFailures(ctx, sha256.Sum256([]byte(pairKey(name, addr))))
}

// failureKeys are the counters of a log-in in the store, which learns no name and no address, and their limits.
func failureKeys(name, addr string) map[[32]byte]float64 {
	out := map[[32]byte]float64{}
	for k, limit := range keys(name, addr) {
		out[sha256.Sum256([]byte(k))] = limit
	}
	return out
}

var _ store.LoginFailures = Store(nil)
