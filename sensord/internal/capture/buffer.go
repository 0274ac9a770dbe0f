package capture

import (
	"errors"
	"io"
)

const (
	bufferSize = 128 << 10
	// maxFrame is the largest frame that tcpdump and its kin write (MAXIMUM_SNAPLEN). A larger one is damage.
	maxFrame = 256 << 10
)

// buffer reads a file through one block of memory and hands out slices of it. Offsets count from the start of the file.
// What stands at or after the offset keep() stays readable when the block is filled again.
type buffer struct {
	r    io.Reader
	b    []byte
	base int64 // offset of b[0]
	pos  int   // next byte to read, in b
	end  int   // bytes in b
	err  error // of the last read
	keep func(pos int64) int64
}

func newBuffer(r io.Reader, keep func(int64) int64) *buffer {
	return &buffer{r: r, b: make([]byte, bufferSize), keep: keep}
}

func (b *buffer) offset() int64 { return b.base + int64(b.pos) }

// empty reports whether all that was read has been taken, and more may come.
func (b *buffer) empty() bool { return b.pos == b.end && b.err == nil }

// peek returns the next n bytes, fewer at the end of the file.
func (b *buffer) peek(n int) []byte {
	if b.end-b.pos < n {
		b.fill(n)
	}
	return b.b[b.pos:min(b.pos+n, b.end)]
}

func (b *buffer) fill(n int) {
	from := int(b.keep(b.offset()) - b.base)
	if from > 0 {
		copy(b.b, b.b[from:b.end])
		b.base += int64(from)
		b.pos -= from
		b.end -= from
	}
	if need := b.pos + n; need > len(b.b) {
		grown := make([]byte, need+bufferSize)
		copy(grown, b.b[:b.end])
		b.b = grown
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

// skip moves on by n bytes that have been peeked.
func (b *buffer) skip(n int) { b.pos += n }

// discard moves on by n bytes, read or not, and returns how many there were. Nothing before them stays readable.
func (b *buffer) discard(n int64) int64 {
	done := int64(0)
	for done < n {
		step := int(min(n-done, int64(len(b.b))))
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
