package rtp

import "slices"

// base follows the earliest arrival of the last seconds, against which packets are late. The earliest of the last one to
// two windows is forgotten as the path changes; when every packet of a second is late, the path became longer at once.
type base struct {
	prev, cur int64 // earliest transit of the previous and the current window, ns
	next      int64 // when the current window ends
	lateSince int64
	lateMin   int64
	lateCount uint32
	set       bool
	steady    uint8 // packets that were hopelessly late, each by as much as those before
}

// A sender that stood still, and whose clock did, goes on with packets that are all late by the same. Beyond what any jitter buffer holds a
// receiver plays them as they come; those of a queue that empties come ever less late.
const (
	hopeless      = int64(500e6)
	steadyPackets = 8
	steadyWithin  = int64(20e6)
	steadyDrop    = int64(1e6)
)

func (b *base) restart(t, transit int64) {
	*b = base{prev: transit, cur: transit, next: t + baseWindow, set: true}
}

// delay gives how much later than the base a packet came that arrived at t with the given transit.
func (b *base) delay(t, transit int64) int64 {
	if t >= b.next {
		b.prev, b.cur = b.cur, transit
		if t >= b.next+baseWindow {
			b.prev = transit
		}
		b.next = t + baseWindow
	}
	if transit < b.cur {
		b.cur = transit
	}
	late := transit - min(b.prev, b.cur)
	if late <= stepDelay {
		b.lateCount = 0
		return late
	}
	return b.overdue(t, transit, late)
}

// overdue takes a packet that is late by more than stepDelay, and answers its delay: less where the base begins anew.
//
//go:noinline
func (b *base) overdue(t, transit, late int64) int64 {
	switch {
	case late <= hopeless || b.lateCount == 0 || transit < b.lateMin-steadyDrop || transit > b.lateMin+steadyWithin:
		b.steady = 0
	default:
		b.steady++
	}
	if b.lateCount == 0 || transit < b.lateMin {
		if b.lateCount == 0 {
			b.lateSince = t
		}
		b.lateMin = transit
	}
	b.lateCount++
	if b.lateCount >= stepPackets && t-b.lateSince >= stepTime || b.steady >= steadyPackets {
		b.restart(t, b.lateMin)
		late = transit - b.lateMin
	}
	return late
}

const skewBuckets = 16

// skew keeps the earliest transit of up to sixteen equal spans of the stream. The slope of this lower envelope is the
// drift of the sender's clock: queues only ever delay, so they do not bend it.
type skew struct {
	from   int64
	next   int64 // when the current span ends
	width  int64
	offset float64 // added so that transits go on where the clock jumped
	lastAt float64
	n      int // spans begun
	min    [skewBuckets]float32
}

func (k *skew) start(t int64) {
	*k = skew{from: t, next: t + 1e9, width: 1e9, n: 1}
}

// rebase says that transits now continue from the given value where they had been at the last packet.
func (k *skew) rebase(transit float64) { k.offset = k.lastAt - transit }

func (k *skew) packet(t int64, transit float64) {
	transit += k.offset
	k.lastAt = transit
	if t >= k.next {
		k.turn(t, float32(transit))
	}
	if m := &k.min[k.n-1]; float32(transit) < *m {
		*m = float32(transit)
	}
}

func (k *skew) turn(t int64, transit float32) {
	for t >= k.next {
		if k.n == skewBuckets {
			for i := range skewBuckets / 2 {
				k.min[i] = min(k.min[2*i], k.min[2*i+1])
			}
			k.n = skewBuckets / 2
			k.width *= 2
			k.next = k.from + int64(k.n)*k.width
			continue
		}
		k.min[k.n] = maxFloat32
		k.n++
		k.next += k.width
	}
	k.min[k.n-1] = transit
}

const maxFloat32 = 3.4e38

// ms is the drift over a stream of the given length: positive when the sender's clock runs ahead of ours. It is the median
// of the slopes between all pairs of spans (Theil and Sen), 0 for streams below five seconds. A clock that stood still a few times, as where
// a PBX puts another source into the stream, has not drifted: then the spans that lie near to each other say so.
func (k *skew) ms(length int64) float64 {
	per := float64(length) / 1e6
	drift := k.slope(skewBuckets, 10) * per
	if max(drift, -drift) > stepDrift {
		if near := k.slope(2, 6) * per; max(near, -near) < max(drift, -drift)/2 {
			drift = near
		}
	}
	return 0 - drift // no negative zero
}

// stepDrift is from which drift on it is asked whether it was a step, ms.
const stepDrift = 20

// slope is the median of the slopes between spans that are no further apart, 0 if there are less than least of them.
func (k *skew) slope(apart, least int) float64 {
	var slopes [skewBuckets * (skewBuckets - 1) / 2]float64
	n := 0
	for i := range k.n {
		for j := i + 1; j < k.n && j <= i+apart; j++ {
			if k.min[i] < maxFloat32 && k.min[j] < maxFloat32 {
				slopes[n] = float64(k.min[j]-k.min[i]) / float64(int64(j-i)*k.width)
				n++
			}
		}
	}
	if n < least {
		return 0
	}
	s := slopes[:n]
	slices.Sort(s)
	return s[n/2]
}
