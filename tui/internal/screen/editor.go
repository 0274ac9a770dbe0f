package screen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
	"voiptop/tui/internal/edit"
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
