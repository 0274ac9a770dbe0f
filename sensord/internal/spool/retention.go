package spool

import (
	"container/heap"
	"fmt"
	"path"
	"time"
)

// Retain removes the captures that were kept first while there is more than MaxBytes, those older than MaxDays, and as many
// as it takes to have CleanFree bytes free. It also brings to disk what waits in memory; sensord calls it every minute.
func (s *Spool) Retain(now time.Time) {
	s.mu.Lock()
	for _, r := range s.running {
		if !r.ended {
			s.flush(r)
		}
	}
	s.windowOff = false // the disk is tried again
	s.mu.Unlock()
	s.retain(now)
}

// cleanEvery is how long the room that removed captures leave has to show before more of them go.
const cleanEvery = 10 * time.Second

// retain removes what retention does not cover.
func (s *Spool) retain(now time.Time) {
	s.retaining.Lock() // else two would make the same room
	defer s.retaining.Unlock()
	lack := s.lack(now)
	var gone []*capture
	s.mu.Lock()
	for len(s.oldest) > 0 {
		c := s.oldest[0]
		why := s.reason(c, now, lack)
		if why == nil {
			break
		}
		*why++
		heap.Pop(&s.oldest)
		delete(s.ready, c.id)
		s.bytes -= c.size
		lack -= c.size
		s.expired.add(c.id)
		gone = append(gone, &capture{id: c.id, zst: c.zst})
	}
	s.mu.Unlock()
	for _, c := range gone {
		name := c.name()
		if s.plainFolder(path.Dir(name)) != nil {
			continue // the folder has gone, or a link has taken its place
		}
		s.removeFile(name)
		// The folders of its hour and day go with the last file in them.
		if s.root.Remove(path.Dir(name)) == nil {
			_ = s.root.Remove(path.Dir(path.Dir(name)))
		}
	}
	if err := s.expired.save(); err != nil {
		s.cfg.Log.Warn("the list of expired captures cannot be written", "dir", s.cfg.Dir, "err", err)
	}
}

// reason is the counter of why c has to go, nil when it may stay.
func (s *Spool) reason(c *capture, now time.Time, lack int64) *uint64 {
	switch {
	case s.cfg.MaxBytes > 0 && s.bytes > s.cfg.MaxBytes:
		return &s.count.expiredSize
	case s.cfg.MaxDays > 0 && c.kept < now.AddDate(0, 0, -s.cfg.MaxDays).Unix():
		return &s.count.expiredAge
	case lack > 0:
		return &s.count.expiredFree
	}
	return nil
}

// lack is how many bytes have to become free on the file system, 0 or less if none.
func (s *Spool) lack(now time.Time) int64 {
	if s.cfg.CleanFree < 0 || now.Sub(s.cleaned) < cleanEvery && !s.cleaned.IsZero() {
		return 0
	}
	free, total := s.cfg.free(s.cfg.Dir)
	want := uint64(s.cfg.CleanFree)
	if want == 0 {
		want = min(1<<30, total/10)
	}
	if free >= want {
		return 0
	}
	s.cleaned = now
	return int64(want - free)
}

// enoughFree is an error when captures would fill the file system, on which the journal may be as well.
func (s *Spool) enoughFree() error {
	if s.cfg.MinFree < 0 {
		return nil
	}
	if s.sinceCheck--; s.sinceCheck > 0 {
		return nil
	}
	free, want := s.reserve()
	if free < want {
		s.retain(s.cfg.Clock())
		if free, want = s.reserve(); free < want {
			return fmt.Errorf("only %d MiB are free on the file system of %s, %d are left alone: make room or lower maxpoolsize", free>>20, s.cfg.Dir, want>>20)
		}
	}
	s.sinceCheck = freeEvery
	return nil
}

// reserve is what is free, and what captures leave alone of it.
func (s *Spool) reserve() (free, want uint64) {
	free, total := s.cfg.free(s.cfg.Dir)
	if want = uint64(s.cfg.MinFree); want == 0 {
		want = min(256<<20, total/20)
	}
	return free, want
}

// freeEvery is how many writes may happen before free space is looked at again.
const freeEvery = 128
