package audio

import (
	"encoding/binary"
	"slices"

	"voiptop/sensord/internal/quality"
	"voiptop/sensord/internal/rtp"
)

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

// maxQueue is how many packets of a stream wait for their turn, and maxPayload what of each is taken.
const (
	maxQueue   = 512
	maxPayload = 2048
)

// voice plays one stream: packets come in as they were captured, wait in a queue for half a second as in a jitter buffer,
// and go out in sequence, decoded, at the place of the time line where they belong: the time at which they would have come
// without jitter. What the buffer's depth adds for the listener is left out, so that both sides stay aligned.
//
// What it does depends on the packets' headers and lengths alone, not on samples: one that begins to decode in the middle of
// a call gives the same places as one that decoded all.
type voice struct {
	tr    *track
	lines *lines
	out   *side
	start int64 // of the time line, ns
	rate  int   // of the time line, Hz
	srtp  *decryption

	stream rtp.Stream
	buffer quality.Playout
	rated  bool
	types  map[uint8]*payloadType
	pt     *payloadType // of the newest packet
	epoch  uint32       // of the newest packet
	queue  []packet
	spare  [][]byte

	begun bool
	seq   uint64       // of the packet that went out last
	use   *payloadType // that was decoded last
	cur   int64        // next sample, at use.rate
	frame int64        // samples of the last packet
	void  int64        // packets just before that had none

	mending bool
	noise   *noise // comfort noise goes on; nil: none
	from    int64  // do not decode before this time, ns

	res     *resampler
	conceal concealer
	pcm     []int16
	dry     bool // nothing has been decoded since a hole: the resampler must begin anew
}

// payloadType is a payload type of a stream, with the decoder that has its state.
type payloadType struct {
	codec
	pt  uint8
	dec decoder
}

// packet is one that waits.
type packet struct {
	seq     uint64
	at      int64 // its place by what was known when it came, ns
	t       int64 // when it came
	stamp   uint32
	epoch   uint32 // time stamps within one are of one clock
	pt      *payloadType
	payload []byte
	broken  bool // it has a payload that is not at hand: cut off by the capture, or no key opens it
}

func newVoice(tr *track, l *lines, out *side, start int64, buffer int) *voice {
	v := &voice{tr: tr, lines: l, out: out, start: start, rate: out.rate, types: map[uint8]*payloadType{}}
	v.buffer.Buffer = buffer
	v.stream.Init(0)
	if tr.srtp != nil {
		v.srtp = tr.srtp.fork()
	}
	return v
}

// take takes a packet of the stream that came at t. b is all of it, h its header.
func (v *voice) take(t int64, h *rtp.Header, b []byte) {
	if v.pt == nil || h.PayloadType != v.pt.pt {
		v.payloadType(t, h.PayloadType)
	}
	e := v.stream.Packet(t, h)
	if e.Flags&rtp.New == 0 {
		return
	}
	if v.rated && !v.buffer.Packet(t, e.Delay) || v.begun && e.Seq <= v.seq {
		if v.srtp != nil {
			v.srtp.follow(h.Seq)
		}
		return // too late: it is missed when its turn comes
	}
	if e.Flags&(rtp.Restart|rtp.ClockJump|rtp.Talkspurt) != 0 {
		v.epoch++
	}
	at := t - e.Delay
	payload := v.open(at, h, b)
	i := len(v.queue)
	for i > 0 && v.queue[i-1].seq > e.Seq {
		i--
	}
	if len(v.queue) == maxQueue {
		v.next()
		i = max(i-1, 0)
	}
	v.queue = slices.Insert(v.queue, i, packet{e.Seq, at, t, h.Timestamp, v.epoch, v.pt, v.keep(payload), payload == nil})
}

// open gives the payload, decrypted if need be. Nil when it is not whole or cannot be decrypted.
func (v *voice) open(at int64, h *rtp.Header, b []byte) []byte {
	if len(b) < h.Offset+h.Length {
		return nil
	}
	if v.srtp == nil {
		return h.Payload(b)
	}
	if at < v.from && v.pt.kind == voiceKind {
		// Its length must be known: what SRTP adds comes off.
		v.srtp.follow(h.Seq)
		p := h.Payload(b)
		return p[:max(0, len(p)-v.srtp.overhead())]
	}
	clear, err := v.srtp.open(b, h.Seq, h.SSRC)
	var in rtp.Header
	if err != nil || !rtp.Parse(clear, &in) {
		return nil
	}
	return in.Payload(clear)
}

func (v *voice) keep(payload []byte) []byte {
	payload = payload[:min(len(payload), maxPayload)]
	if n := len(v.spare); n > 0 {
		b := append(v.spare[n-1][:0], payload...)
		v.spare = v.spare[:n-1]
		return b
	}
	return append(make([]byte, 0, max(256, len(payload))), payload...)
}

// payloadType takes notice of another payload type than before, as the engine does.
func (v *voice) payloadType(t int64, pt uint8) {
	p := v.types[pt]
	if p == nil {
		p = &payloadType{codec: v.lines.codec(t, v.tr, pt), pt: pt}
		v.types[pt] = p
	}
	v.pt = p
	switch p.kind {
	case noiseKind, eventKind, asideKind:
		v.stream.SetUntimed(pt)
	default:
		v.stream.SetClockRate(p.clock)
		v.rated = true
	}
}

// advance says that the capture has come to now: packets whose turn has come go out, and where there are none, there is a hole.
func (v *voice) advance(now int64) {
	for len(v.queue) > 0 && v.queue[0].at+holdBack <= now {
		v.next()
	}
	if v.begun && v.use != nil {
		if due := v.sample(now - holeAfter); due > v.cur {
			v.hole(due-v.cur, len(v.queue) > 0 && v.queue[0].seq > v.seq+1)
		}
	}
}

// sample is the place of a time on the time line of the codec in use.
func (v *voice) sample(t int64) int64 {
	return samplesOf(max(t-v.start, 0), v.use.rate)
}

// next plays the first packet in the queue.
func (v *voice) next() {
	p := v.queue[0]
	v.queue = v.queue[:copy(v.queue, v.queue[1:])]
	gap := int64(0)
	if v.begun {
		gap = int64(p.seq - v.seq - 1)
		v.missing(gap)
	}
	v.begun, v.seq = true, p.seq
	switch p.pt.kind {
	case voiceKind:
		v.play(&p, gap)
	case noiseKind:
		if len(p.payload) > 0 {
			v.noise = newNoise(p.payload[0])
		}
	case eventKind:
		if len(p.payload) >= 4 {
			length := samplesOf(int64(binary.BigEndian.Uint16(p.payload[2:]))*1e9/int64(max(p.pt.clock, 8000)), v.rate)
			end := samplesOf(max(p.t-v.start, 0), v.rate)
			v.out.event(v.tr.key, p.stamp, p.payload[0], p.payload[1], end-length, end)
		}
	}
	if len(v.spare) < 8 {
		v.spare = append(v.spare, p.payload)
	}
}

// missing notes lost packets.
func (v *voice) missing(n int64) {
	if n <= 0 {
		return
	}
	at := int64(0)
	if v.use != nil {
		at = v.cur * int64(v.rate) / int64(v.use.rate)
	}
	v.out.missed(at, int(min(n, 1<<20)))
}

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
