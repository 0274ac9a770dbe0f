package screen

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/source"
)

// seekPause is how long a filter stands still before the source is asked for the calls that it is about.
const seekPause = 300 * time.Millisecond

// seeking is a search by the filter at the source, which knows more calls than are loaded.
type seeking struct {
	where    string
	turn     int    // counts the filters: what is answered to an older one is not shown
	next     string // where the source goes on
	begun    bool   // the first page was asked for
	busy     bool
	searched protocol.Time // how far back was looked, 0: the search is at its end
	err      error
}

// seekDue begins the search of a filter that is still the same.
type seekDue struct{ turn int }

// soughtMsg is a page of calls that were searched for.
type soughtMsg struct {
	turn int
	page source.Page
	err  error
}

// seek searches for the calls of another filter, "" for none, if the source can.
func (p *done) seek(where string) tea.Cmd {
	if where == p.seeks.where {
		return nil
	}
	p.seeks = seeking{where: where, turn: p.seeks.turn + 1}
	if where == "" {
		return nil
	}
	if _, ok := p.e.Source.(source.Searcher); !ok {
		p.seeks.where = ""
		return nil
	}
	return p.e.after(seekPause, seekDue{p.seeks.turn})
}

// seekOn asks for the next page of the search.
func (p *done) seekOn() tea.Cmd {
	s := &p.seeks
	if s.busy || s.err != nil || s.begun && s.next == "" {
		return nil
	}
	s.begun, s.busy = true, true
	where, after, turn := s.where, s.next, s.turn
	return p.e.ask(func(ctx context.Context) tea.Msg {
		page, err := p.e.Source.(source.Searcher).Search(ctx, where, pageSize, after)
		return soughtMsg{turn, page, err}
	})
}

func (p *done) sought(m soughtMsg) tea.Cmd {
	if m.turn != p.seeks.turn {
		return nil
	}
	p.seeks.busy, p.seeks.err = false, m.err
	if m.err != nil {
		return nil
	}
	p.seeks.next, p.seeks.searched = m.page.Next, m.page.Searched
	p.take(m.page.Calls)
	return tea.Batch(p.look(), p.more())
}

// take puts calls into the list.
func (p *done) take(calls []protocol.CDR) {
	for i := range calls {
		r := p.list.get(calls[i].ID)
		r.call = rules.Call{CDR: &calls[i]}
		r.status = calls[i].Status
		r.version++
	}
	p.list.arrange()
}
