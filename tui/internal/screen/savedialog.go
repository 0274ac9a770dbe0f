package screen

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
)

// field is a line of the save dialog.
type field uint8

const (
	fieldWhat field = iota
	fieldFormat
	fieldRedact
	fieldPath
	fields
)

var fieldNames = [fields]string{"Calls", "Format", "Redacted", "File"}

// saveDialog asks what is saved, as what, and where.
type saveDialog struct {
	e       *env
	w, h    int
	scopes  []scope
	scope   int
	s       saving
	at      field
	path    textinput.Model
	named   bool   // the user has changed the name
	trouble string // why it was not saved
	exists  bool   // the file is there: o overwrites it
	busy    bool
}

// scope is a choice of calls.
type scope struct {
	label string
	calls []protocol.UUID
	group bool
	first *protocol.CDR // names the file
}

var saveKeys = keyMap{short: []key.Binding{
	bind("up/down", "field", "up", "down"), bind("left/right", "choose", "left", "right"), bind("tab", "complete", "tab"), bind("enter", "save", "enter"), bind("esc", "cancel", "esc"),
}}

// maxSaved bounds how many calls are saved at once: each is asked for. A file of more is for voipmon or for hosted's export.
const maxSaved = 2000

// askSave opens the dialog: for the call, its conversation, or the marked calls.
func (m *Model) askSave(group bool) tea.Cmd {
	d := &saveDialog{e: m.e, path: textinput.New(), at: fieldFormat}
	d.path.CharLimit = 1000
	if marked := m.marked(); len(marked) > 0 && m.detail == nil {
		d.scopes = append(d.scopes, scope{plural.Of(len(marked), "marked call"), idsOf(marked), false, marked[0]})
	}
	if c := m.target(); c != nil {
		legs := m.legsKnown(c.GroupID)
		if m.detail != nil {
			legs = append(legs, idsOf(m.detail.legs)...)
		}
		legs = append(legs, c.ID)
		slices.SortFunc(legs, func(a, b protocol.UUID) int { return slices.Compare(a[:], b[:]) })
		legs = slices.Compact(legs)
		d.scopes = append(d.scopes, scope{"this call", []protocol.UUID{c.ID}, false, c})
		if c.GroupID != "" || len(legs) > 1 || group {
			label := "its conversation"
			if len(legs) > 1 {
				label = fmt.Sprintf("its conversation, %d legs", len(legs))
			}
			d.scopes = append(d.scopes, scope{label, legs, true, c})
			if group || m.detail != nil && len(legs) > 1 && !m.detail.alone {
				d.scope = len(d.scopes) - 1
			}
		}
	}
	if l := m.list(); l != nil && m.detail == nil && l.table.Len() > 1 && l.table.Len() <= maxSaved {
		all := scope{label: fmt.Sprintf("all %d shown", l.table.Len())}
		for _, r := range l.sorted {
			all.calls = append(all.calls, r.ID())
		}
		all.first = l.sorted[0].(*row).call.CDR
		d.scopes = append(d.scopes, all)
	}
	if len(d.scopes) == 0 {
		return nil
	}
	d.name()
	m.ask(d)
	return nil
}

func idsOf(list []*protocol.CDR) (out []protocol.UUID) {
	for _, c := range list {
		out = append(out, c.ID)
	}
	return out
}

// name puts a name for the file where the user has not.
func (d *saveDialog) name() {
	ext := extensions[d.s.format]
	if d.named {
		path := d.path.Value()
		if old := filepath.Ext(path); slices.Contains(extensions[:], old) {
			d.path.SetValue(strings.TrimSuffix(path, old) + ext)
			d.path.CursorEnd()
		}
		return
	}
	c, sc := d.scopes[d.scope].first, &d.scopes[d.scope]
	name := c.FileName("")
	switch {
	case d.s.redacted:
		name = c.Start.Std().Format("20060102-150405") + "_redacted"
	case sc.group:
		name += "_conversation"
	case len(sc.calls) > 1:
		name = c.Start.Std().Format("20060102-150405") + fmt.Sprintf("_%d-calls", len(sc.calls))
	}
	switch d.s.format {
	case asMessages:
		name += "_messages"
	case asSIPp:
		name += "_sipp"
	}
	d.path.SetValue(filepath.Join(d.e.Dir, name+ext))
	d.path.CursorEnd()
}

func (d *saveDialog) update(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	switch k.Type {
	case tea.KeyEsc:
		return nil, true
	case tea.KeyEnter:
		return d.save(), false
	case tea.KeyUp, tea.KeyShiftTab:
		d.at = (d.at + fields - 1) % fields
		return nil, false
	case tea.KeyDown:
		d.at = (d.at + 1) % fields
		return nil, false
	case tea.KeyTab:
		if d.at == fieldPath {
			return complete(d.path.Value(), d.e.Dir), false
		}
		d.at = (d.at + 1) % fields
		return nil, false
	}
	if d.at == fieldPath {
		if d.exists && k.String() == "ctrl+o" {
			d.s.overwrite = true
			return d.save(), false
		}
		was := d.path.Value()
		d.path.Focus()
		d.path, _ = d.path.Update(k)
		if d.path.Value() != was {
			d.named, d.exists, d.trouble = true, false, ""
		}
		return nil, false
	}
	switch k.String() {
	case "left", "h":
		d.turn(-1)
	case "right", "l", " ":
		d.turn(1)
	case "j":
		d.at++
	case "k":
		d.at = (d.at + fields - 1) % fields
	case "ctrl+o":
		if d.exists {
			d.s.overwrite = true
			return d.save(), false
		}
	case "q":
		return nil, true
	}
	return nil, false
}

// turn chooses the next value of a field.
func (d *saveDialog) turn(step int) {
	switch d.at {
	case fieldWhat:
		d.scope = (d.scope + step + len(d.scopes)) % len(d.scopes)
	case fieldFormat:
		d.s.format = format((int(d.s.format) + step + int(formats)) % int(formats))
	case fieldRedact:
		d.s.redacted = !d.s.redacted
	}
	d.exists, d.trouble = false, ""
	d.name()
}

func (d *saveDialog) save() tea.Cmd {
	if d.busy {
		return nil
	}
	s := d.s
	s.calls, s.group, s.path, s.time = d.scopes[d.scope].calls, d.scopes[d.scope].group, d.path.Value(), d.e.set.time
	if strings.TrimSpace(s.path) == "" {
		d.trouble = "a file needs a name"
		return nil
	}
	d.busy = true
	return d.e.prepare(s)
}

// ready takes what became of the file, and reports whether the dialog is done.
func (d *saveDialog) ready(m readyMsg) bool {
	d.busy, d.s.overwrite = false, false
	switch {
	case exists(m.err):
		d.exists, d.at = true, fieldPath
		d.trouble = m.path + " is there: ctrl+o overwrites it, or give another name"
	case m.err != nil:
		d.trouble, d.at = m.err.Error(), fieldPath
	default:
		return true
	}
	return false
}

func (d *saveDialog) size(w, h int)  { d.w, d.h = w, h }
func (d *saveDialog) keep() bool     { return true }
func (d *saveDialog) refresh()       {}
func (d *saveDialog) typing() bool   { return true }
func (d *saveDialog) keyMap() keyMap { return saveKeys }
func (d *saveDialog) move(n int)     {}
