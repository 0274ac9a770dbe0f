package screen

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/style"
)

const (
	previewWait  = 120 * time.Millisecond // the cursor rests so long before the source is asked
	previewFresh = 2 * time.Second        // a running call is asked for again so often
)

// preview shows the call under the cursor below a list.
type preview struct {
	e     *env
	w, h  int
	want  protocol.UUID
	since time.Time // when the call was last asked for
	due   bool      // a question is on its way
	cdr   *protocol.CDR
	err   error
}

// previewDue asks for the call if the cursor is still on it.
type previewDue struct{ id protocol.UUID }

// previewMsg is the answer.
type previewMsg struct {
	id  protocol.UUID
	cdr *protocol.CDR
	err error
}

// setSize takes what it needs of h lines and answers how many.
func (p *preview) setSize(w, h int) int {
	p.w = w
	switch {
	case h >= 28 && w >= 110:
		p.h = 11
	case h >= 22:
		p.h = 7
	case h >= 16:
		p.h = 5
	default:
		p.h = 0
	}
	return p.h
}

// follow asks for the call of r, soon, if it is not the one that is shown.
func (p *preview) follow(r *row) tea.Cmd {
	if r == nil {
		return nil
	}
	return p.followCall(r.call.ID, r.call.End != 0)
}

func (p *preview) followCall(id protocol.UUID, ended bool) tea.Cmd {
	if p.h == 0 {
		return nil
	}
	fresh := p.e.Now().Sub(p.since) < previewFresh || ended
	if id == p.want && (p.due || fresh) {
		return nil
	}
	if id != p.want {
		p.cdr, p.err = nil, nil
	}
	p.want, p.due = id, true
	return p.e.after(previewWait, previewDue{id})
}

func (p *preview) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case previewDue:
		if msg.id != p.want {
			return nil
		}
		return p.e.ask(func(ctx context.Context) tea.Msg {
			c, err := p.e.Source.Call(ctx, msg.id.String())
			return previewMsg{msg.id, c, err}
		})
	case previewMsg:
		if msg.id == p.want {
			p.due, p.since = false, p.e.Now()
			p.err = msg.err
			if msg.err == nil {
				p.cdr = msg.cdr
			}
		}
	}
	return nil
}

func (p *preview) view() []string {
	if p.h == 0 {
		return nil
	}
	t, c := p.e.Theme, p.cdr
	if c == nil {
		out := []string{t.HLine("", p.w)}
		if p.err != nil {
			out = append(out, t.NewLine(p.w).Add(t.Warn, " "+say(p.err)).String())
		}
		return fill(out, p.w, p.h)
	}
	out := []string{t.HLine(title(t, c), p.w)}
	room := p.h - 3
	if p.h >= 7 {
		out = append(out, streamTitles(t, p.w))
		room--
	}
	if p.h >= 11 {
		room--
	}
	worst := slices.Clone(c.Streams)
	slices.SortStableFunc(worst, func(a, b protocol.Stream) int { return cmp.Compare(order(&a), order(&b)) })
	for i := range worst[:min(len(worst), room)] {
		out = append(out, streamLine(p.e, &worst[i], p.w))
	}
	if len(worst) == 0 {
		out = append(out, t.NewLine(p.w).Add(t.Dim, " no RTP seen").String())
	}
	if p.h >= 11 {
		out = append(out, style.FitStyled("", p.w))
	}
	return fill(append(out, causeLines(t, c, p.w)...), p.w, p.h)
}

// order sorts streams worst first; those without MOS are last.
func order(s *protocol.Stream) float64 {
	if s.MOSAdapt.Avg == 0 {
		return 100 - s.LossPct
	}
	return s.MOSAdapt.Avg
}

// title is a call in one line.
func title(t *style.Theme, c *protocol.CDR) string {
	s := between(t, c, 50)
	for _, more := range facts(c) {
		s += "  " + more
	}
	return s
}

// facts are what is to be said of a call besides its parties.
func facts(c *protocol.CDR) []string {
	var f []string
	if len(c.Codecs) > 0 {
		f = append(f, strings.Join(c.Codecs, ","))
	}
	if c.PDDMS != nil {
		f = append(f, "PDD "+msOrS(*c.PDDMS))
	}
	if c.SetupMS != nil {
		f = append(f, "setup "+msOrS(*c.SetupMS))
	}
	if c.Retransmissions > 0 {
		f = append(f, fmt.Sprintf("retrans %d", c.Retransmissions))
	}
	if c.Status > 0 {
		f = append(f, strings.TrimSpace(fmt.Sprintf("%d %s", c.Status, c.Reason)))
	}
	if c.OverLimit {
		f = append(f, "over the channel limit")
	}
	switch {
	case c.PartiesAssumed:
		f = append(f, "joined in the middle, who called is assumed")
	case c.Joined:
		f = append(f, "joined in the middle")
	}
	if k := kept(c.Capture.Kept, ""); k != "" {
		f = append(f, strings.TrimSpace("kept: "+k+" "+c.Rule))
	}
	return f
}

