//go:build !race

package rules // the race detector makes sync.Pool forget what it holds

import "testing"

func TestDecidingAllocatesNothing(t *testing.T) {
	for _, set := range benchSets {
		s, calls := benchSet(t, set.rule)
		i := 0
		if n := testing.AllocsPerRun(500, func() {
			s.Decide(calls[i%len(calls)], testNow)
			s.DecideRunning(calls[i%len(calls)], testNow)
			i++
		}); n != 0 {
			t.Errorf("%s: %v allocations for deciding twice, want 0", set.name, n)
		}
	}
	e, err := ParseExpr(`caller:+42* and (mos<4 or ua~"^Phone") and not src:192.0.2.0/24 jana`)
	if err != nil {
		t.Fatal(err)
	}
	c := someCall()
	if n := testing.AllocsPerRun(500, func() { e.Match(c) }); n != 0 {
		t.Errorf("%v allocations for matching, want 0", n)
	}
}
