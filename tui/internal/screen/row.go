package screen

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
)

// row is a call in a list, running or ended.
type row struct {
	e       *env
	cols    []column
	call    rules.Call
	trend   []float64 // MOS of the last intervals of a running call, NaN where there is none
	status  int       // provisional ones included
	held    protocol.Keep
	version uint64 // grows when the call changes
	secs    int64  // whole seconds that a running call lasts: they tick without an update
	gone    bool   // no longer in its list
}

func (r *row) ID() protocol.UUID { return r.call.ID }

func (r *row) Version() uint64 {
	v := r.version<<25 | uint64(r.secs)&0xffffff<<1
	if r.Marked() {
		v |= 1
	}
	return v
}

// Marked implements table.Marker.
func (r *row) Marked() bool { return r.e.marks[r.call.ID] }

func (r *row) Cell(col, w int) (string, style.Style) { return r.cols[col].cell(r, w) }

// set takes over what a live update says.
func (r *row) set(l *protocol.LiveCall) {
	r.call = rules.LiveCall(l)
	r.status, r.held = l.Status, l.Held
	r.trend = r.trend[:0]
	for _, v := range l.Trend {
		if v == 0 {
			r.trend = append(r.trend, math.NaN())
			continue
		}
		r.trend = append(r.trend, float64(v)/10)
	}
	r.version++
}

// tick tells a running call what time it is.
func (r *row) tick(now protocol.Time) {
	if r.call.End != 0 {
		now = r.call.End
	}
	d := max(now.Sub(r.call.Start), 0)
	r.call.DurationMS = d.Milliseconds()
	r.secs = int64(d / time.Second)
}

// worst is the gravest finding.
func (r *row) worst() (code string, sev protocol.Severity) { return worst(r.call.Findings) }

func worst(list []protocol.Finding) (code string, sev protocol.Severity) {
	for _, f := range list {
		if rank(f.Severity) > rank(sev) {
			code, sev = f.Code, f.Severity
		}
	}
	return code, sev
}

func rank(s protocol.Severity) int {
	switch s {
	case protocol.SeverityBad:
		return 3
	case protocol.SeverityWarn:
		return 2
	case protocol.SeverityInfo:
		return 1
	}
	return 0
}

// column is one column of a list of calls: how it looks and how it sorts.
type column struct {
	table.Column
	cell func(r *row, w int) (string, style.Style)
	cmp  func(a, b *row) int
}

func number(v *float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return *v
}

// columns that running and ended calls share.
var (
	markColumn = column{
		table.Column{Title: "!", Min: 2, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			_, sev := r.worst()
			return [...]string{"", "i", "!", "!!"}[rank(sev)], r.e.Theme.Severity(sev)
		}, func(a, b *row) int {
			_, x := a.worst()
			_, y := b.worst()
			if c := rank(y) - rank(x); c != 0 {
				return c
			}
			return cmp.Compare(number(a.call.MOS), number(b.call.MOS))
		},
	}
	fromColumn = textColumn("From", 12, 24, 0, func(r *row) string { return party(r.call.Caller, r.call.CallerDomain, r.call.Src) })
	toColumn   = textColumn("To", 12, 24, 0, func(r *row) string { return party(r.call.Callee, r.call.CalleeDomain, r.call.Dst) })
	durColumn  = column{
		table.Column{Title: "Dur", Min: 7, Right: true, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			return clock(time.Duration(r.call.DurationMS) * time.Millisecond), r.e.Theme.Text
		},
		func(a, b *row) int { return cmp.Compare(b.call.DurationMS, a.call.DurationMS) },
	}
	mosColumn = column{
		table.Column{Title: "MOS", Min: 4, Right: true},
		func(r *row, _ int) (string, style.Style) { return mosCell(r.e.Theme, r.call.MOS) },
		func(a, b *row) int { return cmp.Compare(number(a.call.MOS), number(b.call.MOS)) },
	}
	lossColumn = column{
		table.Column{Title: "Loss", Min: 6, Right: true, Desc: true},
		func(r *row, _ int) (string, style.Style) { return lossCell(r.e.Theme, r.call.LossPct) },
		func(a, b *row) int { return cmp.Compare(descending(a.call.LossPct), descending(b.call.LossPct)) },
	}
	jitColumn = column{
		table.Column{Title: "Jit", Min: 4, Right: true, Desc: true},
		func(r *row, _ int) (string, style.Style) { return jitterCell(r.e.Theme, r.call.JitterMS) },
		func(a, b *row) int { return cmp.Compare(descending(a.call.JitterMS), descending(b.call.JitterMS)) },
	}
	srcColumn   = textColumn("Source", 15, 22, 3, func(r *row) string { return r.call.Src })
	dstColumn   = textColumn("Destination", 15, 22, 3, func(r *row) string { return r.call.Dst })
	codecColumn = textColumn("Codec", 5, 10, 4, func(r *row) string { return strings.Join(r.call.Codecs, ",") })
	pddColumn   = column{
		table.Column{Title: "PDD", Min: 5, Right: true, Prio: 5, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			if r.call.PDDMS == nil {
				return "-", r.e.Theme.Dim
			}
			return strconv.FormatFloat(float64(*r.call.PDDMS)/1000, 'f', 2, 64), r.e.Theme.Text
		}, func(a, b *row) int { return cmp.Compare(pdd(b), pdd(a)) },
	}
	keptColumn    = textColumn("Kept", 7, 7, 6, func(r *row) string { return kept(r.call.Capture.Kept, r.held) })
	findingColumn = column{
		table.Column{Title: "Finding", Min: 14, Max: 28, Prio: 7},
		func(r *row, _ int) (string, style.Style) {
			code, sev := r.worst()
			return code, r.e.Theme.Severity(sev)
		}, func(a, b *row) int {
			x, _ := a.worst()
			y, _ := b.worst()
			return strings.Compare(x, y)
		},
	}
	sensorColumn = column{
		table.Column{Title: "Sensor", Min: 6, Right: true, Prio: 8},
		func(r *row, _ int) (string, style.Style) { return strconv.Itoa(int(r.call.SensorID)), r.e.Theme.Dim },
		func(a, b *row) int { return cmp.Compare(a.call.SensorID, b.call.SensorID) },
	}
)

