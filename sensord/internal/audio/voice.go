package audio

import (
	"encoding/binary"
	"slices"

	"voiptop/sensord/internal/quality"
	"voiptop/sensord/internal/rtp"
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
