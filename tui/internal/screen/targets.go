// Package screen is what voiptop shows: the lists of running and past calls, registrations and streams, one call with its messages,
// the rules, the doctor's checks, the sensors, and the frame around them. Model is the root; the panes beside it are told their
// size, take messages and answer with lines.
//
// It is not for I/O: Update only returns commands, and these ask the source. All text from the wire goes through
// style.Theme, which makes it harmless and fits it to its cells.
package screen

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/rules"
)

// known are the calls of the other screens: those that run and those of the past that were read.
func (m *Model) known(yield func(*rules.Call) bool) {
	for _, l := range []*list{m.live.list, m.done.list} {
		for _, r := range l.order {
			if !yield(&r.call) {
				return
			}
		}
	}
}

// newRule opens the editor with a rule for calls like the chosen one, or like each of the marked ones.
func (m *Model) newRule() tea.Cmd {
	about := m.targets()
	if len(about) == 0 {
		return nil
	}
	m.rules.of(protocol.UUID{}, "")
	m.rules.about = about
	return m.choose(viewRules)
}

// target is the call that copy and listening are about.
func (m *Model) target() *protocol.CDR {
	if m.detail != nil {
		return m.detail.cdr
	}
	if m.view == viewStreams {
		if r, ok := m.streams.current(); ok {
			return m.streams.call(r)
		}
	}
	if l := m.list(); l != nil {
		if r := l.current(); r != nil {
			return r.call.CDR
		}
	}
	return nil
}

// targets are the calls that saving and rules are about: in a list the marked ones if there are any, else the one.
func (m *Model) targets() []*protocol.CDR {
	if m.detail == nil && m.list() != nil {
		if marked := m.marked(); len(marked) > 0 {
			return marked
		}
	}
	if c := m.target(); c != nil {
		return []*protocol.CDR{c}
	}
	return nil
}

func (m *Model) act(k tea.KeyMsg) tea.Cmd {
	if r, ok := m.requests.current(); ok && m.outside && m.view == viewRegs && m.detail == nil && key.Matches(k, keys.Copy) {
		return m.e.copy(r.r.CallID, "Call-ID")
	}
	if r, ok := m.regs.current(); ok && m.view == viewRegs && m.detail == nil && key.Matches(k, keys.Copy) {
		return m.e.copy(r.r.AOR, "address")
	}
	if r, ok := m.stats.drill(); ok && m.view == viewStats && m.detail == nil && key.Matches(k, keys.Copy) {
		return m.e.copy(r.where, "condition")
	}
	c := m.target()
	if c == nil {
		return nil
	}
	switch {
	case key.Matches(k, keys.Copy):
		return m.e.copy(c.CallID, "Call-ID")
	case key.Matches(k, keys.SaveAudio):
		return m.e.saveAudio(c)
	}
	return m.askSave(key.Matches(k, keys.SaveGroup))
}
