package call

import (
	"encoding/binary"
	"net/netip"

	"voiptop/protocol"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/tone"
)

// Shard takes work that a Table puts off. Most of the work on a call needs nothing of other calls: what the packets of its streams
// come to, and its record. The Table writes down what is to be done, and a Shard does it, beside the Table and other Shards. What
// comes out is the same as without, because
//
//   - a stream is one Shard's from its first packet on, that of the call which began it, and its work is done in the order of its packets;
//   - what a stream has come to (account) is the Shard's: the Table looks at it after catchUp alone, which waits;
//   - an Ended is given to the Shard of its streams, after their work, and only if no other call has to do with them (late). It, its call
//     and its streams are then the Shard's until Do gives the list back; then the Table makes other calls of them (spare).
type Shard interface {
	// Do is given work that is to be done in order, nil for none, and returns a list of work that is done, or an empty one with
	// room. A list belongs to the Shard until it is returned.
	Do(list []Work) []Work
	// Wait returns when all work that was given is done.
	Wait()
	// Behind reports whether Do would have to wait for room: whoever gives the work had better do it himself.
	Behind() bool
}

// LateSink makes records itself.
type LateSink interface {
	// Ended takes, in place of Sink.Call, a call whose record can be made without the Table: now, before it returns, or else when Do
	// gives it e, after it has returned.
	Ended(e *Ended, now bool)
}

// Work is a piece of work that was put off, to be done by Do.
type Work struct {
	stream      *stream
	more        any // *codec, *Table, *reachedFrom, *Call
	time        int64
	timestamp   uint32
	seq         uint16
	payloadType uint8
	what        workKind
}

type workKind uint8

const (
	workPacket workKind = iota
	workMarked          // packet with the marker set
	workDigits          // the first bytes of the packet before, in time
	workAside
	workAsideDigits
	workTune
	workHeard
	workReached
	workEnded
)

// Do does what was put off. ended is given the calls that have ended; a Builder makes their records.
func Do(list []Work, ended func(*Ended)) {
	for i := range list {
		w := &list[i]
		s := w.stream
		switch w.what {
		case workPacket, workMarked:
			h := rtp.Header{PayloadType: w.payloadType, Marker: w.what == workMarked, Seq: w.seq, Timestamp: w.timestamp}
			s.packet(w.time, &h)
		case workDigits:
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(w.time))
			s.digits(&rtp.Header{Timestamp: w.timestamp}, b[:w.seq])
		case workAside, workAsideDigits:
			s.account.aside(w.payloadType, w.what == workAsideDigits)
		case workHeard:
			s.account.heard(w.time, tone.Sound(w.payloadType))
		case workTune:
			s.tune(w.more.(*codec), float64(w.time))
		case workReached:
			w.reached()
		case workEnded:
			fetchEnded(list[i:])
			c := w.more.(*Call)
			if c.outcome.judge {
				c.outcome.found = c.judge()
			}
			ended(&c.outcome)
			c.letGo()
		}
	}
}

// shards is what a Table has put off, by shard.
type shards struct {
	list  []Shard
	work  [][]Work
	given []bool // and not waited for
	media bool   // what packets come to is put off, too
	judge bool   // what calls show together is as well: there is one Shard, which does that in order, until the input ends
	spare *spare // for the calls whose records are made
}

// SetLate makes the table give calls that have ended to sink, and their records off to shards, if there are any; with media, what the
// packets of streams come to as well. It must come before the first packet.
func (t *Table) SetLate(sink LateSink, list []Shard, media bool) {
	t.lateSink = sink
	t.shards = shards{list, make([][]Work, len(list)), make([]bool, len(list)), media && len(list) > 0, len(list) == 1, &t.spare}
	for i := range list {
		t.shards.work[i] = list[i].Do(nil)
	}
}

func (s *shards) put(shard uint8, w Work) {
	l := append(s.work[shard], w)
	if s.work[shard] = l; len(l) == cap(l) {
		s.flush(int(shard))
	}
}

func (s *shards) flush(shard int) {
	if len(s.work[shard]) > 0 {
		s.work[shard] = s.clear(s.list[shard].Do(s.work[shard]))
		s.given[shard] = true
	}
}

// clear empties a list of work that is done.
func (s *shards) clear(list []Work) []Work {
	for i := range list {
		if list[i].what == workEnded {
			s.spare.put(list[i].more.(*Call))
		}
	}
	clear(list)
	return list[:0]
}

// Flush gives away what was put off.
func (t *Table) Flush() {
	for i := range t.shards.list {
		t.shards.flush(i)
	}
}

