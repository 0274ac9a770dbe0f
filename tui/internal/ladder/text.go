package ladder

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/tui/internal/style"
)

// Text is the whole ladder as plain text, as wide as it needs. Of v only the time and the zone count; ascii draws it without line
// characters.
func (v View) Text(l *Ladder, ascii bool) string {
	v.Theme = style.New(style.Options{Profile: termenv.Ascii, ASCII: ascii})
	v.Off, v.Colour = 0, ByKind
	v.W = v.first(l) + pitchMax*max(len(l.Columns)-1, 1) + notes + 60
	lines := v.Header(l)
	for i := range l.Rows {
		lines = append(lines, v.Line(l, i, false))
	}
	for i, s := range lines {
		lines[i] = strings.TrimRight(ansi.Strip(s), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}
