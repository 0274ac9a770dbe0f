package storetest

import (
	"math"
	"sync"
	"testing"
	"time"
)

func testFailures(t *testing.T, open Open) {
	const window = 5 * time.Minute
	t.Run("failed log-ins are counted together, up to the limit, and sink", func(t *testing.T) {
		f := newFixture(t, open)
		a, b := [32]byte{1}, [32]byte{2}
		level := func(k [32]byte) float64 {
			t.Helper()
			all, err := f.LoginFailures(f.ctx, [][32]byte{k, {9}})
			f.ok(err)
			if len(all) == 0 {
				return 0
			}
			if len(all) != 1 || all[0].Key != k {
				t.Fatalf("counted below %x: %+v", k, all)
			}
			return all[0].Level
		}
		count := func(at time.Time) {
			t.Helper()
			f.ok(f.CountLoginFailures(f.ctx, map[[32]byte]float64{a: 5, b: 100}, window, at))
		}
		var wg sync.WaitGroup
		for range 8 { // nodes
			wg.Go(func() { count(now) })
		}
		wg.Wait()
		if level(a) != 5 || level(b) != 8 {
			t.Errorf("levels %v and %v, want 5, the limit, and 8", level(a), level(b))
		}
		count(now.Add(2 * time.Minute)) // 2 of 5, and 40 of 100, have sunk
		if math.Abs(level(a)-4) > 1e-6 || level(b) != 1 {
			t.Errorf("levels %v and %v two minutes later, want 4 and 1", level(a), level(b))
		}
		count(now) // of a node whose clock is behind
		if math.Abs(level(a)-5) > 1e-6 || level(b) != 2 {
			t.Errorf("levels %v and %v, want 5 and 2", level(a), level(b))
		}
		if all, err := f.LoginFailures(f.ctx, [][32]byte{a}); err != nil || !all[0].At.Equal(now.Add(2*time.Minute)) {
			t.Errorf("%+v, %v: time has gone back", all, err)
		}
		f.ok(f.ForgiveLoginFailures(f.ctx, a))
		if level(a) != 0 || level(b) != 2 {
			t.Errorf("levels %v and %v, want nothing of what was forgiven", level(a), level(b))
		}
		f.ok(f.SweepLoginFailures(f.ctx, now.Add(2*time.Minute)))
		if level(b) != 2 {
			t.Error("what is of now is swept")
		}
		f.ok(f.SweepLoginFailures(f.ctx, now.Add(3*time.Minute)))
		if level(b) != 0 {
			t.Error("what is old stays")
		}
	})
}
