package spool

import (
	"container/list"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/pcapng"
)

const (
	// flushSize is how much of a recording is gathered in memory before it is written.
	flushSize = 32 << 10
	// flushAge is how long packets of a recording stay in memory, in nanoseconds of the packets' time.
	flushAge = 1e9
	// ruleRoom is how much longer the name of a rule may be that decides later.
	ruleRoom = 64
)

func application() string { return "sensord " + protocol.Version }

// recording is a call whose packets are stored, or held until it is known whether they are to be stored. What each packet
// touches comes first: with thousands of calls it is memory that a packet waits for.
type recording struct {
	ended   bool
	failed  bool          // nothing more is written
	queued  bool          // there is, or may be, something on disk
	partial bool          // packets are missing in what is stored
	level   protocol.Keep // the most under which packets are stored

	links       []uint16      // link types with an interface, by its number
	storedLinks int           // how many of links are in what is stored
	packets     uint64        // stored, in memory or on disk
	size        int64         // of the file, with all that is in memory
	buf         chunks        // not yet given to the queue
	inBuf       uint64        // packets in buf
	since       int64         // time of the first packet in buf
	unsaved     *list.Element // in Spool.unsaved

	window held

	id       protocol.UUID
	info     Info
	headSize int // of the section header, which is written again when info changes
	disk     onDisk
	done     chan struct{} // closed when the file is finished
}

// Keep adds a packet to a call's capture, or holds it while c.Open; the first one starts the capture. headers bytes of p,
// from its start, are not voice or other media; all of them are in a packet of signalling. The error of a capture shows in
// State, never here.
func (s *Spool) Keep(c *analyze.KeptCall, p *analyze.Packet, headers int) {
	if c.Keep == protocol.KeepNone || len(p.Data) == 0 || c.Keep == protocol.KeepSIP && headers < len(p.Data) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.recordingOf(c)
	switch {
	case r == nil:
	case c.Open:
		s.hold(r, p, headers, c.Keep)
	default:
		if r.window.any() {
			s.decide(r, c)
		}
		s.store(r, c, p, headers)
	}
}

// Decided takes that a rule has decided otherwise for a call than before, see analyze.Sink.
func (s *Spool) Decided(c *analyze.KeptCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.running[c.ID]; r != nil && !r.ended {
		s.decide(r, c)
	}
}

// Kept ends a call's capture and answers what of it is stored. The last of it may still be on its way to the disk.
func (s *Spool) Kept(c *analyze.KeptCall) protocol.Capture {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running[c.ID]
	if r == nil || r.ended {
		return protocol.Capture{Kept: protocol.KeepNone}
	}
	s.decide(r, c)
	if r.window.any() { // the call is said to be open at its end
		s.drop(r)
	}
	s.end(r)
	if r.packets == 0 {
		return protocol.Capture{Kept: protocol.KeepNone, Partial: r.partial}
	}
	return protocol.Capture{Kept: r.level, Packets: r.packets, Bytes: uint64(r.size), NoAudio: r.info.NoAudio, Partial: r.partial}
}

// recordingOf gives the recording of a call, a new one if there is none; nil when it is too late for one.
func (s *Spool) recordingOf(c *analyze.KeptCall) *recording {
	r := s.running[c.ID]
	if r != nil && !r.ended && !s.closed {
		return r
	}
	switch old := s.ready[c.ID]; {
	case s.closed:
		return nil
	case r != nil, old != nil && old.ours: // the capture has been handed out
		s.count.late++
		return nil
	}
	r = &recording{id: c.ID, level: protocol.KeepNone, done: make(chan struct{})}
	r.info = Info{
		CallID: c.CallID, Caller: c.Caller, Callee: c.Callee, Start: c.Start, Sensor: s.cfg.Sensor,
		Rule: c.Rule, Keep: protocol.KeepHeaders, NoAudio: true, Masked: true, Partial: true,
	}
	r.headSize = sectionBytes(application(), r.info.comments()) + ruleRoom
	r.info.Keep, r.info.NoAudio, r.info.Masked, r.info.Partial = c.Keep, c.NoAudio, c.Masked, false
	s.running[c.ID] = r
	return r
}

// decide applies what c says now: what is held is stored as far as the rule goes, or let go.
func (s *Spool) decide(r *recording, c *analyze.KeptCall) {
	if c.Open {
		return
	}
	if c.Keep == protocol.KeepNone {
		s.drop(r)
		if c.Rule != "" {
			s.discard(r)
		}
		return
	}
	r.info.Rule, r.info.NoAudio, r.info.Masked = c.Rule, c.NoAudio, c.Masked
	s.storeHeld(r, c.Keep)
	s.retitle(r)
}

