package decode

import (
	"container/list"
	"slices"

	"voiptop/sensord/internal/capture"
)

const (
	// holdAge is how long segments wait for earlier ones that are missing, in nanoseconds. A retransmission comes within
	// the sender's timeout, 200 ms to 1 s at first (RFC 6298); what the capture lost never comes, and is known to be lost when
	// the other side acknowledges it.
	holdAge   = 1e9
	maxHeld   = 64       // segments held back of one stream
	farSeq    = 16 << 20 // a sequence number farther off than this is of another connection
	openTable = 4096     // streams that were opened and have not sent yet; a power of two
)

// streams is the table of TCP streams, each one direction of a connection. Streams start at their first payload: what
// opens and never sends costs nothing.
type streams struct {
	byKey    map[streamKey]*stream
	byUse    list.List // of *stream, longest unused first
	byHold   list.List // of *stream that hold something, longest waiting first
	max      int
	maxBytes int
	bytes    int
	ids      uint64
	opened   [openTable]opened
	lent     capture.Packet // the held frame that the handler looks at
	skipping bool           // what is delivered had waited for bytes that did not come
}

type streamKey struct{ src, dst Endpoint }

// opened remembers the SYN of a stream: the sequence number of its first byte.
type opened struct {
	hash uint64
	seq  uint32
}

type stream struct {
	key     streamKey
	id      uint64
	first   uint32 // sequence number of the first byte
	next    uint32 // of the next byte to deliver
	fresh   bool
	gap     bool
	ignored bool
	held    []segment // in order of their sequence numbers
	use     *list.Element
	hold    *list.Element
	since   int64 // when the first of held came
	time    int64 // of the last bytes delivered
}

// segment is a piece of a stream, with the frame it came in.
type segment struct {
	seq    uint32
	length int // on the wire
	fin    bool
	data   []byte
	packet capture.Packet
	frame  uint64 // number of packet
}

func (s *streams) init(maxCount, maxBytes int) {
	s.byKey = map[streamKey]*stream{}
	s.max, s.maxBytes = maxCount, maxBytes
}

func (s *streams) waiting() bool { return s.byHold.Len() > 0 }

func (s *streams) opening(k *streamKey) *opened {
	h := hashEndpoints(&k.src, &k.dst)
	return &s.opened[h%openTable]
}

