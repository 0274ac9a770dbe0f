package screen

import (
	"fmt"
	"math"

	"voiptop/protocol"
)

func (p *streamsPane) view() []string {
	t := p.e.Theme
	if p.table.Len() == 0 {
		return centred(t, p.empty(), p.w, p.h)
	}
	out := p.table.View(true)
	if r, ok := p.current(); ok && p.notes() > 0 {
		from, to := r.parties()
		out = append(out, t.HLine(from+" "+t.Glyph.Arrow+" "+to+"  "+r.about.SSRC.String(), p.w))
		out = append(out, r.brief(p.w)...)
		if s := p.whole(r); p.notes() > 10 && s != nil && len(s.Intervals) > 0 {
			out = append(out, charts(p.e, s, p.w, p.notes()-5)...)
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
	var rated, bad, poor, silent int
	low, sum := math.Inf(1), 0.0
	for i := range p.all {
		switch v := p.all[i].s.MOS; {
		case v <= 0:
			silent++
		default:
			rated++
			sum += v
			low = min(low, v)
			switch protocol.GradeOf(v) {
			case protocol.GradeBad:
				bad++
			case protocol.GradePoor:
				poor++
			}
		}
	}
	if rated > 0 {
		addMOS(t, l.Add(t.Dim, " MOS "), sum/float64(rated))
		addMOS(t, l.Add(t.Dim, "  low "), low).Add(t.Text, "  ")
	}
	for _, c := range []struct {
		n    int
		word string
		bad  bool
	}{{bad, "bad", true}, {poor, "poor", false}} {
		if c.n > 0 && c.bad {
			l.Add(t.Bad, fmt.Sprintf(" %d %s ", c.n, c.word))
		} else if c.n > 0 {
			l.Add(t.Warn, fmt.Sprintf(" %d %s ", c.n, c.word))
		}
	}
	if silent > 0 {
		l.Add(t.Dim, fmt.Sprintf(" %d without MOS ", silent))
	}
	if p.total > len(p.all) {
		l.Add(t.Dim, fmt.Sprintf("  the %d worst of %d", len(p.all), p.total))
	}
	return l.String()
}

// empty says why there is nothing to see, and what to do.
func (p *streamsPane) empty() []string {
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case p.feed == nil:
		return []string{"The streams are not to be had here"}
	case !p.here:
		return []string{"Reading the streams"}
	case len(p.all) > 0:
		return p.unmatched()
	case p.conn == ended:
		return []string{"No RTP", "media may take another way than past where this was captured"}
	}
	return []string{"No streams", "a call has streams once its media is seen; media may take another way than past this sensor"}
}
