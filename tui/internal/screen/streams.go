package screen

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/sync/errgroup"

	"voiptop/protocol"
	"voiptop/tui/internal/table"
)

const (
	streamsEvery    = 3 * time.Second // between two looks at the streams while they are on the screen
	streamsCalls    = 200             // calls whose streams are asked for: the worst
	streamsFleet    = 50              // of a fleet, whose sensors are far
	streamsTogether = 8               // questions at a time
)

// streamKey identifies a stream.
type streamKey struct {
	call     protocol.UUID
	src, dst string
	ssrc     protocol.SSRC
}

// streamsPane lists the streams of the running calls, the worst on top; of a file that was read, those of all its calls.
type streamsPane struct {
	e      *env
	live   *live
	done   *done
	w, h   int
	table  *table.Table[streamKey]
	all    []streamRow
	rows   []table.Row[streamKey]
	filter string
	cols   []int
	sort   int
	rev    bool
	loaded bool
	busy   bool
	timer  bool
	err    error
	asked  int // calls
	of     int // calls that there are
	round  uint64
}

// streamsMsg is the answer to load.
type streamsMsg struct {
	calls []*protocol.CDR
	err   error
}

// streamsDue asks again.
type streamsDue struct{}

func newStreams(e *env, l *live, d *done) *streamsPane {
	cols := make([]table.Column, len(streamColumns))
	for i, c := range streamColumns {
		cols[i] = c.Column
	}
	p := &streamsPane{e: e, live: l, done: d, table: table.New[streamKey](e.Theme, cols)}
	p.table.SetSort(p.sort, p.rev)
	e.set.restore(p)
	return p
}

func (p *streamsPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.table.SetSize(w, h-p.notes())
}

// notes is the room below the table for the stream under the cursor.
func (p *streamsPane) notes() int {
	switch {
	case p.h >= 28:
		return 14
	case p.h >= 16:
		return 6
	}
	return 0
}

// candidates are the calls whose streams are shown: those that run and have media, the worst first; once a file has been read its
// calls.
func (p *streamsPane) candidates() (ids []protocol.UUID) {
	rows := p.live.list.order
	if p.live.conn == ended {
		rows = p.done.list.order
	}
	rated := make([]*row, 0, len(rows))
	for _, r := range rows {
		if !r.gone && r.call.MOS != nil {
			rated = append(rated, r)
		}
	}
	for _, r := range rows { // without a MOS there may be streams, of a codec that has none
		if !r.gone && r.call.MOS == nil && (r.call.Answer != 0 || len(r.call.Codecs) > 0) {
			rated = append(rated, r)
		}
	}
	p.of = len(rated)
	slices.SortStableFunc(rated, func(a, b *row) int { return cmp.Compare(number(a.call.MOS), number(b.call.MOS)) })
	most := streamsCalls
	if isFleet(p.e.Source) {
		most = streamsFleet
	}
	for _, r := range rated[:min(len(rated), most)] {
		ids = append(ids, r.call.ID)
	}
	p.asked = len(ids)
	return ids
}

func (p *streamsPane) load() tea.Cmd {
	if p.busy || p.live.paused {
		return nil
	}
	p.busy = true
	ids := p.candidates()
	return p.e.ask(func(ctx context.Context) tea.Msg {
		calls, errs := make([]*protocol.CDR, len(ids)), make([]error, len(ids))
		var g errgroup.Group
		g.SetLimit(streamsTogether)
		for i, id := range ids {
			g.Go(func() error {
				calls[i], errs[i] = p.e.Source.Call(ctx, id.String())
				return nil
			})
		}
		_ = g.Wait() // the errors are in errs
		m := streamsMsg{}
		for i, c := range calls {
			if errs[i] == nil {
				m.calls = append(m.calls, c)
			} else if len(m.calls) == 0 {
				m.err = errs[i] // a call that has gone meanwhile is none to speak of
			}
		}
		if len(m.calls) > 0 {
			m.err = nil
		}
		return m
	})
}

func (p *streamsPane) update(msg tea.Msg, seen bool) tea.Cmd {
	switch msg := msg.(type) {
	case streamsMsg:
		p.busy, p.err, p.loaded = false, msg.err, true
		if msg.err == nil {
			p.round++
			p.all = p.all[:0]
			for _, c := range msg.calls {
				for i := range c.Streams {
					p.all = append(p.all, streamRow{p, c, &c.Streams[i], p.round})
				}
			}
			p.arrange()
		}
		if p.timer || p.live.conn == ended && p.of > 0 {
			return nil
		}
		p.timer = true
		return p.e.after(streamsEvery, streamsDue{})
	case streamsDue:
		p.timer = false
		if seen {
			return p.load()
		}
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, keys.Reload):
			return p.load()
		case key.Matches(msg, keys.Sort), key.Matches(msg, keys.Reverse):
			return p.e.set.sortNext(p.e, p, key.Matches(msg, keys.Reverse))
		default:
			move(msg, p.table)
		}
	}
	return nil
}

