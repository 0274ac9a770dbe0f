package screen

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/table"
)

// regsEvery is the time between two looks at the registrations while they are on the screen.
const regsEvery = 2 * time.Second

// regKey identifies a registration.
type regKey struct {
	sensor       uint16
	aor, contact string
}

// regsPane lists who is registered, and who fails to.
type regsPane struct {
	grid[regKey, *regRow]
	live   *live // for the clock, and for why there is nothing
	w, h   int
	loaded bool
	busy   bool
	timer  bool  // the next look is due
	err    error // of the last answer; there may be a list beside it
	round  uint64
}

// regsMsg is the answer to load.
type regsMsg struct {
	list []protocol.Registration
	err  error
}

// regsDue asks again.
type regsDue struct{}

func newRegs(e *env, l *live) *regsPane {
	cols := make([]table.Column, len(regColumns))
	for i, c := range regColumns {
		cols[i] = c.Column
	}
	if !isFleet(e.Source) {
		cols = cols[:len(cols)-1] // the sensor
	}
	p := &regsPane{live: l}
	p.init(e, "regs", "registration", cols, func(col int) func(a, b *regRow) int {
		return func(a, b *regRow) int { return regColumns[col].cmp(&a.r, &b.r) }
	})
	return p
}

func (p *regsPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.table.SetSize(w, h-p.notes())
}

// notes is the room below the table for the registration under the cursor.
func (p *regsPane) notes() int {
	if p.h < 12 {
		return 0
	}
	return 4
}

func (p *regsPane) load() tea.Cmd {
	if p.busy {
		return nil
	}
	p.busy = true
	return p.e.ask(func(ctx context.Context) tea.Msg {
		list, err := p.e.Source.Registrations(ctx)
		return regsMsg{list, err}
	})
}

func (p *regsPane) update(msg tea.Msg, seen bool) tea.Cmd {
	switch msg := msg.(type) {
	case regsMsg:
		p.busy, p.err = false, msg.err
		if msg.err == nil || len(msg.list) > 0 {
			p.loaded = true
			p.round++
			p.all = p.all[:0]
			for i := range msg.list {
				p.all = append(p.all, &regRow{p, msg.list[i], p.round})
			}
			p.arrange()
		}
		if p.timer || p.live.conn == ended {
			return nil
		}
		p.timer = true
		return p.e.after(regsEvery, regsDue{})
	case regsDue:
		p.timer = false
		if seen {
			return p.load()
		}
	case tea.KeyMsg:
		if key.Matches(msg, keys.Reload) {
			return p.load()
		}
		return p.key(msg)
	}
	return nil
}

func (p *regsPane) view() []string {
	t := p.e.Theme
	if p.table.Len() == 0 {
		return centred(t, p.empty(), p.w, p.h)
	}
	out := p.table.View(true)
	if r, ok := p.current(); ok && p.notes() > 0 {
		out = append(out, t.HLine(r.r.AOR, p.w))
		out = append(out, p.about(&r.r)...)
	}
	return fill(out, p.w, p.h)
}

// about tells what is known of one registration.
func (p *regsPane) about(r *protocol.Registration) []string {
	t := p.e.Theme
	at := func(v protocol.Time) string { return v.Std().In(p.e.Zone).Format("2006-01-02 15:04:05") }
	where := t.NewLine(p.w).Add(t.Dim, " contact ").Add(t.Text, cmp.Or(r.Contact, "-")).Add(t.Dim, "  "+r.Transport+" to ").Add(t.Text, r.Dst)
	when := t.NewLine(p.w)
	switch {
	case r.Since == 0:
		when.Add(t.Warn, " never registered in view of the sensor")
	case r.State == protocol.Unregistered:
		when.Add(t.Dim, " taken back ").Add(t.Text, at(r.Attempt))
	default:
		when.Add(t.Dim, " since ").Add(t.Text, at(r.Since)).Add(t.Dim, "  last ").Add(t.Text, at(r.Refresh)).Add(t.Dim, "  until ").Add(t.Text, at(r.Until))
	}
	last := t.NewLine(p.w)
	switch {
	case r.Status == 0:
		last.Add(t.Bad, " the last attempt was not answered")
	default:
		last.Add(t.Dim, " last answer ").Add(t.Status(r.Status), strconv.Itoa(r.Status)+" "+r.Reason)
		if r.RTTMS != nil {
			last.Add(t.Dim, " after ").Add(t.Text, inMS(*r.RTTMS))
		}
	}
	if r.Failures > 0 {
		last.Add(t.Warn, "  failures: "+strconv.Itoa(r.Failures)).Add(t.Dim, ", last "+at(r.Attempt))
	}
	return []string{where.String(), when.String(), last.String()}
}

// status is the second line of the screen: how many there are in which state.
func (p *regsPane) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if p.err != nil && p.loaded {
		return l.Add(t.Warn, " "+say(p.err)).String()
	}
	n := map[protocol.RegistrationState]int{}
	for i := range p.all {
		n[p.all[i].r.State]++
	}
	for _, s := range []protocol.RegistrationState{protocol.Registered, protocol.RegistrationFailing, protocol.RegistrationExpired, protocol.Unregistered} {
		if n[s] > 0 {
			_, st := regState(t, s)
			l.Add(st, " "+strconv.Itoa(n[s])).Add(t.Dim, " "+string(s)+"  ")
		}
	}
	return l.String()
}

// empty says why there is nothing to see, and what to do.
func (p *regsPane) empty() []string {
	c := p.live.counters
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case !p.loaded:
		return []string{"Reading the registrations"}
	case len(p.all) > 0:
		return p.unmatched()
	case p.live.conn == ended:
		return []string{"No registrations", "the file has been read: no REGISTER in it was answered, or timed out"}
	case c[protocol.CountPackets] == 0 && isFleet(p.e.Source):
		return []string{"No registrations", "no sensor that is online has seen a REGISTER; 7 shows the sensors"}
	case c[protocol.CountPackets] == 0:
		return []string{"No packets seen yet on " + p.live.info.Source, "is it the right interface, and is the mirror port on? 6 looks for the reason"}
	}
	return []string{
		"No registrations yet", fmt.Sprintf("%s seen, %d of them SIP, %d REGISTER", plural.Of(c[protocol.CountPackets], "packet"), c[protocol.CountSIP], c["sip.requests.REGISTER"]),
		"telephones register every few minutes; trunks by address never do",
	}
}
