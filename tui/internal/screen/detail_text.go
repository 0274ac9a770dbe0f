package screen

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/style"
)

// facts is the pane beside the ladder: the message or stream under the cursor, then the findings.
func (d *detail) facts(w int) []string {
	t := d.e.Theme
	var out []string
	if r := d.row(); r != nil {
		switch {
		case r.Message >= 0:
			out = d.messageFacts(&d.cdr.Messages[r.Message], r.Count, w)
		case r.Stream >= 0:
			out = streamFacts(t, &d.cdr.Streams[r.Stream], w)
		default:
			out = []string{t.NewLine(w).Add(t.Bold, r.Delta.Round(time.Millisecond).String()+" "+r.Label).String()}
		}
	}
	if len(out) > 0 {
		out = append(out, style.FitStyled("", w))
	}
	return append(append(out, t.HLine("findings", w)), findingLines(t, d.cdr, w)...)
}

func (d *detail) messageFacts(m *protocol.Message, count, w int) []string {
	t := d.e.Theme
	out := []string{t.NewLine(w).Add(t.Bold, m.FirstLine).String()}
	fact := func(name, value string) {
		if value != "" {
			out = append(out, t.NewLine(w).Add(t.Dim, t.Fit(name, 8)).Add(t.Text, value).String())
		}
	}
	fact("time", m.T.Std().In(d.e.Zone).Format("15:04:05.000000 MST"))
	fact("after", "+"+m.T.Sub(d.cdr.Start).String())
	fact("from", m.Src)
	fact("to", m.Dst)
	fact("CSeq", m.CSeq)
	fact("SDP", m.SDP)
	if strings.HasSuffix(m.CSeq, " INFO") {
		fact("DTMF", d.cdr.DTMFInfo) // of all INFO of the call: the record has no digit by message
	}
	fact("over", d.cdr.Transport)
	if count > 1 {
		fact("seen", fmt.Sprintf("%d times", count))
	}
	fact("Call-ID", d.cdr.CallID)
	return out
}

func streamFacts(t *style.Theme, s *protocol.Stream, w int) []string {
	out := []string{t.NewLine(w).Add(t.Bold, "RTP "+s.Src+" "+t.Glyph.Arrow+" "+s.Dst).String()}
	fact := func(name, value string) {
		if value != "" {
			out = append(out, t.NewLine(w).Add(t.Dim, t.Fit(name, 11)).Add(t.Text, value).String())
		}
	}
	codec := cmp.Or(s.Codec, "unknown")
	if s.ClockRate > 0 {
		codec += fmt.Sprintf("/%d", s.ClockRate)
	}
	fact("codec", fmt.Sprintf("%s, payload type %d", codec, s.PayloadType))
	fact("SSRC", s.SSRC.String())
	if s.PtimeMS > 0 {
		fact("ptime", fmt.Sprintf("%g ms", s.PtimeMS))
	}
	fact("packets", fmt.Sprintf("%d of %d, %d lost (%.2f%%)", s.Packets, s.Expected, s.Lost, s.LossPct))
	if s.Duplicates+s.Reordered > 0 {
		fact("order", fmt.Sprintf("%d duplicate, %d reordered", s.Duplicates, s.Reordered))
	}
	fact("gaps", bursts(s))
	fact("jitter", "mean "+inMS(s.JitterMeanMS)+", max "+inMS(s.JitterMaxMS))
	fact("delta max", inMS(s.DeltaMaxMS))
	fact("clock skew", fmt.Sprintf("%.1f ms", s.SkewMS))
	mos := func(m protocol.MOS) string {
		if m.Avg == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f (low %.2f)", m.Avg, m.Min)
	}
	fact("MOS", mos(s.MOSAdapt)+" adaptive buffer")
	fact("MOS 50 ms", mos(s.MOSF1))
	fact("MOS 200 ms", mos(s.MOSF2))
	if r := s.RTCP; r != nil {
		var parts []string
		if r.RTTMS != nil {
			parts = append(parts, fmt.Sprintf("round trip %.1f ms", *r.RTTMS))
		}
		if r.LossMaxPct != nil {
			parts = append(parts, fmt.Sprintf("loss up to %.1f%%", *r.LossMaxPct))
		}
		if r.JitterMaxMS != nil {
			parts = append(parts, fmt.Sprintf("jitter up to %.1f ms", *r.JitterMaxMS))
		}
		fact("far end", strings.Join(parts, ", "))
	}
	fact("DTMF", s.DTMF)
	if s.Encrypted {
		fact("SRTP", "encrypted")
	}
	return out
}

