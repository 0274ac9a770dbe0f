package screen

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/stats"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
)

// statsRow is a line of statistics.
type statsRow struct {
	p       *statsPane
	id      string
	at      int // its place in the order of the section
	key     string
	style   style.Style // of the key
	count   int         // calls, messages, failures
	of      int         // all of them, for the share
	version uint64

	sum    *stats.Sum    // of groups
	figure *stats.Figure // of figures
	where  string        // finds its calls
	about  string        // what enter opens, in words
	open   view          // where that is shown: viewDone, or viewRegs by the words in where
}

func (r *statsRow) ID() string      { return r.id }
func (r *statsRow) Version() uint64 { return r.version }
func (r *statsRow) text() string    { return r.key }

func (r *statsRow) Cell(col, w int) (string, style.Style) {
	return statsColumns[r.p.sections[r.p.section].kind][col].cell(r, w)
}

// statsOrder is the order of the sections that groups of calls are.
var statsOrder = []string{"Status", "Ends", "Findings", "MOS", "Loss", "Jitter", "PDD", "Sources", "Targets", "Agents", "Codecs", "Callers", "Called", "Sensors"}

// statsNone says why a section has no rows though there are calls.
var statsNone = map[string]string{
	"Findings": "nothing found in these calls", "Codecs": "no media was seen", "Agents": "no message names a user agent", "Ends": "no call has ended",
}

// statsNames are the names of the tables in the settings.
var statsNames = [statsKinds]string{"stats_figures", "stats_groups", "stats_ranges", "stats_counts"}

// statsColumn is one column of statistics.
type statsColumn struct {
	table.Column
	cell func(r *statsRow, w int) (string, style.Style)
	cmp  func(a, b *statsRow) int
}

var statsColumns = [statsKinds][]statsColumn{
	kindFigures: {
		{table.Column{Title: "Figure", Min: 10, Max: 12}, keyCell, byPlace},
		{table.Column{Title: "Value", Min: 9, Right: true}, valueCell, byPlace},
		{table.Column{Title: "Spread", Min: 21, Max: 24}, func(r *statsRow, _ int) (string, style.Style) { return r.figure.Note, r.p.e.Theme.Dim }, byPlace},
		countOf("Calls"),
		{table.Column{Title: "Which calls", Min: 40, Max: 50, Prio: 1}, func(r *statsRow, _ int) (string, style.Style) { return r.about, r.p.e.Theme.Dim }, byPlace},
	},
	kindGroups: groupColumns(byKey),
	kindRanges: groupColumns(byPlace),
	kindCounts: {
		{table.Column{Title: "Method", Min: 18, Max: 44}, keyCell, byKey},
		countOf("Count"), shareColumn, barColumn,
		{table.Column{Title: "Last answer", Min: 14, Max: 40}, func(r *statsRow, _ int) (string, style.Style) { return r.about, r.p.e.Theme.Dim }, byPlace},
	},
}

func groupColumns(first func(a, b *statsRow) int) []statsColumn {
	per := func(title string, width, prio int, get func(s *stats.Sum) (float64, bool), text func(float64) string, st func(*style.Theme, float64) style.Style) statsColumn {
		return statsColumn{
			table.Column{Title: title, Min: width, Right: true, Prio: prio, Desc: true},
			func(r *statsRow, _ int) (string, style.Style) {
				v, ok := get(r.sum)
				if !ok {
					return "-", r.p.e.Theme.Dim
				}
				return text(v), st(r.p.e.Theme, v)
			},
			func(a, b *statsRow) int { return cmp.Compare(orLeast(get(b.sum)), orLeast(get(a.sum))) },
		}
	}
	percent := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	plain := func(t *style.Theme, _ float64) style.Style { return t.Text }
	return []statsColumn{
		{table.Column{Title: "Key", Min: 22, Max: 44}, keyCell, first},
		countOf("Calls"), shareColumn, barColumn,
		per("ASR%", 6, 0, (*stats.Sum).ASR, percent, plain),
		per("NER%", 6, 3, (*stats.Sum).NER, percent, plain),
		per("ACD", 7, 2, (*stats.Sum).ACD, func(v float64) string { return clock(time.Duration(v) * time.Millisecond) }, plain),
		per("PDD", 6, 3, (*stats.Sum).PDD, func(v float64) string { return strconv.FormatFloat(v/1000, 'f', 2, 64) }, plain),
		per("MOS", 5, 0, (*stats.Sum).MOS, func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }, (*style.Theme).MOS),
		{
			table.Column{Title: "<3.6", Min: 5, Right: true, Prio: 2, Desc: true},
			func(r *statsRow, _ int) (string, style.Style) {
				if r.sum.Bad == 0 {
					return "-", r.p.e.Theme.Dim
				}
				return strconv.Itoa(r.sum.Bad), r.p.e.Theme.Warn
			},
			func(a, b *statsRow) int { return cmp.Compare(b.sum.Bad, a.sum.Bad) },
		},
		per("Loss%", 6, 4, (*stats.Sum).Loss, percent, (*style.Theme).Loss),
	}
}

