package screen

import (
	"cmp"
	"fmt"
	"strings"

	"voiptop/protocol"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
)

// streamRow is a line of the table of streams.
type streamRow struct {
	p     *streamsPane
	call  *protocol.CDR
	s     *protocol.Stream
	round uint64
}

func (r *streamRow) ID() streamKey { return streamKey{r.call.ID, r.s.Src, r.s.Dst, r.s.SSRC} }

func (r *streamRow) Version() uint64 { return r.round }

func (r *streamRow) Cell(col, w int) (string, style.Style) { return streamColumns[col].cell(r, w) }

// who is the call of the stream, in its direction.
func (r *streamRow) who() string {
	a, b := party(r.call.Caller, r.call.CallerDomain, r.call.Src), party(r.call.Callee, r.call.CalleeDomain, r.call.Dst)
	if r.s.Direction == protocol.FromCallee {
		a, b = b, a
	}
	return a + " " + r.p.e.Theme.Glyph.Arrow + " " + b
}

// matches reports whether the row has every word somewhere.
func (r *streamRow) matches(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join([]string{r.s.Src, r.s.Dst, r.s.Codec, r.s.SSRC.String(), r.call.Caller, r.call.Callee, r.call.CallID, string(r.s.Direction)}, " "))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// brief is what matters of the stream in a few lines.
func (r *streamRow) brief(w int) []string {
	t, s := r.p.e.Theme, r.s
	l1 := t.NewLine(w).Add(t.Text, " "+s.Src+" "+t.Glyph.Arrow+" "+s.Dst).Add(t.Dim, fmt.Sprintf("  PT %d  %g ms", s.PayloadType, s.PtimeMS))
	if s.Encrypted {
		l1.Add(t.Dim, "  SRTP")
	}
	if s.DSCP > 0 {
		l1.Add(t.Dim, fmt.Sprintf("  DSCP %d", s.DSCP))
	}
	l2 := t.NewLine(w).Add(t.Dim, " packets ").Add(t.Text, fmt.Sprintf("%d of %d", s.Packets, s.Expected)).Add(t.Dim, "  lost ").Add(t.Loss(s.LossPct), fmt.Sprint(s.Lost))
	if b := bursts(s); b != "" {
		l2.Add(t.Dim, "  gaps ").Add(t.Text, b)
	}
	if s.Duplicates+s.Reordered > 0 {
		l2.Add(t.Dim, fmt.Sprintf("  %d twice, %d out of order", s.Duplicates, s.Reordered))
	}
	l3 := t.NewLine(w).Add(t.Dim, " jitter ").Add(t.Jitter(s.JitterMeanMS), inMS(s.JitterMeanMS)).Add(t.Dim, ", at most "+inMS(s.JitterMaxMS)+"  longest gap "+inMS(s.DeltaMaxMS)).
		Add(t.Dim, "  MOS at 50 ms ").Add(t.MOS(s.MOSF1.Avg), fmt.Sprintf("%.2f", s.MOSF1.Avg)).Add(t.Dim, ", 200 ms ").Add(t.MOS(s.MOSF2.Avg), fmt.Sprintf("%.2f", s.MOSF2.Avg))
	l4 := t.NewLine(w)
	if x := s.RTCP; x != nil {
		l4.Add(t.Dim, " far end")
		if x.RTTMS != nil {
			l4.Add(t.Text, " round trip "+inMS(*x.RTTMS))
		}
		if x.LossMaxPct != nil {
			l4.Add(t.Text, fmt.Sprintf(" loss up to %.1f%%", *x.LossMaxPct))
		}
		if x.JitterMaxMS != nil {
			l4.Add(t.Text, " jitter up to "+inMS(*x.JitterMaxMS))
		}
	} else {
		l4.Add(t.Dim, " enter opens the call")
	}
	return []string{l1.String(), l2.String(), l3.String(), l4.String()}
}

// streamColumn is one column of the table of streams.
type streamColumn struct {
	table.Column
	cell func(r *streamRow, w int) (string, style.Style)
	cmp  func(a, b *streamRow) int
}

