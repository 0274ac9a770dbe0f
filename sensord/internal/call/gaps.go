package call

import (
	"math"
	"slices"
)

// gaps tells whether two streams lack the same packets, whatever their numbers are: by how far each gap is from the two before it,
// of which the fifteen least hashes are kept. Where a relay passes gaps on they are the same; where two lines lose as much by
// chance, hardly one is.
type gaps struct {
	n      uint16
	kept   uint16
	last   uint32 // the end of the sequence number at which the newest ended
	before uint32 // how far it was from the one before
	least  [15]uint32
}

// add takes a gap of so many packets before a sequence number.
func (g *gaps) add(seq uint64, lost uint32) {
	far := uint32(seq) - g.last
	if g.n >= 2 {
		h := uint32(noDigest.Number(g.before).Number(far).Number(lost) >> 32)
		at, there := slices.BinarySearch(g.least[:g.kept], h)
		if !there && at < len(g.least) {
			if int(g.kept) < len(g.least) {
				g.kept++
			}
			copy(g.least[at+1:g.kept], g.least[at:])
			g.least[at] = h
		}
	}
	g.n = min(g.n, math.MaxUint16-1) + 1
	g.last, g.before = uint32(seq), far
}

// enoughGaps are those that make a pattern.
const enoughGaps = 6

// same reports whether two streams have the same gaps: three in four of the least that either has.
func (g *gaps) same(o *gaps) bool {
	if g == nil || o == nil || g.n < enoughGaps || o.n < enoughGaps {
		return false
	}
	a, b := g.least[:g.kept], o.least[:o.kept]
	both, all := 0, 0
	for all < len(g.least) && len(a) > 0 && len(b) > 0 {
		all++
		switch {
		case a[0] == b[0]:
			both++
			a, b = a[1:], b[1:]
		case a[0] < b[0]:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return all > 0 && 4*both >= 3*all
}
