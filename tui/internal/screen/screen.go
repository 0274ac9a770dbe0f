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
	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/rules"
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

	view    view
	chosen  bool // the user has chosen the view
	live    *live
	done    *done
	regs    *regsPane
	streams *streamsPane
	rules   *rulesPane
	doctor  *doctorPane
	sensors *sensorsPane
	detail  *detail // over everything, nil if no call is open
	dialog  overlay // over that, nil mostly

	help     *scroll // nil when it is not shown
	input    textinput.Model
	calls    string // the filter of the calls, while input holds that of another view
	click    clicked
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
	m.regs = newRegs(e, m.live)
	m.streams = newStreams(e, m.live, m.done)
	m.doctor = &doctorPane{e: e, live: m.live}
	m.rules = &rulesPane{e: e, calls: m.known}
	m.input = textinput.New()
	m.input.CharLimit = 500
	m.input.Cursor.SetMode(cursor.CursorStatic) // we draw it
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
	return tea.Batch(m.feed.next(m.e), m.e.after(tickEvery, tickMsg{}))
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
		return m, tea.Batch(m.live.look(), m.e.after(tickEvery, tickMsg{}))
	case toast:
		m.toast, m.toastEnd = msg, m.e.Now().Add(toastFor)
	case pageMsg, refreshDue, seekDue, soughtMsg:
		return m, m.done.update(msg)
	case previewMsg, previewDue:
		return m, tea.Batch(m.live.update(msg), m.done.update(msg))
	case detailMsg, detailDue, textsMsg:
		if m.detail != nil {
			return m, m.detail.update(msg)
		}
	case textsDue:
		if m.detail != nil {
			return m, m.detail.progress(msg)
		}
	case streamsMsg, streamsDue:
		return m, m.streams.update(msg, m.view == viewStreams)
	case doctorMsg:
		return m, m.doctor.update(msg)
	case readyMsg:
		return m, m.ready(msg)
	case completedMsg:
		if d, ok := m.dialog.(*saveDialog); ok {
			d.completed(msg)
		}
	case compareMsg:
		m.compared(msg)
	case regsMsg, regsDue:
		return m, m.regs.update(msg, m.view == viewRegs)
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
		switch m.view {
		case viewRegs:
			cmds = append(cmds, m.regs.load())
		case viewStreams:
			cmds = append(cmds, m.streams.load())
		}
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
		return m.rules.typeRules(k)
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
	case key.Matches(k, keys.Sensors) && isFleet(m.e.Source):
		return m.choose(viewSensors)
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
	case key.Matches(k, keys.Back) && m.filtered():
		m.input.SetValue("")
		m.applyFilter()
		return m.seek()
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
		return m.regs.update(k, true)
	case viewStreams:
		return m.streams.update(k, true)
	case viewRules:
		return m.rules.update(k)
	case viewDoctor:
		return m.doctor.update(k)
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

func (m *Model) texting() bool {
	return m.dialog != nil && m.dialog.typing() || m.overlaid() && m.detail.over.typing()
}

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
		return m.regs
	case viewStreams:
		return m.streams
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
	}
	return nil
}

// filtered reports whether the screen has a filter, byWords whether that is words that are parts of a row.
func (m *Model) filtered() bool { return m.list() != nil || m.byWords() }
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
	m.view = v
	m.resize()
	switch v {
	case viewDone:
		if !m.done.loaded {
			return m.done.load("")
		}
		return m.done.look()
	case viewRegs:
		return m.regs.load()
	case viewStreams:
		if !m.done.loaded && m.live.conn == ended {
			return tea.Batch(m.done.load(""), m.streams.load())
		}
		return m.streams.load()
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
	if m.view == viewStreams {
		r := m.streams.current()
		if r == nil {
			return nil
		}
		m.detail = newDetail(m.e, r.call, r.call, m.legsKnown)
		m.detail.toStream(r.s)
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

// editing reports whether keys are text of the rules.
func (m *Model) editing() bool { return m.view == viewRules && m.rules.edit != nil }

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
		if r := m.streams.current(); r != nil {
			return r.call
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
	if r := m.regs.current(); m.view == viewRegs && m.detail == nil && r != nil && key.Matches(k, keys.Copy) {
		return m.e.copy(r.AOR, "address")
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
