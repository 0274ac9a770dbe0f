// Package calltable writes calls as a table: which columns a record has, and CSV that a spreadsheet may open. The rows are those of
// `voipmon analyze --csv` and of hosted's export, and the names are those of the JSON (docs/hosted.md).
//
// It is not for people's eyes: screens and pages have columns of their own.
package calltable

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

// Column is a field of a call as text.
type Column struct {
	Name string
	kind kind
	get  func(b []byte, c *protocol.CDR) []byte
	at   func(c *protocol.CDR) protocol.Time
}

type kind uint8

const (
	figure kind = iota // made here: a number, a word of ours, an id
	text               // comes from the wire, whatever it says
	moment             // a time
)

func texts(get func(c *protocol.CDR) string) func([]byte, *protocol.CDR) []byte {
	return func(b []byte, c *protocol.CDR) []byte { return append(b, get(c)...) }
}

func integers(get func(c *protocol.CDR) int64) func([]byte, *protocol.CDR) []byte {
	return func(b []byte, c *protocol.CDR) []byte { return strconv.AppendInt(b, get(c), 10) }
}

func spans(get func(c *protocol.CDR) *int64) func([]byte, *protocol.CDR) []byte {
	return func(b []byte, c *protocol.CDR) []byte {
		if v := get(c); v != nil {
			b = strconv.AppendInt(b, *v, 10)
		}
		return b
	}
}

func decimals(get func(c *protocol.CDR) *float64) func([]byte, *protocol.CDR) []byte {
	return func(b []byte, c *protocol.CDR) []byte {
		if v := get(c); v != nil {
			b = strconv.AppendFloat(b, *v, 'f', -1, 64)
		}
		return b
	}
}

func flags(get func(c *protocol.CDR) bool) func([]byte, *protocol.CDR) []byte {
	return func(b []byte, c *protocol.CDR) []byte { return strconv.AppendBool(b, get(c)) }
}

func words(b []byte, list []string) []byte {
	for i, w := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
	return b
}