// wait returns when a shard has done all that was put off.
func (s *shards) wait(shard uint8) {
	if !s.media {
		return
	}
	s.flush(int(shard))
	if s.given[shard] {
		s.list[shard].Wait()
		s.given[shard] = false
	}
}

// judgeHere ends the putting off of what calls show together.
func (s *shards) judgeHere() {
	if s.judge {
		s.flush(0)
		s.list[0].Wait()
		s.judge = false
	}
}

// catchUp waits until all that the call's streams have met is accounted for.
func (c *Call) catchUp() {
	if !c.table.shards.media {
		return
	}
	for _, s := range c.streams {
		c.table.shards.wait(s.shard)
	}
	for _, s := range c.borrowed {
		c.table.shards.wait(s.shard)
	}
}

// account's methods, now or later.

func (s *stream) takePacket(now int64, h *rtp.Header) {
	p := &s.call.table.shards
	if !p.media {
		s.packet(now, h)
		return
	}
	what := workPacket
	if h.Marker {
		what = workMarked
	}
	p.put(s.shard, Work{stream: s, time: now, timestamp: h.Timestamp, seq: h.Seq, payloadType: h.PayloadType, what: what})
}

func (s *stream) takeDigits(h *rtp.Header, payload []byte) {
	p := &s.call.table.shards
	if !p.media {
		s.digits(h, payload)
		return
	}
	var b [8]byte
	n := copy(b[:], payload)
	p.put(s.shard, Work{stream: s, time: int64(binary.BigEndian.Uint64(b[:])), timestamp: h.Timestamp, seq: uint16(n), what: workDigits})
}

func (s *stream) takeAside(payloadType uint8, digits bool) {
	p := &s.call.table.shards
	if !p.media {
		s.account.aside(payloadType, digits)
		return
	}
	what := workAside
	if digits {
		what = workAsideDigits
	}
	p.put(s.shard, Work{stream: s, payloadType: payloadType, what: what})
}

func (s *stream) takeCodec(k *codec, ptime uint16) {
	p := &s.call.table.shards
	if !p.media {
		s.tune(k, float64(ptime))
		return
	}
	p.put(s.shard, Work{stream: s, more: k, time: int64(ptime), what: workTune})
}

// reachedFrom says who got through, if the address is one of IPv6.
type reachedFrom struct {
	table *Table
	src   netip.Addr
}

// reached tells that the call got through to somebody.
func (c *Call) reached(at int64) {
	t := c.table
	if t.cfg.Reached == nil {
		return
	}
	src := c.src.AddrPort().Addr()
	switch {
	case !t.shards.judge:
		t.cfg.Reached(src, protocol.TimeFromNanos(at))
	case src.Is4():
		ip := src.As4()
		t.shards.put(0, Work{more: t, time: at, timestamp: binary.BigEndian.Uint32(ip[:]), what: workReached})
	default:
		t.shards.put(0, Work{more: &reachedFrom{t, src}, time: at, what: workReached})
	}
}

func (w *Work) reached() {
	at := protocol.TimeFromNanos(w.time)
	if r, ok := w.more.(*reachedFrom); ok {
		r.table.cfg.Reached(r.src, at)
		return
	}
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], w.timestamp)
	w.more.(*Table).cfg.Reached(netip.AddrFrom4(ip), at)
}

// Ended is a call that is out of its table and needs it no more.
type Ended struct {
	call  *Call
	group protocol.UUID
	alone bool               // the group is the call's own
	judge bool               // found is to be found out
	found []protocol.Finding // together with other calls
}

// Streams is how many streams the record will have.
func (e *Ended) Streams() int { return len(e.call.streams) + len(e.call.borrowed) }

// Shard is the number of the shard that has the call.
func (e *Ended) Shard() int { return int(e.call.shard) }

// here reports whether the record of c, which can be made late, is better made at once: there are no shards, or its own has more to do than it
// can, and nothing of c is left with it nor to be found out by it. A single shard finds out what calls
// show together until the input ends, so that it is helped then.
func (c *Call) here() bool {
	s := &c.table.shards
	return len(s.list) == 0 || !s.media && !s.judge && s.list[c.shard].Behind()
}

// late reports whether the record of c, which has just finished, can be made without the table.
func (c *Call) late() bool {
	if c.table.lateSink == nil || c.kept != nil || c.masked || c.table.cfg.Decide != nil || len(c.borrowed) > 0 {
		return false
	}
	for _, s := range c.streams {
		if len(s.sharers) > 0 || s.shard != c.shard {
			return false
		}
	}
	return true
}
