package protocol

import (
	"strings"
	"time"
)

// Lost is how many packets and messages were lost before they could be looked at: the kernel's ring was full, or the sensor's own
// queues were.
func (c Counters) Lost() (n uint64) {
	for name, v := range c {
		if strings.HasPrefix(name, "packets.dropped.") || strings.HasPrefix(name, "hep.listen.dropped.") {
			n += v
		}
	}
	return n
}

// Lag is how long the oldest record has waited that hosted does not have; 0 if it has all.
func (q QueueState) Lag(now time.Time) time.Duration {
	if q.Pending == 0 || q.Oldest == 0 {
		return 0
	}
	return max(0, now.Sub(q.Oldest.Std()))
}
