package screen

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/source"
)

const (
	pageSize = 500
	maxDone  = 20_000 // past calls in memory
	filePage = 20_000 // of a file all are loaded: what is worst is to be on top, and a filter finds it
	fileDone = 500_000
)

// done is the list of past calls. It loads the newest first and more as the cursor nears the end.
type done struct {
	e       *env
	list    *list
	preview preview
	w, h    int
	next    string // where the source goes on, "" at its end
	loaded  bool   // the first page is there
	busy    bool
	again   bool // the first page is wanted as soon as it is not busy
	timer   bool // a refresh is due
	seeks   seeking
	err     error
}

// pageMsg is a page of past calls.
type pageMsg struct {
	calls []protocol.CDR
	next  string
	after string // the page that was asked for
	err   error
}

// refreshDue reloads the first page.
type refreshDue struct{}

func newDone(e *env) *done {
	return &done{e: e, list: newList(e, "done", doneColumns, 1), preview: preview{e: e}}
}

func (p *done) setSize(w, h int) {
	p.w, p.h = w, h
	p.list.table.SetSize(w, max(1, h-p.preview.setSize(w, h)))
}

// load asks for a page, unless one is under way.
func (p *done) load(after string) tea.Cmd {
	if p.busy {
		p.again = p.again || after == ""
		return nil
	}
	p.busy = true
	size := pageSize
	if isFile(p.e.Source) && after != "" {
		size = filePage
	}
	return p.e.ask(func(ctx context.Context) tea.Msg {
		calls, next, err := p.e.Source.Calls(ctx, size, after)
		return pageMsg{calls, next, after, err}
	})
}

// changed says that calls ended: they are fetched, at most once a second.
func (p *done) changed() tea.Cmd {
	if p.timer || !p.loaded {
		return nil
	}
	p.timer = true
	return p.e.after(time.Second, refreshDue{})
}

func (p *done) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case refreshDue:
		p.timer = false
		return tea.Batch(p.load(""), p.freshen())
	case pageMsg:
		return p.page(msg)
	case seekDue:
		switch {
		case msg.turn != p.seeks.turn:
		case msg.again:
			return p.seekAnew()
		default:
			return p.seekOn()
		}
	case soughtMsg:
		return p.sought(msg)
	case tea.KeyMsg:
		if key.Matches(msg, keys.Reload) {
			return p.load("")
		}
		return tea.Batch(p.list.key(msg), p.look(), p.more())
	case previewMsg, previewDue:
		return p.preview.update(msg)
	}
	return nil
}

func (p *done) page(m pageMsg) tea.Cmd {
	p.busy = false
	if p.err = m.err; m.err != nil {
		return nil
	}
	if m.after != "" || !p.loaded || m.next != "" && !p.known(m.calls) {
		p.next = m.next
	}
	p.loaded = true
	p.take(m.calls)
	if p.again {
		p.again = false
		return tea.Batch(p.look(), p.load(""))
	}
	return tea.Batch(p.look(), p.more())
}

// known reports whether the last call of a first page was listed before; if not, there are others between them and those that were.
func (p *done) known(calls []protocol.CDR) bool {
	return len(calls) == 0 || p.list.rows[calls[len(calls)-1].ID] != nil
}

// more loads on when the end of the list comes near; of a file at once.
func (p *done) more() tea.Cmd {
	if !isFile(p.e.Source) && p.list.table.Cursor()+2*p.h < p.list.table.Len() {
		return nil
	}
	return p.all()
}

// room reports whether more calls may be loaded.
func (p *done) room() bool {
	most := maxDone
	if isFile(p.e.Source) {
		most = fileDone
	}
	return len(p.list.rows) < most
}

// reading reports whether calls come that are not here yet.
func (p *done) reading() bool {
	switch {
	case !p.room():
		return false
	case p.seeks.where != "":
		return p.seeks.busy || p.seeks.err == nil && p.seeks.next != "" && p.seeks.pages < maxSeeks
	}
	return p.busy || p.next != "" && p.err == nil
}

// all loads on, however far the cursor is from the end of the list.
func (p *done) all() tea.Cmd {
	if !p.room() {
		return nil
	}
	if p.seeks.begun {
		return p.seekOn()
	}
	if p.next == "" || p.seeks.where != "" {
		return nil
	}
	return p.load(p.next)
}

func (p *done) look() tea.Cmd { return p.preview.follow(p.list.current()) }

func (p *done) view() []string {
	if p.list.table.Len() == 0 {
		return centred(p.e.Theme, p.empty(), p.w, p.h)
	}
	return append(p.list.table.View(true), p.preview.view()...)
}

// status is the second line of the screen: how the calls that are listed went.
func (p *done) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if n, ok := p.e.Source.(source.Noter); ok {
		if notes := n.Notes(); len(notes) > 0 {
			return l.Add(t.Warn, " "+notes[0]).String()
		}
	}
	rows := p.list.sorted
	if len(rows) == 0 {
		return l.String()
	}
	var answered, rated, bad int
	var sum float64
	low, who := math.Inf(1), ""
	for _, x := range rows {
		r := x.(*row)
		if r.call.Answer != 0 {
			answered++
		}
		if _, sev := r.worst(); sev == protocol.SeverityBad {
			bad++
		}
		if v := r.call.MOS; v != nil {
			rated++
			sum += *v
			if *v < low {
				low, who = *v, p.e.Theme.Cut(party(r.call.Caller, r.call.CallerDomain, r.call.Src), 20)
			}
		}
	}
	l.Add(t.Dim, " answered ").Add(t.Text, fmt.Sprintf("%d of %d (%d%%)   ", answered, len(rows), 100*answered/len(rows)))
	if rated > 0 {
		avg := sum / float64(rated)
		addMOS(t, l.Add(t.Dim, "MOS "), avg)
		addMOS(t, l.Add(t.Dim, "  low "), low).Add(t.Dim, " ("+who+")   ")
	}
	if bad > 0 {
		l.Add(t.Bad, fmt.Sprintf("%d bad", bad))
	}
	return l.String()
}

func (p *done) empty() []string {
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case !p.loaded:
		return []string{"Reading past calls"}
	case p.seeks.err != nil:
		return append(explain(p.seeks.err), "none of those that are loaded matches the filter: "+plural.Of(len(p.list.rows), "past call"))
	case p.seeks.searched != 0:
		on := "; searching on"
		if p.seeks.pages >= maxSeeks {
			on = "; what is older was not searched"
		}
		return []string{"None matches the filter since " + p.seeks.searched.Std().In(p.e.Zone).Format("2006-01-02 15:04 MST") + on, "/ changes it, esc clears it"}
	case p.seeks.where != "" && (p.seeks.busy || !p.seeks.begun):
		return []string{"Searching"}
	case len(p.list.rows) > 0:
		return []string{noneOf(len(p.list.rows), "past call"), "/ changes it, esc clears it"}
	}
	return []string{"No past calls", "a call is here once it has ended"}
}
