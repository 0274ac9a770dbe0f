package alert

import (
	"strconv"
	"time"

	"voiptop/protocol"
)

// Slot is what was counted for a key in one slot of time.
type Slot struct {
	At     protocol.Time // its begin
	Key    string
	Counts Counts
}

// Sample is what a sensor said of itself.
type Sample struct {
	Sensor  uint16
	Running int     // calls
	Queue   uint64  // records that wait for hosted
	Lag     float64 // age of the oldest of them, s
	Drops   uint64  // packets dropped since the sample before
}

type place struct {
	at  protocol.Time
	key string
}

// Tally holds what one process counts for one alert until it is stored. It belongs to one goroutine at a time.
type Tally struct {
	*Counter
	slots    map[place]*Counts
	changed  map[place]bool
	keys     map[string]int // slots of each
	Late     int64          // calls that ended before the window: they are no news
	Overflow int64          // calls of keys beyond MaxKeys
}

// NewTally makes an empty tally.
func NewTally(c *Counter) *Tally {
	return &Tally{Counter: c, slots: map[place]*Counts{}, changed: map[place]bool{}, keys: map[string]int{}}
}

// Call counts a call that hosted got now. It counts at its end: one that ended before the window does not (a sensor that was
// away delivers what happened meanwhile), one that ends in the future counts as if it ended now (a clock that is ahead).
func (t *Tally) Call(r *protocol.CDR, now time.Time) {
	end := r.End.Std()
	if end.IsZero() || end.After(now) {
		end = now
	}
	if end.Before(now.Add(-t.Spec.Window())) {
		t.Late++
		return
	}
	t.CallAt(r, end)
}

// CallAt counts a call at a time, whenever that is.
func (t *Tally) CallAt(r *protocol.CDR, at time.Time) {
	if key, n, ok := t.call(r); ok {
		if c := t.at(at, key); c != nil {
			c.add(&n)
		}
	}
}

// Samples counts what the sensors that are linked to this process said at one time.
func (t *Tally) Samples(all []Sample, now time.Time) {
	if !t.info.Sensors || t.Spec.Metric == Offline || len(all) == 0 {
		return
	}
	together := Counts{Calls: 1}
	for _, s := range all {
		n := Counts{Calls: 1}
		switch t.Spec.Metric {
		case Concurrent:
			n.Max = float64(s.Running)
			together.Max += n.Max
		case Drops:
			n.Sum = float64(s.Drops)
		case Queue:
			n.Max = float64(s.Queue)
		case QueueLag:
			n.Max = s.Lag
		}
		if t.Spec.By == BySensor {
			if c := t.at(now, strconv.Itoa(int(s.Sensor))); c != nil {
				c.add(&n)
			}
		}
	}
	if t.Spec.By == ByTenant {
		if c := t.at(now, ""); c != nil {
			c.add(&together)
		}
	}
}

// at finds the counts of a slot and notes that they change; nil if there are too many keys.
func (t *Tally) at(when time.Time, key string) *Counts {
	p := place{t.slotOf(when), key}
	c := t.slots[p]
	if c == nil {
		if t.keys[key] == 0 && len(t.keys) >= MaxKeys {
			t.Overflow++
			return nil
		}
		c = &Counts{}
		t.slots[p] = c
		t.keys[key]++
	}
	t.changed[p] = true
	return c
}

// Changed takes the slots that changed since it was called last, each as a whole.
func (t *Tally) Changed() []Slot {
	if len(t.changed) == 0 {
		return nil
	}
	out := make([]Slot, 0, len(t.changed))
	for p := range t.changed {
		n := *t.slots[p]
		n.Delay = nil
		n.add(&Counts{Delay: t.slots[p].Delay}) // a map of its own
		out = append(out, Slot{p.at, p.key, n})
	}
	clear(t.changed)
	return out
}

// Forget lets go of what no window asks for any more.
func (t *Tally) Forget(now time.Time) {
	oldest := t.Oldest(now)
	for p := range t.slots {
		if p.at < oldest && !t.changed[p] {
			delete(t.slots, p)
			if t.keys[p.key]--; t.keys[p.key] == 0 {
				delete(t.keys, p.key)
			}
		}
	}
}

// Oldest is the first slot of the window that ends now.
func (c *Counter) Oldest(now time.Time) protocol.Time { return c.slotOf(now.Add(-c.Spec.Window())) }

// Readings makes figures of the slots of the window that ends now; slots of several processes may be among them. keys are
// those that are to have a figure even if nothing was counted for them.
func (c *Counter) Readings(slots []Slot, now time.Time, keys []string) map[string]Reading {
	oldest := c.Oldest(now)
	newest := protocol.TimeOf(now)
	sum := map[string]*Counts{}
	together := map[place]float64{} // running calls of several processes at a time
	for i := range slots {
		s := &slots[i]
		if s.At < oldest || s.At > newest {
			continue
		}
		n := sum[s.Key]
		if n == nil {
			n = &Counts{}
			sum[s.Key] = n
		}
		n.add(&s.Counts)
		if c.Spec.Metric == Concurrent && c.Spec.By == ByTenant {
			p := place{s.At, s.Key}
			together[p] += s.Counts.Max
			n.Max = max(n.Max, together[p])
		}
	}
	for _, k := range keys {
		if sum[k] == nil {
			sum[k] = &Counts{}
		}
	}
	out := make(map[string]Reading, len(sum))
	for k, n := range sum {
		out[k] = c.read(n)
	}
	return out
}
