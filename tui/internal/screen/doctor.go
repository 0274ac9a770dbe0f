package screen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/doctor"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// doctorPane makes the checks of voipmon doctor and shows each outcome as it comes: of the sensor of this machine, or as far as their
// API has it of the sensors of a fleet; of a file, what of it was not understood.
type doctorPane struct {
	e      *env
	live   *live
	w, h   int
	out    []doctor.Outcome
	cursor int
	top    int
	run    *checking // nil before the first
	ended  bool
}

// checking is one run of the checks.
type checking struct {
	came chan doctor.Outcome
	stop context.CancelFunc
}

// doctorMsg is an outcome, or the end of a run.
type doctorMsg struct {
	run   *checking
	o     doctor.Outcome
	ended bool
}

// maxOutcomes bounds what is waiting to be shown.
const maxOutcomes = 4096

func (p *doctorPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.Move(0)
}

// begin makes the checks, unless they were made; again makes them anew.
func (p *doctorPane) begin(again bool) tea.Cmd {
	if p.run != nil && !again {
		return nil
	}
	if p.run != nil {
		p.run.stop()
	}
	ctx, cancel := context.WithCancel(p.e.ctx)
	r := &checking{make(chan doctor.Outcome, maxOutcomes), cancel}
	p.run, p.ended, p.out, p.cursor, p.top = r, false, nil, 0, 0
	if _, file := p.e.Source.(source.Noter); file {
		p.out, p.ended = p.ofFile(), true
		cancel()
		return nil
	}
	emit := func(o doctor.Outcome) {
		select {
		case r.came <- o:
		case <-ctx.Done():
		}
	}
	check := func() tea.Msg {
		defer close(r.came)
		p.check(ctx, emit)
		return nil
	}
	return tea.Batch(check, r.next)
}

// next waits for the next outcome.
func (r *checking) next() tea.Msg {
	o, ok := <-r.came
	return doctorMsg{r, o, !ok}
}

// check makes the checks that the source allows.
func (p *doctorPane) check(ctx context.Context, emit func(doctor.Outcome)) {
	far, ok := p.e.Source.(source.HealthReader)
	fleet, isFleet := p.e.Source.(source.Fleet)
	switch {
	case p.e.Doctor != nil:
		p.e.Doctor(ctx, emit)
	case !ok:
	case !isFleet:
		doctor.Far(ctx, farAPI{far, protocol.UUID{}}, p.e.Now, emit)
	default:
		list, err := fleet.Sensors(ctx)
		if err != nil {
			emit(doctor.Outcome{Code: "hosted", Group: "hosted", Result: doctor.Result{Status: doctor.Fail, Seen: say(err)}})
			return
		}
		slices.SortFunc(list, func(a, b source.SensorStatus) int { return int(a.SensorID) - int(b.SensorID) })
		for i := range list {
			p.checkSensor(ctx, far, &list[i], emit)
		}
		if len(list) == 0 {
			emit(doctor.Outcome{Code: "paired", Group: "hosted", Result: doctor.Result{
				Status: doctor.Warn, Seen: "no sensor is paired", Remedy: "make a token in the web GUI, then on the sensor: voipmon pair",
			}})
		}
	}
}

// checkSensor makes the checks of one sensor of a fleet.
func (p *doctorPane) checkSensor(ctx context.Context, far source.HealthReader, s *source.SensorStatus, emit func(doctor.Outcome)) {
	group := fmt.Sprintf("sensor %d %s", s.SensorID, s.Name)
	if s.Revoked {
		return
	}
	if !s.Online {
		emit(doctor.Outcome{Code: "link-up", Group: group, Result: doctor.Result{
			Status: doctor.Fail, Seen: offlineSince(p.e, s), Why: "its calls wait on its own disk until the link is up", Remedy: "voipmon doctor",
		}, Docs: "docs/doctor.md#link-up"})
		return
	}
	doctor.Far(ctx, farAPI{far, s.UUID}, p.e.Now, func(o doctor.Outcome) {
		o.Group = group
		emit(o)
	})
}

