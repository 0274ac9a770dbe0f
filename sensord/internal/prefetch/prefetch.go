// Package prefetch asks the processor for memory that will be needed soon. The tables of a busy sensor are larger than its caches, and
// what one processor has written is in another one's: who knows a little ahead what he will look at need not wait for it. That changes
// nothing but the time.
//
// It is for the engine, where a profile says that memory is waited for (docs/performance.md); everywhere else the processor guesses well.
package prefetch

import "unsafe"

// line is what a processor fetches at a time, in bytes. Where it is more, some is asked for twice.
const line = 64

// Value asks for all of *p.
func Value[T any](p *T) { read(unsafe.Pointer(p), lines(unsafe.Sizeof(*p))) }

// Head asks for the first n lines of *p, 64 bytes each.
func Head[T any](p *T, n int) { read(unsafe.Pointer(p), n) }

// Slice asks for the elements of s.
func Slice[T any](s []T) {
	if len(s) > 0 {
		read(unsafe.Pointer(&s[0]), lines(uintptr(len(s))*unsafe.Sizeof(s[0])))
	}
}

// String asks for the bytes of s.
func String(s string) {
	if len(s) > 0 {
		read(unsafe.Pointer(unsafe.StringData(s)), lines(uintptr(len(s))))
	}
}

// End asks for the room behind the last element of s, up to 128 bytes, to be written: for append.
func End[T any](s []T) {
	if n := len(s); n < cap(s) {
		write(unsafe.Pointer(&s[:n+1][n]), 2)
	}
}

// Written asks for *p, or its first n lines, to be written.
func Written[T any](p *T, n int) { write(unsafe.Pointer(p), min(n, lines(unsafe.Sizeof(*p)))) }

// WrittenBytes is Written for bytes.
func WrittenBytes(b []byte) {
	if len(b) > 0 {
		write(unsafe.Pointer(&b[0]), lines(uintptr(len(b))))
	}
}

// lines is how many lines n bytes fill.
func lines(n uintptr) int { return int((n + line - 1) / line) }
