package call

import (
	"testing"
	"unsafe"
)

// Tens of thousands of these are alive at a time; the allocator has room for so many bytes, 8 of which are its own beyond 512, and the
// next size is an eighth larger.
func TestCallsAndStreamsFitTheAllocatorsSizes(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("sizes are those of 64 bits")
	}
	for name, c := range map[string]struct{ size, most uintptr }{
		"call":    {unsafe.Sizeof(roomy{}), 2688 - 8},
		"stream":  {unsafe.Sizeof(stream{}), 1152 - 8},
		"rare":    {unsafe.Sizeof(rare{}), 80},
		"binding": {unsafe.Sizeof(binding{}), 96},
		"message": {unsafe.Sizeof(message{}), 32},
	} {
		if c.size > c.most {
			t.Errorf("%s: %d bytes, want at most %d", name, c.size, c.most)
		}
	}
}
