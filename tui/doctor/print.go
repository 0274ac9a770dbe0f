package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"voiptop/tui/internal/plural"
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
	after []Outcome // not checked for one reason, and not written yet

	Notes bool   // write what there is to know where nothing is to be mended, too
	Docs  string // folder of the pages that outcomes name, "" for docs
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

// Outcome writes one outcome, under its group's name. Checks that were not made for the same reason are written as one, when
// another outcome comes, or the summary.
func (p *Printer) Outcome(o Outcome) error {
	if o.Status == Skip && o.Remedy == "" {
		if len(p.after) > 0 && (p.after[0].Group != o.Group || p.after[0].Seen != o.Seen) {
			if err := p.flush(); err != nil {
				return err
			}
		}
		p.after = append(p.after, o)
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	return p.write(o)
}

// flush writes the checks that were not made.
func (p *Printer) flush() error {
	list := p.after
	p.after = nil
	switch len(list) {
	case 0:
		return nil
	case 1:
		return p.write(list[0])
	}
	var b strings.Builder
	p.heading(&b, list[0].Group)
	codes := make([]string, len(list))
	for i, o := range list {
		codes[i] = o.Code
	}
	for i, line := range wrap(strings.Join(codes, ", ")+": "+p.clean.Clean(list[0].Seen), width-indent) {
		mark := strings.Repeat(" ", indent)
		if i == 0 {
			mark = "  " + p.mark[Skip] + "  "
		}
		b.WriteString(mark + line + "\n")
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// heading writes the name of a group that has not been written yet.
func (p *Printer) heading(b *strings.Builder, group string) {
	if group != p.group {
		p.group = group
		b.WriteString(p.head.Render(group) + "\n")
	}
}

func (p *Printer) write(o Outcome) error {
	var b strings.Builder
	p.heading(&b, o.Group)
	for i, line := range wrap(p.clean.Clean(o.Seen), width-column) {
		if i == 0 {
			b.WriteString("  " + p.mark[o.Status] + "  " + fmt.Sprintf("%-*s", column-indent, o.Code) + line + "\n")
		} else {
			b.WriteString(strings.Repeat(" ", column) + line + "\n")
		}
	}
	for _, d := range o.Details {
		p.paragraph(&b, "- ", p.clean.Clean(d))
	}
	if p.Notes {
		for _, n := range o.Notes {
			p.paragraph(&b, "- ", p.clean.Clean(n))
		}
	}
	if o.Status == Fail || o.Status == Warn || o.Blocked {
		p.paragraph(&b, "why: ", p.clean.Clean(o.Why))
		p.paragraph(&b, "do:  ", p.clean.Clean(o.Remedy))
		p.paragraph(&b, "see: ", p.page(o.Docs))
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// page is where a page of the manual is.
func (p *Printer) page(docs string) string {
	if p.Docs == "" {
		return docs
	}
	return p.Docs + strings.TrimPrefix(docs, "docs")
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

// Summary writes the last lines: how many checks there were and, of several failures, which to mend first: the others may follow from it.
func (p *Printer) Summary(r Report) error {
	if err := p.flush(); err != nil {
		return err
	}
	text := fmt.Sprintf("%s: %d ok", plural.Of(len(r.Checks), "check"), r.Count(OK))
	for _, c := range []struct {
		status Status
		word   string
	}{{Warn, "to look at"}, {Fail, "failed"}, {Skip, "not checked"}} {
		if n := r.Count(c.status); n > 0 {
			text += fmt.Sprintf(", %d %s", n, c.word)
		}
	}
	if _, err := fmt.Fprintln(p.w, p.head.Render(text)); err != nil {
		return err
	}
	last := ""
	switch first := r.First(); {
	case first != nil && r.Count(Fail) > 1:
		last = "mend first: " + first.Code + ": " + first.Remedy
	case first == nil && r.Status == 2:
		if i := slices.IndexFunc(r.Checks, func(o Outcome) bool { return o.Blocked }); i >= 0 {
			last = "not all could be checked: " + r.Checks[i].Code + ": " + r.Checks[i].Remedy
		}
	}
	var b strings.Builder
	for _, line := range wrap(p.clean.Clean(last), width) {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// Change writes an outcome that is not what it was in the run before.
func (p *Printer) Change(o Outcome) error {
	if err := p.flush(); err != nil {
		return err
	}
	p.group = o.Group // no headings between changes
	return p.write(o)
}
