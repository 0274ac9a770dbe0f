package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// stageSize is how much is gathered for one write.
const stageSize = 128 << 10

// appender writes to a file from a place on, in large pieces. Of a piece that fails nothing remains.
type appender struct {
	f   *os.File
	at  *int64
	buf []byte
	err error
}

// appender gives the writing goroutine its one appender.
func (s *Spool) appender(f *os.File, at *int64) *appender {
	s.stage = appender{f: f, at: at, buf: s.stage.buf[:0]}
	if cap(s.stage.buf) == 0 {
		s.stage.buf = make([]byte, 0, stageSize+stageSize/2)
	}
	return &s.stage
}

func (a *appender) write(b []byte) {
	a.buf = append(a.buf, b...)
	a.flushed()
}

// flushed writes what has gathered if that is enough.
func (a *appender) flushed() {
	if len(a.buf) >= stageSize {
		_ = a.flush() // kept for the flush that ends it
	}
}

func (a *appender) flush() error {
	if a.err == nil && len(a.buf) > 0 {
		_, a.err = a.f.WriteAt(a.buf, *a.at)
		if a.err != nil {
			// When this fails too, the rest of a block stays at the end until the next start cuts it off.
			a.err = fmt.Errorf("write a capture: %w", errors.Join(a.err, a.f.Truncate(*a.at)))
		} else {
			*a.at += int64(len(a.buf))
		}
	}
	a.buf = a.buf[:0]
	return a.err
}

// eachBlock calls f with each whole block of b.
func eachBlock(b []byte, f func(kind uint32, b []byte)) {
	for {
		kind, n := firstBlock(b)
		if n == 0 {
			return
		}
		f(kind, b[:n])
		b = b[n:]
	}
}

// eachBlockOf calls f with each block of a file, from its beginning.
func eachBlockOf(r io.ReaderAt, f func(kind uint32, b []byte) error) error {
	blocks := newBlockReader(io.NewSectionReader(r, 0, 1<<62))
	for {
		kind, b, err := blocks.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(kind, b); err != nil {
			return err
		}
	}
}
