package rules

import (
	"strconv"
	"strings"
	"time"
)

// moment is a part of the day or of the week.
type moment struct {
	from, to int   // minutes of the day, to excluded; to is less than from when it ends on the next day
	days     uint8 // bit 0 is Sunday; 0: a part of the day
}

func (m moment) has(at time.Time) bool {
	if m.days != 0 {
		return m.days&(1<<at.Weekday()) != 0
	}
	now := at.Hour()*60 + at.Minute()
	if m.from < m.to {
		return m.from <= now && now < m.to
	}
	return m.from <= now || now < m.to
}

// clock reads 22:00-06:00.
func clock(s string) (moment, bool) {
	a, b, ok := strings.Cut(s, "-")
	from, ok1 := minutes(a)
	to, ok2 := minutes(b)
	return moment{from: from, to: to}, ok && ok1 && ok2 && from != 24*60 && from != to
}

func minutes(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	if !ok || err1 != nil || err2 != nil || len(m) != 2 || minute > 59 || hour*60+minute > 24*60 {
		return 0, false
	}
	return int(hour*60 + minute), true
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// week reads mon or fri-mon.
func week(s string) (moment, bool) {
	a, b, ranged := strings.Cut(strings.ToLower(s), "-")
	if !ranged {
		b = a
	}
	from, to := indexOf(weekdays, a), indexOf(weekdays, b)
	if from < 0 || to < 0 {
		return moment{}, false
	}
	var days uint8
	for d := from; ; d = (d + 1) % 7 {
		days |= 1 << d
		if d == to {
			return moment{days: days}, true
		}
	}
}

func indexOf(list []string, s string) int {
	for i, v := range list {
		if v == s {
			return i
		}
	}
	return -1
}
