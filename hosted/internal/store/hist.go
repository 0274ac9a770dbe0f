package store

import (
	"math"
	"slices"
)

// scale are the lower edges of the buckets of a histogram: R20 preferred numbers (ISO 3), twenty a decade, 10 to 10^8, each
// rounded to an integer; below 10 there is one bucket. Neighbours are at most 15 % apart above 100, so that a percentile that is
// read from a histogram is at most that far from the true one. 1, 2, 5 and their tens are edges, so that a count of what lies
// below or above such a threshold is exact.
var scale = func() []int64 {
	r20 := []float64{1, 1.12, 1.25, 1.4, 1.6, 1.8, 2, 2.24, 2.5, 2.8, 3.15, 3.55, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9}
	edges := []int64{0}
	for decade := 10.0; decade < 1e8; decade *= 10 {
		for _, r := range r20 {
			edges = append(edges, int64(math.Round(r*decade)))
		}
	}
	return append(edges, 1e8)
}()

// linear are those of a histogram of MOS: steps of 0.05 from 1 to 4.5, in thousandths.
var linear = func() []int64 {
	var edges []int64
	for e := int64(1000); e <= 4500; e += 50 {
		edges = append(edges, e)
	}
	return edges
}()

const (
	scaleBuckets  = 142
	linearBuckets = 71
)

// Hist is a histogram of what is measured on a logarithmic scale: times in ms, loss in thousandths of a per cent, jitter in us.
// Histograms are added bucket by bucket.
type Hist struct {
	N       int64 // values
	Sum     int64 // of the values
	Buckets [scaleBuckets]int64
}

// HistMOS is a histogram of MOS, in thousandths.
type HistMOS struct {
	N       int64
	Sum     int64
	Buckets [linearBuckets]int64
}

// bucket is the last edge that is not above v; values below the first edge are in the first bucket.
func bucket(edges []int64, v int64) int {
	i, found := slices.BinarySearch(edges, v)
	if !found && i > 0 {
		i--
	}
	return i
}

func (h *Hist) add(v, n int64) {
	v = max(v, 0)
	h.N += n
	h.Sum += v * n
	h.Buckets[bucket(scale, v)] += n
}

func (h *HistMOS) add(v, n int64) {
	h.N += n
	h.Sum += v * n
	h.Buckets[bucket(linear, v)] += n
}

func (h *Hist) merge(o *Hist) {
	h.N += o.N
	h.Sum += o.Sum
	for i := range h.Buckets {
		h.Buckets[i] += o.Buckets[i]
	}
}

func (h *HistMOS) merge(o *HistMOS) {
	h.N += o.N
	h.Sum += o.Sum
	for i := range h.Buckets {
		h.Buckets[i] += o.Buckets[i]
	}
}

// Mean is the mean of the values, which is exact; false if there are none.
func (h *Hist) Mean() (float64, bool) { return mean(h.Sum, h.N) }

// Mean is the mean of the values in thousandths, which is exact; false if there are none.
func (h *HistMOS) Mean() (float64, bool) { return mean(h.Sum, h.N) }

// Quantile is the value that the share p (0..1) of the values does not exceed, straight between the edges of the bucket that it
// lies in; false if there are no values.
func (h *Hist) Quantile(p float64) (float64, bool) { return quantile(scale, h.Buckets[:], h.N, p) }

// Quantile is that of Hist.
func (h *HistMOS) Quantile(p float64) (float64, bool) {
	return quantile(linear, h.Buckets[:], h.N, p)
}

// Below counts the values below v, which must be an edge of a bucket for the count to be exact.
func (h *Hist) Below(v int64) int64 { return below(scale, h.Buckets[:], v) }

// Below is that of Hist.
func (h *HistMOS) Below(v int64) int64 { return below(linear, h.Buckets[:], v) }

func mean(sum, n int64) (float64, bool) {
	if n <= 0 {
		return 0, false
	}
	return float64(sum) / float64(n), true
}

func below(edges, buckets []int64, v int64) (n int64) {
	for i, e := range edges {
		if e >= v {
			break
		}
		n += buckets[i]
	}
	return n
}

func quantile(edges, buckets []int64, n int64, p float64) (float64, bool) {
	if n <= 0 {
		return 0, false
	}
	rank, seen := p*float64(n), int64(0)
	last := 0
	for i, b := range buckets {
		if b <= 0 {
			continue
		}
		last = i
		if float64(seen+b) >= rank {
			break
		}
		seen += b
	}
	low, high := float64(edges[last]), float64(edges[last])
	if last+1 < len(edges) {
		high = float64(edges[last+1])
	}
	share := 1.0
	if buckets[last] > 0 {
		share = min(max((rank-float64(seen))/float64(buckets[last]), 0), 1)
	}
	return low + (high-low)*share, true
}
