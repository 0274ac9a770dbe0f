package protocol

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Time is a moment in microseconds since the Unix epoch. Zero means "did not happen" and is null in JSON.
// In JSON it is RFC 3339 in UTC, always with six decimals: "2026-11-22T10:00:00.000000Z".
type Time int64

const timeLayout = "2006-01-02T15:04:05.000000Z"

// TimeFromNanos converts nanoseconds since the Unix epoch, the engine's clock, and cuts below a microsecond.
func TimeFromNanos(ns int64) Time { return Time(ns / 1000) }

// TimeOf converts t; the zero time.Time gives the zero Time.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMicro())
}

// Std returns t as a time.Time in UTC, the zero time.Time when it did not happen.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}

// Sub returns t-u; 0 when either did not happen.
func (t Time) Sub(u Time) time.Duration {
	if t == 0 || u == 0 {
		return 0
	}
	return time.Duration(t-u) * time.Microsecond
}

func (t Time) String() string {
	if t == 0 {
		return "-"
	}
	return t.Std().Format(timeLayout)
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.appendJSON(make([]byte, 0, len(timeLayout)+2)), nil
}

// endOfYear9999 is the first time that does not have four digits of year.
const endOfYear9999 = Time(253402300800_000000)

func (t Time) appendJSON(b []byte) []byte {
	if t == 0 {
		return append(b, "null"...)
	}
	if t < 0 || t >= endOfYear9999 {
		b = t.Std().AppendFormat(append(b, '"'), timeLayout)
		return append(b, '"')
	}
	// Every message of every call has one of these: the layout is not interpreted anew each time.
	const day = 24 * 3600 * 1e6
	year, month, date := dateOf(int64(t / day))
	of := uint64(t % day) // microseconds
	s, us := of/1e6, of%1e6
	n := len(b)
	b = append(b, `"0000-00-00T00:00:00.000000Z"`...)
	d := (*[29]byte)(b[n:])
	put2(d, 1, year/100)
	put2(d, 3, year%100)
	put2(d, 6, month)
	put2(d, 9, date)
	put2(d, 12, s/3600)
	put2(d, 15, s/60%60)
	put2(d, 18, s%60)
	put2(d, 21, us/10000)
	put2(d, 23, us/100%100)
	put2(d, 25, us%100)
	return b
}

// put2 writes two decimal digits.
func put2(d *[29]byte, at int, v uint64) {
	d[at], d[at+1] = byte('0'+v/10), byte('0'+v%10)
}

// dateOf is civil, which need not be asked again for the same day.
func dateOf(days int64) (year, month, day uint64) {
	number := uint64(days) + 1
	if last := lastDate.Load(); last>>32 == number {
		return last >> 16 & 0xffff, last >> 8 & 0xff, last & 0xff
	}
	year, month, day = civil(days)
	lastDate.Store(number<<32 | year<<16 | month<<8 | day)
	return year, month, day
}

// lastDate is the number of a day, the first one being 1970-01-01, and its date.
var lastDate atomic.Uint64

// civil converts days since 1970-01-01 to a date of the Gregorian calendar. It counts in years that begin in March, so
// that the leap day is their last, and in the 146,097 days of 400 years.
func civil(days int64) (year, month, day uint64) {
	const cycle = 146097
	z := uint64(days + 719468) // days since 0000-03-01
	era, of := z/cycle, z%cycle
	y := (of - of/1460 + of/36524 - of/(cycle-1)) / 365
	of -= 365*y + y/4 - y/100 // day of the year
	m := (5*of + 2) / 153     // months since March: their lengths follow a line of 153/5 days
	day = of - (153*m+2)/5 + 1
	year, month = era*400+y, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// UnmarshalJSON implements json.Unmarshaler. It accepts any RFC 3339 time.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = 0
		return nil
	}
	if len(b) < 2 || b[0] != '"' {
		return fmt.Errorf("time %s: want an RFC 3339 string or null", b)
	}
	v, err := time.Parse(time.RFC3339Nano, string(b[1:len(b)-1]))
	if err != nil {
		return fmt.Errorf("time %s: want RFC 3339: %w", b, err)
	}
	*t = TimeOf(v)
	return nil
}
