package main

import (
	"context"
	"time"
)

const (
	maintainEvery = 6 * time.Hour // days end once in four of them; the rest is for days ahead and sessions
	maintainRetry = 10 * time.Minute
)

// maintain drops the days that are over and makes those that come: now, and again until ctx ends. Retention that does not
// run fills the disk, so that a failure is tried again soon, logged each time, and seen in the metrics.
func (s *service) maintain(ctx context.Context, m *metrics) {
	for {
		wait := maintainEvery
		if err := s.maintainOnce(ctx); err != nil && ctx.Err() == nil {
			wait = maintainRetry
			s.log.Error("retention failed", "error", err, "again", wait)
		} else {
			m.maintained.Set(float64(s.now().Unix()))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (s *service) maintainOnce(ctx context.Context) error {
	now := s.now()
	if err := s.store.Maintain(ctx, now); err != nil {
		return err
	}
	return s.store.DropBefore(ctx, now.Add(-s.keep()))
}