// offlineSince says since when a sensor cannot be reached.
func offlineSince(e *env, s *source.SensorStatus) string {
	if s.LastSeen == 0 {
		return "offline: it was never connected"
	}
	d := e.Now().Sub(s.LastSeen.Std())
	return "offline since " + s.LastSeen.Std().In(e.Zone).Format("2006-01-02 15:04:05 MST") + " (" + clock(max(d, 0)) + "), last from " + s.Addr
}

// farAPI is one sensor's API through a source.
type farAPI struct {
	source.HealthReader
	sensor protocol.UUID
}

func (a farAPI) Health(ctx context.Context) (protocol.Health, error) {
	return a.HealthReader.Health(ctx, a.sensor)
}

func (a farAPI) Rules(ctx context.Context) (sensorapi.Rules, error) {
	return a.HealthReader.Rules(ctx, a.sensor)
}

// ofFile is what is to be said of the input: what was cut, and what was not understood.
func (p *doctorPane) ofFile() (out []doctor.Outcome) {
	add := func(code string, st doctor.Status, seen, remedy string) {
		out = append(out, doctor.Outcome{Code: code, Group: "file", Result: doctor.Result{Status: st, Seen: seen, Remedy: remedy}, Docs: "docs/counters.md"})
	}
	c := p.live.counters
	for _, n := range p.e.Source.(source.Noter).Notes() {
		add("input", doctor.Warn, n, "")
	}
	if c[protocol.CountPackets] == 0 {
		add("packets-seen", doctor.Fail, "no packets", "")
	} else {
		add("packets-seen", doctor.OK, fmt.Sprintf("%d packets", c[protocol.CountPackets]), "")
	}
	if c[protocol.CountSIP] == 0 {
		add("sip-seen", doctor.Fail, "no SIP message", "tshark -r FILE -qz io,phs says what is in it")
	} else {
		add("sip-seen", doctor.OK, fmt.Sprintf("%d SIP messages, %d calls", c[protocol.CountSIP], c[protocol.CountCallsStarted]), "")
	}
	if n := c["tls.streams"]; n > 0 {
		add("tls", doctor.Warn, fmt.Sprintf("%d connections are TLS, and their keys are not known", n), "voiptop -r FILE --keylog SSLKEYLOGFILE")
	}
	var names []string
	for name := range c {
		if strings.Contains(name, "unknown") || strings.Contains(name, "unparsed") || strings.Contains(name, "dropped") || strings.Contains(name, "cut") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if c[name] > 0 {
			add(name, doctor.Warn, fmt.Sprint(c[name]), "docs/counters.md says what it counts")
		}
	}
	return out
}

func (p *doctorPane) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case doctorMsg:
		if msg.run != p.run {
			return nil
		}
		if msg.ended {
			p.ended = true
			msg.run.stop()
			return nil
		}
		p.out = append(p.out, msg.o)
		return msg.run.next
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, keys.Reload):
			return p.begin(true)
		case key.Matches(msg, keys.Next):
			p.fault(1)
		case key.Matches(msg, keys.Prev):
			p.fault(-1)
		case key.Matches(msg, keys.Copy):
			if o := p.current(); o != nil && o.Remedy != "" {
				return p.e.copy(o.Remedy, "remedy")
			}
			return toastCmd("there is nothing to mend here", false)
		default:
			move(msg, p)
		}
	}
	return nil
}

func (p *doctorPane) current() *doctor.Outcome {
	if p.cursor < len(p.out) {
		return &p.out[p.cursor]
	}
	return nil
}

// fault goes to the next outcome that is not all right.
func (p *doctorPane) fault(step int) {
	n := len(p.out)
	for i := 1; i <= n; i++ {
		at := ((p.cursor+step*i)%n + n) % n
		if o := &p.out[at]; o.Status == doctor.Fail || o.Status == doctor.Warn || o.Blocked {
			p.Move(at - p.cursor)
			return
		}
	}
}

