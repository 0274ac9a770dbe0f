package spool

import (
	"container/heap"
	"errors"
	"fmt"
	"os"
	"path"

	"voiptop/protocol"
)

// jobKind says what the writing goroutine is to do. It does the jobs in their order; a call's files are its alone.
type jobKind uint8

const (
	jobAppend  jobKind = iota // append to what is stored
	jobSpill                  // append to what is held
	jobCut                    // take the media out of what is held
	jobDrop                   // remove what is held
	jobStore                  // store what is held on disk and in memory, as far as the level goes
	jobTitle                  // write the section header again
	jobDiscard                // remove what is stored
	jobEnd                    // finish the file
)

type job struct {
	kind    jobKind
	r       *recording
	data    chunks
	level   protocol.Keep
	packets uint64 // that are stored then
	bytes   int64  //
	tally   tally  // of data that is held
}

// onDisk is what the writing goroutine knows of a call's files: sizes of the file that is stored and of the one that is held,
// 0 when there is none, and the packets in them.
type onDisk struct {
	stored, held int64
	made         [2]bool // there is a file, by its place
	packets      uint64
	tally        tally
}

// put gives a job to the writing goroutine. The spool's lock is held.
func (s *Spool) put(j job) {
	s.queue = append(s.queue, j)
	if len(s.queue) == 1 {
		s.wake.Signal()
	}
}

// write is the writing goroutine: it does the jobs until the spool is closed and none is left.
func (s *Spool) write() {
	var jobs []job
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.wake.Wait()
		}
		jobs, s.queue = s.queue, jobs[:0]
		s.mu.Unlock()
		if len(jobs) == 0 {
			s.files.closeAll()
			return
		}
		for i := range jobs {
			s.do(&jobs[i])
			jobs[i] = job{}
		}
	}
}

func (s *Spool) do(j *job) {
	r := j.r
	switch j.kind {
	case jobAppend:
		s.settle(j, s.storeBlocks(r, &j.data, &cutter{level: protocol.KeepRTP}, j.packets))
	case jobStore:
		before := r.disk.packets
		err := s.storeDisk(r, j.level)
		if err == nil {
			err = s.storeBlocks(r, &j.data, &cutter{level: j.level}, 0)
		}
		s.settle(j, err)
		s.missing(j, r.disk.packets-before)
	case jobSpill:
		s.spill(j)
	case jobCut:
		s.cutFile(j)
	case jobDrop:
		s.removeHeld(r)
	case jobTitle:
		s.title(r)
	case jobDiscard:
		s.removeStored(r)
	case jobEnd:
		s.finish(r)
	}
}

// settle notes how a write of packets that are stored went.
func (s *Spool) settle(j *job, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(&j.data)
	switch {
	case err != nil && !errors.Is(err, errGivenUp):
		s.fail(j.r, err)
	case err == nil:
		s.stop("")
	}
}

// errGivenUp is the error of a write to a file of which an earlier one failed.
var errGivenUp = errors.New("given up")

// fail stops a recording: what it has on disk stays, what it has in memory goes.
func (s *Spool) fail(r *recording, err error) {
	s.stop(err.Error())
	r.failed, r.partial = true, true
	s.count.disk += r.packets - r.disk.packets
	if r.place != nil {
		s.unsaved.Remove(r.place)
		r.place = nil
	}
	s.release(&r.buf)
	r.inBuf = 0
	if !r.ended && r.window.any() {
		s.drop(r)
	}
	s.bytes -= r.size - r.disk.stored
	r.size, r.packets = r.disk.stored, r.disk.packets
}

// missing corrects what is said to be stored when a part of what was held had not come to the disk.
func (s *Spool) missing(j *job, stored uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.r.failed || stored >= j.packets {
		return
	}
	j.r.partial = true
	j.r.packets -= j.packets - stored
}

