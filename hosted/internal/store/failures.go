package store

import (
	"context"
	"time"
)

// Failures is how many failed log-ins are counted below a key: they sink back to zero over time.
type Failures struct {
	Key   [32]byte
	Level float64 // at At, less what had sunk until then
	At    time.Time
}

// LoginFailures is the part of a Store that lets all nodes count failed log-ins together. It has no tenants: who fails to log in is
// in none. Package auth says what the keys are and how many failures are too many.
type LoginFailures interface {
	// CountLoginFailures adds one to each of some keys, up to limit; the count of a key sinks by its limit in each window.
	CountLoginFailures(ctx context.Context, limits map[[32]byte]float64, window time.Duration, now time.Time) error
	// LoginFailures answers what is counted below some keys; those without a failure are left out.
	LoginFailures(ctx context.Context, keys [][32]byte) ([]Failures, error)
	// ForgiveLoginFailures forgets a key.
	ForgiveLoginFailures(ctx context.Context, key [32]byte) error
	// SweepLoginFailures forgets the keys that were counted last before a time.
	SweepLoginFailures(ctx context.Context, before time.Time) error
}
