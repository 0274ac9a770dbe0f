package screen

import (
	"fmt"
	"math"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/chart"
	"voiptop/tui/internal/plural"
)

// live is the list of running calls with what the source says of itself above it and the chosen call below.
type live struct {
	e       *env
	list    *list
	preview preview
	w, h    int

	conn     connection
	err      error
	retry    time.Time
	info     protocol.SensorInfo
	counters protocol.Counters
	clock    protocol.Time // the source's, as of seen
	seen     time.Time     // when that was, by our clock
	rates    rates
	running  []float64 // calls at the last updates, for the spark line
	paused   bool
	held     *feedMsg // what came while paused
}

func newLive(e *env) *live {
	return &live{e: e, list: newList(e, "live", liveColumns, 0), preview: preview{e: e}}
}

func (p *live) setSize(w, h int) {
	p.w, p.h = w, h
	p.list.table.SetSize(w, max(1, h-p.preview.setSize(w, h)))
}

// now is the source's clock, which goes on between updates.
func (p *live) now() protocol.Time {
	if p.clock == 0 {
		return protocol.TimeOf(p.e.Now())
	}
	if p.conn != connected || p.paused {
		return p.clock
	}
	return p.clock + protocol.Time(p.e.Now().Sub(p.seen)/time.Microsecond)
}

// take brings the screen up to date.
func (p *live) take(m feedMsg) tea.Cmd {
	p.conn, p.err, p.retry = m.conn, m.err, m.retry
	if m.info != nil {
		p.info = *m.info
	}
	if p.paused {
		p.hold(m)
		return nil
	}
	if m.calls == nil {
		return nil
	}
	p.counters = m.counters
	p.clock, p.seen = m.t, p.e.Now()
	p.rates.add(m.t, m.counters)
	if m.fresh {
		for id := range p.list.rows {
			if _, still := m.calls[id]; !still {
				p.list.remove(id)
			}
		}
	}
	for id := range m.gone {
		p.list.remove(id)
	}
	for id, c := range m.calls {
		p.list.get(id).set(&c)
	}
	p.running = append(p.running, float64(p.up()))
	if n := len(p.running); n > 240 {
		p.running = append(p.running[:0], p.running[n-120:]...)
	}
	p.tick()
	p.list.arrange()
	return p.look()
}

// hold gathers what comes while the screen stands still.
func (p *live) hold(m feedMsg) {
	if p.held == nil {
		p.held = &feedMsg{}
	}
	if m.calls == nil {
		return
	}
	u := protocol.LiveUpdate{T: m.t, Snapshot: m.fresh, Counters: m.counters}
	for _, c := range m.calls {
		u.Calls = append(u.Calls, c)
	}
	for id := range m.gone {
		u.Gone = append(u.Gone, id)
	}
	p.held.merge(&u)
}

// tick moves the durations on.
func (p *live) tick() {
	now := p.now()
	for _, r := range p.list.rows {
		r.tick(now)
	}
}

func (p *live) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		if key.Matches(msg, keys.Pause) {
			return p.pause()
		}
		return tea.Batch(p.list.key(msg), p.look())
	case previewMsg, previewDue:
		return p.preview.update(msg)
	}
	return nil
}

func (p *live) pause() tea.Cmd {
	p.clock, p.seen = p.now(), p.e.Now()
	p.paused = !p.paused
	if held := p.held; !p.paused && held != nil {
		p.held = nil
		held.conn, held.err, held.retry = p.conn, p.err, p.retry
		return p.take(*held)
	}
	return nil
}

// look asks for what the preview shows.
func (p *live) look() tea.Cmd { return p.preview.follow(p.list.current()) }