// storeBlocks appends the blocks of a list, as far as c keeps them, to the file of r. packets is how many packets they are,
// 0: that is counted.
func (s *Spool) storeBlocks(r *recording, data *chunks, c *cutter, packets uint64) error {
	if r.failed {
		return errGivenUp
	}
	if data.first == nil {
		return nil
	}
	w, err := s.begin(r, stored)
	if err != nil {
		return err
	}
	for at := data.first; at != nil && w.err == nil; at = at.next {
		if c.level == protocol.KeepRTP && packets > 0 {
			w.write(at.data)
			continue
		}
		eachBlock(at.data, func(kind uint32, b []byte) { w.buf = c.append(w.buf, kind, b) })
		w.flushed()
	}
	if err := w.flush(); err != nil {
		return err
	}
	r.disk.packets += max(packets, c.packets)
	return nil
}

// storeDisk makes what is held on disk what is stored: by giving the file its name if all of it is wanted and nothing is
// stored before, else by copying.
func (s *Spool) storeDisk(r *recording, level protocol.Keep) error {
	if r.failed {
		s.removeHeld(r)
		return errGivenUp
	}
	if r.disk.held == 0 {
		return nil
	}
	if level == protocol.KeepRTP && r.disk.stored == 0 && s.promote(r) == nil {
		return nil
	}
	defer s.removeHeld(r)
	from, err := s.files.get(s, r, window)
	if err != nil {
		return fmt.Errorf("read held packets: %w", err)
	}
	w, err := s.begin(r, stored)
	if err != nil {
		return err
	}
	c := cutter{level: level}
	err = eachBlockOf(from, func(kind uint32, b []byte) error {
		w.buf = c.append(w.buf, kind, b)
		w.flushed()
		return w.err
	})
	if err = errors.Join(err, w.flush()); err != nil {
		return fmt.Errorf("store held packets: %w", err)
	}
	r.disk.packets += c.packets
	return nil
}

// promote renames the file of held packets to that of stored ones.
func (s *Spool) promote(r *recording) error {
	if err := s.makeFolder(path.Dir(filePath(r.id))); err != nil {
		return err
	}
	if err := s.root.Rename(heldPath(r.id), filePath(r.id)+partSuffix); err != nil {
		return err
	}
	s.files.promote(r)
	r.disk.stored, r.disk.held = r.disk.held, 0
	r.disk.made = [2]bool{stored: true}
	r.disk.packets += r.disk.tally.sip + r.disk.tally.media
	r.disk.tally = tally{}
	return nil
}

