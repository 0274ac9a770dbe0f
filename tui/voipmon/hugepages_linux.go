//go:build amd64 || arm64

package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePages asks the kernel for pages of 2 MB below the first n bytes of the heap. It does not touch them: what is not used takes no memory.
// Without, each 4 KB page is a fault, often two, for which the kernel interrupts the other processor as well. Where the kernel has no huge
// pages, nothing changes.
//
// The heap grows at its end and gives out its lowest addresses first, so room that was taken before anything else, and given back, is what comes next.
func hugePages(n int) {
	room := make([]byte, n)
	_ = unix.Madvise(aligned(room), unix.MADV_HUGEPAGE)
	runtime.KeepAlive(room)
	runtime.GC() // gives it back
}

// aligned is the part of b that is whole huge pages.
func aligned(b []byte) []byte {
	const page = 2 << 20
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % page
	b = b[skip:]
	return b[:len(b)/page*page]
}