func orLeast(v float64, ok bool) float64 {
	if !ok {
		return math.Inf(-1)
	}
	return v
}

func keyCell(r *statsRow, _ int) (string, style.Style) { return r.key, r.style }

func byKey(a, b *statsRow) int   { return strings.Compare(a.key, b.key) }
func byPlace(a, b *statsRow) int { return cmp.Compare(a.at, b.at) }

func countOf(title string) statsColumn {
	return statsColumn{
		table.Column{Title: title, Min: 7, Right: true, Desc: true},
		func(r *statsRow, _ int) (string, style.Style) {
			if r.count == 0 {
				return "-", r.p.e.Theme.Dim
			}
			return strconv.Itoa(r.count), r.p.e.Theme.Text
		},
		func(a, b *statsRow) int { return cmp.Compare(b.count, a.count) },
	}
}

var shareColumn = statsColumn{
	table.Column{Title: "%", Min: 5, Right: true, Desc: true},
	func(r *statsRow, _ int) (string, style.Style) {
		if r.of == 0 || r.count == 0 {
			return "-", r.p.e.Theme.Dim
		}
		return strconv.FormatFloat(100*float64(r.count)/float64(r.of), 'f', 1, 64), r.p.e.Theme.Text
	},
	func(a, b *statsRow) int { return cmp.Compare(b.count, a.count) },
}

// barColumn is the share as a bar.
var barColumn = statsColumn{
	table.Column{Title: "Share", Min: 6, Max: 20, Prio: 1, Desc: true},
	func(r *statsRow, w int) (string, style.Style) {
		if r.of == 0 || r.count == 0 {
			return "", r.style
		}
		t := r.p.e.Theme
		n := max(1, min(w, int(math.Round(float64(w)*float64(r.count)/float64(r.of)))))
		st := r.style
		if st == t.Text {
			st = t.Info
		}
		return strings.Repeat(string(t.Glyph.Spark[len(t.Glyph.Spark)-1]), n), st
	},
	func(a, b *statsRow) int { return cmp.Compare(b.count, a.count) },
}

// valueCell is a figure as it is written.
func valueCell(r *statsRow, _ int) (string, style.Style) {
	t, f := r.p.e.Theme, r.figure
	if !f.OK {
		return "-", t.Dim
	}
	switch f.Unit {
	case stats.Percent:
		st := t.Bold
		if f.Name == "loss" {
			st = t.Loss(f.Value)
		}
		return strconv.FormatFloat(f.Value, 'f', 1, 64) + "%", st
	case stats.Clock:
		return clock(time.Duration(f.Value) * time.Millisecond), t.Bold
	case stats.Seconds:
		return strconv.FormatFloat(f.Value/1000, 'f', 2, 64) + " s", t.Bold
	case stats.Millis:
		return inMS(f.Value), t.Jitter(f.Value)
	case stats.MOS:
		return fmt.Sprintf("%.2f %s", f.Value, f.Grade), t.Grade(f.Grade)
	}
	return strconv.FormatFloat(f.Value, 'f', 0, 64), t.Bold
}

func (p *statsPane) figureRows(report *stats.Report) (out []*statsRow) {
	for i := range report.Figures {
		f := &report.Figures[i]
		out = append(out, &statsRow{
			p: p, id: f.Name, at: i, key: f.Name, style: p.e.Theme.Text, count: f.Calls, of: report.Calls, figure: f, where: f.Where, about: f.About, open: viewDone, version: p.version,
		})
	}
	return out
}

func (p *statsPane) groupRows(s *stats.Section, all int) (out []*statsRow) {
	t := p.e.Theme
	for i := range s.Rows {
		x := &s.Rows[i]
		r := &statsRow{p: p, id: x.Key, at: i, key: x.Key, style: t.Text, count: x.Calls, of: all, sum: &x.Sum, where: x.Where, open: viewDone, version: p.version}
		if name := p.e.set.host(x.Key); name != "" && (s.Name == "Sources" || s.Name == "Targets") {
			r.key = name + "  " + x.Key
		}
		switch {
		case x.Severity != "":
			r.style = t.Severity(x.Severity)
		case x.Status > 0:
			r.style = t.Status(x.Status)
		case x.Grade != protocol.GradeNone:
			r.style = t.Grade(x.Grade)
			r.key += "  " + string(x.Grade)
		}
		out = append(out, r)
	}
	return out
}
