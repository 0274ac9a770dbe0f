// Package screen is what voiptop shows: the lists of running and past calls, registrations and streams, one call with its messages,
// the rules, the doctor's checks, the sensors, and the frame around them. Model is the root; the panes beside it are told their
// size, take messages and answer with lines.
//
// It is not for I/O: Update only returns commands, and these ask the source. All text from the wire goes through
// style.Theme, which makes it harmless and fits it to its cells.
package screen

import (
	tea "github.com/charmbracelet/bubbletea"
)

// list is the list that is on the screen, nil if it is none.
func (m *Model) list() *list {
	switch m.view {
	case viewLive:
		return m.live.list
	case viewDone:
		return m.done.list
	}
	return nil
}

// columned is the view on the screen if it has columns to choose, else nil.
func (m *Model) columned() columned {
	switch m.view {
	case viewLive:
		return m.live.list
	case viewDone:
		return m.done.list
	case viewRegs:
		if m.outside {
			return m.requests
		}
		return m.regs
	case viewStreams:
		return m.streams
	case viewStats:
		return m.stats.grid()
	}
	return nil
}

// look asks for what the screen shows beside the list: its cursor has moved.
func (m *Model) look() tea.Cmd {
	switch m.view {
	case viewLive:
		return m.live.look()
	case viewDone:
		return tea.Batch(m.done.look(), m.done.more())
	case viewStreams:
		return m.streams.look()
	}
	return nil
}

// filtered reports whether the screen has a filter, byWords whether that is words that are parts of a row.
func (m *Model) filtered() bool { return m.list() != nil || m.byWords() || m.view == viewStats }
func (m *Model) byWords() bool  { return m.view == viewRegs || m.view == viewStreams }

func (m *Model) choose(v view) tea.Cmd {
	if m.detail != nil {
		m.detail.close()
	}
	m.chosen, m.detail = true, nil
	return m.show(v)
}

func (m *Model) show(v view) tea.Cmd {
	m.swapFilter(v)
	m.from = nil
	if m.view == viewStreams && v != viewStreams {
		m.streams.leave()
	}
	m.view = v
	m.resize()
	switch v {
	case viewDone:
		if !m.done.loaded {
			return m.done.load("")
		}
		return m.done.look()
	case viewRegs:
		if m.outside {
			return m.requests.load()
		}
		return m.regs.load()
	case viewStreams:
		return m.streams.begin()
	case viewStats:
		cmds := []tea.Cmd{m.regs.load(), m.stats.look()}
		if m.done.loaded {
			cmds = append(cmds, m.done.all())
		} else {
			cmds = append(cmds, m.done.load(""))
		}
		return tea.Batch(cmds...)
	case viewDoctor:
		return m.doctor.begin(false)
	case viewRules:
		if m.done.loaded {
			return m.rules.load()
		}
		return tea.Batch(m.rules.load(), m.done.load("")) // past calls to try the rules on
	case viewSensors:
		return m.sensors.load()
	}
	return m.live.look()
}

// turnRegs shows the requests outside of calls in Regs, or the registrations again.
func (m *Model) turnRegs(outside bool) tea.Cmd {
	m.outside = outside
	m.input.SetValue(m.regsFilter())
	if outside {
		return m.requests.load()
	}
	return m.regs.load()
}

// open opens the call under the cursor, or the rules of the sensor under it.
func (m *Model) open() tea.Cmd {
	if m.view == viewSensors {
		s, ok := m.sensors.current()
		if !ok {
			return nil
		}
		m.rules.of(s.UUID, s.Name)
		return m.choose(viewRules)
	}
	if m.view == viewStats {
		return m.openRow()
	}
	if m.view == viewStreams {
		r, ok := m.streams.current()
		if !ok {
			return nil
		}
		m.detail = newDetail(m.e, m.streams.call(r), m.streams.preview.cdr, m.legsKnown)
		m.detail.toStream(r.about)
		m.resize()
		return m.detail.load()
	}
	l := m.list()
	if l == nil {
		return nil
	}
	r := l.current()
	if r == nil {
		return nil
	}
	known := m.live.preview.cdr
	if m.view == viewDone {
		known = m.done.preview.cdr
	}
	m.detail = newDetail(m.e, r.call.CDR, known, m.legsKnown)
	m.resize()
	return m.detail.load()
}
