package screen

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/sipmsg"
	"voiptop/tui/internal/style"
)

// richMessage colours a message: its first line, the names of its headers, what matters of its SDP.
func richMessage(t *style.Theme, raw []byte) (out []rich) {
	for _, l := range sipmsg.Lines(raw) {
		out = append(out, richLine(t, &l))
	}
	return out
}

func richLine(t *style.Theme, l *sipmsg.Line) rich {
	switch l.Kind {
	case sipmsg.Start:
		return rich{{st: t.Title, text: l.Text}}
	case sipmsg.Header:
		if l.Name == "" {
			return rich{{st: t.Text, text: l.Text}}
		}
		name, value, _ := strings.Cut(l.Text, ":")
		st := t.Text
		switch sipmsg.Long(l.Name) {
		case "from", "to", "contact", "call-id", "p-asserted-identity", "remote-party-id", "diversion":
			st = t.Bold
		case "via", "record-route", "route", "allow", "supported", "max-forwards", "content-length", "user-agent", "server":
			st = t.Dim
		case "reason", "warning", "retry-after", "error-info":
			st = t.Warn
		}
		return rich{{st: t.Info, text: name + ":"}, {st: st, text: value}}
	case sipmsg.SDP:
		st := t.Text
		switch l.Name {
		case "m=", "c=":
			st = t.Bold
		case "a=sendonly", "a=recvonly", "a=inactive":
			st = t.Warn
		}
		return rich{{st: t.Good, text: l.Text[:2]}, {st: st, text: l.Text[2:]}}
	case sipmsg.Binary:
		return rich{{st: t.Dim, text: l.Text}}
	}
	return rich{{st: t.Text, text: l.Text}}
}

// reader is a text over the whole screen: scrolled, and searched.
type reader struct {
	t     *style.Theme
	lines []rich
	text  scroll
	rows  []int // of each line, its first row
	hits  []int // rows with something that was searched for
	find  textinput.Model
	asked bool // the search is being typed
}

func newReader(t *style.Theme) reader {
	r := reader{t: t, find: textinput.New()}
	r.find.CharLimit = 200
	return r
}

func (r *reader) set(lines []rich) {
	r.lines = lines
	r.render()
}

func (r *reader) setSize(w, h int) {
	r.text.w, r.text.h = w, h
	r.render()
}

func (r *reader) render() {
	if r.text.w < 1 {
		return
	}
	var out []string
	r.rows, r.hits = r.rows[:0], r.hits[:0]
	for _, l := range r.lines {
		r.rows = append(r.rows, len(out))
		marked, n := l.mark(r.find.Value())
		if n > 0 {
			r.hits = append(r.hits, len(out))
		}
		out = append(out, marked.wrapped(r.t, r.text.w)...)
	}
	r.text.set(out)
}

// key takes the keys of a text and reports whether k was one.
func (r *reader) key(k tea.KeyMsg) bool {
	switch {
	case r.asked && k.Type == tea.KeyEnter:
		r.asked = false
	case r.asked && k.Type == tea.KeyEsc:
		r.asked = false
		r.find.SetValue("")
		r.render()
	case r.asked:
		r.find, _ = r.find.Update(k)
		r.render()
		r.toHit(0)
	case key.Matches(k, keys.Filter):
		r.asked = true
		r.find.Focus()
		r.find.CursorEnd()
	case key.Matches(k, keys.Next):
		r.toHit(1)
	case key.Matches(k, keys.Prev):
		r.toHit(-1)
	default:
		return move(k, &r.text)
	}
	return true
}

// move scrolls by n lines.
func (r *reader) move(n int) { r.text.Move(n) }

// toHit scrolls to the next place that was found: 1 behind the top line, -1 before it, 0 at it or behind.
func (r *reader) toHit(step int) {
	if len(r.hits) == 0 {
		return
	}
	to := r.hits[0]
	if step < 0 {
		to = r.hits[len(r.hits)-1]
	}
	for _, h := range r.hits {
		if step >= 0 && h >= r.text.top+step {
			to = h
			break
		}
		if step < 0 && h < r.text.top {
			to = h
		}
	}
	r.text.top = to
	r.text.Move(0)
}

// searching is the line that shows what is searched for, "" when nothing is.
func (r *reader) searching() string {
	switch {
	case r.asked:
		return "search: " + r.find.Value() + "_  " + plural.Of(len(r.hits), "line")
	case r.find.Value() != "":
		return "search: " + r.find.Value() + "  " + plural.Of(len(r.hits), "line") + ", n N go there"
	}
	return ""
}

