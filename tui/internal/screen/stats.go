package screen

import (
	"slices"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/stats"
	"voiptop/tui/internal/table"
)

// statsEvery is the least time between two counts.
const statsEvery = time.Second

// statsPane counts the past calls that the filter holds for together: figures, and groups of calls. A row opens its calls.
type statsPane struct {
	e    *env
	live *live // for counters
	done *done
	regs *regsPane
	w, h int

	report *stats.Report
	of     uint64 // the change of the list that was counted
	busy   bool
	took   time.Duration
	at     time.Time // of the last count

	sections []statsSection
	section  int
	cursor   map[string]string // the row that the cursor was on, by section
	grids    [statsKinds]*grid[string, *statsRow]
	version  uint64
}

// statsSection is one list of rows.
type statsSection struct {
	name    string
	kind    statsKind
	note    string // what the rows are, when it is not calls
	answers bool   // they have a last answer
	none    string // why it has no row
	rows    []*statsRow
}

// statsKind is the columns that a section has.
type statsKind uint8

const (
	kindFigures statsKind = iota
	kindGroups
	kindRanges // groups in an order of their own
	kindCounts // of what are no calls
	statsKinds
)

// countedMsg is what came of counting.
type countedMsg struct {
	report *stats.Report
	of     uint64
	took   time.Duration
}

func newStats(e *env, l *live, d *done, r *regsPane) *statsPane {
	p := &statsPane{e: e, live: l, done: d, regs: r, cursor: map[string]string{}}
	for kind := range statsKinds {
		columns := statsColumns[kind]
		heads := make([]table.Column, len(columns))
		for i, c := range columns {
			heads[i] = c.Column
		}
		g := &grid[string, *statsRow]{}
		if kind == kindGroups || kind == kindCounts {
			g.sort = 1 // most calls first
		}
		g.init(e, statsNames[kind], "row", heads, func(col int) func(a, b *statsRow) int { return columns[col].cmp })
		p.grids[kind] = g
	}
	p.fill()
	return p
}

// grid is the table of the section on the screen.
func (p *statsPane) grid() *grid[string, *statsRow] { return p.grids[p.sections[p.section].kind] }

func (p *statsPane) setSize(w, h int) {
	p.w, p.h = w, h
	for _, g := range p.grids {
		g.table.SetSize(p.tableWidth(), max(1, h-p.notes()))
	}
}

// look counts again when the calls are others than were counted; it reads on while there are more.
func (p *statsPane) look() tea.Cmd {
	list := p.done.list
	now := p.e.Now()
	if p.busy || !p.done.loaded || p.report != nil && (p.of == list.changes || now.Sub(p.at) < max(statsEvery, 4*p.took)) {
		return nil
	}
	p.busy, p.at = true, now
	calls := make([]*protocol.CDR, len(list.sorted)) // records are not changed: a newer one replaces the older
	for i, r := range list.sorted {
		calls[i] = r.(*row).call.CDR
	}
	of, clock := list.changes, p.e.Now
	return func() tea.Msg {
		began := clock()
		r := stats.Of(calls)
		return countedMsg{r, of, clock().Sub(began)}
	}
}

func (p *statsPane) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case countedMsg:
		p.busy, p.report, p.of, p.took = false, msg.report, msg.of, msg.took
		p.fill()
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, keys.Focus, keys.Right):
			p.turn(1)
		case key.Matches(msg, keys.Left) || msg.Type == tea.KeyShiftTab:
			p.turn(-1)
		case key.Matches(msg, keys.Reload):
			p.of = 0
			return tea.Batch(p.done.load(""), p.regs.load())
		default:
			return p.grid().key(msg)
		}
	}
	return nil
}

// turn goes to another section.
func (p *statsPane) turn(n int) { p.choose((p.section + n + len(p.sections)) % len(p.sections)) }

func (p *statsPane) choose(section int) {
	if r, ok := p.grid().current(); ok {
		p.cursor[p.sections[p.section].name] = r.id
	}
	p.section = section
	p.show()
}

// show puts the rows of the section into its table, the cursor where it was.
func (p *statsPane) show() {
	s, g := &p.sections[p.section], p.grid()
	switch g.all = s.rows; s.kind {
	case kindFigures:
	case kindCounts:
		answers := ""
		if s.answers {
			answers = "Last answer"
		}
		g.table.SetTitle(len(g.heads)-1, answers)
		fallthrough
	default:
		g.table.SetTitle(0, s.name)
	}
	g.arrange()
	g.table.Home()
	if id, ok := p.cursor[s.name]; ok {
		at := slices.IndexFunc(g.shown, func(r table.Row[string]) bool { return r.ID() == id })
		g.table.Move(max(0, at))
	}
}

// fill makes the rows of all sections anew.
func (p *statsPane) fill() {
	if len(p.sections) > 0 {
		if r, ok := p.grid().current(); ok {
			p.cursor[p.sections[p.section].name] = r.id
		}
	}
	p.version++
	report := p.report
	if report == nil {
		report = stats.Of(nil)
	}
	p.sections = append(p.sections[:0], statsSection{name: "Figures", kind: kindFigures, rows: p.figureRows(report)})
	for _, name := range statsOrder {
		s := report.Section(name)
		if s == nil || name == "Sensors" && !isFleet(p.e.Source) {
			continue
		}
		kind := kindGroups
		if s.Ordered {
			kind = kindRanges
		}
		p.sections = append(p.sections, statsSection{name: name, kind: kind, rows: p.groupRows(s, report.Calls), none: statsNone[name]})
	}
	p.sections = append(p.sections, p.methods(), p.failing())
	p.section = min(p.section, len(p.sections)-1)
	p.show()
}
