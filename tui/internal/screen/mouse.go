package screen

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/style"
)

const (
	wheelLines  = 3
	doubleClick = 400 * time.Millisecond
)

// clicked is where the mouse was pressed last.
type clicked struct {
	x, y int
	at   time.Time
}

// mouse takes what the mouse did: the wheel scrolls what is under it; a click chooses a row, sorts by a column, opens a view; a double
// click opens a row.
func (m *Model) mouse(msg tea.MouseMsg) tea.Cmd {
	lines := 0
	switch {
	case msg.Action != tea.MouseActionPress || m.editing() || m.typing:
		return nil
	case msg.Button == tea.MouseButtonWheelUp:
		lines = -wheelLines
	case msg.Button == tea.MouseButtonWheelDown:
		lines = wheelLines
	case msg.Button != tea.MouseButtonLeft:
		return nil
	}
	if lines != 0 {
		return m.wheel(msg, lines)
	}
	now := m.e.Now()
	double := msg.X == m.click.x && msg.Y == m.click.y && now.Sub(m.click.at) < doubleClick
	m.click = clicked{msg.X, msg.Y, now}
	if double {
		m.click = clicked{}
	}
	switch {
	case m.help != nil:
		m.help = nil
		return nil
	case m.dialog != nil:
		return nil
	case m.detail != nil:
		return m.detail.click(msg.X, msg.Y, double)
	case msg.Y == m.tabsLine():
		if v, ok := m.tabAt(msg.X); ok {
			return m.choose(v)
		}
		return nil
	}
	return m.clickBody(msg.X, msg.Y-m.above(), double)
}

// clickBody takes a click into the list: y is 0 on its titles.
func (m *Model) clickBody(x, y int, double bool) tea.Cmd {
	if m.view == viewStats {
		if m.stats.clickMenu(x, y) {
			return nil
		}
		x -= m.stats.menuWidth()
	}
	v := m.columned()
	if v == nil {
		if m.view == viewSensors && m.sensors.table.Click(y) && double {
			return m.open()
		}
		if m.view == viewDoctor {
			m.doctor.click(y)
		}
		return nil
	}
	if y == 0 {
		if col := v.columnAt(x); col >= 0 {
			return m.e.set.sortClicked(m.e, v, col)
		}
		return nil
	}
	if !v.click(y) {
		return nil
	}
	if double {
		return m.open()
	}
	return m.look()
}

func (m *Model) wheel(msg tea.MouseMsg, n int) tea.Cmd {
	switch v := m.columned(); {
	case m.help != nil:
		m.help.Move(n)
	case m.dialog != nil:
		m.dialog.move(n)
	case m.detail != nil:
		m.detail.wheel(msg.X, n)
	case v != nil:
		v.wheel(n)
		return m.look()
	case m.view == viewRules:
		m.rules.text.Move(n)
	case m.view == viewSensors:
		m.sensors.table.Scroll(n)
	case m.view == viewDoctor:
		m.doctor.Move(n)
	}
	return nil
}

// tabsLine is the line of the screen on which the names of the views stand.
func (m *Model) tabsLine() int {
	if m.above() == 2 {
		return 1
	}
	return 2
}

// tabAt is the view whose name stands at a cell of the line of tabs.
func (m *Model) tabAt(x int) (view, bool) {
	names := m.tabNames()
	at := m.w - 1
	for _, n := range names {
		at -= style.Width(n.text) + 2
	}
	for _, n := range names {
		end := at + style.Width(n.text) + 2
		if x >= at && x < end {
			return n.view, true
		}
		at = end
	}
	return 0, false
}

// click takes a click on the screen of a call.
func (d *detail) click(x, y int, double bool) tea.Cmd {
	if d.over != nil || d.cdr == nil {
		return nil
	}
	const head = 3
	if y == 1 { // the pages
		_, width := d.tabs()
		at := d.w - 1 - width
		for p := range pages {
			n := d.tabWidth(p)
			if x >= at && x < at+n {
				d.page = p
				d.settle()
			}
			at += n
		}
		return nil
	}
	switch d.page {
	case pageLadder:
		row := d.top + y - head - 2
		if y < head+2 || row >= min(len(d.ladder.Rows), d.top+d.ladderHeight()) || x >= d.ladderView().W {
			return nil
		}
		d.cursor, d.follow = row, false
		d.settle()
		if double {
			return d.open()
		}
	case pageStreams:
		if at := d.streamsTop() + y - head - 1; y > head && y-head-1 < d.streamsRoom() && at < len(d.streams()) {
			d.stream = at
		}
	}
	return nil
}

func (d *detail) wheel(x, n int) {
	switch {
	case d.over != nil:
		d.over.move(n)
	case d.cdr == nil:
	case d.page == pageFindings:
		d.text.Move(n)
	case d.page == pageStreams:
		(*streamCursor)(d).Move(n / wheelLines)
	case d.sideWidth() > 0 && x >= d.ladderView().W:
		d.side.Move(n)
	default:
		d.follow = false
		(*rowCursor)(d).Move(n)
	}
}