// status is the second line of the screen: quality and traffic now.
func (p *live) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	l.Add(t.Text, " ")
	if n, low, sum, who := p.quality(); n > 0 {
		avg := sum / float64(n)
		addMOS(t, l.Add(t.Dim, "MOS "), avg)
		addMOS(t, l.Add(t.Dim, "  low "), low).Add(t.Dim, " ("+who+")   ")
	}
	if len(p.running) > 1 {
		lo, hi := p.running[0], p.running[0]
		for _, v := range p.running {
			lo, hi = min(lo, v), max(hi, v)
		}
		width := min(len(p.running), 12)
		if w >= 110 {
			width = min(len(p.running), 30)
		}
		l.Add(t.Dim, "calls ").Add(t.Info, chart.Spark(t, p.running, min(lo, hi-1), hi, width)).Add(t.Text, "   ")
	}
	if r, ok := p.rates.of(protocol.CountSIP); ok {
		l.Add(t.Dim, "SIP ").Add(t.Text, perSecond(r)+"  ")
	}
	if r, ok := p.rates.of(protocol.CountRTP); ok {
		l.Add(t.Dim, "RTP ").Add(t.Text, perSecond(r)+"  ")
	}
	if bad := p.alarms(); bad > 0 {
		l.Add(t.Bad, fmt.Sprintf("  %d bad", bad))
	}
	return l.String()
}

// quality is the mean and the worst MOS of the running calls, and who has it.
func (p *live) quality() (n int, low, sum float64, who string) {
	low = math.Inf(1)
	for _, r := range p.list.rows {
		if v := r.call.MOS; v != nil {
			n++
			sum += *v
			if *v < low {
				low, who = *v, p.e.Theme.Cut(party(r.call.Caller, r.call.CallerDomain, r.call.Src), 20)
			}
		}
	}
	return n, low, sum, who
}

// up is the number of calls that run; those that have just ended are shown for a moment.
func (p *live) up() (n int) {
	for _, r := range p.list.rows {
		if r.call.End == 0 {
			n++
		}
	}
	return n
}

func (p *live) alarms() (n int) {
	for _, r := range p.list.rows {
		if _, sev := r.worst(); sev == protocol.SeverityBad {
			n++
		}
	}
	return n
}

func (p *live) view() []string {
	if p.list.table.Len() == 0 {
		return centred(p.e.Theme, p.empty(), p.w, p.h)
	}
	return append(p.list.table.View(true), p.preview.view()...)
}

// empty says why there is nothing to see, and what to do.
func (p *live) empty() []string {
	c := p.counters
	switch {
	case p.conn == lost:
		return explain(p.err)
	case p.conn == connecting && c == nil:
		return []string{"Connecting to " + p.e.Source.Name()}
	case len(p.list.rows) > 0 && p.list.filter.Detail():
		return []string{"Rows of running calls have no streams and messages, which the filter asks for", "2 shows past calls, esc clears the filter"}
	case len(p.list.rows) > 0:
		return []string{noneOf(len(p.list.rows), "running call"), "/ changes it, esc clears it"}
	case p.conn == ended:
		return []string{"The file has been read: no call runs any more", "2 shows its calls"}
	case c[protocol.CountPackets] == 0 && p.fleet():
		return []string{"No running calls", "7 shows the sensors, 2 past calls"}
	case c[protocol.CountPackets] == 0:
		return []string{"No packets seen yet on " + p.info.Source, "is it the right interface, and is the mirror port on? 6 looks for the reason"}
	case c[protocol.CountSIP] == 0:
		return []string{plural.Of(c[protocol.CountPackets], "packet") + " seen, but no SIP", "does this interface carry the signalling? 6 looks for the reason"}
	case c[protocol.CountCallsStarted] == 0:
		return []string{"No calls yet", fmt.Sprintf("%s seen, %d of them SIP", plural.Of(c[protocol.CountPackets], "packet"), c[protocol.CountSIP])}
	}
	return []string{"No running calls", plural.Of(c[protocol.CountCallsStarted], "call") + " since the start: 2 shows what has ended"}
}

func (p *live) fleet() bool { return isFleet(p.e.Source) }
