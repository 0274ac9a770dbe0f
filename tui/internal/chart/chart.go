// Package chart draws numbers with characters: sparklines for table rows and small column charts for panes.
//
// It is not for choosing what to draw: screens do, and hand over plain numbers.
package chart

import (
	"fmt"
	"math"
	"strings"

	"voiptop/tui/internal/style"
)

// Spark draws the last w values between lo and hi, newest at the right, as exactly w characters. NaN is a blank.
func Spark(t *style.Theme, v []float64, lo, hi float64, w int) string {
	if w <= 0 {
		return ""
	}
	if len(v) > w {
		v = v[len(v)-w:]
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", w-len(v)))
	for _, x := range v {
		if math.IsNaN(x) {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(t.Glyph.Spark[level(x, lo, hi, len(t.Glyph.Spark))])
	}
	return b.String()
}

// level maps lo..hi to 0..n-1.
func level(x, lo, hi float64, n int) int {
	if hi <= lo {
		return 0
	}
	return max(0, min(n-1, int((x-lo)/(hi-lo)*float64(n))))
}

// Columns is a chart of one column a value: a title line with the unit and the extreme, h-2 lines of columns with the
// scale at the left, and a line with the first and last label. NaN leaves a gap.
type Columns struct {
	Title       string
	V           []float64
	Lo, Hi      float64 // the scale; Hi grows to the largest value
	First, Last string  // labels below
	Format      string  // of the scale, for a float64
	Grade       func(v float64) style.Style
}

const axis = 7 // cells for the scale and its line

// View draws the chart in w cells and h lines, at least 12 by 4; smaller is left empty.
func (c Columns) View(t *style.Theme, w, h int) []string {
	out := make([]string, 0, h)
	if w < 12 || h < 4 {
		for range h {
			out = append(out, strings.Repeat(" ", max(w, 0)))
		}
		return out
	}
	room := w - axis
	v, per := fold(c.V, room)
	hi := c.Hi
	for _, x := range v {
		if !math.IsNaN(x) {
			hi = max(hi, x)
		}
	}
	out = append(out, t.NewLine(w).Add(t.Bold, c.Title).String())
	rows := h - 2
	for r := rows - 1; r >= 0; r-- {
		label := ""
		switch r {
		case rows - 1:
			label = fmt.Sprintf(c.Format, hi)
		case 0:
			label = fmt.Sprintf(c.Format, c.Lo)
		}
		l := t.NewLine(w).Add(t.Dim, t.FitRight(label, axis-1)).Add(t.Rule, t.Glyph.V)
		for _, x := range v {
			l.Add(c.Grade(x), strings.Repeat(string(cell(t, x, c.Lo, hi, r, rows)), per))
		}
		out = append(out, l.String())
	}
	foot := t.NewLine(w).Add(t.Dim, strings.Repeat(" ", axis)+c.First)
	if end := axis + len(v)*per; len(v) > 1 && end-axis > style.Width(c.First)+style.Width(c.Last) {
		foot.Add(t.Dim, strings.Repeat(" ", end-axis-style.Width(c.First)-style.Width(c.Last))+c.Last)
	}
	return append(out, foot.String())
}

// fold brings v to at most room values by taking the largest of neighbours, and answers how wide each may be drawn.
func fold(v []float64, room int) ([]float64, int) {
	if len(v) == 0 || room <= 0 {
		return nil, 1
	}
	if len(v) <= room {
		return v, min(room/len(v), 4)
	}
	out := make([]float64, room)
	for i := range out {
		worst := math.NaN()
		for _, x := range v[i*len(v)/room : (i+1)*len(v)/room] {
			if math.IsNaN(worst) || x > worst {
				worst = x
			}
		}
		out[i] = worst
	}
	return out, 1
}

// cell is the character of a column in row r of rows, counted from below.
func cell(t *style.Theme, x, lo, hi float64, r, rows int) rune {
	if math.IsNaN(x) || hi <= lo {
		return ' '
	}
	n := len(t.Glyph.Spark)
	eighths := int(math.Round((x-lo)/(hi-lo)*float64(rows*n))) - r*n
	switch {
	case eighths >= n:
		return t.Glyph.Spark[n-1]
	case eighths > 0:
		return t.Glyph.Spark[eighths-1]
	case r == 0:
		return t.Glyph.Spark[0]
	}
	return ' '
}
