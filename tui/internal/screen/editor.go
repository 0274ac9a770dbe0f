package screen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
	"voiptop/tui/internal/edit"
	"voiptop/tui/internal/style"
)

// editor changes the capture rules of a sensor. While one types, the text is checked, and below it stands which of the calls
// on the other screens each rule would keep.
type editor struct {
	e      *env
	w, h   int
	sensor protocol.UUID
	from   uint64 // revision that the edit began from
	text   *edit.Buffer
	top    int // first line on the screen
	left   int // first column on the screen
	calls  func(yield func(*rules.Call) bool)

	set     *rules.Set // of the text, or of the last text that was right
	err     error      // what is wrong with the text
	tally   []tally    // of the rules of set
	seen    int        // calls that were tried
	typed   int        // counts changes, so that only the last of a series is looked at
	offer   *offer     // what may stand at the cursor, after tab
	saving  bool
	leaving bool // esc was pressed with changes that are not saved
}

// tally is what a rule would decide of the calls that the screens know.
type tally struct {
	calls int
	names []string // of the first few
}

// offer is what tab goes through.
type offer struct {
	candidates []rules.Candidate
	at         int
	length     int // of what stands in the text, in characters
}

const (
	checkWait = 150 * time.Millisecond // after a key, before the text is looked at
	someNames = 4
	maxEdit   = 1 << 20 // bytes; what is larger is for a real editor
)

// checkDue asks for a look at the text; typed says which.
type checkDue int

// savedMsg is the answer to save.
type savedMsg struct {
	rules sensorapi.Rules
	err   error
}

func newEditor(e *env, sensor protocol.UUID, r sensorapi.Rules, calls func(yield func(*rules.Call) bool)) *editor {
	p := &editor{e: e, sensor: sensor, from: r.Revision, text: edit.New(r.Text), calls: calls}
	p.check()
	return p
}

func (p *editor) setSize(w, h int) {
	p.w, p.h = w, h
	p.scroll()
}

// room is how many lines of text, and how many lines below them, the screen has.
func (p *editor) room() (text, below int) {
	below = min(8, max(3, p.h/3))
	return max(1, p.h-2-below), below
}

// scroll brings the cursor onto the screen.
func (p *editor) scroll() {
	row, col := p.text.Cursor()
	h, _ := p.room()
	p.top = max(min(p.top, row), row-h+1, 0)
	w := max(p.w-gutter-1, 1)
	p.left = max(min(p.left, col), col-w+1, 0)
}

const gutter = 6 // cells of a line number

// take takes a key and reports whether the editor is to be left.
func (p *editor) take(k tea.KeyMsg) (tea.Cmd, bool) {
	t := p.text
	leaving := p.leaving
	p.leaving = false
	row, _ := t.Cursor()
	h, _ := p.room()
	if k.Type != tea.KeyTab {
		p.offer = nil
	}
	switch k.Type {
	case tea.KeyTab:
		p.complete()
	case tea.KeyEsc:
		if !t.Dirty() || leaving {
			return nil, true
		}
		p.leaving = true
	case tea.KeyCtrlS:
		return p.save(), false
	case tea.KeyUp, tea.KeyDown:
		by := 1
		if k.Type == tea.KeyUp {
			by = -1
		}
		if !k.Alt {
			t.Vertical(by)
			break
		}
		if err := p.change(k); err != nil {
			return toastCmd(exprError(err), true), false
		}
	case tea.KeyPgUp:
		t.Vertical(-h)
	case tea.KeyPgDown:
		t.Vertical(h)
	case tea.KeyLeft:
		t.Left()
	case tea.KeyRight:
		t.Right()
	case tea.KeyHome, tea.KeyCtrlA:
		t.Move(row, 0)
	case tea.KeyEnd, tea.KeyCtrlE:
		t.End(row)
	case tea.KeyCtrlHome:
		t.Move(0, 0)
	case tea.KeyCtrlEnd:
		t.End(len(t.Lines()) - 1)
	case tea.KeyEnter:
		t.Newline()
	case tea.KeyBackspace, tea.KeyCtrlH:
		t.Backspace()
	case tea.KeyDelete, tea.KeyCtrlD:
		t.Delete()
	case tea.KeyCtrlK:
		t.DeleteLine()
	case tea.KeyCtrlZ:
		t.Undo()
	case tea.KeyCtrlY:
		t.Redo()
	case tea.KeyCtrlG:
		p.toError()
	case tea.KeyCtrlO, tea.KeyCtrlX:
		if err := p.change(k); err != nil {
			return toastCmd(exprError(err), true), false
		}
	case tea.KeySpace:
		t.Insert(" ")
	case tea.KeyRunes:
		if k.Alt {
			return nil, false
		}
		t.Insert(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(k.Runes)))
	default:
		return nil, false
	}
	p.scroll()
	p.typed++
	return p.e.after(checkWait, checkDue(p.typed)), false
}

