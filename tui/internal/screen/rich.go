package screen

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"voiptop/tui/internal/style"
)

// seg is text in one style; sel: as on the selected row, for what a search found.
type seg struct {
	st   style.Style
	text string
	sel  bool
}

// rich is one line of a text that is shown as it was sent: of any length, wrapped where the screen ends.
type rich []seg

// plain is the text alone.
func (r rich) plain() string {
	var b strings.Builder
	for _, s := range r {
		b.WriteString(s.text)
	}
	return b.String()
}

// mark selects every place where the line has pattern, in any case of ASCII letters, and answers how many there are.
func (r rich) mark(pattern string) (rich, int) {
	if pattern == "" {
		return r, 0
	}
	text, want := lower(r.plain()), lower(pattern)
	var out rich
	found, at := 0, 0 // at: where the rest begins
	next := strings.Index(text, want)
	for _, s := range r {
		for rest := s.text; rest != ""; {
			n, sel := len(rest), false
			switch {
			case next >= 0 && at >= next:
				n, sel = min(n, next+len(want)-at), true
			case next >= 0:
				n = min(n, next-at)
			}
			out = append(out, seg{s.st, rest[:n], sel})
			at, rest = at+n, rest[n:]
			if next >= 0 && at == next+len(want) {
				found++
				if next = strings.Index(text[at:], want); next >= 0 {
					next += at
				}
			}
		}
	}
	return out, found
}

// lower folds ASCII letters: offsets stay what they are.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

// maxPiece is how much text is cleaned at a time; a line of a message may be longer than style.Theme.Clean takes.
const maxPiece = 1024

// wrapped breaks the line into lines of exactly w cells. Lines behind the first are indented.
func (r rich) wrapped(t *style.Theme, w int) []string {
	const indent = 2
	var out []string
	var b, run strings.Builder
	used, st, sel := 0, t.Text, false
	flush := func() {
		b.WriteString(st.On(sel, run.String()))
		run.Reset()
	}
	end := func() {
		flush()
		out = append(out, style.FitStyled(b.String(), w))
		b.Reset()
		if used = 0; w > 20 {
			b.WriteString(strings.Repeat(" ", indent))
			used = indent
		}
	}
	for _, s := range r {
		flush()
		st, sel = s.st, s.sel
		for rest := s.text; rest != ""; {
			n := min(len(rest), maxPiece)
			for n > 0 && n < len(rest) && !utf8.RuneStart(rest[n]) {
				n--
			}
			if n == 0 { // no text: one byte at a time
				n = 1
			}
			piece := t.Clean(rest[:n])
			rest = rest[n:]
			for piece != "" {
				g, wide := ansi.FirstGraphemeCluster(piece, ansi.GraphemeWidth)
				piece = piece[len(g):]
				if used+wide > w && used > 0 {
					end()
				}
				run.WriteString(g)
				used += wide
			}
		}
	}
	flush()
	return append(out, style.FitStyled(b.String(), w))
}
