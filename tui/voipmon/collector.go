package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// collectorRoom is how much garbage may gather at least before it is collected: most captures end before that.
const collectorRoom = 64 << 20

// tuneCollector sets the garbage collector for a program that reads a capture and ends. Go's own rule, as much garbage as
// there is alive, collects often where little is alive, and takes twice the memory where much is: thousands of calls at a
// time. Here the room is fixed up to 128 MiB alive, and half of what is alive beyond. A GOGC that the user has set wins.
func tuneCollector(gogc string) {
	if gogc != "" {
		return
	}
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
	return int(100 * max(collectorRoom, live/2) / max(live, 1<<20))
}