var liveColumns = []column{
	markColumn,
	{
		table.Column{Title: "State", Min: 5},
		func(r *row, _ int) (string, style.Style) { return stateCell(r.e.Theme, r.call.State) },
		func(a, b *row) int { return strings.Compare(string(a.call.State), string(b.call.State)) },
	},
	fromColumn, toColumn, durColumn, mosColumn, lossColumn, jitColumn,
	{
		table.Column{Title: "Trend", Min: 8, Max: 12, Prio: 1},
		func(r *row, w int) (string, style.Style) {
			last := 0.0
			if n := len(r.trend); n > 0 && !math.IsNaN(r.trend[n-1]) {
				last = r.trend[n-1]
			}
			return chart.Spark(r.e.Theme, r.trend, 1, 4.5, w), r.e.Theme.MOS(last)
		}, func(a, b *row) int { return cmp.Compare(number(a.call.MOS), number(b.call.MOS)) },
	},
	srcColumn, dstColumn, codecColumn, pddColumn, keptColumn, findingColumn, sensorColumn,
}

var doneColumns = []column{
	markColumn,
	{
		table.Column{Title: "Start", Min: 8, Max: 19, Desc: true},
		func(r *row, w int) (string, style.Style) {
			t := r.call.Start.Std().In(r.e.Zone)
			if w >= 19 {
				return t.Format("2006-01-02 15:04:05"), r.e.Theme.Dim
			}
			if w >= 14 {
				return t.Format("01-02 15:04:05"), r.e.Theme.Dim
			}
			return t.Format("15:04:05"), r.e.Theme.Dim
		}, func(a, b *row) int { return cmp.Compare(b.call.Start, a.call.Start) },
	},
	fromColumn, toColumn, durColumn,
	{
		table.Column{Title: "End", Min: 12, Max: 16, Desc: true},
		func(r *row, _ int) (string, style.Style) { return endCell(r.e.Theme, r.call.CDR) },
		func(a, b *row) int { return cmp.Compare(b.call.Status, a.call.Status) },
	},
	mosColumn, lossColumn, jitColumn, srcColumn, dstColumn, codecColumn, pddColumn, keptColumn, findingColumn, sensorColumn,
}

func textColumn(title string, lo, hi, prio int, get func(*row) string) column {
	return column{
		table.Column{Title: title, Min: lo, Max: hi, Prio: prio},
		func(r *row, _ int) (string, style.Style) { return get(r), r.e.Theme.Text },
		func(a, b *row) int { return strings.Compare(get(a), get(b)) },
	}
}

func descending(v *float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return -*v
}

func pdd(r *row) int64 {
	if r.call.PDDMS == nil {
		return -1
	}
	return *r.call.PDDMS
}

// party names a side of a call: number, else domain, else address.
func party(user, domain, addr string) string { return cmp.Or(user, domain, addr) }

// kept is what is kept of a call, or that it is held until its rule is known.
func kept(k, held protocol.Keep) string {
	switch {
	case held != "" && held != protocol.KeepNone:
		return "held"
	case k == protocol.KeepNone:
		return ""
	}
	return string(k)
}

func stateCell(t *style.Theme, s protocol.State) (string, style.Style) {
	switch s {
	case protocol.StateUp:
		return "UP", t.Good
	case protocol.StateRinging:
		return "RING", t.Info
	case protocol.StateHold:
		return "HOLD", t.Warn
	case protocol.StateTrying:
		return "TRY", t.Dim
	case protocol.StateEnded:
		return "END", t.Dim
	}
	return strings.ToUpper(string(s)), t.Text
}

// endCell says in a few characters how a call ended: "bye", "486 rejected".
func endCell(t *style.Theme, c *protocol.CDR) (string, style.Style) {
	if c.Status >= 200 && c.Status < 300 || c.Status == 0 {
		st := t.Text
		if c.EndCause != protocol.EndBye {
			st = t.Warn
		}
		return string(c.EndCause), st
	}
	return strconv.Itoa(c.Status) + " " + string(c.EndCause), t.Status(c.Status)
}

func mosCell(t *style.Theme, v *float64) (string, style.Style) {
	if v == nil {
		return "-", t.Dim
	}
	return strconv.FormatFloat(*v, 'f', 2, 64), t.MOS(*v)
}

func lossCell(t *style.Theme, v *float64) (string, style.Style) {
	if v == nil {
		return "-", t.Dim
	}
	return strconv.FormatFloat(*v, 'f', 1, 64) + "%", t.Loss(*v)
}

func jitterCell(t *style.Theme, v *float64) (string, style.Style) {
	if v == nil {
		return "-", t.Dim
	}
	return strconv.FormatFloat(*v, 'f', 0, 64), t.Jitter(*v)
}

// inMS writes milliseconds, with a decimal where it matters.
func inMS(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f ms", v)
}

// clock writes a duration as 03:41 or 1:03:41.
func clock(d time.Duration) string {
	s := int64(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
