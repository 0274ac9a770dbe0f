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
	"voiptop/tui/internal/style"
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
	d := lasted(r.call.CDR, now)
	r.call.DurationMS = d.Milliseconds()
	r.secs = int64(d / time.Second)
}

// lasted is how long a call has lasted, in lists and in detail alike: from its start to its end, or to now by the source's clock.
func lasted(c *protocol.CDR, now protocol.Time) time.Duration {
	if c.End != 0 {
		now = c.End
	}
	return max(now.Sub(c.Start), 0)
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

// party names a side of a call: number, else domain, else address.
func party(user, domain, addr string) string { return cmp.Or(user, domain, addr) }

// between is who called whom in at most w cells, but 20: what stands behind it must be seen as well.
func between(t *style.Theme, c *protocol.CDR, w int) string {
	from, to := t.Clean(party(c.Caller, c.CallerDomain, c.Src)), t.Clean(party(c.Callee, c.CalleeDomain, c.Dst))
	room := max(w, 20) - 3
	half := room / 2
	switch a, b := style.Width(from), style.Width(to); {
	case a+b <= room:
	case a <= half:
		to = t.Cut(to, room-a)
	case b <= half:
		from = t.Cut(from, room-b)
	default:
		from, to = t.Cut(from, half), t.Cut(to, half)
	}
	return from + " " + t.Glyph.Arrow + " " + to
}

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

// addMOS writes a MOS with its grade in a word, so that colour never stands alone.
func addMOS(t *style.Theme, l *style.Line, v float64) *style.Line {
	return l.Add(t.MOS(v), fmt.Sprintf("%.2f %s", v, protocol.GradeOf(v)))
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