// spill appends to the file of held packets. What does not come to the disk is lost, and counted.
func (s *Spool) spill(j *job) {
	r := j.r
	w, err := s.begin(r, window)
	if err == nil {
		for at := j.data.first; at != nil; at = at.next {
			w.write(at.data)
		}
		err = w.flush()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(&j.data)
	if err == nil {
		r.disk.tally.add(&j.tally)
		s.stop("")
		return
	}
	s.stop(err.Error())
	s.windowOff = true
	s.letGoAt = s.cfg.Clock()
	s.count.windowDisk += j.tally.sip + j.tally.media
	r.window.lostSIP += j.tally.sip
	r.window.lostMedia += j.tally.media
}

// cutFile takes the media out of the file of held packets, in its place.
func (s *Spool) cutFile(j *job) {
	r := j.r
	if r.disk.held == 0 {
		return
	}
	f, err := s.files.get(s, r, window)
	if err == nil {
		at := int64(r.headSize)
		w, c := s.appender(f, &at), cutter{level: protocol.KeepSIP}
		err = eachBlockOf(f, func(kind uint32, b []byte) error { // the reading is ahead of the writing
			w.buf = c.append(w.buf, kind, b)
			w.flushed()
			return w.err
		})
		if err = errors.Join(err, w.flush()); err == nil {
			err = f.Truncate(at)
		}
		r.disk.held, r.disk.tally = at, r.disk.tally.signalling()
	}
	if err != nil {
		s.cfg.Log.Warn("held packets cannot be cut; they are let go", "call", r.id, "err", err)
		s.removeHeld(r)
	}
}

// removeHeld removes the file of held packets.
func (s *Spool) removeHeld(r *recording) {
	if !r.disk.made[window] {
		return
	}
	s.files.close(r, window)
	r.disk.made[window], r.disk.held, r.disk.tally = false, 0, tally{}
	if err := s.root.Remove(heldPath(r.id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.cfg.Log.Error("held packets cannot be removed", "call", r.id, "err", err)
	}
}

// removeStored removes what is stored of a call that goes on.
func (s *Spool) removeStored(r *recording) {
	if !r.disk.made[stored] {
		return
	}
	s.files.close(r, stored)
	r.disk.made[stored], r.disk.stored, r.disk.packets = false, 0, 0
	if err := s.root.Remove(filePath(r.id) + partSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.cfg.Log.Error("a capture that is not wanted any more cannot be removed", "call", r.id, "err", err)
	}
}

// title writes the section header again.
func (s *Spool) title(r *recording) {
	if r.disk.stored == 0 {
		return
	}
	s.mu.Lock()
	head := r.head()
	s.mu.Unlock()
	f, err := s.files.get(s, r, stored)
	if err == nil {
		_, err = f.WriteAt(head, 0)
	}
	if err != nil {
		s.cfg.Log.Warn("the comments of a capture cannot be written", "call", r.id, "err", err)
	}
}

// finish gives the file of r its final name and makes it known.
func (s *Spool) finish(r *recording) {
	s.removeHeld(r)
	s.mu.Lock()
	late := r.partial && !r.info.Partial
	r.info.Partial = r.partial
	s.mu.Unlock()
	if late {
		s.title(r)
	}
	s.files.close(r, stored)
	name := filePath(r.id)
	var err error
	now := s.cfg.Clock()
	switch {
	case r.disk.packets == 0:
		s.removeStored(r)
	default:
		if err = s.root.Rename(name+partSuffix, name); err == nil {
			err = s.root.Chtimes(name, now, now)
		}
	}
	s.mu.Lock()
	if err != nil {
		s.stop("finish a capture: " + err.Error())
	}
	delete(s.running, r.id)
	s.bytes -= r.size
	if r.partial {
		s.count.partial++
	}
	var old *capture
	if r.disk.packets > 0 && err == nil {
		old = s.add(&capture{id: r.id, size: r.disk.stored, kept: now.Unix(), ours: true})
	}
	s.mu.Unlock()
	if old != nil && old.zst {
		_ = s.root.Remove(old.name()) // the next start removes it as well
	}
	s.retain(now)
	close(r.done)
}

// add makes a finished file known, and answers which it takes the place of.
func (s *Spool) add(c *capture) (old *capture) {
	if old = s.ready[c.id]; old != nil { // the same packets were replayed after a crash
		heap.Remove(&s.oldest, old.at)
		s.bytes -= old.size
	}
	s.ready[c.id] = c
	heap.Push(&s.oldest, c)
	s.bytes += c.size
	s.wantCompressed(c.id)
	return old
}

// begin opens a file of r for appending, when there is room on the disk. A new one begins with the section header.
func (s *Spool) begin(r *recording, which place) (*appender, error) {
	if err := s.enoughFree(); err != nil {
		return nil, err
	}
	f, err := s.files.get(s, r, which)
	if err != nil {
		return nil, fmt.Errorf("write a capture: %w", err)
	}
	w := s.appender(f, r.disk.size(which))
	if *w.at == 0 {
		s.mu.Lock()
		w.buf = append(w.buf, r.head()...)
		s.mu.Unlock()
	}
	return w, nil
}

func (d *onDisk) size(which place) *int64 {
	if which == window {
		return &d.held
	}
	return &d.stored
}