// msOrS writes milliseconds as "12ms" or "1.25s".
func msOrS(ms int64) string {
	if ms < 100 {
		return fmt.Sprintf("%dms", ms)
	}
	return fmt.Sprintf("%.2fs", float64(ms)/1000)
}

// causeLines are the gravest finding and its remedy, or how the call ended.
func causeLines(t *style.Theme, c *protocol.CDR, w int) []string {
	var top *protocol.Finding
	for i := range c.Findings {
		if top == nil || rank(c.Findings[i].Severity) > rank(top.Severity) {
			top = &c.Findings[i]
		}
	}
	if top == nil {
		l := t.NewLine(w).Add(t.Good, " No findings")
		if c.End != 0 {
			l.Add(t.Dim, "  ended by "+string(c.EndBy)+" ("+string(c.EndCause)+")")
		}
		return []string{l.String()}
	}
	more := ""
	if n := len(c.Findings) - 1; n > 0 {
		more = fmt.Sprintf("  (+%d)", n)
	}
	out := []string{t.NewLine(w).Add(t.Dim, " Cause  ").Add(t.Severity(top.Severity), top.Text).Add(t.Dim, more).String()}
	if top.Remedy != "" {
		out = append(out, t.NewLine(w).Add(t.Dim, " Next   ").Add(t.Text, top.Remedy).String())
	}
	return out
}

// streamLayout is the cells of each endpoint in a stream line, and whether there is room for everything.
func streamLayout(w int) (ends int, wide bool) {
	wide = w >= 110
	fixed := 5 + 7 + 6 + 7 + 9 // margin and arrow, codec, MOS, loss, jitter
	if wide {
		fixed += 11 + 8 + 6 + 14 // SSRC, packets, lost, trend
	}
	return max(9, min(24, (w-fixed)/2)), wide
}

func streamTitles(t *style.Theme, w int) string {
	ends, wide := streamLayout(w)
	l := t.NewLine(w).Add(t.Head, " "+t.Fit("From", ends+3)+t.Fit("To", ends+1)+t.Fit("Codec", 7))
	if wide {
		l.Add(t.Head, t.Fit("SSRC", 11)+t.FitRight("Packets", 8)+t.FitRight("Lost", 6))
	}
	l.Add(t.Head, t.FitRight("MOS", 6)+t.FitRight("Loss", 7)+t.FitRight("Jitter", 9))
	if wide {
		l.Add(t.Head, "  MOS each 10s")
	}
	return l.String()
}

func streamLine(e *env, s *protocol.Stream, w int) string {
	t := e.Theme
	ends, wide := streamLayout(w)
	codec := cmp.Or(s.Codec, fmt.Sprintf("PT %d", s.PayloadType))
	l := t.NewLine(w).Add(t.Text, " "+t.Fit(fitAddress(s.Src, ends), ends)).Add(t.Dim, " "+t.Glyph.Arrow+" ").Add(t.Text, t.Fit(fitAddress(s.Dst, ends), ends)+" "+t.Fit(codec, 7))
	if wide {
		l.Add(t.Dim, t.Fit(s.SSRC.String(), 11)).Add(t.Text, t.FitRight(fmt.Sprint(s.Packets), 8)+t.FitRight(fmt.Sprint(s.Lost), 6))
	}
	l.Add(t.MOS(s.MOSAdapt.Avg), t.FitRight(mosText(s.MOSAdapt.Avg), 6)).Add(t.Loss(s.LossPct), t.FitRight(fmt.Sprintf("%.1f%%", s.LossPct), 7)).
		Add(t.Jitter(s.JitterMeanMS), t.FitRight(inMS(s.JitterMeanMS), 9))
	if wide {
		v := make([]float64, len(s.Intervals))
		for i := range s.Intervals {
			v[i] = blankZero(s.Intervals[i].MOS)
		}
		l.Add(t.MOS(s.MOSAdapt.Avg), "  "+strings.TrimLeft(chart.Spark(t, v, 1, 4.5, 12), " "))
	}
	return l.String()
}

// mosText is a MOS, a dash where there is none.
func mosText(mos float64) string {
	if mos <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", mos)
}
