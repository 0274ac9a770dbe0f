package screen

import (
	"cmp"
	"context"
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
