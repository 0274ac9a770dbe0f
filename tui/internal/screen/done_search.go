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

// seekAgain is the time between two searches for what has ended meanwhile.
const seekAgain = 10 * time.Second

// maxSeeks bounds how many pages one filter makes the source look through.
const maxSeeks = 100

// seeking is a search by the filter at the source, which knows more calls than are loaded.
type seeking struct {
	where    string
	turn     int    // counts the filters: what is answered to an older one is not shown
	next     string // where the source goes on
	begun    bool   // the first page was asked for
	busy     bool
	pages    int
	timer    bool          // see freshen
	searched protocol.Time // how far back was looked, 0: the search is at its end
	err      error
}

// seekDue begins the search of a filter that is still the same.
type seekDue struct {
	turn  int
	again bool // it has been searched before
}

// soughtMsg is a page of calls that were searched for.
type soughtMsg struct {
	turn  int
	page  source.Page
	err   error
	again bool // where the search goes on is as it was
}

// seek searches for the calls of another filter, "" for none, if the source can.
func (p *done) seek(where string) tea.Cmd {
	if where == p.seeks.where {
		return nil
	}
	p.seeks = seeking{where: where, turn: p.seeks.turn + 1}
	had := p.list.found != nil
	p.list.found = nil
	_, searches := p.e.Source.(source.Searcher)
	if searches && p.list.filter.Detail() {
		p.list.found = map[protocol.UUID]bool{}
	}
	if had || p.list.found != nil {
		p.list.arrange()
	}
	if where == "" || !searches {
		p.seeks.where = ""
		return nil
	}
	return p.e.after(seekPause, seekDue{turn: p.seeks.turn})
}

// freshen searches among the calls that have ended meanwhile, in a while, where their rows cannot tell whether they match.
func (p *done) freshen() tea.Cmd {
	s := &p.seeks
	if p.list.found == nil || s.timer {
		return nil
	}
	s.timer = true
	return p.e.after(seekAgain, seekDue{turn: s.turn, again: true})
}

// seekAnew asks for the first page of the search once more.
func (p *done) seekAnew() tea.Cmd {
	s := &p.seeks
	s.timer = false
	if s.busy {
		return p.freshen()
	}
	s.busy = true
	return p.ask("", true)
}

// seekOn asks for the next page of the search.
func (p *done) seekOn() tea.Cmd {
	s := &p.seeks
	if s.busy || s.err != nil || s.begun && (s.next == "" || s.pages >= maxSeeks) {
		return nil
	}
	s.begun, s.busy = true, true
	s.pages++
	return p.ask(s.next, false)
}

func (p *done) ask(after string, again bool) tea.Cmd {
	where, turn := p.seeks.where, p.seeks.turn
	return p.e.ask(func(ctx context.Context) tea.Msg {
		page, err := p.e.Source.(source.Searcher).Search(ctx, where, pageSize, after)
		return soughtMsg{turn, page, err, again}
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
	if !m.again {
		p.seeks.next, p.seeks.searched = m.page.Next, m.page.Searched
	}
	if p.list.found != nil {
		for i := range m.page.Calls {
			p.list.found[m.page.Calls[i].ID] = true
		}
	}
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
