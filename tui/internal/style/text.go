package style

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Clean makes text from the wire safe for a terminal and of a width that all terminals agree on: it holds no control
// character, no escape sequence, no bidirectional override and no invalid UTF-8; each of these becomes "?". So does a
// grapheme whose width is not the sum of its characters' (joined emoji), and on an ASCII terminal whatever is not ASCII.
// No screen is wide enough for more than the first maxText bytes.
func (t *Theme) Clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r == '\t':
			b.WriteByte(' ')
		case t.ascii, r == utf8.RuneError, unicode.IsControl(r), !unicode.IsGraphic(r), unicode.Is(unicode.Variation_Selector, r):
			b.WriteByte('?')
		case r == 0xa0 || unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	if s = b.String(); plainASCII(s) {
		return s
	}
	b.Reset()
	for s != "" {
		g, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		s = s[len(g):]
		if w < 1 || w > 2 || utf8.RuneCountInString(g) > 3 || w != ansi.StringWidthWc(g) {
			g = "?"
		}
		b.WriteString(g)
	}
	if s = b.String(); ansi.StringWidth(s) == ansi.StringWidthWc(s) {
		return s
	}
	return strings.Map(func(r rune) rune { // marks that belong to what stands before, say some, and stand alone, say others
		if unicode.IsMark(r) {
			return '?'
		}
		return r
	}, s)
}

const maxText = 2048

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Width is the number of cells that clean text takes.
func Width(s string) int {
	if plainASCII(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// Fit cleans s and cuts or fills it to exactly w cells. What is cut ends in an ellipsis.
func (t *Theme) Fit(s string, w int) string { return t.fit(s, w, false) }

// FitRight is Fit with the text at the right.
func (t *Theme) FitRight(s string, w int) string { return t.fit(s, w, true) }

func (t *Theme) fit(s string, w int, right bool) string {
	if w <= 0 {
		return ""
	}
	s = t.Clean(s)
	n := Width(s)
	if n > w {
		s = ansi.Truncate(s, w, t.Glyph.Ellipsis)
		n = Width(s) // a wide character may leave a cell
	}
	if n < w {
		if fill := spaces(w - n); right {
			s = fill + s
		} else {
			s += fill
		}
	}
	return s
}

// Cut cleans s and cuts it to at most w cells.
func (t *Theme) Cut(s string, w int) string {
	if s = t.Clean(s); Width(s) > w {
		return ansi.Truncate(s, max(w, 0), t.Glyph.Ellipsis)
	}
	return s
}

// FitStyled cuts or fills text that holds styles of ours to exactly w cells.
func FitStyled(s string, w int) string {
	n := ansi.StringWidth(s)
	if n > w {
		s = ansi.Truncate(s, max(w, 0), "")
		n = ansi.StringWidth(s)
	}
	return s + spaces(w-n)
}

// HLine is a line of w cells with a title in it if that is not empty.
func (t *Theme) HLine(title string, w int) string {
	if w <= 0 {
		return ""
	}
	if title == "" || w < 8 {
		return t.Rule.Render(strings.Repeat(t.Glyph.H, w))
	}
	title = t.Cut(title, w-6)
	rest := w - 4 - Width(title)
	return t.Rule.Render(t.Glyph.H+t.Glyph.H) + " " + t.Bold.Render(title) + " " + t.Rule.Render(strings.Repeat(t.Glyph.H, max(rest, 0)))
}

const blank = "                                                                                                                                "

func spaces(n int) string {
	if n <= 0 {
		return ""
	}
	if n <= len(blank) {
		return blank[:n]
	}
	return strings.Repeat(" ", n)
}