// columns are in the order of a table with all of them. New ones go to the end.
var columns = []Column{
	{Name: "id", get: texts(func(c *protocol.CDR) string { return c.ID.String() })},
	{Name: "call_id", kind: text, get: texts(func(c *protocol.CDR) string { return c.CallID })},
	{Name: "group_id", kind: text, get: texts(func(c *protocol.CDR) string { return c.GroupID })},
	{Name: "sensor_id", get: integers(func(c *protocol.CDR) int64 { return int64(c.SensorID) })},
	{Name: "start", kind: moment, at: func(c *protocol.CDR) protocol.Time { return c.Start }},
	{Name: "ringing", kind: moment, at: func(c *protocol.CDR) protocol.Time { return c.Ringing }},
	{Name: "answer", kind: moment, at: func(c *protocol.CDR) protocol.Time { return c.Answer }},
	{Name: "end", kind: moment, at: func(c *protocol.CDR) protocol.Time { return c.End }},
	{Name: "caller", kind: text, get: texts(func(c *protocol.CDR) string { return c.Caller })},
	{Name: "callee", kind: text, get: texts(func(c *protocol.CDR) string { return c.Callee })},
	{Name: "caller_domain", kind: text, get: texts(func(c *protocol.CDR) string { return c.CallerDomain })},
	{Name: "callee_domain", kind: text, get: texts(func(c *protocol.CDR) string { return c.CalleeDomain })},
	{Name: "caller_name", kind: text, get: texts(func(c *protocol.CDR) string { return c.CallerName })},
	{Name: "callee_uri", kind: text, get: texts(func(c *protocol.CDR) string { return c.CalleeURI })},
	{Name: "src", kind: text, get: texts(func(c *protocol.CDR) string { return c.Src })},
	{Name: "dst", kind: text, get: texts(func(c *protocol.CDR) string { return c.Dst })},
	{Name: "transport", kind: text, get: texts(func(c *protocol.CDR) string { return c.Transport })},
	{Name: "duration_ms", get: integers(func(c *protocol.CDR) int64 { return c.DurationMS })},
	{Name: "connect_ms", get: spans(func(c *protocol.CDR) *int64 { return c.ConnectMS })},
	{Name: "pdd_ms", get: spans(func(c *protocol.CDR) *int64 { return c.PDDMS })},
	{Name: "setup_ms", get: spans(func(c *protocol.CDR) *int64 { return c.SetupMS })},
	{Name: "status", get: integers(func(c *protocol.CDR) int64 { return int64(c.Status) })},
	{Name: "reason", kind: text, get: texts(func(c *protocol.CDR) string { return c.Reason })},
	{Name: "end_cause", kind: text, get: texts(func(c *protocol.CDR) string { return string(c.EndCause) })},
	{Name: "end_by", kind: text, get: texts(func(c *protocol.CDR) string { return string(c.EndBy) })},
	{Name: "ua_caller", kind: text, get: texts(func(c *protocol.CDR) string { return c.UACaller })},
	{Name: "ua_callee", kind: text, get: texts(func(c *protocol.CDR) string { return c.UACallee })},
	{Name: "codecs", kind: text, get: func(b []byte, c *protocol.CDR) []byte { return words(b, c.Codecs) }},
	{Name: "mos", get: decimals(func(c *protocol.CDR) *float64 { return c.MOS })},
	{Name: "loss_pct", get: decimals(func(c *protocol.CDR) *float64 { return c.LossPct })},
	{Name: "jitter_ms", get: decimals(func(c *protocol.CDR) *float64 { return c.JitterMS })},
	{Name: "streams", get: integers(func(c *protocol.CDR) int64 { return int64(len(c.Streams)) })},
	{Name: "messages", get: integers(func(c *protocol.CDR) int64 { return int64(len(c.Messages)) })},
	{Name: "findings", kind: text, get: func(b []byte, c *protocol.CDR) []byte {
		for i := range c.Findings {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, c.Findings[i].Code...)
		}
		return b
	}},
	{Name: "unchecked", kind: text, get: func(b []byte, c *protocol.CDR) []byte {
		for i := range c.Unchecked {
			if i > 0 {
				b = append(b, ' ')
			}
			b = words(b, c.Unchecked[i].Codes)
		}
		return b
	}},
	{Name: "rule", kind: text, get: texts(func(c *protocol.CDR) string { return c.Rule })},
	{Name: "kept", kind: text, get: texts(func(c *protocol.CDR) string { return string(c.Capture.Kept) })},
	{Name: "capture_packets", get: integers(func(c *protocol.CDR) int64 { return int64(c.Capture.Packets) })},
	{Name: "capture_bytes", get: integers(func(c *protocol.CDR) int64 { return int64(c.Capture.Bytes) })},
	{Name: "over_limit", get: flags(func(c *protocol.CDR) bool { return c.OverLimit })},
	{Name: "retransmissions", get: integers(func(c *protocol.CDR) int64 { return int64(c.Retransmissions) })},
	{Name: "joined", get: flags(func(c *protocol.CDR) bool { return c.Joined })},
}

// Columns lists all columns.
func Columns() []Column { return slices.Clone(columns) }

// Names lists the names of columns.
func Names(cs []Column) []string {
	names := make([]string, len(cs))
	for i := range cs {
		names[i] = cs[i].Name
	}
	return names
}

// Choose answers columns by their names, in the order of the names.
func Choose(names []string) ([]Column, error) {
	cs := make([]Column, 0, len(names))
	for i, n := range names {
		at := slices.IndexFunc(columns, func(c Column) bool { return c.Name == n })
		switch {
		case at < 0:
			return nil, fmt.Errorf("column %q: want one of %s", n, strings.Join(Names(columns), " "))
		case slices.Contains(names[:i], n):
			return nil, fmt.Errorf("column %q is named twice", n)
		}
		cs = append(cs, columns[at])
	}
	return cs, nil
}

// timeLayout is RFC 3339 with microseconds: with Z in UTC, with the offset elsewhere.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

// value appends a call's value in a zone; "" of a time that did not come.
func (col *Column) value(b []byte, c *protocol.CDR, zone *time.Location) []byte {
	if col.kind != moment {
		return col.get(b, c)
	}
	if t := col.at(c); t != 0 {
		b = t.Std().In(zone).AppendFormat(b, timeLayout)
	}
	return b
}
