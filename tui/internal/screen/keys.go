package screen

import (
	"github.com/charmbracelet/bubbles/help"
	"github.com/charmbracelet/bubbles/key"

	"voiptop/rules"
	"voiptop/tui/internal/style"
)

func bind(show, what string, k ...string) key.Binding {
	return key.NewBinding(key.WithKeys(k...), key.WithHelp(show, what))
}

// keys are all keys there are.
var keys = struct {
	Up, Down, PageUp, PageDown, Home, End, Left, Right      key.Binding
	Open, Back, Filter, Sort, Reverse, Focus, Pause, Follow key.Binding
	Save, Copy, CopyLadder, Next, Prev, Help, Quit, Reload  key.Binding
	Live, Done, Regs, Rules, Sensors, Edit, NewRule         key.Binding
	SaveGroup, SaveAudio                                    key.Binding
}{
	Up: bind("k", "up", "up", "k"), Down: bind("j", "down", "down", "j"),
	PageUp: bind("pgup", "page up", "pgup", "ctrl+b"), PageDown: bind("pgdn", "page down", "pgdown", "ctrl+f", " "),
	Home: bind("g/home", "first", "home", "g"), End: bind("G/end", "last", "end", "G"),
	Left: bind("h", "left", "left", "h"), Right: bind("l", "right", "right", "l"),
	Open: bind("enter", "open", "enter"), Back: bind("esc", "back", "esc", "backspace"),
	Filter: bind("/", "filter", "/"), Sort: bind("s", "sort", "s"), Reverse: bind("S", "reverse", "S"),
	Focus: bind("tab", "view", "tab"), Pause: bind("p", "pause", "p"), Follow: bind("f", "follow", "f"),
	Save: bind("w", "save", "w"), Copy: bind("y", "copy id", "y"), CopyLadder: bind("Y", "copy ladder", "Y"),
	Next: bind("n", "next problem", "n"), Prev: bind("N", "previous problem", "N"),
	Help: bind("?", "help", "?"), Quit: bind("q", "quit", "q", "ctrl+c"), Reload: bind("r", "reload", "r", "ctrl+r"),
	Live: bind("1", "live", "1"), Done: bind("2", "done", "2"), Regs: bind("3", "regs", "3"),
	Rules: bind("4", "rules", "4"), Sensors: bind("5", "sensors", "5"),
	SaveGroup: bind("W", "save legs", "W"), SaveAudio: bind("a", "save audio", "a"),
	Edit: bind("e", "edit", "e"), NewRule: bind("R", "rule for it", "R"),
}

// keyMap is a help.KeyMap of fixed lists: what the footer offers, and what the help screen adds.
type keyMap struct {
	short []key.Binding
	full  [][]key.Binding
}

func (k keyMap) ShortHelp() []key.Binding  { return k.short }
func (k keyMap) FullHelp() [][]key.Binding { return k.full }

var moveKeys = []key.Binding{keys.Up, keys.Down, keys.PageUp, keys.PageDown, keys.Home, keys.End}

var viewKeys = []key.Binding{keys.Live, keys.Done, keys.Regs, keys.Rules, keys.Sensors, keys.Help, keys.Quit}

var listKeys = keyMap{
	short: []key.Binding{keys.Open, keys.Filter, keys.Sort, keys.Reverse, keys.Save, keys.Copy, keys.Pause, keys.Follow, keys.Help, keys.Quit},
	full: [][]key.Binding{
		moveKeys,
		{keys.Open, keys.Back, keys.Filter, keys.Sort, keys.Reverse, keys.NewRule},
		{keys.Save, keys.SaveGroup, keys.SaveAudio, keys.Copy, keys.Pause, keys.Follow, keys.Reload},
		viewKeys,
	},
}

var detailKeys = keyMap{
	short: []key.Binding{keys.Back, keys.Focus, keys.Next, keys.Follow, keys.Save, keys.Copy, keys.CopyLadder, keys.Help, keys.Quit},
	full: [][]key.Binding{
		moveKeys,
		{keys.Left, keys.Right, keys.Open, keys.Back, keys.Focus, keys.Follow, keys.NewRule},
		{keys.Save, keys.SaveGroup, keys.SaveAudio, keys.Copy, keys.CopyLadder, keys.Next, keys.Prev},
		viewKeys,
	},
}

