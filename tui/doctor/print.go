package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"voiptop/tui/internal/style"
)

// width is what the output fits into, cells.
const width = 80

// Printer writes outcomes as they come, for people. Colours are used on a terminal unless NO_COLOR is set.
type Printer struct {
	w     io.Writer
	clean *style.Theme
	mark  map[Status]string
	head  lipgloss.Style
	dim   lipgloss.Style
	group string
}

// NewPrinter makes a printer for w.
func NewPrinter(w io.Writer) *Printer {
	r := lipgloss.NewRenderer(w)
	// Colours of the terminal's own palette read on light and dark backgrounds.
	colour := func(c string) lipgloss.Style { return r.NewStyle().Bold(true).Foreground(lipgloss.Color(c)) }
	return &Printer{
		w:     w,
		clean: style.New(style.Options{Profile: termenv.Ascii}),
		mark: map[Status]string{
			OK:   colour("2").Render(" ok "),
			Warn: colour("3").Render("warn"),
			Fail: colour("1").Render("FAIL"),
			Skip: r.NewStyle().Faint(true).Render("skip"),
		},
		head: r.NewStyle().Bold(true),
		dim:  r.NewStyle().Faint(true),
	}
}

const (
	indent = 8                                            // cells before the code, and before what follows the first line
	column = indent + len("conf-packetbuffer-sender") + 1 // where it is said what was seen
)

// Outcome writes one outcome, under its group's name.
func (p *Printer) Outcome(o Outcome) error {
	var b strings.Builder
	if o.Group != p.group {
		p.group = o.Group
		b.WriteString(p.head.Render(o.Group) + "\n")
	}
	for i, line := range wrap(p.clean.Clean(o.Seen), width-column) {
		if i == 0 {
			b.WriteString("  " + p.mark[o.Status] + "  " + fmt.Sprintf("%-*s", column-indent, o.Code) + line + "\n")
		} else {
			b.WriteString(strings.Repeat(" ", column) + line + "\n")
		}
	}
	if o.Status == Fail || o.Status == Warn || o.Blocked {
		p.paragraph(&b, "why: ", p.clean.Clean(o.Why))
		p.paragraph(&b, "do:  ", p.clean.Clean(o.Remedy))
		p.paragraph(&b, "see: ", o.Docs)
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// paragraph writes text in lines that fit, the label before the first.
func (p *Printer) paragraph(b *strings.Builder, label, text string) {
	if text == "" {
		return
	}
	room := width - indent - len(label)
	margin := strings.Repeat(" ", indent)
	for i, line := range wrap(text, room) {
		lead := strings.Repeat(" ", len(label))
		if i == 0 {
			lead = p.dim.Render(label)
		}
		b.WriteString(margin + lead + line + "\n")
	}
}

// wrap breaks text at blanks into lines of at most room cells; a word that is longer is broken itself.
func wrap(text string, room int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		for style.Width(word) > room {
			if line != "" {
				lines = append(lines, line)
				line = ""
			}
			head := []rune(word)
			n := 0
			for w := 0; n < len(head); n++ {
				if w += style.Width(string(head[n])); w > room {
					break
				}
			}
			lines = append(lines, string(head[:n]))
			word = string(head[n:])
		}
		switch {
		case line == "":
			line = word
		case style.Width(line)+1+style.Width(word) > room:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Summary writes the last line.
func (p *Printer) Summary(r Report) error {
	text := fmt.Sprintf("%d checks: %d ok", len(r.Checks), r.Count(OK))
	for _, c := range []struct {
		status Status
		word   string
	}{{Warn, "to look at"}, {Fail, "failed"}, {Skip, "not checked"}} {
		if n := r.Count(c.status); n > 0 {
			text += fmt.Sprintf(", %d %s", n, c.word)
		}
	}
	_, err := fmt.Fprintln(p.w, p.head.Render(text))
	return err
}

// Change writes an outcome that is not what it was in the run before.
func (p *Printer) Change(o Outcome) error {
	p.group = o.Group // no headings between changes
	return p.Outcome(o)
}
