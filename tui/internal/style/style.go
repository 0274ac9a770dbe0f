// Package style is how voiptop looks: the theme (colours for light and dark backgrounds, 16 colours, or none), the glyphs
// (Unicode or ASCII), and text that is safe to put on a terminal and fits its cells exactly.
//
// It is not for layout: screens, table, ladder and chart compose lines out of it.
package style

import (
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Options say what the terminal can do.
type Options struct {
	Profile termenv.Profile // colours; termenv.Ascii: none, attributes only
	Dark    bool            // the background is dark
	ASCII   bool            // no character beyond ASCII
}

// Theme is a set of styles and glyphs. It is read-only once made.
type Theme struct {
	Text, Dim, Bold, Title, Head Style    // running text, secondary text, emphasis, the program's name, column titles
	Good, Fair, Warn, Bad, Info  Style    // grades; Fair is between Good and Warn
	Key, Rule                    Style    // keys in the footer, lines between panes
	Legs                         [6]Style // to tell the legs of a conversation apart
	Glyph                        Glyphs
	ascii                        bool
}

// Glyphs are the characters that differ between Unicode and ASCII terminals. Each is one cell wide.
type Glyphs struct {
	H, V      string // lines
	Media     string // shaft of a stream's arrow
	Spark     []rune // eight levels, low to high
	Up, Down  string // sort marks
	Ellipsis  string
	Arrow     string // from, to
	Separator string // between header items
}

var unicodeGlyphs = Glyphs{H: "─", V: "│", Media: "═", Spark: []rune("▁▂▃▄▅▆▇█"), Up: "↑", Down: "↓", Ellipsis: "…", Arrow: "→", Separator: "│"}

var asciiGlyphs = Glyphs{H: "-", V: "|", Media: "=", Spark: []rune(".:-=+*%#"), Up: "^", Down: "v", Ellipsis: "~", Arrow: ">", Separator: "|"}

// colour makes a colour of palette numbers: of 256 and of 16, for a light and for a dark background.
func colour(light256, dark256, light16, dark16 string) lipgloss.CompleteAdaptiveColor {
	return lipgloss.CompleteAdaptiveColor{
		Light: lipgloss.CompleteColor{TrueColor: light256, ANSI256: light256, ANSI: light16},
		Dark:  lipgloss.CompleteColor{TrueColor: dark256, ANSI256: dark256, ANSI: dark16},
	}
}

// New makes the theme for a terminal.
func New(o Options) *Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetHasDarkBackground(o.Dark)
	r.SetColorProfile(o.Profile)
	if o.Profile == termenv.Ascii {
		r.SetColorProfile(termenv.ANSI) // bold and reverse are no colours: NO_COLOR leaves them
	}
	rich := o.Profile == termenv.TrueColor || o.Profile == termenv.ANSI256
	base := r.NewStyle()
	in := func(s lipgloss.Style, c lipgloss.TerminalColor) lipgloss.Style {
		if o.Profile == termenv.Ascii {
			return s
		}
		return s.Foreground(c)
	}
	both := func(s lipgloss.Style) Style {
		sel := base.Reverse(true)
		if rich {
			sel = s.Background(colour("254", "237", "", "")).Faint(false)
		}
		return Style{plain: opening(s), sel: opening(sel)}
	}
	dim := in(base, colour("243", "245", "8", "7"))
	if o.Profile == termenv.Ascii {
		dim = base.Faint(true)
	}
	t := &Theme{
		Text:  both(base),
		Dim:   both(dim),
		Bold:  both(base.Bold(true)),
		Title: both(in(base.Bold(true), colour("25", "75", "4", "14"))),
		Head:  both(in(base.Bold(true), colour("238", "252", "0", "15"))),
		Good:  both(in(base, colour("28", "78", "2", "2"))),
		Fair:  both(in(base, colour("100", "186", "6", "3"))),
		Warn:  both(in(base, colour("130", "214", "3", "11"))),
		Bad:   both(in(base.Bold(true), colour("160", "203", "1", "9"))),
		Info:  both(in(base, colour("25", "75", "4", "14"))),
		Key:   both(in(base.Bold(true), colour("25", "75", "4", "14"))),
		Rule:  both(in(base, colour("250", "240", "7", "8"))),
		Glyph: unicodeGlyphs,
		ascii: o.ASCII,
	}
	for i, c := range []lipgloss.TerminalColor{
		colour("25", "75", "4", "14"), colour("90", "177", "5", "13"), colour("28", "78", "2", "10"), colour("130", "214", "3", "11"),
		colour("30", "80", "6", "12"), colour("161", "211", "1", "9"),
	} {
		t.Legs[i] = both(in(base, c))
	}
	if o.ASCII {
		t.Glyph = asciiGlyphs
	}
	return t
}

// Style puts the attributes of one role around text, on a plain and on a selected row.
type Style struct{ plain, sel string }

// Render puts s, which must be clean, into the style.
func (st Style) Render(s string) string { return st.On(false, s) }

// On is Render, on the selected row if sel is set.
func (st Style) On(sel bool, s string) string {
	on := st.plain
	if sel {
		on = st.sel
	}
	if on == "" || s == "" {
		return s
	}
	return on + s + "\x1b[0m"
}

// opening is the escape sequence that switches s on.
func opening(s lipgloss.Style) string {
	on, _, _ := strings.Cut(s.Render("x"), "x")
	return on
}

// ASCII reports whether nothing beyond ASCII is drawn.
func (t *Theme) ASCII() bool { return t.ascii }
