package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/doctor"
	"voiptop/tui/internal/style"
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

func (p *doctorPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.Move(0)
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
		out = append(out, t.HLine(strings.TrimRight(o.Code+"  "+o.Title, " "), p.w))
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
	code := t.Fit(o.Code, min(26, max(12, p.w/3))-1) + " "
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
