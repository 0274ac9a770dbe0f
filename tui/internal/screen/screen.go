// Package screen is what voiptop shows: the lists of running and past calls, registrations and streams, one call with its messages,
// the rules, the doctor's checks, the sensors, and the frame around them. Model is the root; the panes beside it are told their
// size, take messages and answer with lines.
//
// It is not for I/O: Update only returns commands, and these ask the source. All text from the wire goes through
// style.Theme, which makes it harmless and fits it to its cells.
package screen

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/redact"
)

// view is one of the screens that a number key chooses.
type view uint8

const (
	viewLive view = iota
	viewDone
	viewRegs
	viewStreams
	viewRules
	viewDoctor
	viewSensors
	viewStats
)

const (
	tickEvery = 250 * time.Millisecond // durations and clock move on
	toastFor  = 6 * time.Second
)

// Model is the whole screen.
type Model struct {
	e    *env
	feed *feed
	w, h int

	view     view
	chosen   bool // the user has chosen the view
	live     *live
	done     *done
	regs     *regsPane
	streams  *streamsPane
	rules    *rulesPane
	doctor   *doctorPane
	sensors  *sensorsPane
	stats    *statsPane
	requests *requestsPane
	outside  bool    // Regs shows the requests outside of calls
	detail   *detail // over everything, nil if no call is open
	dialog   overlay // over that, nil mostly

	help  *scroll // nil when it is not shown
	input textinput.Model
	calls string  // the filter of the calls, while input holds that of another view
	from  *origin // the statistics that a filter came from, nil: the user wrote it
	click clicked

	words    filterWords
	inText   inText
	typing   bool // in the filter
	badExpr  error
	toast    toast
	toastEnd time.Time
}

// tickMsg moves what moves by itself.
type tickMsg struct{}

// New makes the screen. Run the answered function beside the program: it watches the source until ctx ends.
func New(ctx context.Context, c Config) (*Model, func(context.Context)) {
	e := &env{Config: c, ctx: ctx, pause: sleep, set: newSettings(c.Prefs), marks: marks{}, masking: &masking{red: newRedactor()}}
	m := &Model{e: e, feed: newFeed(c.Source, c.Now), live: newLive(e), done: newDone(e), sensors: newSensors(e)}
	e.clock = m.live.now
	m.regs = newRegs(e, m.live)
	m.streams = newStreams(e, m.live, m.done)
	m.requests = newRequests(e, m.live)
	m.stats = newStats(e, m.live, m.done, m.regs)
	m.doctor = &doctorPane{e: e, live: m.live}
	m.rules = &rulesPane{e: e, calls: m.known}
	m.input = textinput.New()
	m.input.CharLimit = 500
	m.input.Cursor.SetMode(cursor.CursorStatic) // we draw it
	m.input.SetValue(c.Filter)
	m.applyFilter()
	return m, m.feed.run
}

// newRedactor masks with a key that nobody knows.
func newRedactor() *redact.Redactor {
	key := make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand)
	return redact.New(key)
}

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.feed.next(m.e), m.e.after(tickEvery, tickMsg{}), m.seek())
}

// Update implements tea.Model. It does no I/O.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
		if m.w == 0 || m.h == 0 { // a terminal that was never told its size
			m.w, m.h = 80, 24
		}
		m.resize()
	case feedMsg:
		return m, tea.Batch(m.take(msg), m.feed.next(m.e))
	case tickMsg:
		if !m.live.paused {
			m.live.tick()
		}
		cmds := []tea.Cmd{m.live.look(), m.e.after(tickEvery, tickMsg{})}
		switch m.view {
		case viewStreams:
			cmds = append(cmds, m.streams.look())
		case viewStats:
			cmds = append(cmds, m.stats.look())
		}
		return m, tea.Batch(cmds...)
	case toast:
		m.toast, m.toastEnd = msg, m.e.Now().Add(toastFor)
	case pageMsg, refreshDue, seekDue, soughtMsg:
		cmd := m.done.update(msg)
		if m.view == viewStats {
			cmd = tea.Batch(cmd, m.done.all(), m.stats.look())
		}
		return m, cmd
	case countedMsg:
		return m, m.stats.update(msg)
	case previewMsg, previewDue:
		return m, tea.Batch(m.live.update(msg), m.done.update(msg), m.streams.update(msg))
	case detailMsg, detailDue, textsMsg:
		if m.detail != nil {
			return m, m.detail.update(msg)
		}
	case textsDue:
		if m.detail != nil {
			return m, m.detail.progress(msg)
		}
	case streamsWake:
		return m, m.streams.update(msg)
	case doctorMsg:
		return m, m.doctor.update(msg)
	case readyMsg:
		return m, m.ready(msg)
	case completedMsg:
		if d, ok := m.dialog.(*saveDialog); ok {
			d.completed(msg)
		}
	case lookDue, lookedMsg:
		return m, m.looked(msg)
	case compareMsg:
		m.compared(msg)
	case regsMsg, regsDue:
		cmd := m.regs.update(msg, m.view == viewRegs || m.view == viewStats)
		if m.view == viewStats {
			m.stats.fill()
		}
		return m, cmd
	case requestsMsg, requestsDue:
		return m, m.requests.update(msg, m.view == viewRegs && m.outside)
	case rulesMsg, checkDue, savedMsg:
		return m, m.rules.update(msg)
	case sensorsMsg, sensorsDue:
		return m, m.sensors.update(msg)
	case tea.KeyMsg:
		return m, m.typed(msg)
	case tea.MouseMsg:
		return m, m.mouse(msg)
	}
	return m, nil
}

// take brings what the feed gathered to the lists.
func (m *Model) take(f feedMsg) tea.Cmd {
	was := m.live.conn
	cmds := []tea.Cmd{m.live.take(f)}
	if f.conn == connected && was != connected {
		cmds = append(cmds, m.sensors.load())
	}
	if len(f.gone) > 0 || f.fresh {
		cmds = append(cmds, m.done.changed())
	}
	if f.conn == ended && !m.chosen && m.view == viewLive {
		cmds = append(cmds, m.show(viewDone))
	}
	if f.conn == ended {
		cmds = append(cmds, m.done.load(""))
		if m.view == viewRegs || m.view == viewStats {
			cmds = append(cmds, m.regs.load(), m.requests.load())
		}
	}
	return tea.Batch(cmds...)
}

func (m *Model) texting() bool {
	return m.dialog != nil && m.dialog.typing() || m.overlaid() && m.detail.over.typing()
}
