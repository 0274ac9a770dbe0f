package protocol

import (
	"testing"
	"time"
)

func TestLostIsWhatWasNotLookedAt(t *testing.T) {
	c := Counters{"packets": 9, "packets.dropped.kernel": 1, "packets.dropped.queue": 2, "hep.listen.dropped.queue": 4, "captures.packets.dropped.disk": 8}
	if n := c.Lost(); n != 7 {
		t.Errorf("%d lost, want 7", n)
	}
}

func TestLagIsTheAgeOfTheOldestRecordThatWaits(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) Time { return TimeOf(now.Add(-d)) }
	for _, tt := range []struct {
		q    QueueState
		want time.Duration
	}{
		{QueueState{Pending: 3, Oldest: ago(time.Minute)}, time.Minute},
		{QueueState{Oldest: ago(time.Minute)}, 0},
		{QueueState{Pending: 3}, 0},
		{QueueState{Pending: 3, Oldest: ago(-time.Minute)}, 0}, // its clock is ahead
	} {
		if got := tt.q.Lag(now); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.q, got, tt.want)
		}
	}
}
