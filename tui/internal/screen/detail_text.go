package screen

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
)

// facts is the pane beside the ladder: the message or stream under the cursor, then the findings.
func (d *detail) facts(w int) []string {
	t := d.e.Theme
	var out []string
	c := d.cdr
	if r := d.row(); r != nil {
		c = d.ladder.Calls[r.Call]
		switch {
		case r.Message >= 0:
			out = d.messageFacts(c, r, w)
		case r.Stream >= 0:
			out = streamFacts(t, &c.Streams[r.Stream], w)
		default:
			out = []string{t.NewLine(w).Add(t.Bold, r.Delta.Round(time.Millisecond).String()+" "+r.Label).String()}
		}
	}
	if len(out) > 0 {
		out = append(out, style.FitStyled("", w))
	}
	return append(append(out, t.HLine("findings", w)), findingLines(t, c, w)...)
}

// messageFacts is a message: whole if it is there, else what its record says and why there is no more.
func (d *detail) messageFacts(c *protocol.CDR, r *ladder.Row, w int) (out []string) {
	t, m := d.e.Theme, &c.Messages[r.Message]
	if x := d.textOf(r); x != nil {
		l := t.NewLine(w).Add(t.Dim, m.T.Std().In(d.e.Zone).Format("15:04:05.000000")+"  "+x.Transport+"  "+plural.Of(len(x.Raw), "byte"))
		if r.Count > 1 {
			l.Add(t.Warn, fmt.Sprintf("  seen %d times", r.Count))
		}
		out = append(out, l.String())
		for _, line := range richMessage(t, x.Raw) {
			out = append(out, line.wrapped(t, w)...)
		}
		return out
	}
	out = []string{t.NewLine(w).Add(t.Bold, m.FirstLine).String()}
	fact := func(name, value string) {
		if value != "" {
			out = append(out, t.NewLine(w).Add(t.Dim, t.Fit(name, 8)).Add(t.Text, value).String())
		}
	}
	fact("time", m.T.Std().In(d.e.Zone).Format("15:04:05.000000 MST"))
	fact("after", "+"+m.T.Sub(c.Start).String())
	fact("from", m.Src)
	fact("to", m.Dst)
	fact("CSeq", m.CSeq)
	fact("SDP", m.SDP)
	if strings.HasSuffix(m.CSeq, " INFO") {
		fact("DTMF", c.DTMFInfo) // of all INFO of the call: the record has no digit by message
	}
	fact("over", c.Transport)
	if r.Count > 1 {
		fact("seen", fmt.Sprintf("%d times", r.Count))
	}
	fact("Call-ID", c.CallID)
	for _, s := range d.texts.missing(d.e, c) {
		for _, line := range wrap(t, s, w) {
			out = append(out, t.NewLine(w).Add(t.Dim, line).String())
		}
	}
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
	fact("MOS figures", mosBases[s.MOSBasis])
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
	fact("DTMF voice", s.DTMFInband)
	fact("tones", strings.Join(s.Tones, ", "))
	if s.Via == protocol.ViaTURN {
		way := "through TURN"
		if s.Relayed != "" {
			way += ", relayed at " + s.Relayed
		}
		fact("way", way)
	}
	if s.Encrypted {
		fact("SRTP", "encrypted")
	}
	fact("SRTP keys", keyings[s.Keying])
	return out
}

// mosBases says where the figures of a codec come from that are not all its own.
var mosBases = map[protocol.MOSBasis]string{
	protocol.MOSProvisional: "in part of a like codec",
	protocol.MOSAssumed:     "codec unknown: as G.711",
}

var keyings = map[protocol.Keying]string{
	protocol.KeyedBySDES: "in the SDP (SDES)",
	protocol.KeyedByDTLS: "DTLS",
	protocol.KeyedByZRTP: "ZRTP",
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

// charts draws loss, jitter and MOS of a stream side by side, as many as have room.
func charts(e *env, s *protocol.Stream, w, h int) []string {
	t := e.Theme
	n := len(s.Intervals)
	loss, jit, mos := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, v := range s.Intervals {
		if all := v.Packets + v.Lost; all > 0 {
			loss[i] = 100 * float64(v.Lost) / float64(all)
		}
		jit[i], mos[i] = v.JitterMS, blankZero(v.MOS)
	}
	label := func(i int) string { return s.Intervals[i].T.Std().In(e.Zone).Format("15:04:05") }
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
	list := d.streams()
	if len(list) == 0 {
		return centred(t, []string{"No RTP was seen for this call", "its media may take another way, or be announced in an SDP that was not seen"}, d.w, h)
	}
	out := []string{streamTitles(t, d.w)}
	room, top := d.streamsRoom(), d.streamsTop()
	for i := top; i < min(top+room, len(list)); i++ {
		l := streamLine(d.e, list[i].s, d.w)
		if i == d.stream {
			l = t.Bold.Render(">") + l[1:]
		}
		out = append(out, l)
	}
	return append(out, streamDetail(d.e, list[d.stream].s, d.w, h-len(out))...)
}

// streamsRoom is how many streams are listed, streamsTop the first of them.
func (d *detail) streamsRoom() int { return max(1, min(len(d.streams()), (d.h-3)/3)) }
func (d *detail) streamsTop() int  { return max(0, d.stream-d.streamsRoom()+1) }

// streamDetail is one stream in h lines: its figures, then its charts if there is room for them.
func streamDetail(e *env, s *protocol.Stream, w, h int) []string {
	t := e.Theme
	facts := streamFacts(t, s, w-2)
	out := []string{t.HLine("", w)}
	for _, f := range facts[1:] {
		out = append(out, "  "+f)
	}
	if free := h - len(out); free >= 6 && len(s.Intervals) > 0 {
		out = append(out, t.HLine("", w))
		out = append(out, charts(e, s, w, min(free-1, 12))...)
	}
	return fill(out, w, h)
}
