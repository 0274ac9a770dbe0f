package screen

import (
	"fmt"
	"strings"

	"voiptop/tui/internal/style"
)

// Heights of the frame around the panes.
func (m *Model) above() int {
	if m.h >= 14 {
		return 4 // title, status, tabs, line
	}
	return 2
}

func (m *Model) below() int {
	if m.h >= 14 {
		return 2 // line, keys
	}
	return 1
}

func (m *Model) resize() {
	body := max(1, m.h-m.above()-m.below())
	m.live.setSize(m.w, body)
	m.done.setSize(m.w, body)
	m.regs.setSize(m.w, body)
	m.requests.setSize(m.w, body)
	m.streams.setSize(m.w, body)
	m.doctor.setSize(m.w, body)
	m.rules.setSize(m.w, body)
	m.sensors.setSize(m.w, body)
	m.stats.setSize(m.w, body)
	if m.detail != nil {
		m.detail.setSize(m.w, max(1, m.h-m.below()))
	}
	if m.dialog != nil {
		m.dialog.size(m.w, max(1, m.h-m.below()))
	}
	if m.help != nil {
		m.help.w, m.help.h = m.w, max(1, m.h-m.below())
		m.help.set(helpLines(m.e.Theme, m.keyMap(), m.w))
	}
}

func (m *Model) keyMap() keyMap {
	switch {
	case m.dialog != nil:
		return m.dialog.keyMap()
	case m.overlaid():
		return m.detail.over.keyMap()
	case m.detail != nil && m.detail.page == pageStreams:
		return detailStreamKeys
	case m.detail != nil:
		return detailKeys
	case m.view == viewLive || m.view == viewDone:
		return listKeys
	case m.view == viewRegs && m.outside:
		return requestKeys
	case m.view == viewRegs:
		return regKeys
	case m.view == viewStreams:
		return streamKeys
	case m.view == viewDoctor:
		return doctorKeys
	case m.view == viewSensors:
		return sensorKeys
	case m.view == viewStats:
		return statsKeys
	case m.rules.edit != nil:
		return editKeys
	}
	return ruleKeys
}

// View implements tea.Model: exactly h lines of exactly w cells.
func (m *Model) View() string {
	if m.w < 1 || m.h < 1 {
		return ""
	}
	var out []string
	switch {
	case m.w < 40 || m.h < 10:
		text := fmt.Sprintf("%dx%d is too small: voiptop needs 40x10", m.w, m.h)
		if m.w < len(text) {
			text = "want 40x10"
		}
		out = []string{m.e.Theme.NewLine(m.w).Add(m.e.Theme.Bold, text).String()}
	case m.help != nil:
		out = append(m.help.view(), m.footer()...)
	case m.dialog != nil:
		out = append(fill(m.dialog.view(), m.w, max(1, m.h-m.below())), m.footer()...)
	case m.detail != nil:
		out = append(m.detail.view(), m.footer()...)
	default:
		out = append(m.header(), m.body()...)
		out = append(out, m.footer()...)
	}
	out = m.wholeToast(fill(out, m.w, m.h))
	for i := range out {
		out[i] = style.FitStyled(out[i], m.w)
	}
	return strings.Join(out, "\n")
}

// wholeToast lays a message that is longer than a line over the last lines of a screen: what to do stands at its end.
func (m *Model) wholeToast(out []string) []string {
	t := m.e.Theme
	if m.w < 40 || m.h < 10 || m.typing || !m.e.Now().Before(m.toastEnd) || style.Width(t.Clean(m.toast.text)) < m.w {
		return out
	}
	lines := wrap(t, t.Clean(m.toast.text), m.w-2)
	lines = lines[:min(len(lines), m.h/2)]
	st := t.Good
	if m.toast.bad {
		st = t.Bad
	}
	at := m.h - len(lines)
	out[at-1] = t.HLine("", m.w)
	for i, l := range lines {
		out[at+i] = t.NewLine(m.w).Add(st, " "+l).String()
	}
	return out
}

func (m *Model) body() []string {
	switch m.view {
	case viewDone:
		return m.done.view()
	case viewRegs:
		if m.outside {
			return m.requests.view()
		}
		return m.regs.view()
	case viewStreams:
		return m.streams.view()
	case viewDoctor:
		return m.doctor.view()
	case viewRules:
		return m.rules.view()
	case viewSensors:
		return m.sensors.view()
	case viewStats:
		return m.stats.view()
	}
	return m.live.view()
}

func (m *Model) footer() []string {
	t := m.e.Theme
	var line string
	switch {
	case m.typing && m.badExpr != nil:
		line = t.NewLine(m.w).Add(t.Warn, " "+exprError(m.badExpr)).String()
	case m.typing && m.byWords():
		line = t.NewLine(m.w).Add(t.Key, " enter").Add(t.Dim, " keep  ").Add(t.Key, "esc").Add(t.Dim, " clear   words that are parts of a row, e.g. failing 10.0.0.").String()
	case m.typing && len(m.words.list) > 1 && m.words.value == m.input.Value():
		l := t.NewLine(m.w).Add(t.Key, " tab").Add(t.Dim, " next ")
		for i, word := range m.words.list {
			st := t.Dim
			if i == m.words.at {
				st = t.Bold
			}
			l.Add(st, " "+strings.TrimRight(word, " "))
		}
		line = l.String()
	case m.typing:
		line = t.NewLine(m.w).Add(t.Key, " enter").Add(t.Dim, " keep  ").Add(t.Key, "tab").Add(t.Dim, " complete  ").Add(t.Key, "esc").Add(t.Dim, " clear   e.g. state:up mos<3.5 or caller:4420*").String()
	case m.toast.text != "" && m.e.Now().Before(m.toastEnd):
		st := t.Good
		if m.toast.bad {
			st = t.Bad
		}
		line = t.NewLine(m.w).Add(st, " "+m.toast.text).String() // View shows all of one that is longer
	case m.help != nil:
		line = t.NewLine(m.w).Add(t.Dim, " any key goes back").String()
	case m.dialog == nil && m.e.working() != "":
		line = t.NewLine(m.w).Add(t.Info, " "+m.e.working()).String()
	default:
		line = footer(t, m.keyMap(), m.w)
	}
	if m.below() == 1 {
		return []string{line}
	}
	return []string{t.HLine("", m.w), line}
}
