package screen

import (
	"voiptop/tui/internal/style"
)

func (d *saveDialog) view() []string {
	t := d.e.Theme
	c := d.scopes[d.scope].first
	out := []string{
		t.NewLine(d.w).Add(t.Title, " save ").Add(t.Bold, between(t, c, d.w-8)).String(),
		t.HLine("", d.w),
	}
	if d.h >= 13 {
		out = append(out, style.FitStyled("", d.w))
	}
	what := make([]string, len(d.scopes))
	for i, s := range d.scopes {
		what[i] = s.label
	}
	out = append(out, d.choice(fieldWhat, what, d.scope)...)
	out = append(out, d.choice(fieldFormat, formatNames[:], int(d.s.format))...)
	redacted := 0
	if d.s.redacted {
		redacted = 1
	}
	out = append(out, d.choice(fieldRedact, []string{"no", "yes"}, redacted)...)
	if d.h >= 13 {
		out = append(out, style.FitStyled("", d.w))
	}
	out = append(out, d.file())
	if d.h >= 13 {
		out = append(out, style.FitStyled("", d.w))
	}
	about := formatDocs[d.s.format]
	if d.s.redacted {
		about += "; numbers, names, domains and addresses masked, each always the same way"
		if d.s.format == asMedia {
			about += ", voice blanked"
		}
	}
	if d.trouble == "" || d.h >= 13 {
		for _, l := range wrap(t, about, d.w-12) {
			out = append(out, t.NewLine(d.w).Add(t.Dim, "           "+l).String())
		}
	}
	if d.trouble != "" {
		for _, l := range wrap(t, d.trouble, d.w-12) {
			out = append(out, t.NewLine(d.w).Add(t.Warn, "           "+l).String())
		}
	}
	return fill(out, d.w, d.h)
}

// choice is a field with its values, the chosen one in brackets; on as many lines as they take.
func (d *saveDialog) choice(f field, values []string, chosen int) (out []string) {
	t := d.e.Theme
	l := d.label(f)
	if d.h < 13 { // room for one line
		return []string{l.Add(t.Dim, "< ").Add(t.Bold, values[chosen]).Add(t.Dim, " >").String()}
	}
	for i, v := range values {
		text, st := " "+v+" ", t.Dim
		if i == chosen {
			text, st = "["+v+"]", t.Bold
			if d.at == f {
				st = t.Key
			}
		}
		if l.Left() < style.Width(t.Clean(text))+1 {
			out = append(out, l.String())
			l = t.NewLine(d.w).Add(t.Text, "           ")
		}
		l.Add(st, text).Add(t.Text, " ")
	}
	return append(out, l.String())
}

func (d *saveDialog) label(f field) *style.Line {
	t := d.e.Theme
	l := d.e.Theme.NewLine(d.w)
	if d.at == f {
		return l.Add(t.Key, ">"+t.Fit(fieldNames[f], 9)+" ")
	}
	return l.Add(t.Dim, " "+t.Fit(fieldNames[f], 9)+" ")
}

// file is the line with the path, its end in sight.
func (d *saveDialog) file() string {
	t := d.e.Theme
	l := d.label(fieldPath)
	text, at := []rune(d.path.Value()), d.path.Position()
	at = min(at, len(text))
	room := max(8, l.Left()-2)
	if d.at != fieldPath {
		if len(text) > room {
			text = append([]rune(d.e.Theme.Glyph.Ellipsis), text[len(text)-room+1:]...)
		}
		return l.Add(t.Text, string(text)).String()
	}
	if from := at - room; from > 0 {
		text, at = text[from:], room
	}
	cursor, rest := " ", ""
	if at < len(text) {
		cursor, rest = string(text[at]), string(text[at+1:])
	}
	return l.Add(t.Bold, string(text[:at])).AddSelected(t.Bold, cursor).Add(t.Bold, rest).String()
}
