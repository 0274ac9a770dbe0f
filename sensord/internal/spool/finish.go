package spool

import (
	"container/heap"
)

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
