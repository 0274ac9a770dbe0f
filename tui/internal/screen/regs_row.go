package screen

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
)

// regRow is a line of the table of registrations.
type regRow struct {
	p     *regsPane
	r     protocol.Registration
	round uint64
}

func (r *regRow) ID() regKey { return regKey{r.r.SensorID, r.r.AOR, r.r.Contact} }

// Version changes with every answer, and every second: the time that is left ticks.
func (r *regRow) Version() uint64 { return r.round<<32 | uint64(r.left()/time.Second)&0xffffffff }

func (r *regRow) Cell(col, w int) (string, style.Style) { return regColumns[col].cell(r, w) }

// left is the time until the registration runs out, negative once it has.
func (r *regRow) left() time.Duration { return r.r.Until.Sub(r.p.live.now()) }

// remaining is a clock that fits its column: without seconds from ten hours on.
func remaining(d time.Duration) string {
	if d < 10*time.Hour {
		return clock(d)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d/time.Minute%60)
}

func (r *regRow) text() string {
	return strings.ToLower(strings.Join([]string{
		r.r.AOR, r.r.Contact, r.r.Src, r.r.Dst, r.r.UserAgent, string(r.r.State), r.r.Transport, strconv.Itoa(r.r.Status), r.r.Reason,
	}, "\n"))
}

// regColumn is one column: how it looks and how it sorts.
type regColumn struct {
	table.Column
	cell func(r *regRow, w int) (string, style.Style)
	cmp  func(a, b *protocol.Registration) int
}

// badness is the order of states: what needs a look comes first.
func badness(s protocol.RegistrationState) int {
	switch s {
	case protocol.RegistrationFailing:
		return 0
	case protocol.RegistrationExpired:
		return 1
	case protocol.Unregistered:
		return 2
	}
	return 3
}

func regState(t *style.Theme, s protocol.RegistrationState) (string, style.Style) {
	switch s {
	case protocol.Registered:
		return "OK", t.Good
	case protocol.RegistrationFailing:
		return "FAIL", t.Bad
	case protocol.RegistrationExpired:
		return "EXP", t.Warn
	case protocol.Unregistered:
		return "OFF", t.Dim
	}
	return strings.ToUpper(string(s)), t.Text
}

// regColumns are all columns; the last is for fleets only.
var regColumns = []regColumn{
	{
		table.Column{Title: "Reg", Min: 4},
		func(r *regRow, _ int) (string, style.Style) { return regState(r.p.e.Theme, r.r.State) },
		func(a, b *protocol.Registration) int { return cmp.Compare(badness(a.State), badness(b.State)) },
	},
	regText("AOR", 18, 34, 0, func(r *protocol.Registration) string { return r.AOR }),
	regText("Contact", 20, 44, 3, func(r *protocol.Registration) string { return r.Contact }),
	regText("Source", 15, 21, 0, func(r *protocol.Registration) string { return r.Src }),
	regText("User agent", 14, 28, 1, func(r *protocol.Registration) string { return r.UserAgent }),
	{
		table.Column{Title: "Expires", Min: 8, Right: true},
		func(r *regRow, _ int) (string, style.Style) {
			t := r.p.e.Theme
			if r.r.Until == 0 || r.r.State == protocol.Unregistered {
				return "-", t.Dim
			}
			if d := r.left(); d > 0 {
				return remaining(d), t.Text
			}
			return "-" + remaining(-r.left()), t.Warn
		},
		func(a, b *protocol.Registration) int { return cmp.Compare(a.Until, b.Until) },
	},
	{
		table.Column{Title: "RTT", Min: 6, Right: true, Desc: true},
		func(r *regRow, _ int) (string, style.Style) {
			t := r.p.e.Theme
			switch {
			case r.r.RTTMS == nil:
				return "-", t.Dim
			case *r.r.RTTMS >= 1000:
				return strconv.FormatFloat(*r.r.RTTMS/1000, 'f', 1, 64) + "s", t.Warn
			case *r.r.RTTMS >= 100:
				return strconv.FormatFloat(*r.r.RTTMS, 'f', 0, 64), t.Text
			case *r.r.RTTMS < 1:
				return strconv.FormatFloat(*r.r.RTTMS, 'f', 2, 64), t.Text
			}
			return strconv.FormatFloat(*r.r.RTTMS, 'f', 1, 64), t.Text
		},
		func(a, b *protocol.Registration) int { return cmp.Compare(descending(a.RTTMS), descending(b.RTTMS)) },
	},
	{
		table.Column{Title: "Fail", Min: 4, Right: true, Desc: true},
		func(r *regRow, _ int) (string, style.Style) {
			if r.r.Failures == 0 {
				return "0", r.p.e.Theme.Dim
			}
			return strconv.Itoa(r.r.Failures), r.p.e.Theme.Bad
		},
		func(a, b *protocol.Registration) int { return cmp.Compare(b.Failures, a.Failures) },
	},
	{
		table.Column{Title: "Last answer", Min: 13, Max: 28, Prio: 2},
		func(r *regRow, _ int) (string, style.Style) {
			if r.r.Status == 0 {
				return "none", r.p.e.Theme.Bad
			}
			return strconv.Itoa(r.r.Status) + " " + r.r.Reason, r.p.e.Theme.Status(r.r.Status)
		},
		func(a, b *protocol.Registration) int { return cmp.Compare(a.Status, b.Status) },
	},
	{
		table.Column{Title: "Sensor", Min: 6, Right: true, Prio: 4},
		func(r *regRow, _ int) (string, style.Style) {
			return strconv.Itoa(int(r.r.SensorID)), r.p.e.Theme.Dim
		},
		func(a, b *protocol.Registration) int { return cmp.Compare(a.SensorID, b.SensorID) },
	},
}

func regText(title string, lo, hi, prio int, get func(*protocol.Registration) string) regColumn {
	return regColumn{
		table.Column{Title: title, Min: lo, Max: hi, Prio: prio},
		func(r *regRow, _ int) (string, style.Style) { return get(&r.r), r.p.e.Theme.Text },
		func(a, b *protocol.Registration) int { return strings.Compare(get(a), get(b)) },
	}
}
