package spool

import (
	"container/list"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

const (
	// flushSize is how much of a recording is gathered in memory before it is written.
	flushSize = 8 << 10
	// flushAge is how long packets of a recording stay in memory, in nanoseconds of the packets' time.
	flushAge = 1e9
)

// recording is a capture that is being written.
type recording struct {
	id      protocol.UUID
	keep    protocol.Keep
	links   []uint16 // link types with an interface, by its number
	packets uint64
	size    int64 // of the file, with all that is in memory
	failed  bool  // nothing more is written
	ended   bool

	stored        int64  // bytes and packets that are on disk
	storedPackets uint64 //

	buf   []byte // not yet given to the queue
	inBuf uint64 // packets in buf
	since int64  // time of the first packet in buf
	place *list.Element
	done  chan struct{} // closed when the file is finished
}

// Keep adds a packet to a call's capture; the first one starts it. headers bytes of p, from its start, are not voice or
// other media; all of them are in a packet of signalling. The error of a capture shows in State, never here.
func (s *Spool) Keep(c *analyze.KeptCall, p *analyze.Packet, headers int) {
	data := p.Data
	if media := headers < len(data); media {
		switch c.Keep {
		case protocol.KeepRTP:
		case protocol.KeepHeaders:
			data = data[:max(headers, 0)]
		default:
			return
		}
	}
	if c.Keep == protocol.KeepNone || len(data) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	r := s.running[c.ID]
	if r == nil {
		if old := s.ready[c.ID]; old != nil && old.ours { // too late: the capture has been handed out
			s.dropped++
			return
		}
		r = s.begin(c)
	}
	if r.failed || r.ended {
		s.dropped++
		return
	}
	if s.buffered+len(data) > s.cfg.Buffer {
		s.dropped++
		s.stop("the disk is too slow: " + s.cfg.Dir)
		return
	}
	s.packet(r, p, data)
	for e := s.unsaved.Front(); e != nil; e = s.unsaved.Front() {
		if q := e.Value.(*recording); len(q.buf) >= flushSize || p.Time-q.since > flushAge {
			s.flush(q)
			continue
		}
		break
	}
	if len(r.buf) >= flushSize {
		s.flush(r)
	}
}

func (s *Spool) begin(c *analyze.KeptCall) *recording {
	r := &recording{id: c.ID, keep: c.Keep, done: make(chan struct{})}
	s.running[c.ID] = r
	info := Info{
		CallID: c.CallID, Caller: c.Caller, Callee: c.Callee, Start: c.Start, Sensor: s.cfg.Sensor,
		Rule: c.Rule, Keep: c.Keep, NoAudio: c.NoAudio,
	}
	r.buf = appendSection(s.buffer(), "sensord "+protocol.Version, info.comments())
	s.grown(r, len(r.buf))
	return r
}

func (s *Spool) packet(r *recording, p *analyze.Packet, data []byte) {
	before := len(r.buf)
	iface := -1
	for i, l := range r.links {
		if l == p.Link {
			iface = i
		}
	}
	if iface < 0 {
		iface = len(r.links)
		r.links = append(r.links, p.Link)
		r.buf = appendInterface(r.buf, p.Link)
	}
	r.buf = appendPacket(r.buf, uint32(iface), p.Time, data, max(p.Length, len(p.Data)))
	r.packets++
	r.inBuf++
	s.grown(r, len(r.buf)-before)
	if r.place == nil {
		r.since = p.Time
		r.place = s.unsaved.PushBack(r)
	}
}

func (s *Spool) grown(r *recording, n int) {
	r.size += int64(n)
	s.bytes += int64(n)
	s.buffered += n
}

// flush gives what has gathered of a recording to the writing goroutine.
func (s *Spool) flush(r *recording) {
	if r.place != nil {
		s.unsaved.Remove(r.place)
		r.place = nil
	}
	if len(r.buf) > 0 {
		s.put(job{r: r, data: r.buf, packets: r.inBuf})
		r.inBuf = 0
		r.buf = s.buffer()
	}
}

// maxSpare is how many buffers wait to be used again, and bufferCap what they hold: flushSize and the frame that
// oversteps it.
const (
	maxSpare  = 512
	bufferCap = flushSize + 2048
)

func (s *Spool) buffer() []byte {
	n := len(s.spare)
	if n == 0 {
		return make([]byte, 0, bufferCap)
	}
	b := s.spare[n-1]
	s.spare = s.spare[:n-1]
	return b[:0]
}

func (s *Spool) put(j job) {
	s.queue = append(s.queue, j)
	if len(s.queue) == 1 {
		s.wake.Signal()
	}
}

// Kept ends a call's capture and answers what of it is stored. The last of it may still be on its way to the disk.
func (s *Spool) Kept(c *analyze.KeptCall) protocol.Capture {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running[c.ID]
	if r == nil {
		return protocol.Capture{Kept: protocol.KeepNone}
	}
	s.end(r)
	if r.packets == 0 {
		return protocol.Capture{Kept: protocol.KeepNone}
	}
	return protocol.Capture{Kept: r.keep, Packets: r.packets, Bytes: uint64(r.size)}
}

// end hands the rest of a recording to the writing goroutine. It stays in running until its file is finished.
func (s *Spool) end(r *recording) {
	if r.ended {
		return
	}
	r.ended = true
	s.flush(r)
	s.put(job{r: r, end: true})
}
