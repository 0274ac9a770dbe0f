package screen

import (
	"context"
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
)

// rulesPane shows the capture rules of a sensor.
type rulesPane struct {
	e      *env
	w, h   int
	sensor protocol.UUID // of a fleet, the one that was chosen; zero: the rules of them all
	name   string
	rules  *sensorapi.Rules
	err    error
	text   scroll
	calls  func(yield func(*rules.Call) bool) // those that the screens know
	edit   *editor                            // nil while the rules are only shown
	about  []*protocol.CDR                    // rules for such calls are wanted, as soon as the rules are there
}

// maxNewRules bounds the rules that are made of marked calls: for more, one writes a condition.
const maxNewRules = 20

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
	if p.edit != nil {
		p.edit.setSize(w, h)
	}
}

// of turns to the rules of a sensor; the zero UUID: the only one's, or those of the whole fleet.
func (p *rulesPane) of(sensor protocol.UUID, name string) {
	if p.sensor != sensor {
		p.rules = nil
	}
	p.sensor, p.name, p.err = sensor, name, nil
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
		if about := p.about; len(about) > 0 && msg.err == nil {
			p.about = nil
			return p.begin(about)
		}
	case checkDue, savedMsg:
		if p.edit != nil {
			return p.edit.update(msg)
		}
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, keys.Reload):
			return p.load()
		case key.Matches(msg, keys.Edit):
			return p.begin(nil)
		}
		move(msg, &p.text)
	}
	return nil
}

// begin opens the editor, with a new rule for calls like each of about.
func (p *rulesPane) begin(about []*protocol.CDR) tea.Cmd {
	switch {
	case p.rules == nil:
		return nil
	case len(p.rules.Text) > maxEdit:
		return toastCmd("the rules are too long for this editor: edit the sensor's file (docs/rules.md)", true)
	}
	p.edit = newEditor(p.e, p.sensor, *p.rules, p.calls)
	p.edit.setSize(p.w, p.h)
	for i := range about[:min(len(about), maxNewRules)] {
		if err := p.edit.addRule(about[i]); err != nil {
			return toastCmd("mend the rules first: "+exprError(err), true)
		}
	}
	if len(about) > maxNewRules {
		return toastCmd(fmt.Sprintf("rules for the first %d of %d calls", maxNewRules, len(about)), false)
	}
	return nil
}

// typeRules hands the editor a key, and leaves it when it is done.
func (p *rulesPane) typeRules(k tea.KeyMsg) tea.Cmd {
	cmd, done := p.edit.take(k)
	if !done {
		return cmd
	}
	p.edit = nil
	return p.load()
}

func (p *rulesPane) render() {
	t := p.e.Theme
	var lines []string
	for i, s := range strings.Split(strings.TrimRight(p.rules.Text, "\n"), "\n") {
		lines = append(lines, t.NewLine(maxLine).Add(t.Dim, fmt.Sprintf("%4d  ", i+1)).Add(ruleStyle(t, s), s).String())
	}
	if h := p.rules.Hosted; h != nil {
		lines = append(lines, "", t.HLine(fmt.Sprintf("then hosted's rules, revision %d: they are changed there", h.Revision), max(p.w, 20)))
		if h.Problem != nil {
			lines = append(lines, t.NewLine(maxLine).Add(t.Bad, " "+say(h.Problem)).String())
		}
		for i, s := range strings.Split(strings.TrimRight(h.Text, "\n"), "\n") {
			lines = append(lines, t.NewLine(maxLine).Add(t.Dim, fmt.Sprintf("%4d  ", i+1)).Add(ruleStyle(t, s), s).String())
		}
	}
	p.text.set(lines)
}

const maxLine = 500 // cells of a line that scrolls: the screen cuts it

func (p *rulesPane) view() []string {
	t := p.e.Theme
	switch {
	case p.edit != nil:
		return p.edit.view()
	case p.err != nil:
		return centred(t, explain(p.err), p.w, p.h)
	case p.rules == nil:
		return centred(t, []string{"Reading the rules"}, p.w, p.h)
	case strings.TrimSpace(p.rules.Text) == "" && p.rules.Hosted == nil:
		head := "No capture rules: no call's packets are kept"
		if isFleet(p.e.Source) && p.name == "" {
			head = "No capture rules for all sensors: only what a sensor's own rules want is kept"
		}
		return centred(t, []string{head, "e writes the first one; docs/rules.md says how"}, p.w, p.h)
	}
	whose := ""
	switch {
	case p.name != "":
		whose = " of " + p.name
	case isFleet(p.e.Source):
		whose = " of all sensors"
	}
	head := t.NewLine(p.w).Add(t.Head, " Capture rules"+whose).Add(t.Dim, fmt.Sprintf("  revision %d  the first that matches decides", p.rules.Revision))
	return append([]string{head.String()}, p.text.view()...)
}

// unsaved reports, once, that there are changes that would be lost.
func (p *rulesPane) unsaved() bool {
	if p.edit == nil || p.edit.leaving || !p.edit.text.Dirty() {
		return false
	}
	p.edit.leaving = true
	return true
}