// complete puts what may stand at the cursor there; pressed again, the next that may.
func (p *editor) complete() {
	if o := p.offer; o != nil {
		o.at = (o.at + 1) % len(o.candidates)
		p.put(o, o.length, 0)
		return
	}
	row, col := p.text.Cursor()
	text := p.text.Text()
	c := rules.Complete(text, rules.Pos{Line: row + 1, Col: col + 1})
	if len(c.Candidates) == 0 {
		return
	}
	here := offset(p.text.Lines()[row], col)
	for _, l := range p.text.Lines()[:row] {
		here += len(l) + 1
	}
	p.offer = &offer{candidates: c.Candidates}
	p.put(p.offer, utf8.RuneCountInString(text[min(c.From, here):here]), utf8.RuneCountInString(text[here:max(c.To, here)]))
}

func (p *editor) put(o *offer, before, behind int) {
	text := o.candidates[o.at].Text
	p.text.Replace(before, behind, text)
	o.length = utf8.RuneCountInString(text)
}

// change switches the rule that the cursor is in, deletes it with its comments, or moves it before or behind its neighbour.
func (p *editor) change(k tea.KeyMsg) error {
	e, err := rules.Edit(p.text.Text())
	if err != nil {
		return err
	}
	row, _ := p.text.Cursor()
	at := ruleAt(e.Rules(), row)
	if at < 0 {
		return errors.New("the cursor is in no rule")
	}
	r := e.Rules()[at]
	switch k.Type {
	case tea.KeyCtrlO:
		err = e.SetOff(r.Name, !r.Off)
	case tea.KeyCtrlX:
		err = e.Delete(r.Name)
	case tea.KeyUp:
		err, at = e.Move(r.Name, at-1), max(at-1, 0)
	case tea.KeyDown:
		err, at = e.Move(r.Name, at+1), min(at+1, len(e.Rules())-1)
	}
	if err != nil {
		return err
	}
	row = 0
	if n := len(e.Rules()); n > 0 {
		row = e.Rules()[min(at, n-1)].Pos.Line - 1
	}
	p.text.Set(e.Text(), row)
	return nil
}

// ruleAt is the place of the rule that a line belongs to, -1 when it stands before the first.
func ruleAt(list []rules.Rule, row int) int {
	at := -1
	for i := range list {
		if list[i].Pos.Line <= row+1 {
			at = i
		}
	}
	return at
}

// toError moves the cursor to where the text is wrong.
func (p *editor) toError() {
	var e *rules.Error
	if errors.As(p.err, &e) {
		p.text.Move(e.Pos.Line-1, e.Pos.Col-1)
	}
}

func (p *editor) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case checkDue:
		if int(msg) == p.typed {
			p.check()
		}
	case savedMsg:
		p.saving = false
		if msg.err != nil {
			return toastCmd("not saved: "+say(msg.err), true)
		}
		p.from = msg.rules.Revision
		p.text.Saved()
		return toastCmd(fmt.Sprintf("saved: revision %d is in force", p.from), false)
	}
	return nil
}

func (p *editor) save() tea.Cmd {
	if p.saving {
		return nil
	}
	if p.check(); p.err != nil {
		p.toError()
		p.scroll()
		return toastCmd("not saved: "+exprError(p.err), true)
	}
	p.saving = true
	sensor, in := p.sensor, sensorapi.Rules{Revision: p.from, Text: p.text.Text()}
	return p.e.ask(func(ctx context.Context) tea.Msg {
		out, err := p.e.Source.SetRules(ctx, sensor, in)
		return savedMsg{out, err}
	})
}

// check reads the text, and tries its rules on the calls.
func (p *editor) check() {
	text := p.text.Text()
	if _, p.err = rules.Edit(text); p.err != nil {
		return
	}
	p.tally, p.seen = nil, 0
	// Lists in files are the sensor's: here there may be none, or others.
	set, err := rules.ParseHosted("", text)
	if p.set = set; err != nil {
		return
	}
	p.tally = make([]tally, len(set.Rules))
	at := make(map[*rules.Rule]int, len(set.Rules))
	for i := range set.Rules {
		at[&set.Rules[i]] = i
	}
	for c := range p.calls {
		p.seen++
		r := set.Decide(*c, c.Start.Std())
		i, ok := at[r]
		if !ok {
			continue
		}
		p.tally[i].calls++
		if n := &p.tally[i].names; len(*n) < someNames {
			*n = append(*n, c.Caller+p.e.Theme.Glyph.Arrow+c.Callee)
		}
	}
}

