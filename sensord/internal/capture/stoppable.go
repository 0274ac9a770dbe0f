package capture

import (
	"io"
	"time"
)

// stoppable reads r, which may wait for ever as a terminal or a pipe does, until stop is closed: then Read returns
// ErrClosed. A read of r that waits then goes on waiting beside, and keeps one piece of memory.
type stoppable struct {
	r    io.Reader
	stop <-chan struct{}
	live bool // see Options

	pieces chan piece // read, at most one waits; nil before the first Read
	free   chan []byte
	now    piece
	at     int // how much of now has been handed out
}

// pieceSize is what is read at a time.
const pieceSize = 128 << 10

// piece is what a read of r gave.
type piece struct {
	b   []byte
	err error
}

func (s *stoppable) Read(p []byte) (int, error) {
	for s.at == len(s.now.b) {
		if s.now.err != nil {
			return 0, s.now.err
		}
		s.begin()
		select {
		case s.now = <-s.pieces:
			s.at = 0
		case <-s.stop:
			s.now, s.at = piece{err: ErrClosed}, 0
		}
	}
	n := copy(p, s.now.b[s.at:])
	s.at += n
	return n, nil
}

// begin has the next block read.
func (s *stoppable) begin() {
	if s.pieces == nil {
		s.pieces, s.free = make(chan piece), make(chan []byte, 2)
		s.free <- make([]byte, pieceSize)
		s.free <- make([]byte, pieceSize)
		go s.fill()
	}
	if s.now.b != nil {
		s.free <- s.now.b[:cap(s.now.b)]
		s.now.b, s.at = nil, 0
	}
}

// ready reports whether a Read would answer within wait.
func (s *stoppable) ready(wait time.Duration) bool {
	if s.at < len(s.now.b) || s.now.err != nil {
		return true
	}
	s.begin()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case s.now = <-s.pieces:
		s.at = 0
		return true
	case <-s.stop:
		return true // it answers that it is closed
	case <-t.C:
		return false
	}
}

// fill reads ahead, one piece.
func (s *stoppable) fill() {
	for {
		select {
		case b := <-s.free:
			n, err := s.r.Read(b)
			select {
			case s.pieces <- piece{b[:n], err}:
			case <-s.stop:
				return
			}
			if err != nil {
				return
			}
		case <-s.stop:
			return
		}
	}
}
