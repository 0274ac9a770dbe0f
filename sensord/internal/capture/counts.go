package capture

import (
	"slices"
	"sync"
	"sync/atomic"
)

// counts is what a source has read. One goroutine counts, others may look: what they see is at most 64 packets old
// while packets flow, because atomic additions would cost as much as reading a packet does.
type counts struct {
	packets, bytes             uint64
	pubPackets, pubBytes, drop atomic.Uint64

	mu       sync.Mutex
	names    []string
	warnings []Warning
	away     []Warning
}

func (c *counts) packet(n int) {
	c.packets++
	c.bytes += uint64(n)
	if c.packets%64 == 0 {
		c.publish()
	}
}

// add counts n packets.
func (c *counts) add(n, bytes int) {
	c.packets += uint64(n)
	c.bytes += uint64(bytes)
	c.publish()
}

func (c *counts) publish() {
	c.pubPackets.Store(c.packets)
	c.pubBytes.Store(c.bytes)
}

func (c *counts) inputs() int { return len(c.names) }

// input names an input and returns its number.
func (c *counts) input(name string) uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, name)
	return uint16(len(c.names) - 1)
}

const maxWarnings = 1000

func (c *counts) warn(w *Warning) {
	if w == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.warnings) < maxWarnings {
		c.warnings = append(c.warnings, *w)
	}
}

// setAway notes that an input is away for a reason, or is there again: "".
func (c *counts) setAway(input, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = slices.DeleteFunc(c.away, func(w Warning) bool { return w.Input == input })
	if why != "" {
		c.away = append(c.away, Warning{Input: input, Text: why})
	}
}

func (c *counts) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Packets: c.pubPackets.Load(), Bytes: c.pubBytes.Load(), KernelDrops: c.drop.Load(),
		Inputs: slices.Clone(c.names), Warnings: slices.Clone(c.warnings), Away: slices.Clone(c.away),
	}
}
