package screen

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/table"
	"voiptop/tui/source"
)

// streamsPane lists the streams of the running calls, the worst on top; of a file that was read, those of all its calls.
type streamsPane struct {
	grid[protocol.StreamID, *streamRow]
	live    *live
	done    *done
	preview preview // the call of the stream under the cursor
	w, h    int

	feed    *streamsFeed // nil while nobody looks
	ctx     context.Context
	stop    context.CancelFunc
	waiting bool // it has something, and the screen stands still

	rows  map[protocol.StreamID]*streamRow
	conn  connection
	err   error
	total int // streams that there are
	here  bool
}

func newStreams(e *env, l *live, d *done) *streamsPane {
	cols := make([]table.Column, len(streamColumns))
	for i, c := range streamColumns {
		cols[i] = c.Column
	}
	p := &streamsPane{live: l, done: d, preview: preview{e: e}, rows: map[protocol.StreamID]*streamRow{}}
	p.init(e, "streams", "stream", cols, func(col int) func(a, b *streamRow) int { return streamColumns[col].cmp })
	return p
}

func (p *streamsPane) setSize(w, h int) {
	p.w, p.h = w, h
	p.preview.h = p.notes()
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

// begin watches, from anew.
func (p *streamsPane) begin() tea.Cmd {
	src, ok := p.e.Source.(source.StreamWatcher)
	if !ok {
		return nil
	}
	p.leave()
	f := newStreamsFeed(src, p.e.Now)
	p.feed, p.conn, p.err, p.waiting = f, connecting, nil, false
	p.ctx, p.stop = context.WithCancel(p.e.ctx)
	ctx := p.ctx
	return tea.Batch(func() tea.Msg { f.run(ctx); return nil }, f.next(ctx, p.e))
}

// leave ends the watching: nobody looks.
func (p *streamsPane) leave() {
	if p.feed != nil {
		p.stop()
		p.feed = nil
	}
}

func (p *streamsPane) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case streamsWake:
		if msg.of != p.feed {
			return nil
		}
		p.waiting = true
		return p.look()
	case previewMsg, previewDue:
		return p.preview.update(msg)
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, keys.Reload):
			return p.begin()
		case key.Matches(msg, keys.Pause):
			return tea.Batch(p.live.pause(), p.look())
		}
		return tea.Batch(p.key(msg), p.look())
	}
	return nil
}

// look takes what the feed has, unless the screen stands still, and asks for the call of the stream under the cursor.
func (p *streamsPane) look() tea.Cmd {
	var next tea.Cmd
	if p.waiting && !p.live.paused && p.feed != nil {
		p.waiting = false
		p.take(p.feed.take())
		next = p.feed.next(p.ctx, p.e)
	}
	if r, ok := p.grid.current(); ok {
		return tea.Batch(next, p.preview.followCall(r.about.Call, p.conn == ended))
	}
	return next
}

// take brings the rows up to date.
func (p *streamsPane) take(c streamsChange) {
	p.conn, p.err, p.total = c.conn, c.err, c.total
	if c.rows == nil {
		return
	}
	p.here = true
	if c.fresh {
		for id := range p.rows {
			if _, still := c.rows[id]; !still {
				delete(p.rows, id)
			}
		}
	}
	for id := range c.gone {
		delete(p.rows, id)
	}
	for id, s := range c.rows {
		r := p.rows[id]
		if r == nil {
			if s.About == nil {
				continue // nothing is known of it
			}
			r = &streamRow{p: p}
			p.rows[id] = r
		}
		r.set(s)
	}
	p.all = p.all[:0]
	for _, r := range p.rows {
		p.all = append(p.all, r)
	}
	slices.SortFunc(p.all, func(a, b *streamRow) int {
		return cmp.Or(slices.Compare(a.about.Call[:], b.about.Call[:]), strings.Compare(a.about.Src, b.about.Src), cmp.Compare(a.s.ID, b.s.ID))
	})
	p.arrange()
}

// call is the call of a stream, as far as it is known.
func (p *streamsPane) call(r *streamRow) *protocol.CDR {
	if c := p.preview.cdr; c != nil && c.ID == r.about.Call {
		return c
	}
	for _, l := range []*list{p.live.list, p.done.list} {
		if x := l.rows[r.about.Call]; x != nil {
			return x.call.CDR
		}
	}
	a := r.about
	return &protocol.CDR{ID: a.Call, CallID: a.CallID, SensorID: a.SensorID, Caller: a.Caller, Callee: a.Callee, Src: a.CallSrc, Dst: a.CallDst}
}

// whole is the record of the stream, nil while it is not here.
func (p *streamsPane) whole(r *streamRow) *protocol.Stream {
	c := p.preview.cdr
	if c == nil || c.ID != r.about.Call {
		return nil
	}
	for i := range c.Streams {
		if s := &c.Streams[i]; s.Src == r.about.Src && s.Dst == r.about.Dst && s.SSRC == r.about.SSRC {
			return s
		}
	}
	return nil
}
