package screen

import (
	"fmt"
	"strconv"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// header is the frame above the lists: title, status, tabs with filter, a line. Short screens have title and tabs.
func (m *Model) header() []string {
	t := m.e.Theme
	if m.above() == 2 {
		return []string{m.title(), m.tabs()}
	}
	status := ""
	switch m.view {
	case viewDone:
		status = m.done.status(m.w)
	case viewRegs:
		status = m.regs.status(m.w)
		if m.outside {
			status = m.requests.status(m.w)
		}
	case viewStreams:
		status = m.streams.status(m.w)
	case viewDoctor:
		status = m.doctor.status(m.w)
	case viewStats:
		status = m.stats.status(m.w)
	default:
		status = m.live.status(m.w)
	}
	return []string{m.title(), status, m.tabs(), t.HLine("", m.w)}
}

// title names the source and says how it does.
func (m *Model) title() string {
	t, p := m.e.Theme, m.live
	l := t.NewLine(m.w).Add(t.Title, " voiptop ")
	name := m.e.Source.Name()
	if p.info.Name != "" {
		name = p.info.Name
	}
	switch p.conn {
	case connecting:
		l.Add(t.Warn, " CONNECTING ").Add(t.Text, name)
	case lost:
		wait := "again now "
		if d := p.retry.Sub(m.e.Now()); d > 0 {
			wait = fmt.Sprintf("again in %.0f s ", d.Seconds()+0.5)
		}
		return l.Add(t.Bad, " OFFLINE ").Add(t.Text, t.Cut(headline(p.err), l.Left()-len(wait)-10)).Right(t.Dim, wait).String()
	case ended:
		l.Add(t.Info, " FILE ").Add(t.Text, name)
	default:
		_, file := m.e.Source.(source.Noter)
		switch {
		case p.paused:
			l.Add(t.Warn, " PAUSED ")
		case file:
			l.Add(t.Info, " READING ")
		default:
			l.Add(t.Good, " LIVE ")
		}
		l.Add(t.Text, name)
	}
	if m.w >= 100 && p.info.Source != "" && p.info.Source != name {
		l.Add(t.Dim, " ("+t.Cut(p.info.Source, 24)+")")
	}
	if n := len(m.sensors.offline); n > 0 {
		l.Sep().Add(t.Bad, fmt.Sprintf("%d of %s offline", n, plural.Of(m.sensors.all, "sensor")))
	}
	now := p.now().Std().In(m.e.Zone).Format("15:04:05 MST")
	if p.conn != ended {
		l.Sep().Add(t.Bold, strconv.Itoa(p.up())).Add(t.Dim, " running")
	}
	if r, ok := p.rates.of(protocol.CountCallsStarted); ok && p.conn != ended {
		l.Sep().Add(t.Text, short(r)).Add(t.Dim, " cps")
	}
	if n, ok := p.counters[protocol.CountCallsEnded]; ok {
		l.Sep().Add(t.Text, strconv.FormatUint(n, 10)).Add(t.Dim, " ended")
	}
	if m.w >= 100 {
		if n, ok := p.counters[protocol.CountPackets]; ok {
			l.Sep().Add(t.Text, short(float64(n))).Add(t.Dim, " packets")
		}
	}
	if n, ok := p.counters[protocol.CountKernelDrops]; ok {
		st := t.Text
		if n > 0 {
			st = t.Bad
		}
		l.Sep().Add(t.Dim, "drop ").Add(st, strconv.FormatUint(n, 10))
	}
	return l.Right(t.Dim, now+" ").String()
}

// tabName is a view as the line of tabs names it.
type tabName struct {
	view view
	text string
}

// viewNames name the views: in full, shorter, and by the number alone.
var viewNames = map[view][3]string{
	viewLive: {"1 Live", "1 Live", "1"}, viewDone: {"2 Done", "2 Done", "2"}, viewRegs: {"3 Regs", "3 Regs", "3"}, viewStreams: {"4 Streams", "4 RTP", "4"},
	viewRules: {"5 Rules", "5 Rules", "5"}, viewDoctor: {"6 Doctor", "6 Doc", "6"}, viewSensors: {"7 Sensors", "7 Sens", "7"},
	viewStats: {"8 Stats", "8 Stats", "8"},
}

// tabNames are the views that there are, named so that there is room beside them for the count or the filter.
func (m *Model) tabNames() (out []tabName) {
	beside := 22
	if m.typing || m.input.Value() != "" && m.filtered() {
		beside = 42
	}
	for length := range 3 {
		out = out[:0]
		width := 1
		for v := viewLive; v <= viewStats; v++ {
			if v == viewSensors && !isFleet(m.e.Source) {
				continue
			}
			n := viewNames[v][length]
			if v == m.view {
				n = viewNames[v][min(length, 1)]
			}
			out = append(out, tabName{v, n})
			width += style.Width(n) + 2
		}
		if m.w-width >= beside {
			break
		}
	}
	return out
}

// tabs are the filter or the count at the left, and the views at the right.
func (m *Model) tabs() string {
	t := m.e.Theme
	right, width := "", 1
	for _, n := range m.tabNames() {
		st, text := t.Dim, " "+n.text+" "
		if n.view == m.view {
			st, text = t.Key, "["+n.text+"]"
		}
		right += st.Render(text)
		width += style.Width(text)
	}
	l := t.NewLine(max(0, m.w-width))
	switch {
	case m.typing:
		m.prompt(l)
	case m.input.Value() != "" && m.filtered():
		l.Add(t.Dim, " / ").Add(t.Bold, m.input.Value()+"  ")
	}
	switch list := m.list(); {
	case list != nil:
		l.Right(t.Dim, m.count(list)+" ")
	case m.view == viewRegs && m.outside:
		l.Right(t.Dim, m.requests.count()+" ")
	case m.view == viewRegs:
		l.Right(t.Dim, m.regs.count()+" ")
	case m.view == viewStreams:
		l.Right(t.Dim, m.streams.count()+" ")
	case m.view == viewStats:
		l.Right(t.Dim, m.stats.count()+" ")
	}
	return l.String() + right + " "
}

// count says how many rows there are: "6 of 37 shown"; of running calls how many of them have just ended.
func (m *Model) count(l *list) string {
	more := ""
	if n := m.marks(); n > 0 {
		more = fmt.Sprintf(", %d marked", n)
	}
	all := strconv.Itoa(len(l.rows))
	if m.view == viewDone && m.done.next != "" {
		all += "+"
	}
	if n := l.table.Len(); n != len(l.rows) {
		return strconv.Itoa(n) + " of " + all + " shown" + more
	}
	if l.follow {
		more = ", following" + more
	}
	if n := m.live.up(); m.view == viewLive && n < len(l.rows) {
		return fmt.Sprintf("%s, %d ended", plural.Of(n, "call"), len(l.rows)-n) + more
	}
	if len(l.rows) == 1 {
		return all + " call" + more
	}
	return all + " calls" + more
}
