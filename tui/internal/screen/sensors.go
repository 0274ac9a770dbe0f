package screen

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
	"voiptop/tui/source"
)

func isFleet(s source.Source) bool {
	_, ok := s.(source.Fleet)
	return ok
}

func isFile(s source.Source) bool {
	_, ok := s.(source.Noter)
	return ok
}

// sensorsPane lists the sensors of a fleet.
type sensorsPane struct {
	e      *env
	fleet  source.Fleet
	w, h   int
	table  *table.Table[protocol.UUID]
	loaded bool
	err    error
	round  uint64 // counts the answers: ages change with each
	timer  bool   // the next look is due

	offline []source.SensorStatus
	all     int
}

// sensorsMsg is the answer to load.
type sensorsMsg struct {
	list []source.SensorStatus
	err  error
}

// sensorsDue asks again.
type sensorsDue struct{}

// sensorsEvery is the time between two looks at the sensors, whatever is on the screen: one that is offline is told of everywhere.
const sensorsEvery = 15 * time.Second

func newSensors(e *env) *sensorsPane {
	p := &sensorsPane{e: e, table: table.New[protocol.UUID](e.Theme, []table.Column{
		{Title: "!", Min: 2},
		{Title: "Id", Min: 5, Right: true},
		{Title: "Name", Min: 14, Max: 28},
		{Title: "State", Min: 8},
		{Title: "Calls", Min: 5, Right: true},
		{Title: "CDRs", Min: 7, Right: true},
		{Title: "Queue", Min: 5, Right: true},
		{Title: "Last CDR", Min: 8, Max: 19, Prio: 1},
		{Title: "Version", Min: 9, Max: 16, Prio: 2},
		{Title: "Source", Min: 10, Max: 24, Prio: 3},
		{Title: "System", Min: 12, Prio: 4},
		{Title: "Address", Min: 16, Max: 24, Prio: 5},
	})}
	p.fleet, _ = e.Source.(source.Fleet)
	return p
}

func (p *sensorsPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.table.SetSize(w, h-p.notes())
}

func (p *sensorsPane) load() tea.Cmd {
	if p.fleet == nil {
		return nil
	}
	return p.e.ask(func(ctx context.Context) tea.Msg {
		list, err := p.fleet.Sensors(ctx)
		return sensorsMsg{list, err}
	})
}

func (p *sensorsPane) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sensorsMsg:
		p.loaded, p.err = true, msg.err
		var again tea.Cmd
		if !p.timer {
			p.timer = true
			again = p.e.after(sensorsEvery, sensorsDue{})
		}
		if msg.err != nil {
			return again
		}
		p.offline, p.all = nil, len(msg.list)
		for i := range msg.list {
			if s := &msg.list[i]; !s.Online && !s.Revoked {
				p.offline = append(p.offline, *s)
			}
		}
		p.round++
		slices.SortFunc(msg.list, func(a, b source.SensorStatus) int {
			return cmp.Or(cmp.Compare(a.SensorID, b.SensorID), slices.Compare(a.UUID[:], b.UUID[:]))
		})
		rows := make([]table.Row[protocol.UUID], len(msg.list))
		for i, s := range msg.list {
			rows[i] = sensorRow{p.e, s, p.round}
		}
		p.table.SetRows(rows)
		return again
	case sensorsDue:
		p.timer = false
		return p.load()
	case tea.KeyMsg:
		if key.Matches(msg, keys.Reload) {
			return p.load()
		}
		move(msg, p.table)
	}
	return nil
}

func (p *sensorsPane) current() (source.SensorStatus, bool) {
	r, ok := p.table.Current()
	if !ok {
		return source.SensorStatus{}, false
	}
	return r.(sensorRow).s, true
}

func (p *sensorsPane) view() []string {
	t := p.e.Theme
	switch {
	case p.err != nil:
		return centred(t, append(explain(p.err), "r tries again"), p.w, p.h)
	case !p.loaded:
		return centred(t, []string{"Reading the sensors"}, p.w, p.h)
	case p.table.Len() == 0:
		return centred(t, []string{"No sensor is paired", "make a token in the web GUI and run: voipmon pair"}, p.w, p.h)
	}
	out := p.table.View(true)
	if s, ok := p.current(); ok && p.notes() > 0 {
		out = append(out, t.HLine(s.Name, p.w), p.ruleState(&s))
		if !s.Online && !s.Revoked {
			out = append(out, t.NewLine(p.w).Add(t.Bad, " "+offlineSince(p.e, &s)).String())
		}
		for i := range s.Problems {
			out = append(out, t.NewLine(p.w).Add(t.Warn, " "+say(&s.Problems[i])).String())
		}
		if len(s.Problems) == 0 && s.Online {
			out = append(out, t.NewLine(p.w).Add(t.Good, " no problems").Add(t.Dim, "  enter shows its rules").String())
		}
	}
	return fill(out, p.w, p.h)
}

// ruleState says which rules a sensor has in force.
func (p *sensorsPane) ruleState(s *source.SensorStatus) string {
	t := p.e.Theme
	l := t.NewLine(p.w).Add(t.Dim, fmt.Sprintf(" rules: its own, revision %d; hosted's, revision %d, ", s.LocalRuleRevision, s.HostedRuleRevision))
	switch {
	case s.RulesProblem != nil:
		l.Add(t.Warn, "not the newest: "+say(s.RulesProblem))
	case s.RulesCurrent:
		l.Add(t.Dim, "the newest")
	default:
		l.Add(t.Warn, "not the newest yet")
	}
	return l.String()
}

// notes is the room below the table for the problems of the sensor under the cursor.
func (p *sensorsPane) notes() int {
	if p.h < 12 {
		return 0
	}
	return 5
}

// known is a number that a sensor told, or a dash.
func known[T any](t *style.Theme, v *T) (string, style.Style) {
	if v == nil {
		return "-", t.Dim
	}
	return fmt.Sprint(*v), t.Text
}

// sensorRow is a line of the table.
type sensorRow struct {
	e     *env
	s     source.SensorStatus
	round uint64
}

func (r sensorRow) ID() protocol.UUID { return r.s.UUID }
func (r sensorRow) Version() uint64   { return r.round }

func (r sensorRow) Cell(col, w int) (string, style.Style) {
	t, s := r.e.Theme, &r.s
	switch col {
	case 0:
		switch {
		case s.Revoked:
			return "", t.Dim
		case !s.Online:
			return "!!", t.Bad
		case len(s.Problems) > 0:
			return "!", t.Warn
		}
		return "", t.Text
	case 1:
		return fmt.Sprint(s.SensorID), t.Text
	case 2:
		return s.Name, t.Text
	case 3:
		switch {
		case s.Revoked:
			return "revoked", t.Dim
		case s.Online:
			return "online", t.Good
		}
		return "offline", t.Bad
	case 4:
		return known(t, s.Running)
	case 5:
		return fmt.Sprint(s.CDRs), t.Text
	case 6:
		return known(t, s.Queue)
	case 7:
		if s.LastCDR == 0 {
			return "-", t.Dim
		}
		if w >= 19 {
			return s.LastCDR.Std().In(r.e.Zone).Format("2006-01-02 15:04:05"), t.Dim
		}
		return s.LastCDR.Std().In(r.e.Zone).Format("15:04:05"), t.Dim
	case 8:
		return s.Version, t.Text
	case 9:
		return s.Source, t.Text
	case 10:
		return s.OS + "/" + s.Arch, t.Dim
	}
	return s.Addr, t.Dim
}
