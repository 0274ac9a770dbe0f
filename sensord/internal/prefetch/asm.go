//go:build amd64 || arm64

package prefetch

import "unsafe"

// read asks for n lines, at least one, the first being that of p. It does no harm if they are not there.
//
//go:noescape
func read(p unsafe.Pointer, n int)

// write is read for lines that will be written.
//
//go:noescape
func write(p unsafe.Pointer, n int)