// Move implements mover, as do Page, Home and End.
func (p *doctorPane) Move(n int) {
	p.cursor = max(0, min(p.cursor+n, len(p.out)-1))
	room := max(1, p.h-p.notes())
	line := p.lineOf(p.cursor)
	p.top = max(min(p.top, line), line-room+1)
	p.top = max(0, p.top)
	if p.cursor == 0 {
		p.top = 0
	}
}
func (p *doctorPane) Page(n int) { p.Move(n * max(1, p.h-p.notes()-2)) }
func (p *doctorPane) Home()      { p.Move(-p.cursor) }
func (p *doctorPane) End()       { p.Move(len(p.out)) }

// lineOf is the line of an outcome, the names of groups counted.
func (p *doctorPane) lineOf(at int) (line int) {
	for i := range p.out {
		if i == 0 || p.out[i].Group != p.out[i-1].Group {
			line++
		}
		if i == at {
			return line
		}
		line++
	}
	return line
}

// click chooses the outcome on a line.
func (p *doctorPane) click(y int) {
	for i := range p.out {
		if p.lineOf(i) == p.top+y {
			p.Move(i - p.cursor)
			return
		}
	}
}

// notes is the room below the list for the outcome under the cursor.
func (p *doctorPane) notes() int {
	if p.h < 12 {
		return 0
	}
	return 7
}

func (p *doctorPane) view() []string {
	t := p.e.Theme
	if len(p.out) == 0 {
		if !p.ended {
			return centred(t, []string{"Checking"}, p.w, p.h)
		}
		return centred(t, []string{"There is nothing to check here", "run voipmon doctor on the sensor's machine"}, p.w, p.h)
	}
	var lines []string
	for i := range p.out {
		if i == 0 || p.out[i].Group != p.out[i-1].Group {
			lines = append(lines, t.NewLine(p.w).Add(t.Head, " "+p.out[i].Group).String())
		}
		lines = append(lines, p.line(&p.out[i], i == p.cursor))
	}
	room := max(1, p.h-p.notes())
	out := fill(slices.Clone(lines[min(p.top, len(lines)):]), p.w, room)
	if o := p.current(); o != nil && p.notes() > 0 {
		out = append(out, t.HLine(o.Code+"  "+o.Title, p.w))
		var about []string
		for _, x := range []struct{ name, text string }{{"seen", o.Seen}, {"why", o.Why}, {"do", o.Remedy}, {"see", o.Docs}} {
			st := t.Text
			if x.name == "do" {
				st = t.Key
			}
			about = append(about, paragraph(t, x.name, x.text, st, p.w)...)
		}
		out = append(out, about...)
	}
	return fill(out, p.w, p.h)
}

func (p *doctorPane) line(o *doctor.Outcome, sel bool) string {
	t := p.e.Theme
	mark, st := " ok ", t.Good
	switch o.Status {
	case doctor.Warn:
		mark, st = "warn", t.Warn
	case doctor.Fail:
		mark, st = "FAIL", t.Bad
	case doctor.Skip:
		mark, st = "skip", t.Dim
	}
	text := t.Text
	if o.Status == doctor.Skip {
		text = t.Dim
	}
	cursor := " "
	if sel {
		cursor = ">"
	}
	code := t.Fit(o.Code, min(26, max(12, p.w/3)))
	rest := max(0, p.w-8-style.Width(code))
	return t.Bold.On(sel, cursor) + t.Text.On(sel, " ") + st.On(sel, mark) + t.Text.On(sel, "  "+code) + text.On(sel, t.Fit(o.Seen, rest))
}

// status is the second line of the screen: how many checks came out how.
func (p *doctorPane) status(w int) string {
	t := p.e.Theme
	n := map[doctor.Status]int{}
	for i := range p.out {
		n[p.out[i].Status]++
	}
	l := t.NewLine(w)
	for _, c := range []struct {
		s    doctor.Status
		word string
		st   style.Style
	}{{doctor.OK, "ok", t.Good}, {doctor.Warn, "to look at", t.Warn}, {doctor.Fail, "failed", t.Bad}, {doctor.Skip, "not checked", t.Dim}} {
		if n[c.s] > 0 {
			l.Add(c.st, fmt.Sprintf(" %d", n[c.s])).Add(t.Dim, " "+c.word+" ")
		}
	}
	if !p.ended {
		l.Add(t.Dim, "  checking")
	}
	return l.String()
}
