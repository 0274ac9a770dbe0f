package protocol

import (
	"fmt"
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
	if t == 0 {
		return []byte("null"), nil
	}
	b := make([]byte, 0, len(timeLayout)+2)
	b = append(b, '"')
	b = t.Std().AppendFormat(b, timeLayout)
	return append(b, '"'), nil
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
