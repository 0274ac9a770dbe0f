package decode

import (
	"container/list"
	"slices"

	"voiptop/sensord/internal/capture"
)

const (
	messageAge      = 5e9  // how long a user message waits for its missing chunks: a retransmission or two
	tsnAge          = 60e9 // how long a DATA chunk that comes again is known
	maxMessages     = 256
	maxMessageBytes = 256 << 10
	maxChunks       = 256
)

// messages is the table of SCTP user messages of which only some DATA chunks have come.
type messages struct {
	byKey map[messageKey]*list.Element
	byAge list.List   // of *message, oldest first
	seen  *duplicates // chunks, by their TSN
	buf   []byte
}

type messageKey struct {
	src, dst  Endpoint
	stream    uint16
	sequence  uint16 // 0 for unordered messages
	unordered bool
}

type message struct {
	key    messageKey
	time   int64
	bytes  int
	chunks []chunk // in order of their TSNs
}

type chunk struct {
	tsn        uint32
	begin, end bool
	data       []byte
	packet     capture.Packet
}

func (m *messages) init() { m.byKey = map[messageKey]*list.Element{} }

func (m *messages) waiting() bool { return m.byAge.Len() > 0 }

func (m *messages) remove(e *list.Element) {
	delete(m.byKey, m.byAge.Remove(e).(*message).key)
}

// sctp reads RFC 9260 section 3: source port 2 | destination port 2 | tag 4 | checksum 4 | chunks, each
// type 1 | flags 1 | length 2 | content, padded to 4.
func (x *Decoder) sctp(b []byte) {
	if len(b) < 12 {
		x.count(cShortSCTP)
		return
	}
	src, dst := be16(b), be16(b[2:])
	x.d.Src.Port, x.d.Dst.Port = src, dst
	for b = b[12:]; len(b) >= 4; {
		n := int(be16(b[2:]))
		if n < 4 {
			x.count(cBadSCTP)
			return
		}
		if b[0] == 0 {
			x.data(b[:min(n, len(b))], n)
		}
		b = b[min((n+3)&^3, len(b)):]
	}
}

// data takes a DATA chunk of n bytes on the wire: type 1 | flags 1 (E 1, B 2, U 4) | length 2 | TSN 4 | stream 2 |
// sequence 2 | payload protocol 4 | user data.
func (x *Decoder) data(b []byte, n int) {
	if len(b) < 16 {
		x.count(cShortSCTP)
		return
	}
	c := chunk{tsn: be32(b[4:]), begin: b[1]&2 != 0, end: b[1]&1 != 0, data: b[16:]}
	m := &x.messages
	if m.seen == nil {
		m.seen = newDuplicates(tsnAge)
	}
	if m.seen.seen(mix(hashEndpoints(&x.d.Src, &x.d.Dst), uint64(c.tsn)^0x9e3779b97f4a7c15), x.d.Time, tsnAge) {
		x.count(cSCTPDuplicate)
		return
	}
	if c.begin && c.end {
		x.message(c.data, n-16, x.offset(c.data))
		return
	}
	if n > len(b) { // cut: the message cannot be put together
		x.count(cCut)
		return
	}
	key := messageKey{x.d.Src, x.d.Dst, be16(b[8:]), be16(b[10:]), b[1]&4 != 0}
	if key.unordered {
		key.sequence = 0
	}
	x.chunk(key, c)
}

// message gives a user message to the handler.
func (x *Decoder) message(b []byte, length, headers int) {
	d := &x.d
	d.Transport, d.Payload, d.Length, d.HeaderLen = SCTP, b, length, headers
	if d.Cut = length > len(b); d.Cut {
		x.count(cCut)
	}
	x.h.Datagram(d)
}

// chunk adds a chunk to its message, and delivers the message when it is whole.
func (x *Decoder) chunk(key messageKey, c chunk) {
	m := &x.messages
	e := m.byKey[key]
	if e == nil {
		if m.byAge.Len() == maxMessages {
			x.count(cSCTPIncomplete)
			m.remove(m.byAge.Front())
		}
		e = m.byAge.PushBack(&message{key: key, time: x.d.Time})
		m.byKey[key] = e
	}
	g := e.Value.(*message)
	c.packet, c.data = x.hold(c.data)
	at, same := slices.BinarySearchFunc(g.chunks, c.tsn, func(c chunk, tsn uint32) int { return int(int32(c.tsn - tsn)) })
	if same {
		return
	}
	g.chunks = slices.Insert(g.chunks, at, c)
	if g.bytes += len(c.packet.Data); len(g.chunks) > maxChunks || g.bytes > maxMessageBytes {
		x.count(cSCTPIncomplete)
		m.remove(e)
		return
	}
	from, to := g.around(at)
	if from < 0 {
		return
	}
	m.buf = m.buf[:0]
	earlier := len(x.d.Earlier)
	for i := from; i <= to; i++ {
		m.buf = append(m.buf, g.chunks[i].data...)
		if i != at {
			x.d.Earlier = append(x.d.Earlier, g.chunks[i].packet)
		}
	}
	x.message(m.buf, len(m.buf), 0)
	x.d.Earlier = x.d.Earlier[:earlier]
	if g.chunks = slices.Delete(g.chunks, from, to+1); len(g.chunks) == 0 {
		m.remove(e)
	}
}

// around returns the first and last chunk of the whole message that chunk i belongs to; -1 if it is not whole.
func (g *message) around(i int) (from, to int) {
	for from = i; !g.chunks[from].begin; from-- {
		if from == 0 || g.chunks[from-1].tsn+1 != g.chunks[from].tsn {
			return -1, -1
		}
	}
	for to = i; !g.chunks[to].end; to++ {
		if to == len(g.chunks)-1 || g.chunks[to].tsn+1 != g.chunks[to+1].tsn {
			return -1, -1
		}
	}
	return from, to
}

func (x *Decoder) expireMessages(since int64) {
	m := &x.messages
	for e := m.byAge.Front(); e != nil && e.Value.(*message).time < since; e = m.byAge.Front() {
		x.count(cSCTPIncomplete)
		m.remove(e)
	}
}
