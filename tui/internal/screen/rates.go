package screen

import (
	"fmt"
	"time"

	"voiptop/protocol"
)

// rates turns counters into rates over the last seconds of the source's clock.
type rates struct{ samples []sample }

type sample struct {
	t protocol.Time
	c protocol.Counters
}

const rateWindow = 5 * time.Second

func (r *rates) add(t protocol.Time, c protocol.Counters) {
	if n := len(r.samples); n > 0 && t < r.samples[n-1].t {
		r.samples = r.samples[:0] // the source began anew
	}
	r.samples = append(r.samples, sample{t, c})
	for len(r.samples) > 2 && t.Sub(r.samples[1].t) >= rateWindow {
		r.samples = r.samples[1:]
	}
}

// of answers a counter's rate per second; not ok when the time is too short or the source does not count it.
func (r *rates) of(name string) (float64, bool) {
	if len(r.samples) < 2 {
		return 0, false
	}
	a, b := r.samples[0], r.samples[len(r.samples)-1]
	d := b.t.Sub(a.t).Seconds()
	if d < 0.5 || b.c[name] < a.c[name] {
		return 0, false
	}
	if _, counted := b.c[name]; !counted {
		return 0, false
	}
	return float64(b.c[name]-a.c[name]) / d, true
}

// perSecond writes a rate as "12/s", "3.7k/s".
func perSecond(v float64) string { return short(v) + "/s" }

// short writes a number with three digits at the most.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.1fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.0fk", v/1e3)
	case v >= 1e3:
		return fmt.Sprintf("%.1fk", v/1e3)
	case v >= 10 || v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