func (p *editor) view() []string {
	t := p.e.Theme
	row, col := p.text.Cursor()
	state := "no changes"
	switch {
	case p.saving:
		state = "saving"
	case p.leaving:
		state = "not saved: esc again drops the changes"
	case p.text.Dirty():
		state = "changed"
	}
	out := []string{t.NewLine(p.w).Add(t.Head, " Editing the capture rules").Add(t.Dim, fmt.Sprintf("  %d:%d  ", row+1, col+1)).Add(t.Warn, state).String()}
	h, below := p.room()
	var wrong *rules.Error
	errors.As(p.err, &wrong)
	lines := p.text.Lines()
	for i := p.top; i < p.top+h; i++ {
		if i >= len(lines) {
			out = append(out, t.NewLine(p.w).String())
			continue
		}
		number := t.Dim
		if wrong != nil && wrong.Pos.Line == i+1 {
			number = t.Bad
		}
		l := t.NewLine(p.w).Add(number, fmt.Sprintf("%4d  ", i+1))
		text, st := from(lines[i], p.left), ruleStyle(t, lines[i])
		if i != row {
			out = append(out, l.Add(st, text).String())
			continue
		}
		at := offset(text, col-p.left)
		cursor, rest := " ", ""
		if at < len(text) {
			_, n := utf8.DecodeRuneInString(text[at:])
			cursor, rest = text[at:at+n], text[at+n:]
		}
		if cursor == "\t" {
			cursor = " "
		}
		out = append(out, l.Add(st, text[:at]).AddSelected(t.Bold, cursor).Add(st, rest).String())
	}
	return append(out, fill(p.preview(below), p.w, below+1)...)
}

// preview is what is wrong with the text, or what its rules would keep of the calls that the screens know.
func (p *editor) preview(h int) []string {
	t := p.e.Theme
	if o := p.offer; o != nil {
		out := []string{t.HLine("What may stand here", p.w)}
		for i := max(0, min(o.at-h/2, len(o.candidates)-h)); i < len(o.candidates) && len(out) <= h; i++ {
			c := o.candidates[i]
			name := t.Text
			if i == o.at {
				name = t.Key
			}
			out = append(out, t.NewLine(p.w).Add(name, " "+t.Fit(c.Text, 18)).Add(t.Dim, " "+c.Doc).String())
		}
		return out
	}
	if p.err != nil {
		out := []string{t.HLine("Not right yet", p.w)}
		for _, s := range wrap(t, exprError(p.err), p.w-2) {
			out = append(out, t.NewLine(p.w).Add(t.Warn, " "+s).String())
		}
		return append(out, t.NewLine(p.w).Add(t.Key, " ctrl+g").Add(t.Dim, " goes there").String())
	}
	if p.set == nil {
		return []string{t.HLine("", p.w), t.NewLine(p.w).Add(t.Dim, " the rules are right; what they do is not tried, for they name lists in files of the sensor").String()}
	}
	out := []string{t.HLine(fmt.Sprintf("What these rules do with the %d calls on the other screens", p.seen), p.w)}
	if len(p.tally) == 0 {
		return append(out, t.NewLine(p.w).Add(t.Dim, " no rules: nothing is kept").String())
	}
	row, _ := p.text.Cursor()
	here := ruleAt(p.set.Rules, row)
	first := max(0, min(here-h/2, len(p.tally)-h))
	for i := first; i < len(p.tally) && len(out) <= h; i++ {
		r, n := &p.set.Rules[i], &p.tally[i]
		name := t.Text
		if i == here {
			name = t.Bold
		}
		l := t.NewLine(p.w).Add(name, " "+t.Fit(r.Name, 16)).Add(t.Text, " "+t.Fit("keep "+string(r.Keep), 12))
		switch {
		case r.Off:
			l.Add(t.Dim, "   off")
		case n.calls == 0:
			l.Add(t.Dim, "     0 calls")
		default:
			l.Add(t.Text, fmt.Sprintf(" %5d calls", n.calls)).Add(t.Dim, "  "+strings.Join(n.names, "  "))
		}
		out = append(out, l.String())
	}
	return out
}

// from is a line without its first n characters.
func from(s string, n int) string { return s[offset(s, n):] }

// offset is where the character n of s begins, in bytes.
func offset(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// ruleStyle is how a line of a rule file looks: a rule begins in the first column.
func ruleStyle(t *style.Theme, line string) style.Style {
	switch trimmed := strings.TrimSpace(line); {
	case strings.HasPrefix(trimmed, "#"):
		return t.Dim
	case trimmed != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t"):
		return t.Bold
	}
	return t.Text
}

// addRule puts a rule for calls like c before the others, so that it decides, and the cursor on its condition.
func (p *editor) addRule(c *protocol.CDR) error {
	e, err := rules.Edit(p.text.Text())
	if err != nil {
		return err
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(e.Rules(), func(r rules.Rule) bool { return r.Name == name })
	}
	name := "call"
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("call-%d", n)
	}
	when := "callid=" + quote(c.CallID)
	if c.Caller != "" && c.Callee != "" {
		when = "caller=" + quote(c.Caller) + " callee=" + quote(c.Callee)
	}
	if err := e.Add(name+": keep rtp when "+when, 0); err != nil {
		return err
	}
	line := e.Rules()[0].Pos.Line - 1
	p.text.Set(e.Text(), line)
	p.text.End(line)
	p.scroll()
	p.check()
	return nil
}

// quote makes a value of an expression.
func quote(s string) string {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("+_.-@", r)) {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
	}
	return s
}
