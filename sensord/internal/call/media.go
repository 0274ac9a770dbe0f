package call

import (
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sdp"
	"voiptop/sensord/internal/sip"
	"voiptop/sensord/internal/tone"
)

// stream is one direction of RTP: source, destination, SSRC.
type stream struct {
	account
	key   flowKey
	hash  uint64
	call  *Call
	watch watch // why its packets are looked at more closely; 0: they need not be
	pt    uint8 // payload type of the newest packet, noPT: look it up
	dscp  uint8
	shard uint8

	dtmfPT  uint8
	flowing bool // when it was contested

	codec    *codec   // of the newest payload type that is not aside
	aside    *codec   // of a payload type that is
	to, from *binding // who announced its destination and source; one may be nil
	rtcp     *feedback
	types    []format // payload types met so far
	sharers  []*Call  // calls that borrow it

	extra *extra // nil: nothing of it

	contested int64
}

// watch says why a stream's packets are looked at more closely.
type watch uint8

const (
	stale  watch = 1 << iota // another call has taken its endpoint, at contested: look it up again
	trails                   // its call has ended
)

// interval is ten seconds of a stream.
type interval struct {
	t             int64
	packets, lost uint32
	jitter, mos   float32
}

// noPT is no payload type.
const noPT = 0xff

// RTP is what the engine must know of a packet of a stream that it knows: as little as can be, since it goes from one
// processor's cache to that of another. Read needs no Table, so that it may be done ahead by any goroutine.
type RTP struct {
	Time        int64  // of the packet
	hash        uint64 // of the stream, see flowHash
	timestamp   uint32
	seq         uint16
	payloadType uint8
	marks       uint8 // 1: the marker; above it what the packet sounds like
}

// Read reads the header of d and reports whether it is RTP.
func (r *RTP) Read(d *decode.Datagram, time int64) bool {
	var h rtp.Header
	if !rtp.ParseCut(d.Payload, d.Length, &h) {
		return false
	}
	r.Time, r.hash = time, flowHash(&d.Src, &d.Dst, h.SSRC)
	r.timestamp, r.seq, r.payloadType = h.Timestamp, h.Seq, h.PayloadType
	r.marks = uint8(hear(h.PayloadType, h.Seq, h.Payload(d.Payload))) << 1
	if h.Marker {
		r.marks |= 1
	}
	return true
}

// Known takes a packet, at the time of its turn, if its stream is known and there is nothing more to find out from it. If not
// the packet is for Media.
func (t *Table) Known(now int64, r *RTP) bool {
	if t.timers.ready(now) || t.deciding.ever {
		return false
	}
	s, _ := t.flows.next(r.hash, 0)
	if s == nil || s.watch != 0 || r.payloadType != s.pt || s.pt == s.dtmfPT || t.digitsWithin(s.pt) {
		return false
	}
	if now > t.now {
		t.now = now
	}
	t.count.rtp++
	h := rtp.Header{PayloadType: r.payloadType, Marker: r.marks&1 != 0, Seq: r.seq, Timestamp: r.timestamp}
	s.takePacket(now, &h)
	if sound := tone.Sound(r.marks >> 1); sound != tone.None {
		s.heard(now, sound)
	}
	return true
}

// Media takes a datagram that is no SIP. It allocates only for a stream's first packet and now and then afterwards.
func (t *Table) Media(d *decode.Datagram) {
	if t.timers.ready(d.Time) {
		t.seen(d.Time)
	} else if d.Time > t.now {
		if t.now == 0 {
			t.began = d.Time
		}
		t.now = d.Time
	}
	b := d.Payload
	if len(b) < 2 || b[0]>>6 != 2 {
		t.notRTP(d)
		return
	}
	var h rtp.Header
	if !rtp.ParseCut(b, d.Length, &h) {
		if rtp.IsRTCP(b) {
			t.takeRTCP(d)
		} else {
			t.notRTP(d)
		}
		return
	}
	hash := flowHash(&d.Src, &d.Dst, h.SSRC)
	s := t.flows.get(hash, &d.Src, &d.Dst, h.SSRC)
	if s != nil && s.watch != 0 {
		if s.watch&stale != 0 && t.stays(s, d.Time) {
			s.watch &^= stale
		}
		s.call.trail = d.Time
	}
	if s == nil || s.watch&stale != 0 {
		if s = t.newStream(d, &h, hash); s == nil {
			return
		}
	}
	t.count.rtp++
	if h.PayloadType != s.pt {
		s.payload(h.PayloadType)
	}
	s.takePacket(d.Time, &h)
	switch sound := hear(s.pt, h.Seq, h.Payload(b)); {
	case s.pt == s.dtmfPT:
		s.takeDigits(&h, h.Payload(b))
	case sound != tone.None:
		s.heard(d.Time, sound)
	}
	if t.digitsWithin(s.pt) {
		s.listen(&h, h.Payload(b))
	}
	if t.deciding.ever {
		s.keep(d, h.Offset)
	}
}

// goesOn is how soon after a later call has announced one end of a stream its next packet comes if it just goes on, ns.
const goesOn = 1e9

// stays reports whether a stream remains its call's although a later call has announced one of its ends: it goes on, with its SSRC. A gateway that
// uses its port again begins another. If a later call has announced both ends it may be the other leg of the same media: it
// borrows the stream until it has its own, as each of the calls of a load generator has that gives all of them the same ports.
func (t *Table) stays(s *stream, now int64) bool {
	if s.call.ended() || s.to == nil || s.from == nil || now-s.contested > goesOn {
		return false
	}
	src, dst := s.ends()
	to := t.announced(*dst)
	if to == nil {
		return true
	}
	other := together(to, *src)
	if other == nil || other.call == s.call {
		return true
	}
	if s.flowing {
		s.lend(other)
	}
	return s.flowing
}