// message is one message of a call over the whole screen.
type message struct {
	reader
	d   *detail
	row int // of the ladder
}

func newMessage(d *detail) *message {
	m := &message{reader: newReader(d.e.Theme), d: d}
	m.show(d.cursor)
	return m
}

// show turns to the message of a row.
func (m *message) show(row int) {
	m.row = row
	m.text.Home()
	m.refresh()
}

// refresh shows what is there of the message by now.
func (m *message) refresh() {
	t := m.d.e.Theme
	r := &m.d.ladder.Rows[m.row]
	if x := m.d.textOf(r); x != nil {
		m.set(richMessage(t, x.Raw))
		return
	}
	c := m.d.ladder.Calls[r.Call]
	s := &c.Messages[r.Message]
	lines := []rich{{{st: t.Title, text: s.FirstLine}}, {{st: t.Info, text: "CSeq:"}, {st: t.Text, text: " " + s.CSeq}}, {{st: t.Info, text: "Call-ID:"}, {st: t.Bold, text: " " + c.CallID}}}
	if s.SDP != "" {
		lines = append(lines, rich{{st: t.Info, text: "SDP:"}, {st: t.Text, text: " " + s.SDP}})
	}
	lines = append(lines, rich{})
	for i, why := range m.d.texts.missing(m.d.e, c) {
		st := t.Dim
		if i == 0 {
			st = t.Warn
		}
		lines = append(lines, rich{{st: st, text: why}})
	}
	m.set(lines)
}

// step goes to the next or previous message of the ladder.
func (m *message) step(n int) {
	for at := m.row + n; at >= 0 && at < len(m.d.ladder.Rows); at += n {
		if m.d.ladder.Rows[at].Message >= 0 {
			m.d.cursor = at
			m.d.settle()
			m.show(at)
			return
		}
	}
}

func (m *message) update(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	switch {
	case m.asked || !key.Matches(k, keys.Left, keys.Right, keys.Back, keys.Copy, keys.Open):
		m.key(k)
	case key.Matches(k, keys.Left):
		m.step(-1)
	case key.Matches(k, keys.Right):
		m.step(1)
	case key.Matches(k, keys.Open):
		return m.d.readTexts(true), false
	case key.Matches(k, keys.Copy):
		if x := m.d.textOf(&m.d.ladder.Rows[m.row]); x != nil {
			return m.d.e.copy(string(x.Raw), "message"), false
		}
		return toastCmd("there is only a summary of the message, nothing to copy", true), false
	default:
		return nil, true
	}
	return nil, false
}

func (m *message) size(w, h int) { m.setSize(w, max(1, h-2)) }

func (m *message) keep() bool {
	return m.row < len(m.d.ladder.Rows) && m.d.ladder.Rows[m.row].Message >= 0
}

func (m *message) typing() bool { return m.asked }

func (m *message) keyMap() keyMap { return messageKeys }

func (m *message) view() []string {
	t, d := m.d.e.Theme, m.d
	r := &d.ladder.Rows[m.row]
	s := &d.ladder.Calls[r.Call].Messages[r.Message]
	w := m.text.w
	head := t.NewLine(w).Add(t.Title, " message ")
	if w >= 60 {
		head.Add(t.Dim, s.T.Std().In(d.e.Zone).Format("15:04:05.000000")+" "+transportOf(d, r)+"  ")
	}
	at := max(13, (head.Left()-3)/2)
	head.Add(t.Bold, fitAddress(s.Src, at)+" "+t.Glyph.Arrow+" "+fitAddress(s.Dst, at))
	if r.Count > 1 {
		head.Add(t.Warn, fmt.Sprintf("  seen %d times", r.Count))
	}
	head.Right(t.Dim, m.place()+" ")
	rule := t.HLine(m.searching(), w)
	return append([]string{head.String(), rule}, m.text.view()...)
}

// place says which of the ladder's messages it is, and how much of it is below.
func (m *message) place() string {
	n, at := 0, 0
	for i := range m.d.ladder.Rows {
		if m.d.ladder.Rows[i].Message >= 0 {
			n++
			if i <= m.row {
				at = n
			}
		}
	}
	s := fmt.Sprintf("%d/%d", at, n)
	if below := len(m.text.lines) - m.text.top - m.text.h; below > 0 {
		s += ", " + plural.Of(below, "line") + " below"
	}
	return s
}