var ruleKeys = keyMap{
	short: []key.Binding{keys.Edit, keys.Up, keys.Down, keys.Reload, keys.Live, keys.Done, keys.Help, keys.Quit},
	full:  [][]key.Binding{moveKeys, {keys.Edit, keys.Reload, keys.Back}, viewKeys},
}

// editKeys are shown beside the editor. They are no bindings of the screens: there letters are text.
var editKeys = keyMap{short: []key.Binding{
	bind("tab", "complete", "tab"), bind("ctrl+z", "undo", "ctrl+z"), bind("ctrl+y", "redo", "ctrl+y"), bind("ctrl+o", "on/off", "ctrl+o"), bind("alt+up/down", "move rule", "alt+up", "alt+down"), bind("ctrl+x", "delete rule", "ctrl+x"),
	bind("ctrl+k", "delete line", "ctrl+k"), bind("ctrl+g", "to the fault", "ctrl+g"),
	bind("ctrl+s", "save", "ctrl+s"), bind("esc", "leave", "esc"),
}}

var regKeys = keyMap{
	short: []key.Binding{keys.Filter, keys.Sort, keys.Reverse, keys.Copy, keys.Reload, keys.Live, keys.Done, keys.Help, keys.Quit},
	full:  [][]key.Binding{moveKeys, {keys.Filter, keys.Back, keys.Sort, keys.Reverse, keys.Copy, keys.Reload}, viewKeys},
}

var sensorKeys = keyMap{
	short: []key.Binding{keys.Open, keys.Up, keys.Down, keys.Reload, keys.Live, keys.Done, keys.Help, keys.Quit},
	full:  [][]key.Binding{moveKeys, {keys.Open, keys.Reload, keys.Back}, viewKeys},
}

// footer is one line of keys: the last two always (help and quit on most screens); of the others as many as have room.
func footer(t *style.Theme, k help.KeyMap, w int) string {
	all := k.ShortHelp()
	room := w - 1
	take := make([]bool, len(all))
	offer := func(i int) {
		h := all[i].Help()
		if n := style.Width(h.Key) + 3 + style.Width(h.Desc); n <= room+2 {
			take[i] = true
			room -= n
		}
	}
	offer(len(all) - 1)
	offer(len(all) - 2)
	for i := range all[:len(all)-2] {
		offer(i)
	}
	l := t.NewLine(w)
	gap := " "
	for i, b := range all {
		if h := b.Help(); take[i] {
			l.Add(t.Text, gap).Add(t.Key, h.Key).Add(t.Dim, " "+h.Desc)
			gap = "  "
		}
	}
	return l.String()
}

// helpLines is the help screen: all keys, then the fields that a filter knows.
func helpLines(t *style.Theme, k help.KeyMap, w int) []string {
	var out []string
	add := func(l *style.Line) { out = append(out, l.String()) }
	add(t.NewLine(w).Add(t.Head, " Keys").Add(t.Dim, "  the arrow keys work too"))
	groups := k.FullHelp()
	rows := 0
	for _, g := range groups {
		rows = max(rows, len(g))
	}
	per := max(1, min(len(groups), w/20))
	for at := 0; at < len(groups); at += per {
		for i := range rows {
			l := t.NewLine(w).Add(t.Text, " ")
			for _, g := range groups[at:min(at+per, len(groups))] {
				if i < len(g) {
					h := g[i].Help()
					l.Add(t.Key, t.Fit(h.Key, 7)).Add(t.Text, t.Fit(h.Desc, w/per-8))
				} else {
					l.Add(t.Text, t.Fit("", w/per-1))
				}
			}
			add(l)
		}
	}
	add(t.NewLine(w))
	add(t.NewLine(w).Add(t.Head, " Filter").Add(t.Dim, "  conditions on a call, joined by and, or, not and brackets; a bare word matches any part"))
	add(t.NewLine(w).Add(t.Text, "   state:up mos<3.5      caller:4420* or ip:10.0.0.0/8      not status:200      finding:one-way-audio"))
	add(t.NewLine(w).Add(t.Text, "   in Regs: words that are parts of a row, e.g. failing 10.0.0."))
	add(t.NewLine(w))
	for _, f := range rules.Fields() {
		doc := f.Doc
		if len(f.Words) > 0 {
			doc += ":"
			for _, v := range f.Words {
				doc += " " + v
			}
		}
		add(t.NewLine(w).Add(t.Key, "   "+t.Fit(f.Name, 14)).Add(t.Text, doc))
	}
	return out
}
