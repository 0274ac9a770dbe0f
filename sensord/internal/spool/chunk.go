package spool

const (
	// chunkSize is the memory that packets are gathered in; many calls have one each.
	chunkSize = 4 << 10
	maxSpare  = 4096 // chunks that wait to be used again
)

// chunk is whole pcapng blocks in memory, a link of a list. One that a large packet needs is longer than chunkSize.
type chunk struct {
	next *chunk
	data []byte
}

// chunks is a list of them.
type chunks struct {
	first, last *chunk
	bytes       int // in them
	room        int // that they take
}

// chunk gives a chunk with room for n bytes. The spool's lock is held.
func (s *Spool) chunk(n int) *chunk {
	c := s.spare
	if c == nil || n > chunkSize {
		c = &chunk{data: make([]byte, 0, max(n, chunkSize))}
	} else {
		s.spare, c.next = c.next, nil
		s.spares--
	}
	s.memory += cap(c.data)
	return c
}

// extend gives the chunk at the end of l that has room for n bytes more.
func (s *Spool) extend(l *chunks, n int) *chunk {
	if c := l.last; c != nil && cap(c.data)-len(c.data) >= n {
		return c
	}
	c := s.chunk(n)
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	l.room += cap(c.data)
	return c
}

// release takes the chunks of l back.
func (s *Spool) release(l *chunks) {
	s.memory -= l.room
	for c := l.first; c != nil; {
		next := c.next
		if cap(c.data) == chunkSize && s.spares < maxSpare {
			c.data, c.next = c.data[:0], s.spare
			s.spare = c
			s.spares++
		}
		c = next
	}
	*l = chunks{}
}
