//go:build unix

package prefetch

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// What stands at the end of the memory that may be read is asked for together with what does not: nothing may come of it.
func TestAskingForWhatIsNotThereDoesNoHarm(t *testing.T) {
	page := os.Getpagesize()
	b, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Munmap(b); err != nil {
			t.Error(err)
		}
	}()
	if err := syscall.Mprotect(b[page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	last := b[page-8 : page : page+8]
	for i := range last {
		last[i] = byte(i)
	}
	Slice(last[:8:16])
	End(last)
	WrittenBytes(last)
	Head(&last[0], 100)
	Written((*[4096]byte)(unsafe.Pointer(&last[0])), 1000)
	Value((*[1 << 16]byte)(unsafe.Pointer(&last[0])))
	Slice([]int(nil))
	End([]int(nil))
	WrittenBytes(nil)
	String("")
	Head[int](nil, 1)
	for i := range last {
		if last[i] != byte(i) {
			t.Fatalf("memory was changed: % x", last)
		}
	}
}

func TestLinesOfBytes(t *testing.T) {
	for n, want := range map[uintptr]int{1: 1, 64: 1, 65: 2, 1528: 24} {
		if got := lines(n); got != want {
			t.Errorf("%d bytes: %d lines, want %d", n, got, want)
		}
	}
}

// Memory that does not fit the cache is walked over by a way that the processor cannot guess: with its lines asked for ahead, and without.
func BenchmarkWalk(b *testing.B) {
	type node struct {
		value int
		_     [line - 8]byte
	}
	nodes := make([]node, 1<<21) // 128 MiB
	at := func(i int) *node { return &nodes[uint64(i)*0x9e3779b97f4a7c15>>43] }
	for _, ahead := range []int{0, 16} {
		b.Run(map[int]string{0: "plain", 16: "ahead"}[ahead], func(b *testing.B) {
			sum := 0
			for i := range b.N {
				if ahead > 0 {
					Value(at(i + ahead))
				}
				n := at(i)
				n.value += sum & 1 // the next waits for it
				sum += n.value
			}
		})
	}
}
