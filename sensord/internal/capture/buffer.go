package capture

import (
	"errors"
	"io"
	"sync"
)

const (
	// aloneSize is what is read of a file at a time, if it is read alone; mergedSize if it is one of several.
	aloneSize  = 256 << 10
	mergedSize = 64 << 10
	// maxFrame is the largest frame that tcpdump and its kin write (MAXIMUM_SNAPLEN). A larger one is damage.
	maxFrame = 256 << 10
)

// block is memory that a file was read into. Packets are slices of it, so that none is copied: it is used again when nobody holds it,
// neither the file that is read into it, nor a packet that waits for its turn, nor who a packet of it was handed out to. One goroutine
// counts: the reader of the source.
type block struct {
	b    []byte
	held int
	of   *pool
}

// let is one holder less. The nil block is none's.
func (b *block) let() {
	if b == nil {
		return
	}
	if b.held--; b.held == 0 && len(b.b) == b.of.size {
		b.of.free = append(b.of.free, b)
	}
}

// pool is the blocks of a source that nobody holds.
type pool struct {
	size int
	free []*block
	made int

	mu   sync.Mutex
	back []*block // are to be let go, once each
}

// giveBack takes holds of blocks that any goroutine may have had.
func (p *pool) giveBack(list []*block) {
	p.mu.Lock()
	p.back = append(p.back, list...)
	p.mu.Unlock()
}

// get gives a block of n bytes or more, held once: mostly the one that was let go last, which is in the processor's cache.
func (p *pool) get(n int) *block {
	if len(p.free) == 0 {
		p.mu.Lock()
		for i, b := range p.back {
			b.let()
			p.back[i] = nil
		}
		p.back = p.back[:0]
		p.mu.Unlock()
	}
	last := len(p.free) - 1
	if n > p.size || last < 0 {
		p.made++
		return &block{b: make([]byte, max(n, p.size)), held: 1, of: p}
	}
	b := p.free[last]
	p.free = p.free[:last]
	b.held = 1
	return b
}

// buffer reads a file block after block. Offsets count from the start of the file.
type buffer struct {
	r     io.Reader
	pool  *pool
	in    *block
	b     []byte       // of in
	base  int64        // offset of b[0]
	pos   int          // next byte to read, in b
	end   int          // bytes in b
	err   error        // of the last read
	leave func(*block) // is told before a block is left
}

func newBuffer(r io.Reader, p *pool, leave func(*block)) *buffer {
	b := &buffer{r: r, pool: p, in: p.get(0), leave: leave}
	b.b = b.in.b
	return b
}

func (b *buffer) offset() int64 { return b.base + int64(b.pos) }

// empty reports whether all that was read has been taken, and more may come.
func (b *buffer) empty() bool { return b.pos == b.end && b.err == nil }

// full reports whether nothing more fits into the block.
func (b *buffer) full() bool { return b.end == len(b.b) }

// peek returns the next n bytes, fewer at the end of the file.
func (b *buffer) peek(n int) []byte {
	if b.end-b.pos < n {
		b.fill(n)
	}
	return b.b[b.pos:min(b.pos+n, b.end)]
}

func (b *buffer) fill(n int) {
	if b.err != nil {
		return
	}
	if b.pos+n > len(b.b) {
		b.turn(n)
	}
	for empty := 0; b.end-b.pos < n && b.err == nil; {
		m, err := b.r.Read(b.b[b.end:])
		b.end += m
		b.err = err
		if m == 0 && err == nil {
			if empty++; empty == 100 {
				b.err = io.ErrNoProgress
			}
		}
	}
}

// turn goes on to another block, with room for n bytes: what was not taken yet moves there.
func (b *buffer) turn(n int) {
	b.leave(b.in)
	next := b.pool.get(n)
	b.end = copy(next.b, b.b[b.pos:b.end])
	b.base += int64(b.pos)
	b.pos = 0
	b.in.let()
	b.in, b.b = next, next.b
}

// skip moves on by n bytes that have been peeked.
func (b *buffer) skip(n int) { b.pos += n }

// discard moves on by n bytes, read or not, and returns how many there were.
func (b *buffer) discard(n int64) int64 {
	done := int64(0)
	for done < n {
		step := int(min(n-done, int64(b.pool.size)))
		got := len(b.peek(step))
		b.skip(got)
		done += int64(got)
		if got < step {
			break
		}
	}
	return done
}

// cause is why the file ended: nil at its regular end.
func (b *buffer) cause() error {
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}
