package screen

import (
	"math"
	"strings"

	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
)

// blankZero makes a MOS that could not be computed a gap in a chart.
func blankZero(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// fill cuts or fills lines to h of w cells.
func fill(lines []string, w, h int) []string {
	if len(lines) > h {
		return lines[:max(h, 0)]
	}
	for len(lines) < h {
		lines = append(lines, style.FitStyled("", w))
	}
	return lines
}

// noneOf says that a filter matches none of n things.
func noneOf(n int, word string) string {
	if n == 1 {
		return "The only " + word + " does not match the filter"
	}
	return "None of " + plural.Of(n, word) + " matches the filter"
}

// centred puts a few lines into the middle of an empty screen, the first in bold.
func centred(t *style.Theme, text []string, w, h int) []string {
	var all []string
	heads := 0
	for i, s := range text {
		for _, part := range wrap(t, s, min(w-4, 100)) {
			all = append(all, part)
			if i == 0 {
				heads++
			}
		}
	}
	out := fill(nil, w, max(0, (h-len(all))/2-1))
	for i, s := range all {
		st := t.Dim
		if i < heads {
			st = t.Bold
		}
		out = append(out, t.NewLine(w).Add(t.Text, strings.Repeat(" ", max(0, (w-style.Width(s))/2))).Add(st, s).String())
	}
	return fill(out, w, h)
}

// wrap breaks text at blanks into lines of at most w cells.
func wrap(t *style.Theme, s string, w int) []string {
	if w < 1 {
		return nil
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(t.Clean(s)) {
		for style.Width(word) > w {
			if line != "" {
				out, line = append(out, line), ""
			}
			head := t.Fit(word, w) // ends in an ellipsis: a word that long is no prose
			out, word = append(out, head), ""
		}
		switch {
		case word == "":
		case line == "":
			line = word
		case style.Width(line)+1+style.Width(word) <= w:
			line += " " + word
		default:
			out, line = append(out, line), word
		}
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}

// scroll shows a window of lines that were rendered before.
type scroll struct {
	lines []string
	top   int
	w, h  int
}

func (s *scroll) set(lines []string) { s.lines = lines; s.Move(0) }

func (s *scroll) Move(n int) { s.top = max(0, min(s.top+n, len(s.lines)-s.h)) }
func (s *scroll) Page(n int) { s.Move(n * max(s.h-1, 1)) }
func (s *scroll) Home()      { s.top = 0 }
func (s *scroll) End()       { s.Move(len(s.lines)) }

func (s *scroll) view() []string {
	out := make([]string, 0, s.h)
	for i := s.top; i < len(s.lines) && len(out) < s.h; i++ {
		out = append(out, style.FitStyled(s.lines[i], s.w))
	}
	return fill(out, s.w, s.h)
}