// streamColumns are all columns. By the first the worst is on top.
var streamColumns = []streamColumn{
	{
		table.Column{Title: "MOS", Min: 5, Right: true},
		func(r *streamRow, _ int) (string, style.Style) {
			t := r.p.e.Theme
			if r.s.MOSAdapt.Avg <= 0 {
				return "-", t.Dim
			}
			return fmt.Sprintf("%.2f", r.s.MOSAdapt.Avg), t.MOS(r.s.MOSAdapt.Avg)
		}, func(a, b *streamRow) int { return cmp.Compare(order(a.s), order(b.s)) },
	},
	{
		table.Column{Title: "Loss", Min: 6, Right: true, Desc: true},
		func(r *streamRow, _ int) (string, style.Style) {
			return fmt.Sprintf("%.1f%%", r.s.LossPct), r.p.e.Theme.Loss(r.s.LossPct)
		}, func(a, b *streamRow) int { return cmp.Compare(b.s.LossPct, a.s.LossPct) },
	},
	{
		table.Column{Title: "Jit", Min: 5, Right: true, Desc: true},
		func(r *streamRow, _ int) (string, style.Style) {
			return fmt.Sprintf("%.1f", r.s.JitterMeanMS), r.p.e.Theme.Jitter(r.s.JitterMeanMS)
		}, func(a, b *streamRow) int { return cmp.Compare(b.s.JitterMeanMS, a.s.JitterMeanMS) },
	},
	streamText("Codec", 6, 10, 0, func(r *streamRow) string { return cmp.Or(r.s.Codec, fmt.Sprintf("PT %d", r.s.PayloadType)) }),
	streamText("From", 18, 24, 0, func(r *streamRow) string { return r.s.Src }),
	streamText("To", 18, 24, 0, func(r *streamRow) string { return r.s.Dst }),
	{
		table.Column{Title: "Trend", Min: 8, Max: 18, Prio: 1},
		func(r *streamRow, w int) (string, style.Style) {
			v := make([]float64, len(r.s.Intervals))
			for i := range r.s.Intervals {
				v[i] = blankZero(r.s.Intervals[i].MOS)
			}
			last := 0.0
			if n := len(v); n > 0 {
				last = r.s.Intervals[n-1].MOS
			}
			return chart.Spark(r.p.e.Theme, v, 1, 4.5, w), r.p.e.Theme.MOS(last)
		}, func(a, b *streamRow) int { return cmp.Compare(order(a.s), order(b.s)) },
	},
	streamText("Call", 16, 34, 2, func(r *streamRow) string { return r.who() }),
	streamNumber("Packets", 8, 3, func(s *protocol.Stream) float64 { return float64(s.Packets) }, "%.0f"),
	streamNumber("Lost", 6, 3, func(s *protocol.Stream) float64 { return float64(s.Lost) }, "%.0f"),
	streamNumber("JitMax", 7, 4, func(s *protocol.Stream) float64 { return s.JitterMaxMS }, "%.1f"),
	streamNumber("Gap", 6, 4, func(s *protocol.Stream) float64 { return s.DeltaMaxMS }, "%.0f"),
	streamNumber("RTT", 6, 4, func(s *protocol.Stream) float64 {
		if s.RTCP == nil || s.RTCP.RTTMS == nil {
			return 0
		}
		return *s.RTCP.RTTMS
	}, "%.1f"),
	streamText("SSRC", 10, 10, 5, func(r *streamRow) string { return r.s.SSRC.String() }),
	{
		table.Column{Title: "Sensor", Min: 6, Right: true, Prio: 6},
		func(r *streamRow, _ int) (string, style.Style) { return fmt.Sprint(r.call.SensorID), r.p.e.Theme.Dim },
		func(a, b *streamRow) int { return cmp.Compare(a.call.SensorID, b.call.SensorID) },
	},
}

func streamText(title string, lo, hi, prio int, get func(*streamRow) string) streamColumn {
	return streamColumn{
		table.Column{Title: title, Min: lo, Max: hi, Prio: prio},
		func(r *streamRow, _ int) (string, style.Style) { return get(r), r.p.e.Theme.Text },
		func(a, b *streamRow) int { return strings.Compare(get(a), get(b)) },
	}
}

// streamNumber is a column of a number, the largest on top; 0 is shown as a dash.
func streamNumber(title string, width, prio int, get func(*protocol.Stream) float64, format string) streamColumn {
	return streamColumn{
		table.Column{Title: title, Min: width, Right: true, Prio: prio, Desc: true},
		func(r *streamRow, _ int) (string, style.Style) {
			if get(r.s) == 0 {
				return "-", r.p.e.Theme.Dim
			}
			return fmt.Sprintf(format, get(r.s)), r.p.e.Theme.Text
		},
		func(a, b *streamRow) int { return cmp.Compare(get(b.s), get(a.s)) },
	}
}
