package screen

import (
	"cmp"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
)

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
	timeColumn("Start", 10, func(r *row) protocol.Time { return r.call.Start }), timeColumn("Answer", 10, func(r *row) protocol.Time { return r.call.Answer }),
	countColumn("Status", 6, 10, func(r *row) int64 { return int64(r.status) }),
	textColumn("Proto", 5, 5, 11, func(r *row) string { return r.call.Transport }), ruleColumn, callIDColumn, groupColumn,
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
	countColumn("Status", 6, 10, func(r *row) int64 { return int64(r.call.Status) }), textColumn("Reason", 12, 24, 10, func(r *row) string { return r.call.Reason }),
	textColumn("By", 6, 7, 10, func(r *row) string { return string(r.call.EndBy) }),
	{
		table.Column{Title: "Talk", Min: 7, Right: true, Prio: 10, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			if r.call.ConnectMS == nil {
				return "-", r.e.Theme.Dim
			}
			return clock(time.Duration(*r.call.ConnectMS) * time.Millisecond), r.e.Theme.Text
		},
		func(a, b *row) int { return cmp.Compare(orNone(b.call.ConnectMS), orNone(a.call.ConnectMS)) },
	},
	{
		table.Column{Title: "Setup", Min: 6, Right: true, Prio: 10, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			if r.call.SetupMS == nil {
				return "-", r.e.Theme.Dim
			}
			return strconv.FormatFloat(float64(*r.call.SetupMS)/1000, 'f', 2, 64), r.e.Theme.Text
		},
		func(a, b *row) int { return cmp.Compare(orNone(b.call.SetupMS), orNone(a.call.SetupMS)) },
	},
	countColumn("Retrans", 7, 10, func(r *row) int64 { return int64(r.call.Retransmissions) }),
	textColumn("Proto", 5, 5, 11, func(r *row) string { return r.call.Transport }),
	textColumn("Agent", 12, 28, 11, func(r *row) string { return r.call.UACaller }), textColumn("Agent of callee", 15, 28, 11, func(r *row) string { return r.call.UACallee }),
	ruleColumn, callIDColumn, groupColumn,
}

func timeColumn(title string, prio int, get func(*row) protocol.Time) column {
	return column{
		table.Column{Title: title, Min: 8, Prio: prio, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			if get(r) == 0 {
				return "-", r.e.Theme.Dim
			}
			return get(r).Std().In(r.e.Zone).Format("15:04:05"), r.e.Theme.Dim
		},
		func(a, b *row) int { return cmp.Compare(get(b), get(a)) },
	}
}

// countColumn is a number, the largest on top; 0 is shown as a dash.
func countColumn(title string, width, prio int, get func(*row) int64) column {
	return column{
		table.Column{Title: title, Min: width, Right: true, Prio: prio, Desc: true},
		func(r *row, _ int) (string, style.Style) {
			if get(r) == 0 {
				return "-", r.e.Theme.Dim
			}
			return strconv.FormatInt(get(r), 10), r.e.Theme.Text
		},
		func(a, b *row) int { return cmp.Compare(get(b), get(a)) },
	}
}

func orNone(v *int64) int64 {
	if v == nil {
		return -1
	}
	return *v
}

func textColumn(title string, lo, hi, prio int, get func(*row) string) column {
	return column{
		table.Column{Title: title, Min: lo, Max: hi, Prio: prio},
		func(r *row, _ int) (string, style.Style) { return get(r), r.e.Theme.Text },
		func(a, b *row) int { return strings.Compare(get(a), get(b)) },
	}
}

// addressColumn is an address with its port, or the address alone where there is no room for both.
func addressColumn(title string, get func(*row) string) column {
	c := textColumn(title, 15, 22, 3, get)
	c.cell = func(r *row, w int) (string, style.Style) {
		if name := r.e.set.host(get(r)); name != "" {
			return name, r.e.Theme.Text
		}
		return fitAddress(get(r), w), r.e.Theme.Text
	}
	return c
}

// fitAddress leaves the port out where there is no room for it: a part of an address tells nothing.
func fitAddress(addr string, w int) string {
	if style.Width(addr) <= w {
		return addr
	}
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	return a.Addr().String()
}

func descending(v *float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return -*v
}

func pdd(r *row) int64 { return orNone(r.call.PDDMS) }

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
		table.Column{Title: "Dur", Min: 7, Right: true, Desc: true, Prio: 1},
		func(r *row, _ int) (string, style.Style) {
			return clock(lasted(r.call.CDR, r.e.clock())), r.e.Theme.Text
		},
		func(a, b *row) int { return cmp.Compare(b.call.DurationMS, a.call.DurationMS) },
	}
	mosColumn = column{
		table.Column{Title: "MOS", Min: 4, Right: true},
		func(r *row, _ int) (string, style.Style) { return mosCell(r.e.Theme, r.call.MOS) },
		func(a, b *row) int { return cmp.Compare(number(a.call.MOS), number(b.call.MOS)) },
	}
	lossColumn = column{
		table.Column{Title: "Loss", Min: 6, Right: true, Desc: true, Prio: 1},
		func(r *row, _ int) (string, style.Style) { return lossCell(r.e.Theme, r.call.LossPct) },
		func(a, b *row) int { return cmp.Compare(descending(a.call.LossPct), descending(b.call.LossPct)) },
	}
	jitColumn = column{
		table.Column{Title: "Jit", Min: 4, Right: true, Desc: true, Prio: 1},
		func(r *row, _ int) (string, style.Style) { return jitterCell(r.e.Theme, r.call.JitterMS) },
		func(a, b *row) int { return cmp.Compare(descending(a.call.JitterMS), descending(b.call.JitterMS)) },
	}
	srcColumn   = addressColumn("Source", func(r *row) string { return r.call.Src })
	dstColumn   = addressColumn("Destination", func(r *row) string { return r.call.Dst })
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

// columns that are there to be chosen: on most screens there is no room for them beside the others.
var (
	ruleColumn   = textColumn("Rule", 8, 20, 11, func(r *row) string { return r.call.Rule })
	callIDColumn = textColumn("Call-ID", 16, 40, 12, func(r *row) string { return r.call.CallID })
	groupColumn  = textColumn("Group", 8, 36, 13, func(r *row) string { return r.call.GroupID })
)
