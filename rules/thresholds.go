package rules

import (
	"cmp"
	"slices"
)

// thresholds finds rules by bounds of a number, all upper or all lower ones. They are sorted from the widest to the narrowest, so
// that those which a number keeps are the first; what many of them find is there already, as one bitmap for each step.
type thresholds struct {
	list []threshold
	sums []bitmap // rules under the first step, two steps, ... of list
}

const step = 64

type threshold struct {
	op  string // < <= > >=
	at  float64
	key int32
}

// newThresholds sorts a list whose keys are filed already.
func newThresholds(list []threshold, keys []filed, words int) *thresholds {
	slices.SortStableFunc(list, func(a, b threshold) int {
		c := cmp.Compare(a.at, b.at) // > 1 is wider than > 2
		if a.op[0] == '<' {
			c = -c
		}
		if c == 0 {
			c = len(b.op) - len(a.op) // >= 1 is wider than > 1
		}
		return c
	})
	t := &thresholds{list: list}
	sum := make(bitmap, words)
	for i := range list {
		keys[list[i].key].mark(sum)
		if (i+1)%step == 0 {
			t.sums = append(t.sums, slices.Clone(sum))
		}
	}
	return t
}

// mark marks the rules under the bounds that v keeps.
func (t *thresholds) mark(v float64, keys []filed, rules bitmap) {
	n, _ := slices.BinarySearchFunc(t.list, v, func(e threshold, v float64) int {
		if compare(e.op, v, e.at) {
			return -1
		}
		return 1
	})
	from := n / step * step
	if from > 0 {
		for i, w := range t.sums[from/step-1] {
			rules[i] |= w
		}
	}
	for _, e := range t.list[from:n] {
		keys[e.key].mark(rules)
	}
}
