package main

import "testing"

func TestTheCollectorLeavesRoomByWhatIsAlive(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 19200}, {4 << 20, 4700}, {64 << 20, 200}, {128 << 20, 50}, {192 << 20, 50}, {1 << 30, 50}} {
		if got := collectorPercent(c.live); got != c.want {
			t.Errorf("%d bytes alive: %d per cent, want %d", c.live, got, c.want)
		}
	}
}
