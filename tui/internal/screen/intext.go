package screen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/plural"
	"voiptop/tui/source"
)

// inText is the part of a filter that looks into the text of messages: text:word, text:"some words". Records have no bodies, so the
// source searches.
type inText struct {
	words []string
	turn  int // counts the searches: an older one's answer is not shown
	busy  bool
	stop  context.CancelFunc
}

// lookDue begins a search for what is still the same, lookedMsg is its answer.
type (
	lookDue   struct{ turn int }
	lookedMsg struct {
		turn  int
		found map[string]bool
		err   error
	}
)

// lookIn searches for other words, none to end the search, in a moment: they may not be typed to their end.
func (m *Model) lookIn(words []string) tea.Cmd {
	s := &m.inText
	if slices.Equal(words, s.words) {
		return nil
	}
	if s.stop != nil {
		s.stop()
	}
	*s = inText{words: words, turn: s.turn + 1}
	if len(words) == 0 {
		m.narrow(nil)
		return nil
	}
	return m.e.after(seekPause, lookDue{s.turn})
}

// looked takes the steps of a search.
func (m *Model) looked(msg tea.Msg) tea.Cmd {
	s := &m.inText
	switch msg := msg.(type) {
	case lookDue:
		from, ok := m.e.Source.(source.TextSearcher)
		if msg.turn != s.turn || !ok {
			return nil
		}
		ctx, cancel := context.WithCancel(m.e.ctx)
		s.busy, s.stop = true, cancel
		words := s.words
		return tea.Batch(toastCmd("searching the messages for "+strings.Join(words, ", "), false), func() tea.Msg {
			found, err := from.InText(ctx, words)
			return lookedMsg{msg.turn, found, err}
		})
	case lookedMsg:
		if msg.turn != s.turn {
			return nil
		}
		s.busy = false
		s.stop()
		if msg.err != nil {
			return toastCmd(say(msg.err), true)
		}
		m.narrow(msg.found)
		found := toastCmd(fmt.Sprintf("messages of %s have it", plural.Of(len(msg.found), "call")), false)
		return tea.Batch(found, m.live.look(), m.done.look())
	}
	return nil
}

// narrow shows only the calls of some Call-IDs, nil for all.
func (m *Model) narrow(found map[string]bool) {
	for _, l := range []*list{m.live.list, m.done.list} {
		if l.only != nil || found != nil {
			l.only = found
			l.arrange()
		}
	}
}