// bursts says how many packets went missing in a row, and how often.
func bursts(s *protocol.Stream) string {
	var parts []string
	for i, n := range s.Bursts {
		if n == 0 {
			continue
		}
		length := fmt.Sprint(i + 1)
		if i == len(s.Bursts)-1 {
			length += "+"
		}
		parts = append(parts, fmt.Sprintf("%sx%d", length, n))
	}
	return strings.Join(parts, " ")
}

// findingLines is every finding with its evidence and remedy, gravest first, and what could not be checked.
func findingLines(t *style.Theme, c *protocol.CDR, w int) []string {
	var out []string
	para := func(name string, st style.Style, s string) {
		for i, l := range wrap(t, s, w-10) {
			if i > 0 {
				name = ""
			}
			out = append(out, t.NewLine(w).Add(t.Dim, t.Fit(name, 9)+" ").Add(st, l).String())
		}
	}
	for want := 3; want >= 0; want-- {
		for i := range c.Findings {
			f := &c.Findings[i]
			if rank(f.Severity) != want {
				continue
			}
			if len(out) > 0 {
				out = append(out, style.FitStyled("", w))
			}
			out = append(out, t.NewLine(w).Add(t.Severity(f.Severity), t.Fit(string(f.Severity), 9)+" "+f.Code).String())
			para("", t.Text, f.Text)
			para("seen", t.Dim, f.Evidence)
			para("do", t.Text, f.Remedy)
		}
	}
	if len(out) == 0 {
		out = append(out, t.NewLine(w).Add(t.Good, "nothing found").String())
	}
	if len(c.Unchecked) > 0 {
		out = append(out, style.FitStyled("", w), t.NewLine(w).Add(t.Dim, "not checked").String())
	}
	for _, u := range c.Unchecked {
		para("", t.Dim, u.Reason+": "+strings.Join(u.Codes, ", "))
	}
	return out
}

func hasIntervals(c *protocol.CDR) bool {
	for i := range c.Streams {
		if len(c.Streams[i].Intervals) > 0 {
			return true
		}
	}
	return false
}

// charts draws loss, jitter and MOS of a stream side by side, as many as have room.
func (d *detail) charts(s *protocol.Stream, w, h int) []string {
	t := d.e.Theme
	n := len(s.Intervals)
	loss, jit, mos := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, v := range s.Intervals {
		if all := v.Packets + v.Lost; all > 0 {
			loss[i] = 100 * float64(v.Lost) / float64(all)
		}
		jit[i], mos[i] = v.JitterMS, blankZero(v.MOS)
	}
	label := func(i int) string { return s.Intervals[i].T.Std().In(d.e.Zone).Format("15:04:05") }
	first, last := label(0), label(n-1)
	parts := []chart.Columns{
		{Title: " loss %, each 10 s", V: loss, Hi: 1, Format: "%.1f", Grade: t.Loss},
		{Title: " jitter ms", V: jit, Hi: 10, Format: "%.0f", Grade: t.Jitter},
		{Title: " MOS", V: mos, Lo: 1, Hi: 4.5, Format: "%.1f", Grade: t.MOS},
	}
	parts = parts[:max(1, min(len(parts), w/36))]
	out := make([]string, h)
	for i, c := range parts {
		c.First, c.Last = first, last
		cw := w / len(parts)
		if i == len(parts)-1 {
			cw = w - cw*(len(parts)-1)
		}
		for k, l := range c.View(t, cw, h) {
			out[k] += l
		}
	}
	return out
}

// streamsPage lists the streams, and below them the chosen one with its charts.
func (d *detail) streamsPage(h int) []string {
	t := d.e.Theme
	if len(d.cdr.Streams) == 0 {
		return centred(t, []string{"No RTP was seen for this call", "its media may take another way, or be announced in an SDP that was not seen"}, d.w, h)
	}
	out := []string{streamTitles(t, d.w)}
	room := max(1, min(len(d.cdr.Streams), h/3))
	top := max(0, d.stream-room+1)
	for i := top; i < min(top+room, len(d.cdr.Streams)); i++ {
		l := streamLine(d.e, &d.cdr.Streams[i], d.w)
		if i == d.stream {
			l = t.Bold.Render(">") + l[1:]
		}
		out = append(out, l)
	}
	s := &d.cdr.Streams[d.stream]
	facts := streamFacts(t, s, d.w-2)
	out = append(out, t.HLine("", d.w))
	for _, f := range facts[1:] {
		out = append(out, "  "+f)
	}
	if free := h - len(out); free >= 6 && len(s.Intervals) > 0 {
		out = append(out, t.HLine("", d.w))
		out = append(out, d.charts(s, d.w, min(free-1, 12))...)
	}
	return fill(out, d.w, h)
}
