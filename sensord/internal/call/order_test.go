package call

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCallsStandInTheOrderOfTheirStartWhateverGoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var (
		o    order
		want []*Call
		next uint64
	)
	for step := range 20_000 {
		if start := r.IntN(3) > 0; start && step < 15_000 || len(want) == 0 {
			c := &Call{number: next}
			next += uint64(1 + r.IntN(2)*r.IntN(300)) // whole blocks may stay empty
			o.add(c)
			want = append(want, c)
			continue
		}
		i := r.IntN(len(want))
		o.remove(want[i])
		want = slices.Delete(want, i, i+1)
		if step%500 == 0 {
			var got []*Call
			for c := o.oldest(); c != nil; c = o.after(c) {
				got = append(got, c)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("after %d steps: %d calls in order, want %d", step, len(got), len(want))
			}
		}
	}
	for _, c := range want {
		o.remove(c)
	}
	if o.oldest() != nil || len(o.blocks) != 0 || len(o.free) > maxFreeOrder {
		t.Errorf("all are gone: the oldest is %v, %d blocks, %d free", o.oldest(), len(o.blocks), len(o.free))
	}
}

func TestTheFirstCallFromANumberOnIsFound(t *testing.T) {
	var o order
	for _, n := range []uint64{5, 63, 64, 200, 1000} {
		o.add(&Call{number: n})
	}
	for from, want := range map[uint64]uint64{0: 5, 5: 5, 6: 63, 64: 64, 65: 200, 201: 1000, 1000: 1000} {
		if c := o.from(from); c == nil || c.number != want {
			t.Errorf("from %d: %v, want %d", from, c, want)
		}
	}
	if c := o.from(1001); c != nil {
		t.Errorf("from 1001: %v", c)
	}
}
