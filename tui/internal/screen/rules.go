package screen

import (
	"context"
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// rulesPane shows the capture rules of a sensor.
type rulesPane struct {
	e      *env
	w, h   int
	sensor protocol.UUID // of a fleet, the one that was chosen
	name   string
	rules  *sensorapi.Rules
	err    error
	text   scroll
}

// rulesMsg is the answer to load.
type rulesMsg struct {
	sensor protocol.UUID
	rules  sensorapi.Rules
	err    error
}

func (p *rulesPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.text.w, p.text.h = w, h-1
	p.text.Move(0)
}

func (p *rulesPane) load() tea.Cmd {
	sensor := p.sensor
	return p.e.ask(func(ctx context.Context) tea.Msg {
		r, err := p.e.Source.Rules(ctx, sensor)
		return rulesMsg{sensor, r, err}
	})
}

func (p *rulesPane) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case rulesMsg:
		if msg.sensor != p.sensor {
			return nil
		}
		p.err = msg.err
		if msg.err == nil {
			p.rules = &msg.rules
			p.render()
		}
	case tea.KeyMsg:
		if key.Matches(msg, keys.Reload) {
			return p.load()
		}
		move(msg, &p.text)
	}
	return nil
}

func (p *rulesPane) render() {
	t := p.e.Theme
	var lines []string
	for i, s := range strings.Split(strings.TrimRight(p.rules.Text, "\n"), "\n") {
		st := t.Text
		switch trimmed := strings.TrimSpace(s); {
		case strings.HasPrefix(trimmed, "#"):
			st = t.Dim
		case trimmed != "" && !strings.HasPrefix(s, " ") && !strings.HasPrefix(s, "\t"):
			st = t.Bold // a rule begins in the first column
		}
		lines = append(lines, t.NewLine(maxLine).Add(t.Dim, fmt.Sprintf("%5d  ", i+1)).Add(st, s).String())
	}
	p.text.set(lines)
}

const maxLine = 500 // cells of a line that scrolls: the screen cuts it

func (p *rulesPane) view() []string {
	t := p.e.Theme
	switch {
	case p.err != nil:
		return centred(t, explain(p.err), p.w, p.h)
	case p.rules == nil:
		return centred(t, []string{"Reading the rules"}, p.w, p.h)
	case strings.TrimSpace(p.rules.Text) == "":
		return centred(t, []string{"No capture rules: no call's packets are kept", "docs/rules.md says how to write them"}, p.w, p.h)
	}
	head := t.NewLine(p.w).Add(t.Head, " Capture rules").Add(t.Dim, fmt.Sprintf("  revision %d  the first that matches decides", p.rules.Revision))
	if p.name != "" {
		head.Add(t.Text, "  of "+p.name)
	}
	return append([]string{head.String()}, p.text.view()...)
}
