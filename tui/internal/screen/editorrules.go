package screen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/rules"
)

// complete puts what may stand at the cursor there; pressed again, the next that may.
func (p *editor) complete() {
	if o := p.offer; o != nil {
		o.at = (o.at + 1) % len(o.candidates)
		p.put(o, o.length, 0)
		return
	}
	row, col := p.text.Cursor()
	text := p.text.Text()
	c := rules.Complete(text, rules.Pos{Line: row + 1, Col: col + 1})
	if len(c.Candidates) == 0 {
		return
	}
	here := offset(p.text.Lines()[row], col)
	for _, l := range p.text.Lines()[:row] {
		here += len(l) + 1
	}
	p.offer = &offer{candidates: c.Candidates}
	p.put(p.offer, utf8.RuneCountInString(text[min(c.From, here):here]), utf8.RuneCountInString(text[here:max(c.To, here)]))
}

func (p *editor) put(o *offer, before, behind int) {
	text := o.candidates[o.at].Text
	p.text.Replace(before, behind, text)
	o.length = utf8.RuneCountInString(text)
}

// change switches the rule that the cursor is in, deletes it with its comments, or moves it before or behind its neighbour.
func (p *editor) change(k tea.KeyMsg) error {
	e, err := rules.Edit(p.text.Text())
	if err != nil {
		return err
	}
	row, _ := p.text.Cursor()
	at := ruleAt(e.Rules(), row)
	if at < 0 {
		return errors.New("the cursor is in no rule")
	}
	r := e.Rules()[at]
	switch k.Type {
	case tea.KeyCtrlO:
		err = e.SetOff(r.Name, !r.Off)
	case tea.KeyCtrlX:
		err = e.Delete(r.Name)
	case tea.KeyUp:
		err, at = e.Move(r.Name, at-1), max(at-1, 0)
	case tea.KeyDown:
		err, at = e.Move(r.Name, at+1), min(at+1, len(e.Rules())-1)
	}
	if err != nil {
		return err
	}
	row = 0
	if n := len(e.Rules()); n > 0 {
		row = e.Rules()[min(at, n-1)].Pos.Line - 1
	}
	p.text.Set(e.Text(), row)
	return nil
}

// ruleAt is the place of the rule that a line belongs to, -1 when it stands before the first.
func ruleAt(list []rules.Rule, row int) int {
	at := -1
	for i := range list {
		if list[i].Pos.Line <= row+1 {
			at = i
		}
	}
	return at
}

// addRule puts a rule for calls like c before the others, so that it decides, and the cursor on its condition.
func (p *editor) addRule(c *protocol.CDR) error {
	e, err := rules.Edit(p.text.Text())
	if err != nil {
		return err
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(e.Rules(), func(r rules.Rule) bool { return r.Name == name })
	}
	name := "call"
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("call-%d", n)
	}
	when := "callid=" + quote(c.CallID)
	if c.Caller != "" && c.Callee != "" {
		when = "caller=" + quote(c.Caller) + " callee=" + quote(c.Callee)
	}
	if err := e.Add(name+": keep rtp when "+when, 0); err != nil {
		return err
	}
	line := e.Rules()[0].Pos.Line - 1
	p.text.Set(e.Text(), line)
	p.text.End(line)
	p.scroll()
	p.check()
	return nil
}

// quote makes a value of an expression.
func quote(s string) string {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("+_.-@", r)) {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
	}
	return s
}
