package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
)

// findingOf is a finding of a call.
type findingOf struct {
	call int // of those that are shown
	f    *protocol.Finding
}

// findings are those of the calls that are shown, gravest first.
func (d *detail) findings() (out []findingOf) {
	for i, c := range d.calls() {
		for k := range c.Findings {
			out = append(out, findingOf{i, &c.Findings[k]})
		}
	}
	slices.SortStableFunc(out, func(a, b findingOf) int { return cmp.Compare(rank(b.f.Severity), rank(a.f.Severity)) })
	return out
}

// fillFindings renders the page of findings.
func (d *detail) fillFindings() {
	t := d.e.Theme
	d.finding = max(0, min(d.finding, len(d.findings())-1))
	var out []string
	for i, x := range d.findings() {
		if i > 0 {
			out = append(out, style.FitStyled("", d.w))
		}
		leg := ""
		if len(d.calls()) > 1 {
			leg = fmt.Sprintf("  leg %d", x.call+1)
		}
		out = append(out, findingText(t, x.f, leg, d.w, i == d.finding)...)
	}
	if len(out) == 0 {
		out = append(out, t.NewLine(d.w).Add(t.Good, " nothing found").String())
	}
	for _, c := range d.calls() {
		out = append(out, uncheckedText(t, c, d.w)...)
	}
	d.text.set(out)
}

// seeFinding scrolls to the chosen finding.
func (d *detail) seeFinding() {
	at := 0
	for i, x := range d.findings()[:d.finding] {
		if i > 0 {
			at++
		}
		at += len(findingText(d.e.Theme, x.f, "", d.w, false))
	}
	if at < d.text.top || at >= d.text.top+d.text.h-2 {
		d.text.top = at
		d.text.Move(0)
	}
}

// findingText is a finding with its evidence and remedy.
func findingText(t *style.Theme, f *protocol.Finding, leg string, w int, chosen bool) []string {
	mark := " "
	if chosen {
		mark = ">"
	}
	out := []string{t.NewLine(w).Add(t.Bold, mark).Add(t.Severity(f.Severity), t.Fit(string(f.Severity), 8)+" "+f.Code).Add(t.Dim, leg).String()}
	for _, p := range []struct {
		name, text string
		st         style.Style
	}{{"", f.Text, t.Text}, {"seen", f.Evidence, t.Dim}, {"in", foundIn(f), t.Dim}, {"do", f.Remedy, t.Text}} {
		out = append(out, paragraph(t, p.name, p.text, p.st, w)...)
	}
	return out
}

// paragraph is text behind a name, wrapped.
func paragraph(t *style.Theme, name, text string, st style.Style, w int) (out []string) {
	for i, l := range wrap(t, text, w-10) {
		if i > 0 {
			name = ""
		}
		out = append(out, t.NewLine(w).Add(t.Dim, " "+t.Fit(name, 8)+" ").Add(st, l).String())
	}
	return out
}

// uncheckedText is what could not be looked for in a call.
func uncheckedText(t *style.Theme, c *protocol.CDR, w int) (out []string) {
	if len(c.Unchecked) == 0 {
		return nil
	}
	out = append(out, style.FitStyled("", w), t.NewLine(w).Add(t.Dim, " not checked").String())
	for _, u := range c.Unchecked {
		out = append(out, paragraph(t, "", u.Reason+": "+strings.Join(u.Codes, ", "), t.Dim, w)...)
	}
	return out
}

// findingLines is every finding of a call, gravest first, and what could not be checked.
func findingLines(t *style.Theme, c *protocol.CDR, w int) []string {
	list := slices.Clone(c.Findings)
	slices.SortStableFunc(list, func(a, b protocol.Finding) int { return cmp.Compare(rank(b.Severity), rank(a.Severity)) })
	var out []string
	for i := range list {
		if i > 0 {
			out = append(out, style.FitStyled("", w))
		}
		out = append(out, findingText(t, &list[i], "", w, false)...)
	}
	if len(out) == 0 {
		out = append(out, t.NewLine(w).Add(t.Good, " nothing found").String())
	}
	return append(out, uncheckedText(t, c, w)...)
}

// findingKey takes the keys of the page of findings.
func (d *detail) findingKey(k tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(k, keys.Open):
		list := d.findings()
		if d.finding >= len(list) {
			return nil
		}
		rows := d.places(list[d.finding])
		if len(rows) == 0 {
			return toastCmd("no single message or stream shows this finding", false)
		}
		d.page, d.cursor, d.follow = pageLadder, rows[0], false
		d.settle()
		if n := len(rows) - 1; n > 0 {
			return toastCmd("found in "+plural.Of(n, "other row")+" as well", false)
		}
	case key.Matches(k, keys.Next):
		(*findingCursor)(d).Move(1)
	case key.Matches(k, keys.Prev):
		(*findingCursor)(d).Move(-1)
	default:
		move(k, (*findingCursor)(d))
	}
	return nil
}

// places are the rows of the ladder that a finding names, what tells most first.
func (d *detail) places(x findingOf) (rows []int) {
	add := func(is func(*ladder.Row) bool) {
		at := slices.IndexFunc(d.ladder.Rows, func(r ladder.Row) bool { return r.Kind != ladder.Gap && r.Call == x.call && is(&r) })
		if at >= 0 && !slices.Contains(rows, at) {
			rows = append(rows, at)
		}
	}
	for _, n := range x.f.Messages {
		add(func(r *ladder.Row) bool { return r.Shows(int(n)) })
	}
	for _, n := range x.f.Streams {
		add(func(r *ladder.Row) bool { return r.Message < 0 && r.Stream == int(n) })
	}
	return rows
}

// foundIn says in a few words where a finding was found.
func foundIn(f *protocol.Finding) string {
	var parts []string
	for _, p := range []struct {
		word string
		list []uint32
	}{{"message", f.Messages}, {"stream", f.Streams}} {
		if len(p.list) == 0 {
			continue
		}
		numbers := make([]string, len(p.list))
		for i, n := range p.list {
			numbers[i] = strconv.Itoa(int(n) + 1)
		}
		word := p.word
		if len(numbers) > 1 {
			word += "s"
		}
		parts = append(parts, word+" "+strings.Join(numbers, ", "))
	}
	return strings.Join(parts, "; ")
}