// newStream finds the call of a packet's endpoints; nil when no call has announced them.
func (t *Table) newStream(d *decode.Datagram, h *rtp.Header, hash uint64) *stream {
	at := t.between(d)
	to, from := t.announced(at.Dst), t.announced(at.Src)
	if to == nil && from == nil {
		if t.leftAlone(at) {
			return nil
		}
		if t.turn.on || !t.suspicious(at, h, hash) { // all clients of a TURN server have its address
			t.count.unbound++
			t.noteEarly(at)
			return nil
		}
		to, from = t.announced(at.Dst), t.announced(at.Src)
	}
	b := to
	switch {
	case to == nil:
		b = from
	case from != nil && from.call != to.call:
		if both := together(to, at.Src); both != nil {
			b, to, from = both, both, both.call.binding(at.Src)
		} else if from.call.number > to.call.number {
			b, to = from, nil
		} else {
			from = nil
		}
	}
	c := b.call
	if b.t38 && b.codec(h.PayloadType) == nil { // UDPTL that looks like RTP
		t.count.t38++
		return nil
	}
	if len(c.streams) >= maxStreams {
		t.count.omitted++
		if c.omitted == nil {
			c.omitted = map[uint64]struct{}{}
		}
		if len(c.omitted) < maxOmitted {
			c.omitted[hash] = struct{}{}
		}
		return nil
	}
	s := &stream{key: flowKey{d.Src, d.Dst, h.SSRC}, hash: hash, call: c, to: to, from: from, pt: noPT, dtmfPT: noPT, dscp: d.DSCP}
	s.shard = c.shard
	if t.turn.on {
		path := t.turn.path
		s.more().turn = &path
	}
	if c.ended() {
		s.watch = trails
	}
	s.rtp.Init(0)
	c.giveBackAll(&s.key)
	c.streams = append(c.streams, s)
	t.flows.put(hash, s)
	if c.begun == joinedEither {
		c.begins(d, at)
	}
	s.share()
	t.recall(s)
	return s
}

// announced finds who announced an endpoint for RTP, of the calls whose media is analysed.
func (t *Table) announced(e decode.Endpoint) *binding {
	b := t.analysed(e)
	if b == nil || b.rtcp {
		return nil
	}
	return b
}

// payload takes notice of another payload type than before.
func (s *stream) payload(pt uint8) {
	k := s.to.codec(pt)
	if k == nil || k.name == "" {
		if f := s.from.codec(pt); f != nil {
			k = f
		}
	}
	if k == nil {
		static := sdp.Static(pt)
		k = s.call.table.codec(&static, s.kind())
	}
	s.met(pt, k)
	s.pt = pt
	k = s.carried(k)
	if k.aside {
		s.aside = k
		digits := k.isDTMF() && !s.encrypted()
		if digits {
			s.dtmfPT = pt
		}
		s.takeAside(pt, digits)
		return
	}
	if k == s.codec {
		return
	}
	s.codec = k
	ptime := uint16(0)
	if s.to != nil {
		ptime = s.to.said().ptime
	}
	s.takeCodec(k, ptime)
}

// carried is the codec of what k carries, if that is redundant audio (RFC 2198): the first that its receiver, or sender, named beside it. Else,
// and when none did, it is k.
func (s *stream) carried(k *codec) *codec {
	if !k.isRedundant() {
		return k
	}
	for _, b := range [...]*binding{s.to, s.from} {
		if b == nil {
			continue
		}
		for _, f := range b.said().formats {
			if f.codec.kind == k.kind && !f.codec.aside && !f.codec.isRedundant() && f.codec.name != "" {
				return f.codec
			}
		}
	}
	return k
}

// encrypted reports whether the payload cannot be read: SRTP leaves the header alone in the clear.
func (s *stream) encrypted() bool { return encrypts(s.to, s.from) }

// met keeps the codec that a payload type had, for the record.
func (s *stream) met(pt uint8, k *codec) {
	for i := range s.types {
		if s.types[i].pt == pt {
			s.types[i].codec = k
			return
		}
	}
	s.types = append(s.types, format{pt, k})
}

// kind is that of the announced media, as far as payload types do not tell.
func (s *stream) kind() sdp.Kind {
	for _, b := range [...]*binding{s.to, s.from} {
		if b != nil && len(b.said().formats) > 0 {
			return b.said().formats[0].codec.kind
		}
	}
	return sdp.Other
}

// notRTP sorts what else arrives at an announced endpoint. None of it is ever counted as lost media.
func (t *Table) notRTP(d *decode.Datagram) {
	at := t.between(d)
	b := t.ends.get(&at.Dst)
	if b == nil {
		if b = t.ends.get(&at.Src); b == nil {
			return
		}
	}
	p := d.Payload
	switch {
	case sip.IsSTUN(p):
		t.count.stun++ // tells nothing of media: ICE tries all paths, and takes one
	case len(p) > 13 && p[0] >= 20 && p[0] <= 63: // RFC 7983 section 7
		t.count.dtls++
		b.call.feedback = true
		t.agree(at, keysByDTLS)
	case isZRTP(p):
		t.count.zrtp++
		b.call.feedback = true
		if zrtpSecures(p) {
			t.agree(at, keysByZRTP)
		}
	case b.t38:
		t.count.t38++
		b.call.faxed = true
	default:
		t.count.strays++
	}
	b.call.keepMedia(d, len(p))
}
