package quality

// Depths of the jitter buffers, nanoseconds. A packet that comes later than the earliest ones by more than the depth
// misses its turn. Lateness counts from the earliest packets of the last seconds, as a receiver that follows clock drift
// and longer paths would have it.
const (
	depthF1  = 50e6
	depthF2  = 200e6
	depthMax = 500e6 // of the adaptive buffer

	// The adaptive buffer is as deep as the latest packet of the last one to two windows needed, and a margin. It grows at
	// the packet that came too late, which is lost, and shrinks when a window ends.
	adaptWindow = 4e9
	adaptMargin = 10e6
	adaptFloor  = 20e6
)

const meterWords = 4 // of 64 packets each

// word holds, for 64 consecutive sequence numbers, a bit for each packet that each buffer could play.
type word [Buffers]uint64

func (w *word) set(seq uint64, delay, depth int64) {
	bit := uint64(1) << (seq & 63)
	if delay <= depthF1 {
		w[F1] |= bit
	}
	if delay <= depthF2 {
		w[F2] |= bit
	}
	if delay <= depth {
		w[Adaptive] |= bit
	}
}

// adaptive is the depth of the buffer that follows the jitter.
type adaptive struct {
	depth     int64
	prev, cur int64 // latest packet of the previous and the current window
	next      int64 // when the current window ends
}

// packet gives the depth that a packet met, and adapts it.
func (a *adaptive) packet(t, delay int64) (depth int64) {
	if t >= a.next {
		a.prev, a.cur = a.cur, 0
		if t >= a.next+adaptWindow {
			a.prev = 0
		}
		a.next = t + adaptWindow
		a.depth = min(max(a.prev+adaptMargin, adaptFloor), depthMax)
	}
	depth = a.depth
	if delay > a.cur && delay <= depthMax { // one that is later comes too late for any depth
		a.cur = delay
		a.depth = max(a.depth, min(delay+adaptMargin, depthMax))
	}
	return depth
}

// Playout says of each packet of a stream whether one of the buffers plays it, as a Meter counts it. Package audio plays by
// it, so that what is heard is what was rated. The zero value is an F1 buffer.
type Playout struct {
	Buffer int // F1, F2 or Adaptive
	adapt  adaptive
}

// Packet takes what Meter.Packet takes of a packet: when it came, and how much later than the earliest ones, nanoseconds.
func (p *Playout) Packet(t, delay int64) (played bool) {
	switch p.Buffer {
	case F1:
		return delay <= depthF1
	case F2:
		return delay <= depthF2
	}
	return delay <= p.adapt.packet(t, delay)
}
