package spool

import (
	"bytes"
	"io"
	"os"

	"voiptop/protocol"
)

// maxPeek bounds the signalling of one call that is copied out of what is held, in bytes.
const maxPeek = 16 << 20

// peeked is what a call that runs has on disk, as the writing goroutine finds it.
type peeked struct {
	stored *os.File // nil: nothing is stored
	size   int64    // of it, at that time
	held   []byte   // blocks
	err    error
}

// Peek opens what there is now of the capture of a call that runs: what is stored, and of what is held until a rule decides the
// signalling. It is a pcapng file that ends there. ErrNotKept: there is nothing. The caller closes it.
func (s *Spool) Peek(u protocol.UUID) (io.ReadCloser, error) {
	s.mu.Lock()
	r := s.running[u]
	if r == nil || r.ended || s.closed {
		s.mu.Unlock()
		return nil, ErrNotKept
	}
	s.flush(r)
	head := r.head()
	var memory []byte
	c := cutter{level: protocol.KeepSIP}
	for at := r.window.mem.first; at != nil && len(memory) < maxPeek; at = at.next {
		eachBlock(at.data, func(kind uint32, b []byte) { memory = c.append(memory, kind, b) })
	}
	answer := make(chan peeked, 1)
	s.put(job{kind: jobPeek, r: r, peek: answer})
	s.mu.Unlock()

	p := <-answer
	if p.err != nil {
		return nil, p.err
	}
	rest := bytes.NewReader(append(p.held, memory...))
	switch {
	case p.stored != nil:
		return &peek{io.MultiReader(io.NewSectionReader(p.stored, 0, p.size), rest), p.stored}, nil
	case rest.Len() == 0:
		return nil, ErrNotKept
	}
	return &peek{io.MultiReader(bytes.NewReader(head), rest), nil}, nil
}

// peek is a Reader of what Peek found.
type peek struct {
	io.Reader
	file *os.File // nil: everything is in memory
}

// Close implements io.Closer.
func (p *peek) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// peek is done by the writing goroutine: files are its alone, and what is held may be cut in its place.
func (s *Spool) peek(r *recording) (p peeked) {
	if r.disk.stored > 0 {
		if p.stored, _, p.err = s.openRegular(filePath(r.id)+partSuffix, os.O_RDONLY); p.err != nil {
			return p
		}
		p.size = r.disk.stored
	}
	if r.disk.held == 0 || r.disk.spoiled {
		return p
	}
	f, err := s.files.get(s, r, window)
	if err == nil {
		c := cutter{level: protocol.KeepSIP}
		err = eachBlockOf(io.NewSectionReader(f, 0, r.disk.held), func(kind uint32, b []byte) error {
			if len(p.held) < maxPeek {
				p.held = c.append(p.held, kind, b)
			}
			return nil
		})
	}
	if err != nil && p.stored != nil {
		p.stored.Close()
	}
	p.err = err
	return p
}
