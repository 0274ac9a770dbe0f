package main

import "testing"

func TestTheCollectorLeavesRoomByWhatIsAlive(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 22400}, {4 << 20, 5500}, {64 << 20, 250}, {128 << 20, 75}, {224 << 20, 50}, {1 << 30, 50}} {
		if got := collectorPercent(c.live); got != c.want {
			t.Errorf("%d bytes alive: %d per cent, want %d", c.live, got, c.want)
		}
	}
}
