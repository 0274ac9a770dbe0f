//go:build unix

package lines

import (
	"os"
	"syscall"
	"testing"
)

// A text that lies at the end, or at the start, of the memory that may be read is read as any other.
func TestNothingBesideTheTextIsRead(t *testing.T) {
	page := os.Getpagesize()
	b, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Munmap(b); err != nil {
			t.Error(err)
		}
	}()
	for _, closed := range [][]byte{b[:page], b[2*page:]} {
		if err := syscall.Mprotect(closed, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	text := b[page : 2*page : 2*page]
	for i := range text {
		text[i] = "name: value\n"[i%12]
	}
	for n := range 3 * reach {
		check(t, text[:n:n], 0)
		check(t, text[page-n:], 0)
		checkSigns(t, text[page-n:], n)
		checkSigns(t, text[:n:n], n)
	}
}
