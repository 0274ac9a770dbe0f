package spool

import (
	"container/list"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/pcapng"
)

// held is what is held of a call of which no rule has decided yet: the newest packets in memory, and where these have no room, in
// a file for each call in a folder of their own. They are marked with what of them is media (optMark), so that any level can be
// made of them when a rule decides. Where both are full, the call that has held media longest gives its media up, and calls
// that hold nothing but signalling only when there is no other.
type held struct {
	mem           chunks
	inMem, onDisk tally // onDisk: what was given to the writing goroutine, too

	marked   *chunk // in which the boundary of media was told last
	boundary int

	lostSIP, lostMedia uint64 // packets let go

	unspilled *list.Element // in Spool.unspilled: mem is not empty
	place     *list.Element // in Spool.heldMedia or heldSIP
}

// tally is a number of packets and what their blocks take.
type tally struct {
	sip, media, cut      uint64 // packets: signalling; media; of these, those that leave something when they are cut
	other                int64  // bytes of interface descriptions
	sipBytes, mediaBytes int64
	cutBytes             int64 // of media packets that are cut
}

func (t *tally) add(o *tally) {
	t.sip += o.sip
	t.media += o.media
	t.cut += o.cut
	t.other += o.other
	t.sipBytes += o.sipBytes
	t.mediaBytes += o.mediaBytes
	t.cutBytes += o.cutBytes
}

// at is what a level keeps.
func (t *tally) at(level protocol.Keep) (packets uint64, bytes int64) {
	switch level {
	case protocol.KeepSIP:
		return t.sip, t.other + t.sipBytes
	case protocol.KeepHeaders:
		return t.sip + t.cut, t.other + t.sipBytes + t.cutBytes
	case protocol.KeepRTP:
		return t.sip + t.media, t.other + t.sipBytes + t.mediaBytes
	}
	return 0, 0
}

func (t *tally) bytes() int64 {
	_, n := t.at(protocol.KeepRTP)
	return n
}

// signalling is t without media.
func (t *tally) signalling() tally { return tally{sip: t.sip, other: t.other, sipBytes: t.sipBytes} }

func (w *held) any() bool { return w.place != nil }

// hold adds a packet to what is held of a call: of media no more than may be kept in the end.
func (s *Spool) hold(r *recording, p *analyze.Packet, headers int, most protocol.Keep) {
	data, media := p.Data, headers < len(p.Data)
	headers = max(headers, 0)
	if media && most == protocol.KeepHeaders {
		if data = data[:headers]; headers == 0 {
			return
		}
	}
	if r.failed {
		s.count.disk++
		return
	}
	w := &r.window
	room := w.mem.room
	at := s.extend(&w.mem, pcapng.PacketBytes(len(data))+markBytes+pcapng.InterfaceBytes)
	s.held += w.mem.room - room
	if w.unspilled == nil {
		w.unspilled = s.unspilled.PushBack(r)
	}
	s.enter(r, media)

	t, before := &w.inMem, len(at.data)
	iface := r.describe(at, p.Link)
	t.other += int64(len(at.data) - before)
	before = len(at.data)
	length := max(p.Length, len(p.Data))
	if !media {
		at.data = appendMarked(at.data, iface, p.Time, data, length, markSignalling)
		t.sip++
		t.sipBytes += int64(len(at.data) - before)
	} else {
		if w.marked == at && w.boundary == headers {
			at.data = pcapng.AppendPacket(at.data, iface, p.Time, data, length)
		} else {
			w.marked, w.boundary = at, headers
			at.data = appendMarked(at.data, iface, p.Time, data, length, uint32(headers))
		}
		t.media++
		t.mediaBytes += int64(len(at.data) - before)
		if headers > 0 {
			t.cut++
			t.cutBytes += int64(pcapng.PacketBytes(headers))
		}
	}
	for s.held > s.cfg.Window {
		s.makeRoom()
	}
}

// enter puts a call among those that hold media, or that hold signalling only, as the last to be let go.
func (s *Spool) enter(r *recording, media bool) {
	w := &r.window
	switch {
	case w.place == nil && media:
		w.place = s.heldMedia.PushBack(r)
	case w.place == nil:
		w.place = s.heldSIP.PushBack(r)
	case media && w.inMem.media+w.onDisk.media == 0:
		s.heldSIP.Remove(w.place)
		w.place = s.heldMedia.PushBack(r)
	}
}