// tcp reads RFC 9293 section 3.1: source port 2 | destination port 2 | sequence 4 | acknowledgement 4 | header length,
// flags 2 | window 2 | checksum 2 | urgent 2 | options.
func (x *Decoder) tcp(b []byte) {
	if len(b) < 20 {
		x.count(cShortTCP)
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 {
		x.count(cBadTCP)
		return
	}
	if head > len(b) {
		x.count(cShortTCP)
		return
	}
	x.d.Src.Port, x.d.Dst.Port = be16(b), be16(b[2:])
	key := streamKey{x.d.Src, x.d.Dst}
	g := segment{seq: be32(b[4:]), length: len(b) - head + x.missing, fin: b[13]&1 != 0, data: b[head:]}
	const syn, rst, ack = 2, 4, 16
	if b[13]&ack != 0 && x.streams.waiting() {
		x.acknowledged(x.streams.byKey[streamKey{key.dst, key.src}], be32(b[8:]))
	}
	s := x.streams.byKey[key]
	switch flags := b[13]; {
	case flags&rst != 0:
		x.reset(s, g.seq)
		x.reset(x.streams.byKey[streamKey{key.dst, key.src}], be32(b[8:]))
		return
	case flags&syn != 0:
		g.seq++
		if s != nil && s.first != g.seq {
			x.end(s)
			s = nil
		}
		if s == nil {
			*x.streams.opening(&key) = opened{hashEndpoints(&key.src, &key.dst), g.seq}
		}
	}
	if g.length == 0 && (!g.fin || s == nil) {
		return
	}
	if d := int32(g.seq - nextOf(s, g.seq)); d > farSeq || d < -farSeq {
		x.end(s)
		s = nil
	}
	if s == nil {
		s = x.open(key, g.seq)
	}
	if s.ignored {
		if g.fin {
			x.end(s)
		}
		return
	}
	x.streams.byUse.MoveToBack(s.use)
	x.segment(s, &g)
}

func nextOf(s *stream, seq uint32) uint32 {
	if s == nil {
		return seq
	}
	return s.next
}

// open starts a stream whose first payload is at seq.
func (x *Decoder) open(key streamKey, seq uint32) *stream {
	t := &x.streams
	if len(t.byKey) >= t.max {
		x.count(cStreamsEvicted)
		x.end(t.byUse.Front().Value.(*stream))
	}
	x.count(cStreams)
	t.ids++
	s := &stream{key: key, id: t.ids, first: seq, next: seq, fresh: true, gap: true}
	if o := t.opening(&key); o.hash == hashEndpoints(&key.src, &key.dst) && seq-o.seq < 64<<10 {
		s.first, s.next, s.gap = o.seq, o.seq, false
		o.hash = 0
	}
	s.use = t.byUse.PushBack(s)
	t.byKey[key] = s
	return s
}

// segment delivers g if it is the next of its stream, and what was waiting for it, or holds it back.
func (x *Decoder) segment(s *stream, g *segment) {
	switch d := int32(g.seq - s.next); {
	case d > 0:
		x.holdBack(s, g)
		return
	case d < 0:
		x.count(cTCPRetransmitted)
		if !g.trim(int(-d)) {
			return
		}
	}
	x.deliver(s, g)
	x.drain(s)
}

// trim drops the first n bytes, and says whether anything is left.
func (g *segment) trim(n int) bool {
	if n > g.length || n == g.length && !g.fin {
		return false
	}
	g.seq += uint32(n)
	g.length -= n
	g.data = g.data[min(n, len(g.data)):]
	return true
}

// deliver gives the next segment of a stream to the handler.
func (x *Decoder) deliver(s *stream, g *segment) {
	s.next = g.seq + uint32(g.length)
	if g.length > 0 && !s.ignored {
		x.run(s, g)
	}
	if g.fin {
		x.end(s)
	}
}

func (x *Decoder) run(s *stream, g *segment) {
	d := &x.d
	d.Src, d.Dst = s.key.src, s.key.dst
	d.Transport, d.Length, d.Payload = TCP, g.length, g.data
	if d.Cut = g.length > len(g.data); d.Cut {
		x.count(cCut)
	}
	d.Stream, d.Fresh, d.Gap = s.id, s.fresh, s.gap
	s.fresh, s.gap = false, d.Cut
	d.HeaderLen = 0
	frame, loose, now := d.Packet, x.loose, d.Time
	if g.packet.Data != nil {
		if x.streams.skipping { // it was complete when it came
			d.Time = min(now, max(s.time, g.packet.Time))
		}
		x.streams.lent = g.packet
		d.Packet, d.Frame, x.loose = &x.streams.lent, g.frame, 0
		if n := cap(g.packet.Data) - cap(g.data); n >= 0 && n+len(g.data) <= len(g.packet.Data) {
			d.HeaderLen = n
		}
	} else {
		d.HeaderLen = x.offset(g.data)
	}
	s.time = d.Time
	x.h.Datagram(d)
	if d.Ignore {
		s.ignored = true
		x.release(s)
	}
	d.Stream, d.Fresh, d.Gap, d.Ignore = 0, false, false, false
	d.Packet, d.Frame, d.Time, x.loose = frame, x.frame, now, loose
}

// holdBack keeps a segment until those before it have come.
func (x *Decoder) holdBack(s *stream, g *segment) {
	at, same := slices.BinarySearchFunc(s.held, g.seq, func(h segment, seq uint32) int { return int(int32(h.seq - seq)) })
	if same && s.held[at].length >= g.length {
		x.count(cTCPRetransmitted)
		return
	}
	x.count(cTCPReordered)
	h := *g
	h.packet, h.data = x.hold(g.data)
	h.frame = x.frame
	t := &x.streams
	t.bytes += h.size()
	if len(s.held) == 0 {
		s.since = x.d.Time
		s.hold = t.byHold.PushBack(s)
	}
	s.held = slices.Insert(s.held, at, h)
	if len(s.held) > maxHeld {
		x.skip(s)
	}
	for t.bytes > t.maxBytes && t.byHold.Len() > 0 {
		x.skip(t.byHold.Front().Value.(*stream))
	}
}

func (g *segment) size() int { return len(g.packet.Data) + frameOverhead }

// drain delivers held segments as far as they follow on.
func (x *Decoder) drain(s *stream) {
	for len(s.held) > 0 && int32(s.held[0].seq-s.next) <= 0 {
		g := s.held[0]
		s.held = s.held[1:]
		x.streams.bytes -= g.size()
		if g.trim(int(s.next - g.seq)) {
			x.deliver(s, &g)
		}
	}
	if len(s.held) == 0 {
		x.release(s)
	}
}

// release forgets what is held of a stream.
func (x *Decoder) release(s *stream) {
	for i := range s.held {
		x.streams.bytes -= s.held[i].size()
	}
	s.held = nil
	if s.hold != nil {
		x.streams.byHold.Remove(s.hold)
		s.hold = nil
	}
}

// skip gives up the bytes that are missing before the first held segment.
func (x *Decoder) skip(s *stream) {
	x.count(cTCPGaps)
	s.next, s.gap = s.held[0].seq, true
	x.streams.skipping = true
	x.drain(s)
	x.streams.skipping = false
	if s.hold != nil { // there is one more gap: its wait begins now
		s.since = x.d.Time
		x.streams.byHold.MoveToBack(s.hold)
	}
}

// acknowledged gives up what is missing of s before seq: the other side has it, so it will not be sent again.
func (x *Decoder) acknowledged(s *stream, seq uint32) {
	for s != nil && len(s.held) > 0 {
		if d := int32(seq - s.held[0].seq); d < 0 || d > farSeq {
			return
		}
		x.skip(s)
	}
}

func (x *Decoder) expireStreams(since int64) {
	t := &x.streams
	for e := t.byHold.Front(); e != nil && e.Value.(*stream).since < since; e = t.byHold.Front() {
		x.depth, x.loose = 0, 0
		x.skip(e.Value.(*stream))
	}
}

// reset ends a stream by RST, if its sequence number is credible.
func (x *Decoder) reset(s *stream, seq uint32) {
	if s == nil {
		return
	}
	if d := int32(seq - s.next); d < -farSeq || d > farSeq {
		return
	}
	x.end(s)
}

// end gives out what is held of a stream, tells the handler, and forgets the stream.
func (x *Decoder) end(s *stream) {
	if x.streams.byKey[s.key] != s {
		return
	}
	delete(x.streams.byKey, s.key)
	x.streams.byUse.Remove(s.use)
	for len(s.held) > 0 {
		x.skip(s)
	}
	if s.ignored {
		return
	}
	d := &x.d
	src, dst := d.Src, d.Dst
	d.Src, d.Dst, d.Transport, d.Stream, d.End = s.key.src, s.key.dst, TCP, s.id, true
	d.Payload, d.Length, d.HeaderLen, d.Cut = nil, 0, 0, false
	x.h.Datagram(d)
	d.Src, d.Dst, d.Stream, d.End, d.Ignore = src, dst, 0, false, false
}

// endStreams ends all streams, in the order of their last use.
func (x *Decoder) endStreams() {
	for e := x.streams.byUse.Front(); e != nil; e = x.streams.byUse.Front() {
		x.end(e.Value.(*stream))
	}
}
