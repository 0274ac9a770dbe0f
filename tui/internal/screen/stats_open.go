package screen

import (
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/source"
)

// origin is where the user came from to the calls of a row of statistics.
type origin struct{ filter string }

// drill answers the row under the cursor; not ok when it opens nothing.
func (p *statsPane) drill() (r *statsRow, ok bool) {
	if r, ok = p.grid().current(); !ok {
		return nil, false
	}
	return r, r.where != "" || r.open == viewRegs
}

// openRow shows the calls of a row of statistics: the filter is narrowed to them until esc goes back.
func (m *Model) openRow() tea.Cmd {
	r, ok := m.stats.drill()
	if !ok {
		return toastCmd("no condition finds the calls of this row", false)
	}
	if r.open == viewRegs {
		m.outside = false
		cmd := m.choose(viewRegs)
		m.input.SetValue(r.where)
		m.applyFilter()
		return cmd
	}
	was := m.input.Value()
	cmd := m.choose(viewDone)
	m.from = &origin{was}
	m.input.SetValue(source.Narrow(was, r.where))
	m.applyFilter()
	m.done.list.table.Home()
	return tea.Batch(cmd, m.seek(), m.done.look())
}

// back goes to the statistics again, with the filter that they had.
func (m *Model) back() tea.Cmd {
	was := m.from.filter
	m.from = nil
	m.input.SetValue(was)
	m.applyFilter()
	return tea.Batch(m.seek(), m.choose(viewStats))
}

// clickMenu chooses the section whose name stands at a cell of the screen's body.
func (p *statsPane) clickMenu(x, y int) bool {
	if x >= p.menuWidth() {
		return false
	}
	if at := y + max(0, min(p.section-p.h/2, len(p.sections)-p.h)); at >= 0 && at < len(p.sections) {
		p.choose(at)
	}
	return true
}
