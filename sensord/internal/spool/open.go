package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// finishTimeout is how long Open waits for the end of a file that is being finished.
const finishTimeout = 10 * time.Second

// Reader is an open capture: the bytes of its pcapng file, which grows no more. ReadAt may be called by many goroutines.
type Reader struct {
	Info    Info
	ID      protocol.UUID
	Size    int64
	ModTime time.Time
	content
}

// content is what a capture is read through.
type content interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Read opens the capture of an ended call. It answers ErrExpired when retention has removed it, ErrNotKept when there is
// none, and ErrRunning while it is being written. The caller closes it.
func (s *Spool) Read(u protocol.UUID) (*Reader, error) {
	if err := s.await(u); err != nil {
		return nil, err
	}
	for range 3 { // a file that is replaced by its compressed form is looked for again
		s.mu.Lock()
		known := s.ready[u]
		if known == nil {
			s.mu.Unlock()
			return nil, ErrExpired // removed meanwhile
		}
		c := *known
		s.mu.Unlock()
		r, err := s.openCapture(&c)
		switch {
		case err == nil:
			return r, nil
		case !errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("open a capture: %w", err)
		}
	}
	return nil, ErrExpired // somebody removed it
}

// openCapture opens a finished file.
func (s *Spool) openCapture(c *capture) (*Reader, error) {
	f, info, err := s.openRegular(c.name(), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	r := &Reader{ID: c.id, Size: info.Size(), ModTime: info.ModTime(), content: f}
	if c.zst {
		if r.content, r.Size, err = expand(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", c.name(), err)
		}
	}
	r.describe()
	return r, nil
}

// Open opens a capture for the sensor API, with the errors of Read.
func (s *Spool) Open(u protocol.UUID) (*sensorapi.CaptureFile, error) {
	r, err := s.Read(u)
	if err != nil {
		return nil, err
	}
	return &sensorapi.CaptureFile{
		Name: r.Name(suffix), Size: r.Size, ModTime: r.ModTime, Tag: fmt.Sprintf("%s-%d", u, r.Size), ReadSeekCloser: r,
	}, nil
}

// await returns when the capture of an ended call is a file, or with why there is none.
func (s *Spool) await(u protocol.UUID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.running[u]; r != nil {
		if !r.ended {
			return ErrRunning
		}
		s.mu.Unlock()
		t := time.NewTimer(finishTimeout)
		var late bool
		select {
		case <-r.done:
		case <-t.C:
			late = true
		}
		t.Stop()
		s.mu.Lock()
		if late {
			return fmt.Errorf("the capture of call %s is not written yet: the disk is slow", u)
		}
	}
	switch {
	case s.ready[u] != nil:
		return nil
	case s.expired.has(u):
		return ErrExpired
	}
	return ErrNotKept
}

// describe reads what the file says of itself; of a file that says nothing the zero Info stands.
func (r *Reader) describe() {
	head := make([]byte, 16<<10)
	n, _ := r.ReadAt(head, 0) // a short file has less
	r.Info = readInfo(comments(head[:n]))
}

// openRegular opens a file of the spool that is no link, in a folder that is none. A Root lets no name lead out of its
// folder; within the folder it would follow a link.
func (s *Spool) openRegular(name string, flags int) (*os.File, fs.FileInfo, error) {
	if err := s.plainFolder(path.Dir(name)); err != nil {
		return nil, nil, err
	}
	before, err := s.root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	f, err := s.root.OpenFile(name, flags, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || !os.SameFile(before, info)) {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Name names a file with something of the call as protocol.CDR.FileName does.
func (r *Reader) Name(end string) string {
	c := protocol.CDR{Start: protocol.TimeOf(startOf(r.ID)), Caller: r.Info.Caller, Callee: r.Info.Callee}
	return c.FileName(end)
}
