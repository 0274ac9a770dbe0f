package capture

import (
	"log/slog"

	"voiptop/sensord/internal/bpf"
)

// LiveOptions say how interfaces are listened to. The zero value is fine.
type LiveOptions struct {
	Promisc   bool         // also frames that are for others, as on a mirror port; not with "any"
	Snaplen   int          // bytes kept of a frame; 0: all
	RingBytes int          // memory for packets on their way from the kernel, all interfaces together; 128 MiB
	Filter    *bpf.Filter  // chooses frames in the kernel; nil: all
	Clock     Clock        // for idle times and retries; SystemClock
	Log       *slog.Logger // is told of interfaces that go and come back; nil: nobody
}

const (
	defaultRing = 128 << 20
	minRing     = 4 << 20 // of one interface
)

// Waker is a Source of which another goroutine can end a wait, to have the reader do something else: a Next that waits, or
// the next one that would, returns ErrIdle at once. Live sources and replays are Wakers.
type Waker interface{ Wake() }
