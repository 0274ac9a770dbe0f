package spool

import (
	"errors"
	"fmt"
	"os"
	"path"

	"voiptop/protocol"
)

// onDisk is what the writing goroutine knows of a call's files: sizes of the file that is stored and of the one that is held,
// 0 when there is none, and the packets in them.
type onDisk struct {
	stored, held int64
	made         [2]bool // there is a file, by its place
	spoiled      bool    // a piece of what is held is missing, and with it maybe the description of an interface
	packets      uint64
	tally        tally
}

func (d *onDisk) size(which place) *int64 {
	if which == window {
		return &d.held
	}
	return &d.stored
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
	if r.failed || r.disk.spoiled {
		s.removeHeld(r)
		if !r.failed {
			return errSpoiled
		}
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

// errSpoiled is the error of storing what was not held completely.
var errSpoiled = errors.New("write a capture: packets that were held could not be written")

// spill appends to the file of held packets. When that fails all that is held of the call is lost, and counted: the
// description of an interface may be in the piece.
func (s *Spool) spill(j *job) {
	r := j.r
	err := errSpoiled
	var w *appender
	if !r.disk.spoiled {
		w, err = s.begin(r, window)
	}
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
	r.disk.spoiled = true
	if errors.Is(err, errSpoiled) {
		return // counted
	}
	s.stop(err.Error())
	s.windowOff = true
	s.letGoAt = s.cfg.Clock()
	s.lose(r, &s.count.windowDisk)
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
	r.disk.spoiled = false
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
