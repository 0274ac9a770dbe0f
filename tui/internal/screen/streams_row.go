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
	p       *streamsPane
	s       protocol.LiveStream
	about   *protocol.StreamAbout
	trend   []float64 // MOS of the last intervals, NaN where there is none
	words   string    // see text
	version uint64
}

// set takes over what an update says.
func (r *streamRow) set(s protocol.LiveStream) {
	if s.About != nil {
		r.about, r.words = s.About, ""
	}
	r.s = s
	r.trend = r.trend[:0]
	for _, v := range s.Trend {
		r.trend = append(r.trend, blankZero(float64(v)/10))
	}
	r.version++
}

func (r *streamRow) ID() protocol.StreamID { return r.s.ID }

func (r *streamRow) Version() uint64 { return r.version }

func (r *streamRow) Cell(col, w int) (string, style.Style) { return streamColumns[col].cell(r, w) }

// parties are those of the call.
func (r *streamRow) parties() (from, to string) {
	return party(r.about.Caller, "", r.about.CallSrc), party(r.about.Callee, "", r.about.CallDst)
}

// who is the call of the stream, in its direction.
func (r *streamRow) who() string {
	a, b := r.parties()
	if r.about.Direction == protocol.FromCallee {
		a, b = b, a
	}
	return a + " " + r.p.e.Theme.Glyph.Arrow + " " + b
}

func (r *streamRow) codec() string {
	return cmp.Or(r.about.Codec, fmt.Sprintf("PT %d", r.about.PayloadType))
}

func (r *streamRow) text() string {
	if r.words == "" {
		a := r.about
		r.words = strings.ToLower(strings.Join([]string{a.Src, a.Dst, a.Codec, a.SSRC.String(), a.Caller, a.Callee, a.CallID, string(a.Direction)}, "\n"))
	}
	return r.words
}

