package rtp

import "math/bits"

const (
	windowWords = 4
	windowSize  = 64 * windowWords // sequence numbers, 192 of them at least behind the newest
)

// window remembers which of the newest extended sequence numbers came, as bits. Blocks of 64 numbers that leave it are
// settled: their runs of missing packets are counted as bursts. So a late packet repairs a loss, a second copy is told
// from a late packet, and an ordinary packet costs one bit.
type window struct {
	base, top uint64 // lowest and highest extended sequence number
	received  uint64 // unique
	words     [windowWords]uint64
	run       uint32 // length of the run of losses that ends where the settled blocks end
	bursts    [10]uint32
}

// seqOffset keeps extended numbers above zero when packets from before the first arrive.
const seqOffset = 1 << 32

func (w *window) init(seq uint16) {
	w.top = seqOffset + uint64(seq)
	w.base = w.top
	for i := range w.words {
		w.words[i] = ^uint64(0) // nothing is missing before the first
	}
	w.words[w.top>>6%windowWords] = ^uint64(0) >> (63 - w.top&63)
	w.received = 1
}

// advance moves the newest number on by n and marks it received.
func (w *window) advance(n uint64) {
	to := w.top + n
	if to>>6 != w.top>>6 {
		w.turn(to)
	}
	w.top = to
	w.words[to>>6%windowWords] |= 1 << (to & 63)
	w.received++
}

// turn settles the blocks that leave the window when its newest block becomes that of to.
func (w *window) turn(to uint64) {
	n := to>>6 - w.top>>6
	for i := uint64(1); i <= min(n, windowWords); i++ {
		word := &w.words[(w.top>>6+i)%windowWords]
		w.run = settle(*word, 64, w.run, &w.bursts)
		*word = 0
	}
	if n > windowWords { // whole blocks were lost
		w.run += uint32(n-windowWords) * 64
	}
}

// fill marks a number received that is at most maxMisorder behind the newest; false when it was received before.
func (w *window) fill(ext uint64) bool {
	if ext < w.base {
		w.fillBefore(ext)
		return true
	}
	word, bit := &w.words[ext>>6%windowWords], uint64(1)<<(ext&63)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	w.received++
	return true
}

// fillBefore takes a packet from before the first that arrived: the numbers between become missing.
func (w *window) fillBefore(ext uint64) {
	for at := ext + 1; at < w.base; at++ {
		w.words[at>>6%windowWords] &^= 1 << (at & 63)
	}
	w.base = ext
	w.received++
}

// settle counts the runs of zero bits among the lowest n of word, lowest first. run is the length of a run that reaches
// up to the word; the run that reaches its end is returned, not counted.
func settle(word uint64, n int, run uint32, bursts *[10]uint32) uint32 {
	if n == 64 && word == ^uint64(0) {
		countBurst(run, bursts)
		return 0
	}
	for n > 0 {
		missing := min(bits.TrailingZeros64(word), n)
		run += uint32(missing)
		n -= missing
		if n == 0 {
			return run
		}
		countBurst(run, bursts)
		run = 0
		word >>= missing
		there := min(bits.TrailingZeros64(^word), n)
		n -= there
		word >>= there
	}
	return 0
}

func countBurst(run uint32, bursts *[10]uint32) {
	if run > 0 {
		bursts[min(run, 10)-1]++
	}
}

// expected is the number of packets from the lowest to the highest sequence number (RFC 3550 appendix A.3).
func (w *window) expected() uint64 { return w.top - w.base + 1 }

// burstCounts gives the bursts so far, those that are still in the window included.
func (w *window) burstCounts() [10]uint32 {
	b, run := w.bursts, w.run
	head := w.top >> 6
	for i := head - windowWords + 1; i <= head; i++ {
		n := 64
		if i == head {
			n = int(w.top&63) + 1
		}
		run = settle(w.words[i%windowWords], n, run, &b)
	}
	countBurst(run, &b)
	return b
}