// store adds a packet to what is stored.
func (s *Spool) store(r *recording, c *analyze.KeptCall, p *analyze.Packet, headers int) {
	data := p.Data
	if c.Keep == protocol.KeepHeaders && headers < len(data) {
		if data = data[:max(headers, 0)]; len(data) == 0 {
			return
		}
	}
	if r.failed {
		s.count.disk++
		return
	}
	if s.memory+chunkSize > s.cfg.Window+s.cfg.Buffer {
		s.count.slow++
		r.partial = true
		s.stop("the disk is too slow: " + s.cfg.Dir)
		return
	}
	s.started(r, c.Keep)
	at := s.extend(&r.buf, pcapng.PacketBytes(len(data))+pcapng.InterfaceBytes)
	before := len(at.data)
	iface := r.describe(at, p.Link)
	r.storedLinks = len(r.links)
	at.data = pcapng.AppendPacket(at.data, iface, p.Time, data, max(p.Length, len(p.Data)))
	n := len(at.data) - before
	r.buf.bytes += n
	r.size += int64(n)
	s.bytes += int64(n)
	r.packets++
	r.inBuf++
	if r.unsaved == nil {
		r.since = p.Time
		r.unsaved = s.unsaved.PushBack(r)
	}
	for e := s.unsaved.Front(); e != nil; e = s.unsaved.Front() {
		q := e.Value.(*recording)
		if p.Time-q.since <= flushAge {
			break
		}
		s.flush(q)
	}
	if r.buf.bytes >= flushSize {
		s.flush(r)
	}
}

// started notes that packets are stored under a level; the file begins with its section header.
func (s *Spool) started(r *recording, level protocol.Keep) {
	if r.size == 0 {
		r.size = int64(r.headSize)
		s.bytes += r.size
	}
	if level.Rank() > r.level.Rank() {
		r.level = level
		r.info.Keep = level
		if r.queued {
			s.retitle(r)
		}
	}
}

// describe gives the number of the interface of a link type, and appends its description when it is new.
func (r *recording) describe(at *chunk, link uint16) uint32 {
	for i, l := range r.links {
		if l == link {
			return uint32(i)
		}
	}
	r.links = append(r.links, link)
	at.data = pcapng.AppendInterface(at.data, link)
	return uint32(len(r.links) - 1)
}

// retitle has the section header written again, if there is one on disk or on its way.
func (s *Spool) retitle(r *recording) {
	if r.queued && r.size > 0 {
		s.put(job{kind: jobTitle, r: r})
	}
}

// head makes the section header. The name of a rule that does not fit is cut.
func (r *recording) head() []byte {
	info := r.info
	for {
		b, ok := sectionOf(r.headSize, application(), info.comments())
		if ok || info.Rule == "" {
			return b
		}
		info.Rule = info.Rule[:max(0, len(info.Rule)-8)]
	}
}

// flush gives what has gathered of a recording to the writing goroutine.
func (s *Spool) flush(r *recording) {
	if data, n := s.takeBuf(r); data.first != nil {
		r.queued = true
		s.put(job{kind: jobAppend, r: r, data: data, packets: n})
	}
}

// takeBuf takes what has gathered of a recording, so many packets.
func (s *Spool) takeBuf(r *recording) (data chunks, packets uint64) {
	if r.unsaved != nil {
		s.unsaved.Remove(r.unsaved)
		r.unsaved = nil
	}
	data, packets = r.buf, r.inBuf
	r.buf, r.inBuf = chunks{}, 0
	return data, packets
}

// discard removes what is stored of a call.
func (s *Spool) discard(r *recording) {
	data, _ := s.takeBuf(r)
	s.release(&data)
	s.bytes -= r.size
	r.packets, r.size = 0, 0
	r.level, r.links, r.storedLinks, r.partial = protocol.KeepNone, nil, 0, false
	if r.queued {
		s.put(job{kind: jobDiscard, r: r})
	}
}

// end hands the rest of a recording to the writing goroutine. It stays in running until its file is finished.
func (s *Spool) end(r *recording) {
	if r.ended {
		return
	}
	r.ended = true
	s.flush(r)
	if !r.queued { // no file
		delete(s.running, r.id)
		close(r.done)
		return
	}
	s.put(job{kind: jobEnd, r: r})
}