// brief is what matters of the stream in a few lines; more of it where its record is here.
func (r *streamRow) brief(w int) []string {
	t, s, a := r.p.e.Theme, &r.s, r.about
	whole := r.p.whole(r)
	l1 := t.NewLine(w).Add(t.Text, " "+a.Src+" "+t.Glyph.Arrow+" "+a.Dst).Add(t.Dim, fmt.Sprintf("  PT %d", a.PayloadType))
	if a.PtimeMS > 0 {
		l1.Add(t.Dim, fmt.Sprintf("  %g ms", a.PtimeMS))
	}
	if a.Encrypted {
		l1.Add(t.Dim, "  SRTP")
	}
	if a.DSCP > 0 {
		l1.Add(t.Dim, fmt.Sprintf("  DSCP %d", a.DSCP))
	}
	l2 := t.NewLine(w).Add(t.Dim, " packets ").Add(t.Text, fmt.Sprintf("%d of %d", s.Packets, s.Expected)).Add(t.Dim, "  lost ").Add(t.Loss(s.LossPct), fmt.Sprint(s.Lost))
	if whole != nil && bursts(whole) != "" {
		l2.Add(t.Dim, "  gaps ").Add(t.Text, bursts(whole))
	}
	if s.Duplicates+s.Reordered > 0 {
		l2.Add(t.Dim, fmt.Sprintf("  %d twice, %d out of order", s.Duplicates, s.Reordered))
	}
	l3 := t.NewLine(w).Add(t.Dim, " jitter ").Add(t.Jitter(s.JitterMS), inMS(s.JitterMS)).Add(t.Dim, ", max "+inMS(s.JitterMax)+"  gap "+inMS(s.DeltaMax))
	if whole != nil && whole.MOSF1.Avg > 0 && whole.MOSF2.Avg > 0 {
		l3.Add(t.Dim, "  MOS ").Add(t.MOS(whole.MOSF1.Avg), fmt.Sprintf("%.2f", whole.MOSF1.Avg)).Add(t.Dim, " at 50 ms ").
			Add(t.MOS(whole.MOSF2.Avg), fmt.Sprintf("%.2f", whole.MOSF2.Avg)).Add(t.Dim, " at 200 ms")
	}
	l4 := t.NewLine(w)
	switch {
	case whole != nil && whole.RTCP != nil:
		x := whole.RTCP
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
	default:
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
			return mosText(r.s.MOS), r.p.e.Theme.MOS(r.s.MOS)
		}, byBadness,
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
			return fmt.Sprintf("%.1f", r.s.JitterMS), r.p.e.Theme.Jitter(r.s.JitterMS)
		}, func(a, b *streamRow) int { return cmp.Compare(b.s.JitterMS, a.s.JitterMS) },
	},
	streamText("Codec", 6, 10, 0, func(r *streamRow) string { return r.codec() }),
	streamText("From", 21, 24, 0, func(r *streamRow) string { return r.about.Src }),
	streamText("To", 21, 24, 0, func(r *streamRow) string { return r.about.Dst }),
	{
		table.Column{Title: "Trend", Min: 8, Max: protocol.LiveTrend, Prio: 1},
		func(r *streamRow, w int) (string, style.Style) {
			last := 0.0
			if n := len(r.s.Trend); n > 0 {
				last = float64(r.s.Trend[n-1]) / 10
			}
			return chart.Spark(r.p.e.Theme, r.trend, 1, 4.5, w), r.p.e.Theme.MOS(last)
		}, byBadness,
	},
	streamText("Call", 16, 34, 2, func(r *streamRow) string { return r.who() }),
	streamNumber("Packets", 8, 3, func(s *protocol.LiveStream) float64 { return float64(s.Packets) }, "%.0f"),
	streamNumber("Lost", 6, 3, func(s *protocol.LiveStream) float64 { return float64(s.Lost) }, "%.0f"),
	streamNumber("JitMax", 7, 4, func(s *protocol.LiveStream) float64 { return s.JitterMax }, "%.1f"),
	streamNumber("Gap", 6, 4, func(s *protocol.LiveStream) float64 { return s.DeltaMax }, "%.0f"),
	streamNumber("RTT", 6, 4, func(s *protocol.LiveStream) float64 {
		if s.RTTMS == nil {
			return 0
		}
		return *s.RTTMS
	}, "%.1f"),
	streamText("SSRC", 10, 10, 5, func(r *streamRow) string { return r.about.SSRC.String() }),
	{
		table.Column{Title: "Sensor", Min: 6, Right: true, Prio: 6},
		func(r *streamRow, _ int) (string, style.Style) { return fmt.Sprint(r.about.SensorID), r.p.e.Theme.Dim },
		func(a, b *streamRow) int { return cmp.Compare(a.about.SensorID, b.about.SensorID) },
	},
}

func byBadness(a, b *streamRow) int { return cmp.Compare(a.s.Badness(), b.s.Badness()) }

func streamText(title string, lo, hi, prio int, get func(*streamRow) string) streamColumn {
	return streamColumn{
		table.Column{Title: title, Min: lo, Max: hi, Prio: prio},
		func(r *streamRow, _ int) (string, style.Style) { return get(r), r.p.e.Theme.Text },
		func(a, b *streamRow) int { return strings.Compare(get(a), get(b)) },
	}
}

// streamNumber is a column of a number, the largest on top; 0 is shown as a dash.
func streamNumber(title string, width, prio int, get func(*protocol.LiveStream) float64, format string) streamColumn {
	return streamColumn{
		table.Column{Title: title, Min: width, Right: true, Prio: prio, Desc: true},
		func(r *streamRow, _ int) (string, style.Style) {
			if get(&r.s) == 0 {
				return "-", r.p.e.Theme.Dim
			}
			return fmt.Sprintf(format, get(&r.s)), r.p.e.Theme.Text
		},
		func(a, b *streamRow) int { return cmp.Compare(get(&b.s), get(&a.s)) },
	}
}
