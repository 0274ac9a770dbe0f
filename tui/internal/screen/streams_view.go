package screen

import (
	"fmt"
	"math"
)

// The streams have columns to choose.
func (p *streamsPane) setting() string { return "streams" }

func (p *streamsPane) titles() (out []string) {
	for _, c := range streamColumns {
		out = append(out, c.Title)
	}
	return out
}
func (p *streamsPane) choose(cols []int)                 { p.cols = cols; p.table.Choose(cols) }
func (p *streamsPane) chosen() []int                     { return p.cols }
func (p *streamsPane) sortedBy() (col int, reverse bool) { return p.sort, p.rev }
func (p *streamsPane) sortBy(col int, reverse bool)      { p.sort, p.rev = col, reverse; p.arrange() }
func (p *streamsPane) columnAt(x int) int                { return p.table.ColumnAt(x) }
func (p *streamsPane) click(y int) bool                  { return p.table.Click(y) }
func (p *streamsPane) wheel(n int)                       { p.table.Scroll(n) }
func (p *streamsPane) onScreen() []int                   { return p.table.Shown() }

func (p *streamsPane) view() []string {
	t := p.e.Theme
	if p.table.Len() == 0 {
		return centred(t, p.empty(), p.w, p.h)
	}
	out := p.table.View(true)
	if r := p.current(); r != nil && p.notes() > 0 {
		c := r.call
		name := party(c.Caller, c.CallerDomain, c.Src) + " " + t.Glyph.Arrow + " " + party(c.Callee, c.CalleeDomain, c.Dst) + "  " + r.s.SSRC.String()
		out = append(out, t.HLine(name, p.w))
		if n := p.notes() - 1; n >= 10 {
			out = append(out, r.brief(p.w)...)
			if len(r.s.Intervals) > 0 {
				out = append(out, charts(p.e, r.s, p.w, n-4)...)
			}
		} else {
			out = append(out, r.brief(p.w)...)
		}
	}
	return fill(out, p.w, p.h)
}

// status is the second line of the screen: how the streams do.
func (p *streamsPane) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if p.err != nil {
		return l.Add(t.Warn, " "+say(p.err)).String()
	}
	var rated, bad, fair, silent int
	low, sum := math.Inf(1), 0.0
	for i := range p.all {
		s := p.all[i].s
		switch v := s.MOSAdapt.Avg; {
		case v <= 0:
			silent++
		default:
			rated++
			sum += v
			low = min(low, v)
			if v < 3.1 {
				bad++
			} else if v < 3.6 {
				fair++
			}
		}
	}
	if rated > 0 {
		l.Add(t.Dim, " MOS ").Add(t.MOS(sum/float64(rated)), fmt.Sprintf("%.2f", sum/float64(rated))).Add(t.Dim, "  low ").Add(t.MOS(low), fmt.Sprintf("%.2f", low)).Add(t.Text, "  ")
	}
	for _, c := range []struct {
		n    int
		word string
		bad  bool
	}{{bad, "bad", true}, {fair, "fair", false}} {
		if c.n > 0 && c.bad {
			l.Add(t.Bad, fmt.Sprintf(" %d %s ", c.n, c.word))
		} else if c.n > 0 {
			l.Add(t.Warn, fmt.Sprintf(" %d %s ", c.n, c.word))
		}
	}
	if silent > 0 {
		l.Add(t.Dim, fmt.Sprintf(" %d without MOS ", silent))
	}
	if p.asked < p.of {
		l.Add(t.Dim, fmt.Sprintf("  of the %d worst of %d calls", p.asked, p.of))
	}
	return l.String()
}

func (p *streamsPane) count() string {
	if n := p.table.Len(); n != len(p.all) {
		return fmt.Sprintf("%d of %d shown", n, len(p.all))
	}
	return plural(len(p.all), "stream")
}

// empty says why there is nothing to see, and what to do.
func (p *streamsPane) empty() []string {
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case !p.loaded:
		return []string{"Reading the streams"}
	case len(p.all) > 0:
		return []string{fmt.Sprintf("None of %d streams matches the filter", len(p.all)), "/ changes it, esc clears it"}
	case p.of > 0:
		return []string{"No RTP", fmt.Sprintf("%d calls have been answered; their media may take another way than past this sensor", p.of)}
	}
	return []string{"No streams", "a call has streams once it is answered and its media is seen"}
}
