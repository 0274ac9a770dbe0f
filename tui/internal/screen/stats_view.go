package screen

import (
	"fmt"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
)

// menuWidth is the room for the names of the sections: none on a narrow screen, where the table's title has the name.
func (p *statsPane) menuWidth() int {
	if p.w < 64 {
		return 0
	}
	return 11
}

func (p *statsPane) tableWidth() int { return p.w - p.menuWidth() }

// notes is the room below the table.
func (p *statsPane) notes() int {
	switch {
	case p.h >= 12:
		return 3
	case p.h >= 6:
		return 1
	}
	return 0
}

func (p *statsPane) view() []string {
	t := p.e.Theme
	if p.report == nil || p.report.Calls == 0 {
		if s := &p.sections[p.section]; s.kind != kindCounts {
			return centred(t, p.empty(), p.w, p.h)
		}
	}
	s, g := &p.sections[p.section], p.grid()
	w := p.tableWidth()
	var right []string
	if len(s.rows) == 0 {
		right = centred(t, []string{s.none}, w, p.h)
	} else {
		right = g.table.View(true)
		right = append(right, p.about(w)...)
	}
	right = fill(right, w, p.h)
	if p.menuWidth() == 0 {
		return right
	}
	left := p.menu()
	for i := range right {
		right[i] = left[i] + right[i]
	}
	return right
}

// menu is the names of the sections, that on the screen in sight.
func (p *statsPane) menu() []string {
	t := p.e.Theme
	top := max(0, min(p.section-p.h/2, len(p.sections)-p.h))
	out := make([]string, 0, p.h)
	for i := top; i < len(p.sections) && len(out) < p.h; i++ {
		l := t.NewLine(p.menuWidth())
		if i == p.section {
			l.AddSelected(t.Key, ">"+t.Fit(p.sections[i].name, p.menuWidth()-2))
		} else {
			l.Add(t.Text, " "+t.Fit(p.sections[i].name, p.menuWidth()-2))
		}
		out = append(out, l.Add(t.Rule, t.Glyph.V).String())
	}
	for len(out) < p.h {
		out = append(out, t.NewLine(p.menuWidth()).Add(t.Text, t.Fit("", p.menuWidth()-1)).Add(t.Rule, t.Glyph.V).String())
	}
	return out
}

// about says what the row under the cursor opens, and what was counted.
func (p *statsPane) about(w int) []string {
	t := p.e.Theme
	r, ok := p.grid().current()
	if !ok || p.notes() == 0 {
		return nil
	}
	l := t.NewLine(w)
	switch {
	case r.open == viewRegs:
		l.Add(t.Key, " enter").Add(t.Dim, " shows them in Regs")
	case r.where == "":
		l.Add(t.Dim, " "+r.about+": no condition finds them")
	case r.sum == nil && r.figure == nil:
		l.Add(t.Key, " enter").Add(t.Dim, " calls with such a message  ").Add(t.Text, r.where)
	default:
		l.Add(t.Key, " enter").Add(t.Text, " "+plural.Of(r.count, "call"))
		if r.about != "" {
			l.Add(t.Dim, " "+r.about)
		}
		l.Add(t.Text, "  "+r.where)
	}
	if p.notes() == 1 {
		return []string{l.String()}
	}
	return []string{t.HLine(r.key, w), l.String(), p.covered(w)}
}

// covered says of which calls the statistics are.
func (p *statsPane) covered(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	s := &p.sections[p.section]
	if s.kind == kindCounts {
		return l.Add(t.Dim, " "+s.note).String()
	}
	at := func(v protocol.Time) string { return v.Std().In(p.e.Zone).Format("2006-01-02 15:04") }
	first, last := at(p.report.First), at(p.report.Last)
	if first[:10] == last[:10] {
		last = last[11:]
	}
	l.Add(t.Dim, fmt.Sprintf(" %s, %s to %s", plural.Of(p.report.Calls, "past call"), first, last))
	switch {
	case p.done.reading():
		l.Add(t.Info, "; older ones are being read")
	case p.done.next != "" || p.done.seeks.next != "":
		l.Add(t.Warn, "; older ones are not counted")
	}
	if x := p.report.Section(s.name); x != nil && x.Others > 0 {
		l.Add(t.Dim, fmt.Sprintf("; %s with fewer calls left out", plural.Of(x.Others, "row")))
	}
	return l.String()
}

// status is the second line of the screen: the figures that matter most.
func (p *statsPane) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if p.report == nil || p.report.Calls == 0 {
		return l.String()
	}
	s := &p.report.Sum
	for _, x := range []struct {
		name string
		get  func() (float64, bool)
		text func(float64) (string, style.Style)
	}{
		{"ASR", s.ASR, func(v float64) (string, style.Style) { return fmt.Sprintf("%.1f%%", v), t.Bold }},
		{"NER", s.NER, func(v float64) (string, style.Style) { return fmt.Sprintf("%.1f%%", v), t.Bold }},
		{"ACD", s.ACD, func(v float64) (string, style.Style) { return clock(time.Duration(v) * time.Millisecond), t.Bold }},
		{"PDD", s.PDD, func(v float64) (string, style.Style) { return fmt.Sprintf("%.2f s", v/1000), t.Bold }},
		{"MOS", s.MOS, func(v float64) (string, style.Style) { return fmt.Sprintf("%.2f %s", v, protocol.GradeOf(v)), t.MOS(v) }},
		{"loss", s.Loss, func(v float64) (string, style.Style) { return fmt.Sprintf("%.1f%%", v), t.Loss(v) }},
	} {
		text, st := "-", t.Dim
		if v, ok := x.get(); ok {
			text, st = x.text(v)
		}
		l.Add(t.Dim, " "+x.name+" ").Add(st, text+" ")
	}
	if s.Alarming > 0 {
		l.Add(t.Bad, fmt.Sprintf(" %d bad", s.Alarming))
	}
	return l.String()
}

// empty says why there is nothing to count.
func (p *statsPane) empty() []string {
	switch {
	case p.report == nil && p.done.err == nil, p.done.loaded && p.report != nil && len(p.done.list.sorted) > 0:
		return []string{"Counting the past calls"}
	}
	return p.done.empty()
}

// count says how many calls were counted.
func (p *statsPane) count() string {
	if p.report == nil {
		return ""
	}
	n := plural.Of(p.report.Calls, "call")
	if p.done.next != "" {
		n += "+"
	}
	return n
}
