package alert

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // by time.Weekday

// hours are quiet hours, understood.
type hours struct {
	zone     *time.Location
	from, to int     // minutes of the day
	on       [7]bool // by weekday on which they begin
}

func (q *Quiet) parse() (h hours, err error) {
	if len(q.Zone) > 64 || q.Zone == "Local" {
		return h, fmt.Errorf("zone %q is no IANA name such as Europe/Prague", q.Zone)
	}
	if h.zone, err = time.LoadLocation(q.Zone); err != nil {
		return h, fmt.Errorf("zone %q is no IANA name such as Europe/Prague", q.Zone)
	}
	for text, to := range map[string]*int{q.From: &h.from, q.To: &h.to} {
		t, err := time.Parse("15:04", text)
		if err != nil {
			return h, fmt.Errorf("%q is no time of day such as 22:00", text)
		}
		*to = t.Hour()*60 + t.Minute()
	}
	if q.From == q.To {
		return h, errors.New("from and to are the same")
	}
	for i := range h.on {
		h.on[i] = len(q.Days) == 0
	}
	for _, d := range q.Days {
		i := slices.Index(weekdays, d)
		if i < 0 {
			return h, fmt.Errorf("%q is no weekday such as mon", d)
		}
		h.on[i] = true
	}
	return h, nil
}

// during reports whether t is in quiet hours. Definitions are checked before they are stored; hours that cannot be read are
// none, so that nothing goes untold.
func (q *Quiet) during(t time.Time) bool {
	if q == nil {
		return false
	}
	h, err := q.parse()
	if err != nil {
		return false
	}
	l := t.In(h.zone)
	minute, day := l.Hour()*60+l.Minute(), l.Weekday()
	before := (day + 6) % 7 // the day before
	if h.from < h.to {
		return h.on[day] && minute >= h.from && minute < h.to
	}
	return h.on[day] && minute >= h.from || h.on[before] && minute < h.to
}