// arrange filters and sorts anew.
func (p *streamsPane) arrange() {
	words := strings.Fields(strings.ToLower(p.filter))
	p.rows = p.rows[:0]
	for i := range p.all {
		if p.all[i].matches(words) {
			p.rows = append(p.rows, &p.all[i])
		}
	}
	by := streamColumns[p.sort].cmp
	slices.SortStableFunc(p.rows, func(x, y table.Row[streamKey]) int {
		a, b := x.(*streamRow), y.(*streamRow)
		c := by(a, b)
		if p.rev {
			c = -c
		}
		return cmp.Or(c, slices.Compare(a.call.ID[:], b.call.ID[:]), strings.Compare(a.s.Src, b.s.Src), cmp.Compare(a.s.SSRC, b.s.SSRC))
	})
	p.table.SetSort(p.sort, p.rev)
	p.table.SetRows(p.rows)
}

func (p *streamsPane) current() *streamRow {
	if r, ok := p.table.Current(); ok {
		return r.(*streamRow)
	}
	return nil
}

// The streams have columns to choose.
func (p *streamsPane) setting() string { return "streams" }

func (p *streamsPane) titles() (out []string) {
	for _, c := range streamColumns {
		out = append(out, c.Title)
	}
	return out
}
func (p *streamsPane) choose(cols []int)                 { p.cols = cols; p.table.Choose(cols) }
func (p *streamsPane) chosen() []int                     { return p.cols }
func (p *streamsPane) sortedBy() (col int, reverse bool) { return p.sort, p.rev }
func (p *streamsPane) sortBy(col int, reverse bool)      { p.sort, p.rev = col, reverse; p.arrange() }
func (p *streamsPane) columnAt(x int) int                { return p.table.ColumnAt(x) }
func (p *streamsPane) click(y int) bool                  { return p.table.Click(y) }
func (p *streamsPane) wheel(n int)                       { p.table.Scroll(n) }
func (p *streamsPane) onScreen() []int                   { return p.table.Shown() }

func (p *streamsPane) view() []string {
	t := p.e.Theme
	if p.table.Len() == 0 {
		return centred(t, p.empty(), p.w, p.h)
	}
	out := p.table.View(true)
	if r := p.current(); r != nil && p.notes() > 0 {
		c := r.call
		name := party(c.Caller, c.CallerDomain, c.Src) + " " + t.Glyph.Arrow + " " + party(c.Callee, c.CalleeDomain, c.Dst) + "  " + r.s.SSRC.String()
		out = append(out, t.HLine(name, p.w))
		if n := p.notes() - 1; n >= 10 {
			out = append(out, r.brief(p.w)...)
			if len(r.s.Intervals) > 0 {
				out = append(out, charts(p.e, r.s, p.w, n-4)...)
			}
		} else {
			out = append(out, r.brief(p.w)...)
		}
	}
	return fill(out, p.w, p.h)
}

// status is the second line of the screen: how the streams do.
func (p *streamsPane) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if p.err != nil {
		return l.Add(t.Warn, " "+say(p.err)).String()
	}
	var rated, bad, fair, silent int
	low, sum := math.Inf(1), 0.0
	for i := range p.all {
		s := p.all[i].s
		switch v := s.MOSAdapt.Avg; {
		case v <= 0:
			silent++
		default:
			rated++
			sum += v
			low = min(low, v)
			if v < 3.1 {
				bad++
			} else if v < 3.6 {
				fair++
			}
		}
	}
	if rated > 0 {
		l.Add(t.Dim, " MOS ").Add(t.MOS(sum/float64(rated)), fmt.Sprintf("%.2f", sum/float64(rated))).Add(t.Dim, "  low ").Add(t.MOS(low), fmt.Sprintf("%.2f", low)).Add(t.Text, "  ")
	}
	for _, c := range []struct {
		n    int
		word string
		bad  bool
	}{{bad, "bad", true}, {fair, "fair", false}} {
		if c.n > 0 && c.bad {
			l.Add(t.Bad, fmt.Sprintf(" %d %s ", c.n, c.word))
		} else if c.n > 0 {
			l.Add(t.Warn, fmt.Sprintf(" %d %s ", c.n, c.word))
		}
	}
	if silent > 0 {
		l.Add(t.Dim, fmt.Sprintf(" %d without MOS ", silent))
	}
	if p.asked < p.of {
		l.Add(t.Dim, fmt.Sprintf("  of the %d worst of %d calls", p.asked, p.of))
	}
	return l.String()
}

func (p *streamsPane) count() string {
	if n := p.table.Len(); n != len(p.all) {
		return fmt.Sprintf("%d of %d shown", n, len(p.all))
	}
	return plural(len(p.all), "stream")
}

// empty says why there is nothing to see, and what to do.
func (p *streamsPane) empty() []string {
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case !p.loaded:
		return []string{"Reading the streams"}
	case len(p.all) > 0:
		return []string{fmt.Sprintf("None of %d streams matches the filter", len(p.all)), "/ changes it, esc clears it"}
	case p.of > 0:
		return []string{"No RTP", fmt.Sprintf("%d calls have been answered; their media may take another way than past this sensor", p.of)}
	}
	return []string{"No streams", "a call has streams once it is answered and its media is seen"}
}
