package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The collector leaves memory alone up to collectorFirst, which most captures never fill: calls, streams and records are used again,
// and leave little garbage. Beyond it may gather half of what is alive, or collectorRoom.
const (
	collectorFirst = 224 << 20
	collectorRoom  = 64 << 20
	hugeRoom       = 128 << 20 // of the heap is asked for in huge pages
)

// tuneCollector sets the garbage collector for a program that reads a capture and ends. Go's own rule, as much garbage as
// there is alive, collects often where little is alive, and takes twice the memory where much is: thousands of calls at a
// time. A GOGC that the user has set wins.
func tuneCollector(gogc string) {
	if gogc != "" {
		return
	}
	hugePages(hugeRoom)
	debug.SetGCPercent(collectorPercent(4 << 20)) // the least that the runtime reckons with as alive
	afterCollection()
}

// afterCollection sets the room anew after every collection.
func afterCollection() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	again := new([16]byte) // unreachable from here on: it is cleaned up after the next collection
	runtime.AddCleanup(again, func(struct{}) {
		metrics.Read(live)
		debug.SetGCPercent(collectorPercent(live[0].Value.Uint64()))
		afterCollection()
	}, struct{}{})
}

// collectorPercent is the GC percentage (see debug.SetGCPercent) for so many bytes alive.
func collectorPercent(live uint64) int {
	room := max(collectorRoom, live/2)
	if live < collectorFirst {
		room = max(room, collectorFirst-live)
	}
	return int(100 * room / max(live, 1<<20))
}
