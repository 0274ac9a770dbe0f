// Package screen is what voiptop shows: the lists of running and past calls, registrations and streams, one call with its messages,
// the rules, the doctor's checks, the sensors, and the frame around them. Model is the root; the panes beside it are told their
// size, take messages and answer with lines.
//
// It is not for I/O: Update only returns commands, and these ask the source. All text from the wire goes through
// style.Theme, which makes it harmless and fits it to its cells.
package screen

import (
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
)

// typed takes what came from the keyboard. Keys that were read together come as one message: they are taken one by one.
// What was pasted goes into the filter, or nowhere: it is no series of commands.
func (m *Model) typed(k tea.KeyMsg) tea.Cmd {
	switch {
	case k.Paste && !m.typing && !m.editing() && !m.texting():
		return nil
	case k.Type != tea.KeyRunes || len(k.Runes) < 2 || k.Paste:
		return m.key(k)
	}
	var cmds []tea.Cmd
	for i := range k.Runes {
		one := k
		one.Runes = k.Runes[i : i+1]
		cmds = append(cmds, m.key(tea.KeyMsg(one)))
	}
	return tea.Batch(cmds...)
}

func (m *Model) key(k tea.KeyMsg) tea.Cmd {
	m.toastEnd = time.Time{}
	if k.Type == tea.KeyCtrlC {
		if m.rules.unsaved() {
			return toastCmd("the rules are not saved: ctrl+s saves them, ctrl+c again quits", true)
		}
		return tea.Quit
	}
	if m.editing() {
		return m.rules.typeRules(k) // where ctrl+z undoes
	}
	if k.Type == tea.KeyCtrlZ {
		return tea.Suspend
	}
	if m.typing {
		return m.typeFilter(k)
	}
	if m.dialog != nil {
		return m.dialogKey(k)
	}
	if m.texting() {
		return m.detail.update(k)
	}
	if m.help != nil {
		switch {
		case key.Matches(k, keys.Quit):
			return tea.Quit
		case !move(k, m.help):
			m.help = nil
		}
		return nil
	}
	switch {
	case key.Matches(k, keys.Quit):
		return tea.Quit
	case key.Matches(k, keys.Help):
		m.help = &scroll{}
		m.resize()
		return nil
	case key.Matches(k, keys.Live):
		return m.choose(viewLive)
	case key.Matches(k, keys.Done):
		return m.choose(viewDone)
	case key.Matches(k, keys.Regs):
		return m.choose(viewRegs)
	case key.Matches(k, keys.Streams):
		return m.choose(viewStreams)
	case key.Matches(k, keys.Doctor):
		return m.choose(viewDoctor)
	case key.Matches(k, keys.Rules):
		m.rules.of(protocol.UUID{}, "")
		return m.choose(viewRules)
	case key.Matches(k, keys.Sensors):
		if !isFleet(m.e.Source) {
			return toastCmd("a hosted service has sensors: voiptop --hosted URL", false)
		}
		return m.choose(viewSensors)
	case key.Matches(k, keys.Stats):
		return m.choose(viewStats)
	case m.overlaid(): // its keys come before those of the calls
		return m.detail.update(k)
	case key.Matches(k, keys.Save), key.Matches(k, keys.SaveGroup), key.Matches(k, keys.SaveAudio), key.Matches(k, keys.Copy) && m.view != viewDoctor:
		return m.act(k)
	case key.Matches(k, keys.NewRule):
		return m.newRule()
	}
	if m.detail != nil {
		if key.Matches(k, keys.Back) {
			m.detail.close()
			m.detail = nil
			return nil
		}
		return m.detail.update(k)
	}
	switch {
	case key.Matches(k, keys.Columns) && m.columned() != nil:
		m.ask(newChooser(m.e, m.columned()))
		return nil
	case key.Matches(k, keys.Unmark) && m.list() != nil:
		clear(m.e.marks)
		return nil
	case key.Matches(k, keys.Compare) && m.list() != nil:
		return m.compare()
	case key.Matches(k, keys.Filter) && m.filtered():
		m.typing = true
		m.input.CursorEnd()
		return m.input.Focus()
	case key.Matches(k, keys.Back) && m.from != nil:
		return m.back()
	case key.Matches(k, keys.Back) && m.filtered():
		m.input.SetValue("")
		return m.refilter()
	case key.Matches(k, keys.Back):
		return m.choose(viewLive)
	case key.Matches(k, keys.Open):
		return m.open()
	}
	switch m.view {
	case viewLive:
		return m.live.update(k)
	case viewDone:
		return m.done.update(k)
	case viewRegs:
		if key.Matches(k, keys.Focus) {
			return m.turnRegs(!m.outside)
		}
		if m.outside {
			return m.requests.update(k, true)
		}
		return m.regs.update(k, true)
	case viewStreams:
		return m.streams.update(k)
	case viewRules:
		return m.rules.update(k)
	case viewDoctor:
		return m.doctor.update(k)
	case viewStats:
		return m.stats.update(k)
	}
	return m.sensors.update(k)
}

// dialogKey hands the dialog a key, and leaves it when it is done.
func (m *Model) dialogKey(k tea.KeyMsg) tea.Cmd {
	cmd, done := m.dialog.update(k)
	if done {
		m.dialog = nil
		m.resize()
	}
	return cmd
}

// ready begins to save, if the file could be made.
func (m *Model) ready(msg readyMsg) tea.Cmd {
	if d, ok := m.dialog.(*saveDialog); ok {
		if !d.ready(msg) {
			return nil
		}
		m.dialog = nil
		m.resize()
	}
	if msg.err != nil {
		return toastCmd("not saved: "+say(msg.err), true)
	}
	return m.e.write(msg)
}

// ask opens a dialog.
func (m *Model) ask(o overlay) {
	m.dialog = o
	m.resize()
}

// overlaid reports whether something is over the screen of a call, texting whether keys are text there.
func (m *Model) overlaid() bool { return m.detail != nil && m.detail.over != nil }

// editing reports whether keys are text of the rules.
func (m *Model) editing() bool { return m.view == viewRules && m.rules.edit != nil }
