package audio

import "slices"

// Times of the playout, nanoseconds.
const (
	holdBack  = 500e6 // how long a packet may be waited for: the deepest buffer
	holeAfter = 900e6 // so long after its time voice that nothing is known of is a hole
	settled   = 1e9   // so long after its time a sample changes no more
	lossTime  = 20e6  // a hole that is so near to the length of the lost packets is as long as they
	pauseTime = 60e6  // a hole without loss that is no drift: the sender paused
	driftTime = 30e6  // voice that has drifted so far off its place, as by a clock that is too fast, is mended
	driftLeft = 10e6  // until it is so near
	mendTime  = 5e6   // by so much at a time
	maxAhead  = 500e6 // voice so far ahead of its place is dropped: a sender that sends too fast
)

// play decodes a packet at its place, after gap packets that did not come.
func (v *voice) play(p *packet, gap int64) {
	if v.use != p.pt {
		v.change(p)
	}
	gap, v.void = gap+v.void, 0
	ms := func(ns int64) int64 { return ns * int64(v.use.rate) / 1e9 }
	place := v.sample(v.place(p))
	off := place - v.cur
	if expected := gap * v.frame; gap > 0 && off-expected < ms(lossTime) && expected-off < ms(lossTime) {
		v.hole(expected, true)
	} else if off > 0 && (gap > 0 || off >= ms(pauseTime)) {
		v.hole(off, gap > 0)
	}
	v.noise = nil
	off = place - v.cur
	if off < -ms(maxAhead) {
		return
	}
	n := int64(p.pt.dec.length(p.payload))
	mend := int64(0)
	if far := max(off, -off); far > ms(driftTime) {
		v.mending = true
	} else if far < ms(driftLeft) {
		v.mending = false
	}
	if v.mending && n >= 2*ms(mendTime) {
		if mend = ms(mendTime); off < 0 {
			mend = -mend
		}
	}
	if n == 0 {
		v.void = 1
		if p.broken {
			v.missing(1)
		}
		return
	}
	v.frame = n
	if p.at < v.from {
		v.cur += n + mend
		v.dry = true
		return
	}
	pcm, err := v.use.dec.decode(v.pcm[:0], p.payload)
	v.pcm = pcm
	if err != nil || int64(len(pcm)) != n {
		v.hole(n+mend, true)
		return
	}
	if mend != 0 {
		pcm = v.mended(pcm, int(mend))
	}
	v.conceal.heard(pcm)
	v.emit(pcm)
}

// place is where the packet that was first in the queue belongs, ns: where those behind it say, if one of them came with less
// delay.
func (v *voice) place(p *packet) int64 {
	at := p.at
	for i := range v.queue {
		q := &v.queue[i]
		if q.epoch == p.epoch && q.pt == p.pt {
			at = min(at, q.at-int64(int32(q.stamp-p.stamp))*1e9/int64(max(p.pt.clock, 1)))
		}
	}
	return max(at, p.at-holdBack)
}

// change goes over to another codec.
func (v *voice) change(p *packet) {
	cur := int64(0)
	old := v.use
	v.use = p.pt
	if v.use.dec == nil {
		v.use.dec = v.use.make()
	}
	if old == nil {
		cur = v.sample(v.place(p))
	} else {
		cur = v.cur * int64(v.use.rate) / int64(old.rate)
		if v.res != nil && !v.dry {
			v.write(v.res.flush())
		}
	}
	v.cur, v.frame = cur, 0
	if old == nil || old.rate != v.use.rate {
		v.conceal.init(v.use.rate)
		v.res = newResampler(v.use.rate, v.rate)
	}
	v.dry = true
}

// hole fills n samples for which there is no packet: concealment while it lasts, comfort noise if there is some, silence.
func (v *voice) hole(n int64, lost bool) {
	end := v.cur + n
	skip := v.cur < samplesOf(max(v.from-v.start, 0), v.use.rate) && v.from > 0
	for v.cur < end {
		if skip {
			v.cur, v.dry = end, true
			return
		}
		var made []int16
		if v.noise != nil && !lost {
			v.pcm = v.noise.make(v.pcm[:0], v.cur, int(min(end-v.cur, 4096)))
			made = v.pcm
		} else if made = v.conceal.make(int(min(end-v.cur, 1<<16))); len(made) == 0 {
			break
		}
		v.emit(made)
	}
	if v.cur < end {
		if !v.dry {
			v.write(v.res.flush())
			v.dry = true
		}
		if lost {
			r, w := int64(v.use.rate), int64(v.rate)
			v.out.silence(v.cur*w/r, end*w/r, v.tr.rank)
		}
		v.cur = end
	}
}

// emit gives samples to the time line.
func (v *voice) emit(pcm []int16) {
	if v.dry {
		v.res.start(v.cur)
		v.dry = false
	}
	v.cur += int64(len(pcm))
	v.write(v.res.push(pcm))
}

func (v *voice) write(at int64, pcm []int16) { v.out.write(at, pcm, v.tr.rank) }

// mended makes a packet longer or shorter by n samples: the voice has drifted from its place. A piece is repeated or left out
// where that is heard least, with a seam that fades over.
func (v *voice) mended(pcm []int16, n int) []int16 {
	l := max(n, -n)
	best, bestAt := int64(-1), 0
	for at := 0; at+2*l <= len(pcm); at += max(1, l/8) {
		var diff int64
		for i := range l {
			d := int64(pcm[at+i]) - int64(pcm[at+l+i])
			diff += d * d
		}
		if best < 0 || diff < best {
			best, bestAt = diff, at
		}
	}
	a, b := pcm[bestAt:bestAt+l], pcm[bestAt+l:bestAt+2*l]
	out := slices.Clone(pcm[:bestAt])
	if n < 0 { // a fades into b
		for i := range l {
			out = append(out, int16((int(a[i])*(l-i)+int(b[i])*i)/l))
		}
	} else { // b fades into a, between both
		out = append(out, a...)
		for i := range l {
			out = append(out, int16((int(b[i])*(l-i)+int(a[i])*i)/l))
		}
		out = append(out, b...)
	}
	return append(out, pcm[bestAt+2*l:]...)
}
