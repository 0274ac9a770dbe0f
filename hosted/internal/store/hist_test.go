package store

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBucketsAreAsManyAsTheEdges(t *testing.T) {
	if len(scale) != scaleBuckets || len(linear) != linearBuckets || !slices.IsSorted(scale) || !slices.IsSorted(linear) {
		t.Fatalf("%d and %d edges", len(scale), len(linear))
	}
	for i := 21; i < len(scale)-1; i++ { // from 100 on
		if ratio := float64(scale[i+1]) / float64(scale[i]); ratio > 1.15 {
			t.Errorf("the bucket from %d to %d is %.0f %% wide, want at most 15", scale[i], scale[i+1], 100*(ratio-1))
		}
	}
	for _, threshold := range []int64{1000, 5000, 10_000, 2_000_000} {
		if !slices.Contains(scale, threshold) {
			t.Errorf("%d is no edge: counts below it are not exact", threshold)
		}
	}
	if !slices.Contains(linear, GoodMOS) {
		t.Error("GoodMOS is no edge")
	}
}

func TestAPercentileIsWithinABucketOfTheTrueOne(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var h Hist
		var m HistMOS
		var values, mos []int64
		spread := rnd.Float64() * 3
		for range 1 + rnd.IntN(400) {
			v, w := 100+int64(math.Exp(rnd.NormFloat64()*spread)*1000), 1000+rnd.Int64N(3500)
			values, mos = append(values, v), append(mos, w)
			h.add(v, 1)
			m.add(w, 1)
		}
		slices.Sort(values)
		slices.Sort(mos)
		for _, p := range []float64{0.05, 0.5, 0.95} {
			i := max(0, int(math.Ceil(p*float64(len(values))))-1)
			got, _ := h.Quantile(p)
			if want := float64(values[i]); math.Abs(got-want) > 0.15*want {
				t.Errorf("p%v of %d values: %v, want %v within 15 %%", p, len(values), got, want)
			}
			got, _ = m.Quantile(p)
			if want := float64(mos[i]); math.Abs(got-want) > 50 {
				t.Errorf("p%v of %d MOS: %v, want %v within 50", p, len(mos), got, want)
			}
		}
	}
}

func TestAHistogramWithoutValuesHasNoFigures(t *testing.T) {
	var h Hist
	h.add(7, 1)
	h.add(7, -1)
	if _, ok := h.Quantile(0.5); ok {
		t.Error("it has a median")
	}
	if _, ok := h.Mean(); ok || h != (Hist{}) {
		t.Errorf("what was taken out is still there: %+v", h)
	}
}

func TestValuesBeyondTheScaleAreInTheLastBucket(t *testing.T) {
	var h Hist
	h.add(math.MaxInt32*1000, 1)
	h.add(-5, 1)
	if h.Buckets[scaleBuckets-1] != 1 || h.Buckets[0] != 1 {
		t.Errorf("%v", h.Buckets)
	}
	if v, _ := h.Quantile(0.95); v != 1e8 {
		t.Errorf("p95 %v, want the last edge", v)
	}
}
