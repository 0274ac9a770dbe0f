package spool

import (
	"container/heap"
	"container/list"
	"errors"
	"fmt"
	"os"
	"path"
)

// job is work for the writing goroutine: whole blocks to append to a recording's file, or its end.
type job struct {
	r       *recording
	data    []byte
	packets uint64
	end     bool
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
	var err error
	if len(j.data) > 0 && !r.failed {
		err = s.append(r, j.data)
	}
	s.mu.Lock()
	s.buffered -= len(j.data)
	if cap(j.data) == bufferCap && len(s.spare) < maxSpare {
		s.spare = append(s.spare, j.data)
	}
	switch {
	case err != nil:
		s.fail(r, err)
	case len(j.data) > 0 && !r.failed:
		r.stored += int64(len(j.data))
		r.storedPackets += j.packets
		s.stop("")
	}
	s.mu.Unlock()
	if j.end {
		s.finish(r)
	}
}

// fail stops a recording: what it has on disk stays, what it has in memory goes.
func (s *Spool) fail(r *recording, err error) {
	s.stop(err.Error())
	r.failed = true
	s.dropped += r.packets - r.storedPackets
	s.buffered -= len(r.buf)
	if r.place != nil {
		s.unsaved.Remove(r.place)
		r.place = nil
	}
	r.buf = nil
	s.bytes -= r.size - r.stored
	r.size, r.packets = r.stored, r.storedPackets
}

// append writes whole blocks to the file of r; of a write that fails nothing remains.
func (s *Spool) append(r *recording, data []byte) error {
	if err := s.enoughFree(); err != nil {
		return err
	}
	f, err := s.files.get(s.root, r)
	if err != nil {
		return fmt.Errorf("write a capture: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		// When this fails too, the rest of a block stays at the end until the next start cuts it off.
		return fmt.Errorf("write a capture: %w", errors.Join(err, f.Truncate(r.stored)))
	}
	return nil
}

// enoughFree is an error when captures would fill the file system, on which the journal may be as well.
func (s *Spool) enoughFree() error {
	if s.cfg.MinFree < 0 {
		return nil
	}
	if s.sinceCheck--; s.sinceCheck > 0 {
		return nil
	}
	free, total := freeBytes(s.cfg.Dir)
	want := uint64(s.cfg.MinFree)
	if want == 0 {
		want = min(256<<20, total/20)
	}
	if free < want {
		return fmt.Errorf("only %d MiB are free on the file system of %s, %d are left alone: make room or lower maxpoolsize", free>>20, s.cfg.Dir, want>>20)
	}
	s.sinceCheck = freeEvery
	return nil
}

// freeEvery is how many writes may happen before free space is looked at again.
const freeEvery = 128

// finish gives the file of r its final name and makes it known.
func (s *Spool) finish(r *recording) {
	s.files.close(r)
	name := filePath(r.id)
	var err error
	now := s.cfg.Clock()
	switch {
	case r.storedPackets == 0:
		if err = s.root.Remove(name + partSuffix); errors.Is(err, os.ErrNotExist) {
			err = nil // nothing could be written
		}
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
	if r.storedPackets > 0 && err == nil {
		s.add(&capture{id: r.id, size: r.stored, kept: now.Unix(), ours: true})
	}
	s.mu.Unlock()
	close(r.done)
	s.retain(now)
}

// add makes a finished file known.
func (s *Spool) add(c *capture) {
	if old := s.ready[c.id]; old != nil { // the same packets were replayed after a crash
		heap.Remove(&s.oldest, old.at)
		s.bytes -= old.size
	}
	s.ready[c.id] = c
	heap.Push(&s.oldest, c)
	s.bytes += c.size
}

// openFiles holds the files that are open for appending, at most max; the one unused longest is closed and opened again
// when it is needed. Only the writing goroutine uses it.
type openFiles struct {
	max   int
	byUse list.List // of *openFile, longest unused first
	of    map[*recording]*list.Element
}

type openFile struct {
	r *recording
	f *os.File
}

func (o *openFiles) init(n int) { o.max, o.of = n, map[*recording]*list.Element{} }

func (o *openFiles) get(root *os.Root, r *recording) (*os.File, error) {
	if e := o.of[r]; e != nil {
		o.byUse.MoveToBack(e)
		return e.Value.(*openFile).f, nil
	}
	if o.byUse.Len() >= o.max {
		o.close(o.byUse.Front().Value.(*openFile).r)
	}
	name := filePath(r.id) + partSuffix
	flags := os.O_WRONLY | os.O_APPEND
	if r.stored == 0 {
		if err := root.MkdirAll(path.Dir(name), 0o750); err != nil {
			return nil, err
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := root.OpenFile(name, flags, 0o640)
	if err != nil {
		return nil, err
	}
	o.of[r] = o.byUse.PushBack(&openFile{r, f})
	return f, nil
}

func (o *openFiles) close(r *recording) {
	if e := o.of[r]; e != nil {
		o.byUse.Remove(e)
		delete(o.of, r)
		_ = e.Value.(*openFile).f.Close() // written through: a late error of the file system shows at the next write
	}
}

func (o *openFiles) closeAll() {
	for r := range o.of {
		o.close(r)
	}
}