// makeRoom moves what was held in memory longest to disk or, where there is no room either, lets packets go. Something is
// held in memory.
func (s *Spool) makeRoom() {
	r := s.unspilled.Front().Value.(*recording)
	w := &r.window
	switch n := w.inMem.bytes(); {
	case s.windowOff:
		s.letGo(&s.count.windowDisk)
	case s.memory-s.held > s.cfg.Buffer: // the disk does not keep up
		s.letGo(&s.count.windowSlow)
	case s.windowBytes+n > s.cfg.WindowDisk:
		s.letGo(&s.count.windowFull)
	default:
		w.onDisk.add(&w.inMem)
		s.windowBytes += n
		s.held -= w.mem.room
		r.queued = true
		s.put(job{kind: jobSpill, r: r, data: w.mem, tally: w.inMem})
		w.mem, w.inMem, w.marked = chunks{}, tally{}, nil
		s.unspilled.Remove(w.unspilled)
		w.unspilled = nil
	}
}

// letGo lets the media of one call go, or all that is held of one that holds nothing else, and counts the packets.
func (s *Spool) letGo(count *uint64) {
	s.letGoAt = s.cfg.Clock()
	if e := s.heldMedia.Front(); e != nil {
		r := e.Value.(*recording)
		w := &r.window
		lost := w.inMem.media + w.onDisk.media
		*count += lost
		w.lostMedia += lost
		s.cutMemory(r)
		if w.onDisk.media > 0 {
			s.windowBytes -= w.onDisk.mediaBytes
			w.onDisk = w.onDisk.signalling()
			s.put(job{kind: jobCut, r: r})
		}
		s.heldMedia.Remove(w.place)
		w.place = s.heldSIP.PushBack(r)
		return
	}
	s.lose(s.heldSIP.Front().Value.(*recording), count)
}

// lose lets all go that is held of a call, and counts it.
func (s *Spool) lose(r *recording, count *uint64) {
	t := r.window.onDisk
	t.add(&r.window.inMem)
	*count += t.sip + t.media
	lostSIP, lostMedia := r.window.lostSIP+t.sip, r.window.lostMedia+t.media
	s.drop(r)
	r.window.lostSIP, r.window.lostMedia = lostSIP, lostMedia
}

// cutMemory takes the media out of what is held in memory.
func (s *Spool) cutMemory(r *recording) {
	w := &r.window
	if w.inMem.media == 0 {
		return
	}
	was := w.mem
	var now chunks
	c := cutter{level: protocol.KeepSIP}
	for from := was.first; from != nil; from = from.next {
		eachBlock(from.data, func(kind uint32, b []byte) {
			if s.cut = c.append(s.cut[:0], kind, b); len(s.cut) > 0 {
				at := s.extend(&now, len(s.cut))
				at.data = append(at.data, s.cut...)
			}
		})
	}
	s.held += now.room - was.room
	s.release(&was)
	w.mem, w.inMem, w.marked = now, w.inMem.signalling(), nil
	if now.first == nil {
		s.unspilled.Remove(w.unspilled)
		w.unspilled = nil
	}
}

// storeHeld stores what is held of a call as far as a level goes, and lets the rest go.
func (s *Spool) storeHeld(r *recording, level protocol.Keep) {
	w := &r.window
	if w.lostSIP > 0 || w.lostMedia > 0 && level != protocol.KeepSIP {
		r.partial = true
	}
	t := w.onDisk
	t.add(&w.inMem)
	packets, bytes := t.at(level)
	if r.failed {
		s.count.disk += packets
		packets = 0
	}
	if s.memory-s.held > s.cfg.Buffer { // the disk does not keep up: what waits for it is not to grow by decisions either
		lost, n := w.inMem.at(level)
		packets, bytes = packets-lost, bytes-n
		if s.count.slow += lost; lost > 0 {
			r.partial = true
		}
		r.links = r.links[:r.storedLinks+int(w.onDisk.other/pcapng.InterfaceBytes)] // others were described in memory
		s.held -= w.mem.room
		s.release(&w.mem)
	}
	if packets == 0 {
		s.drop(r)
		return
	}
	s.flush(r)
	s.started(r, level)
	r.packets += packets
	r.size += bytes
	s.bytes += bytes
	r.storedLinks = len(r.links)
	r.queued = true
	s.put(job{kind: jobStore, r: r, data: w.mem, level: level, packets: packets, bytes: bytes})
	s.held -= w.mem.room
	w.mem = chunks{}
	s.leave(r)
}

// drop lets go what is held of a call.
func (s *Spool) drop(r *recording) {
	w := &r.window
	if w.onDisk.bytes() > 0 {
		s.put(job{kind: jobDrop, r: r})
	}
	s.held -= w.mem.room
	s.release(&w.mem)
	r.links = r.links[:r.storedLinks]
	s.leave(r)
}

// leave forgets that something is held of a call.
func (s *Spool) leave(r *recording) {
	w := &r.window
	s.windowBytes -= w.onDisk.bytes()
	if w.unspilled != nil {
		s.unspilled.Remove(w.unspilled)
	}
	if w.place != nil {
		if w.inMem.media+w.onDisk.media > 0 {
			s.heldMedia.Remove(w.place)
		} else {
			s.heldSIP.Remove(w.place)
		}
	}
	r.window = held{}
}
