package screen

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/rules"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// typeFilter takes a key while the filter is typed. The list follows every key that makes a whole condition.
func (m *Model) typeFilter(k tea.KeyMsg) tea.Cmd {
	switch k.Type {
	case tea.KeyEnter:
		if m.badExpr != nil { // which stands below; the list is still that of the last whole condition
			return nil
		}
		m.typing = false
		m.input.Blur()
		return nil
	case tea.KeyEsc:
		m.typing = false
		m.input.Blur()
		m.input.SetValue("")
		return m.refilter()
	}
	var cmd tea.Cmd
	before := m.input.Value()
	if k.Type == tea.KeyTab && !m.byWords() {
		m.completeFilter()
	}
	m.input, cmd = m.input.Update(k)
	if m.input.Value() != before {
		m.from = nil
		return tea.Batch(cmd, m.refilter(), m.done.more())
	}
	return cmd
}

// refilter shows what the filter holds for by now; the previews follow the rows that came under the cursors.
func (m *Model) refilter() tea.Cmd {
	m.applyFilter()
	return tea.Batch(m.seek(), m.live.look(), m.done.look())
}

// CheckFilter says what is wrong with a filter of calls.
func CheckFilter(text string) error {
	_, rest, err := source.CutText(text)
	if err == nil {
		_, err = rules.ParseExpr(rest)
	}
	return err
}

// seek lets the source search for the past calls that a filter of calls is about.
func (m *Model) seek() tea.Cmd {
	if m.byWords() || m.badExpr != nil {
		return nil
	}
	words, rest, err := source.CutText(m.input.Value())
	if err != nil {
		return nil
	}
	return tea.Batch(m.lookIn(words), m.done.seek(strings.TrimSpace(rest)))
}

// filterWords are the words that may stand where the filter was completed: tab goes on to the next of them.
type filterWords struct {
	head, tail string   // of the filter, around the word
	list       []string // of them, that which was begun first
	at         int
	value      string // what the filter was made: when it is another by now, the words are no longer right
}

// completeFilter puts the likeliest word that may stand at the cursor there; when it has just done so, the next.
func (m *Model) completeFilter() {
	w := &m.words
	if text := m.input.Value(); len(w.list) > 1 && w.value == text {
		w.at = (w.at + 1) % len(w.list)
	} else {
		at := offset(text, m.input.Position())
		c := rules.CompleteExpr(text, rules.Pos{Line: 1, Col: m.input.Position() + 1})
		if len(c.Candidates) == 0 {
			return
		}
		*w = filterWords{head: text[:min(c.From, at)], tail: text[max(c.To, at):]}
		for _, x := range c.Candidates {
			w.list = append(w.list, x.Text)
		}
		for i, word := range w.list { // message before messages: what is longer is another tab away
			if len(word) < len(w.list[0]) && strings.HasPrefix(w.list[0], word) {
				w.list = slices.Insert(slices.Delete(w.list, i, i+1), 0, word)
				break
			}
		}
	}
	head := w.head + w.list[w.at]
	w.value = head + w.tail
	m.input.SetValue(w.value)
	m.input.SetCursor(utf8.RuneCountInString(head))
}

// swapFilter brings the filter of the view that comes: the calls have one, registrations and streams have others.
func (m *Model) swapFilter(to view) {
	if to == m.view {
		return
	}
	if !m.byWords() {
		m.calls = m.input.Value()
	}
	switch to {
	case viewRegs:
		m.input.SetValue(m.regsFilter())
	case viewStreams:
		m.input.SetValue(m.streams.filter)
	default:
		m.input.SetValue(m.calls)
	}
}

// regsFilter is the filter of the page of Regs that is shown.
func (m *Model) regsFilter() string {
	if m.outside {
		return m.requests.filter
	}
	return m.regs.filter
}

func (m *Model) applyFilter() {
	switch m.view {
	case viewRegs:
		m.badExpr = nil
		if m.outside {
			m.requests.filter = m.input.Value()
			m.requests.arrange()
			return
		}
		m.regs.filter = m.input.Value()
		m.regs.arrange()
		return
	case viewStreams:
		m.streams.filter, m.badExpr = m.input.Value(), nil
		m.streams.arrange()
		return
	}
	words, rest, err := source.CutText(m.input.Value())
	if _, ok := m.e.Source.(source.TextSearcher); !ok && len(words) > 0 {
		err = source.ErrNoText
	}
	var e rules.Expr
	if err == nil {
		e, err = rules.ParseExpr(rest)
	}
	if m.badExpr = err; err != nil {
		return
	}
	for _, l := range []*list{m.live.list, m.done.list} {
		l.filter = e
		l.arrange()
	}
}

// prompt draws the filter while it is typed, with the cursor in sight.
func (m *Model) prompt(l *style.Line) {
	t := m.e.Theme
	text := []rune(m.input.Value())
	at := min(m.input.Position(), len(text))
	room := max(4, l.Left()-22)
	if from := at - room; from > 0 {
		text, at = text[from:], room
	}
	cursor, rest := " ", ""
	if at < len(text) {
		cursor, rest = string(text[at]), string(text[at+1:])
	}
	st := t.Bold
	if m.badExpr != nil {
		st = t.Warn
	}
	l.Add(t.Key, " / ").Add(st, string(text[:at])).AddSelected(t.Bold, cursor).Add(st, strings.TrimRight(rest, " "))
}

// exprError is what is wrong with a filter, without the name of a file that it does not have.
func exprError(err error) string {
	var e *rules.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}
