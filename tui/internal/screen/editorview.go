package screen

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"voiptop/rules"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
)

func (p *editor) view() []string {
	t := p.e.Theme
	row, col := p.text.Cursor()
	state := "no changes"
	switch {
	case p.saving:
		state = "saving"
	case p.leaving:
		state = "not saved: esc again drops the changes"
	case p.text.Dirty():
		state = "changed"
	}
	out := []string{t.NewLine(p.w).Add(t.Head, " Editing the capture rules").Add(t.Dim, fmt.Sprintf("  %d:%d  ", row+1, col+1)).Add(t.Warn, state).String()}
	h, below := p.room()
	var wrong *rules.Error
	errors.As(p.err, &wrong)
	lines := p.text.Lines()
	for i := p.top; i < p.top+h; i++ {
		if i >= len(lines) {
			out = append(out, t.NewLine(p.w).String())
			continue
		}
		number := t.Dim
		if wrong != nil && wrong.Pos.Line == i+1 {
			number = t.Bad
		}
		l := t.NewLine(p.w).Add(number, fmt.Sprintf("%4d  ", i+1))
		text, st := from(lines[i], p.left), ruleStyle(t, lines[i])
		if i != row {
			out = append(out, l.Add(st, text).String())
			continue
		}
		at := offset(text, col-p.left)
		cursor, rest := " ", ""
		if at < len(text) {
			_, n := utf8.DecodeRuneInString(text[at:])
			cursor, rest = text[at:at+n], text[at+n:]
		}
		if cursor == "\t" {
			cursor = " "
		}
		out = append(out, l.Add(st, text[:at]).AddSelected(t.Bold, cursor).Add(st, rest).String())
	}
	return append(out, fill(p.preview(below), p.w, below+1)...)
}

// preview is what is wrong with the text, or what its rules would keep of the calls that the screens know.
func (p *editor) preview(h int) []string {
	t := p.e.Theme
	if o := p.offer; o != nil {
		out := []string{t.HLine("What may stand here", p.w)}
		for i := max(0, min(o.at-h/2, len(o.candidates)-h)); i < len(o.candidates) && len(out) <= h; i++ {
			c := o.candidates[i]
			name := t.Text
			if i == o.at {
				name = t.Key
			}
			out = append(out, t.NewLine(p.w).Add(name, " "+t.Fit(c.Text, 18)).Add(t.Dim, " "+c.Doc).String())
		}
		return out
	}
	if p.err != nil {
		out := []string{t.HLine("Not right yet", p.w)}
		for _, s := range wrap(t, exprError(p.err), p.w-2) {
			out = append(out, t.NewLine(p.w).Add(t.Warn, " "+s).String())
		}
		return append(out, t.NewLine(p.w).Add(t.Key, " ctrl+g").Add(t.Dim, " goes there").String())
	}
	if p.set == nil {
		return []string{t.HLine("", p.w), t.NewLine(p.w).Add(t.Dim, " the rules are right; what they do is not tried, for they name lists in files of the sensor").String()}
	}
	out := []string{t.HLine("What these rules do with the "+plural.Of(p.seen, "call")+" on the other screens", p.w)}
	if len(p.tally) == 0 {
		return append(out, t.NewLine(p.w).Add(t.Dim, " no rules: nothing is kept").String())
	}
	row, _ := p.text.Cursor()
	here := ruleAt(p.set.Rules, row)
	first := max(0, min(here-h/2, len(p.tally)-h))
	for i := first; i < len(p.tally) && len(out) <= h; i++ {
		r, n := &p.set.Rules[i], &p.tally[i]
		name := t.Text
		if i == here {
			name = t.Bold
		}
		l := t.NewLine(p.w).Add(name, " "+t.Fit(r.Name, 16)).Add(t.Text, " "+t.Fit("keep "+string(r.Keep), 12))
		switch {
		case r.Off:
			l.Add(t.Dim, "   off")
		case !r.Until.IsZero() && !p.e.Now().Before(r.Until):
			l.Add(t.Dim, "   expired on "+r.Until.Format(time.DateOnly))
		case n.calls == 1:
			l.Add(t.Text, "     1 call ").Add(t.Dim, "  "+n.names[0])
		case n.calls > 0:
			l.Add(t.Text, fmt.Sprintf(" %5d calls", n.calls)).Add(t.Dim, "  "+strings.Join(n.names, "  "))
		default:
			l.Add(t.Dim, "     0 calls")
		}
		out = append(out, l.String())
	}
	return out
}

// from is a line without its first n characters.
func from(s string, n int) string { return s[offset(s, n):] }

// offset is where the character n of s begins, in bytes.
func offset(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// ruleStyle is how a line of a rule file looks: a rule begins in the first column.
func ruleStyle(t *style.Theme, line string) style.Style {
	switch trimmed := strings.TrimSpace(line); {
	case strings.HasPrefix(trimmed, "#"):
		return t.Dim
	case trimmed != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t"):
		return t.Bold
	}
	return t.Text
}
