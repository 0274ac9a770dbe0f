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

// keys are all keys there are. The function keys are those of sngrep, as far as there is the same.
var keys = struct {
	Up, Down, PageUp, PageDown, Home, End, Left, Right           key.Binding
	Open, Back, Filter, Sort, Reverse, Focus, Pause, Follow      key.Binding
	Save, Copy, CopyLadder, Next, Prev, Help, Quit, Reload       key.Binding
	Live, Done, Regs, Streams, Rules, Doctor, Sensors, Stats     key.Binding
	Edit, NewRule, SaveGroup, SaveAudio, Mark, Unmark, Columns   key.Binding
	Legs, Expand, Time, Colour, Diff, Wider, Narrower            key.Binding
	SideUp, SideDown, Compare, CopyText, Earlier, Later, Changes key.Binding
}{
	Up: bind("k", "up", "up", "k"), Down: bind("j", "down", "down", "j"),
	PageUp: bind("pgup", "page up", "pgup", "ctrl+b"), PageDown: bind("pgdn", "page down", "pgdown", "ctrl+f"),
	Home: bind("g/home", "first", "home", "g"), End: bind("G/end", "last", "end", "G"),
	Left: bind("h", "left", "left", "h"), Right: bind("l", "right", "right", "l"),
	Open: bind("enter", "open", "enter", "f6"), Back: bind("esc", "back", "esc", "backspace"),
	Filter: bind("/", "filter", "/", "f3", "f7"), Sort: bind("s", "sort", "s", ">"), Reverse: bind("S", "reverse", "S", "<"),
	Focus: bind("tab", "view", "tab"), Pause: bind("p", "pause", "p"), Follow: bind("f", "follow", "f", "A"),
	Save: bind("w", "save", "w", "f2"), Copy: bind("y", "copy id", "y"), CopyLadder: bind("Y", "copy ladder", "Y"),
	Next: bind("n", "next problem", "n"), Prev: bind("N", "previous problem", "N"),
	Help: bind("?", "help", "?", "f1"), Quit: bind("q", "quit", "q", "ctrl+c"), Reload: bind("r", "reload", "r", "ctrl+r"),
	Live: bind("1", "live", "1"), Done: bind("2", "done", "2"), Regs: bind("3", "regs", "3"), Streams: bind("4", "streams", "4"),
	Rules: bind("5", "rules", "5"), Doctor: bind("6/D", "doctor", "6", "D"), Sensors: bind("7", "sensors", "7"), Stats: bind("8/i", "statistics", "8", "i"),
	SaveGroup: bind("W", "save legs", "W"), SaveAudio: bind("a", "save audio", "a"),
	Edit: bind("e", "edit", "e"), NewRule: bind("R", "rule for it", "R"),
	Mark: bind("space", "mark", " "), Unmark: bind("u", "unmark all", "u"), Columns: bind("c", "columns", "c", "f10"),
	Legs: bind("x", "legs", "x", "f4"), Expand: bind("o", "repeats", "o", "f5"), Time: bind("t", "time", "t", "f9"), Colour: bind("c", "colours", "c"),
	Diff: bind("=", "diff", "="), Wider: bind("]", "wider", "]"), Narrower: bind("[", "narrower", "["),
	SideUp: bind("K", "pane up", "K"), SideDown: bind("J", "pane down", "J"),
	Compare: bind("=", "compare", "="), CopyText: bind("y", "copy", "y"),
	Earlier: bind("h", "previous", "left", "h"), Later: bind("l", "next", "right", "l"), Changes: bind("=", "only changes", "="),
}

// keyMap is a help.KeyMap of fixed lists: what the footer offers, and what the help screen adds.
type keyMap struct {
	short []key.Binding
	full  [][]key.Binding
}

func (k keyMap) ShortHelp() []key.Binding  { return k.short }
func (k keyMap) FullHelp() [][]key.Binding { return k.full }

var moveKeys = []key.Binding{keys.Up, keys.Down, keys.PageUp, keys.PageDown, keys.Home, keys.End}

var viewKeys = []key.Binding{
	keys.Live, keys.Done, keys.Regs, keys.Streams, keys.Rules, keys.Doctor, keys.Sensors, keys.Stats, keys.Help, bind("ctrl+z", "suspend", "ctrl+z"), keys.Quit,
}

var listKeys = keyMap{
	short: []key.Binding{keys.Open, keys.Filter, keys.Sort, keys.Mark, keys.Save, keys.Copy, keys.Reverse, keys.Columns, keys.NewRule, keys.Pause, keys.Follow, keys.Help, keys.Quit},
	full: [][]key.Binding{
		moveKeys,
		{keys.Open, keys.Back, keys.Filter, keys.Sort, keys.Reverse, keys.Columns, keys.Pause, keys.Follow, keys.Reload},
		{keys.Mark, keys.Unmark, keys.Compare, keys.Save, keys.SaveGroup, keys.SaveAudio, keys.NewRule, keys.Copy},
		viewKeys,
	},
}

var detailKeys = keyMap{
	short: []key.Binding{keys.Back, keys.Open, keys.Focus, keys.Next, keys.Mark, keys.Diff, keys.Legs, keys.Time, keys.Save, keys.Copy, keys.Expand, keys.Colour, keys.CopyLadder, keys.Follow, keys.Help, keys.Quit},
	full: [][]key.Binding{
		moveKeys,
		{keys.Open, keys.Back, keys.Focus, keys.Next, keys.Prev, keys.Follow, keys.Left, keys.Right},
		{keys.Legs, keys.Expand, keys.Time, keys.Colour, keys.Wider, keys.Narrower, keys.SideDown, keys.SideUp},
		{keys.Mark, keys.Diff, keys.Save, keys.SaveGroup, keys.SaveAudio, keys.NewRule, keys.Copy, keys.CopyLadder},
		viewKeys,
	},
}

// detailStreamKeys are those of a call's page of streams, which is all that there is of them.
var detailStreamKeys = keyMap{
	short: []key.Binding{keys.Back, keys.Focus, keys.Down, keys.Up, keys.Legs, keys.Save, keys.SaveAudio, keys.Copy, keys.Help, keys.Quit},
	full:  detailKeys.full,
}

var messageKeys = keyMap{short: []key.Binding{
	keys.Back, keys.Later, keys.Earlier, bind("/", "search", "/"), bind("n", "next found", "n"), bind("y", "copy message", "y"), keys.Down, keys.Help, keys.Quit,
}}

var diffKeys = keyMap{short: []key.Binding{keys.Back, keys.Changes, bind("/", "search", "/"), bind("n", "next found", "n"), keys.Down, keys.Up, keys.Help, keys.Quit}}

var streamKeys = keyMap{
	short: []key.Binding{keys.Open, keys.Sort, keys.Reverse, keys.Filter, keys.Columns, keys.Save, keys.Copy, keys.Reload, keys.Help, keys.Quit},
	full: [][]key.Binding{
		moveKeys,
		{keys.Open, keys.Back, keys.Filter, keys.Sort, keys.Reverse, keys.Columns, keys.Reload, keys.Pause},
		{keys.Save, keys.SaveGroup, keys.SaveAudio, keys.NewRule, keys.Copy},
		viewKeys,
	},
}

var doctorKeys = keyMap{
	short: []key.Binding{keys.Next, keys.Down, keys.Up, bind("y", "copy remedy", "y"), bind("r", "run again", "r"), keys.Live, keys.Help, keys.Quit},
	full:  [][]key.Binding{moveKeys, {keys.Next, keys.Prev, bind("y", "copy remedy", "y"), bind("r", "run again", "r"), keys.Back}, viewKeys},
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

// requestKeys are those of the other page of Regs.
var requestKeys = keyMap{
	short: []key.Binding{bind("tab", "registrations", "tab"), keys.Filter, keys.Sort, keys.Reverse, keys.Columns, keys.Copy, keys.Reload, keys.Help, keys.Quit},
	full:  [][]key.Binding{moveKeys, {bind("tab", "registrations", "tab"), keys.Filter, keys.Back, keys.Sort, keys.Reverse, keys.Columns, keys.Copy, keys.Reload}, viewKeys},
}

var regKeys = keyMap{
	short: []key.Binding{bind("tab", "requests", "tab"), keys.Filter, keys.Sort, keys.Reverse, keys.Columns, keys.Copy, keys.Reload, keys.Help, keys.Quit},
	full:  [][]key.Binding{moveKeys, {bind("tab", "requests", "tab"), keys.Filter, keys.Back, keys.Sort, keys.Reverse, keys.Columns, keys.Copy, keys.Reload}, viewKeys},
}

var statsKeys = keyMap{
	short: []key.Binding{keys.Open, bind("tab", "next", "tab"), keys.Filter, keys.Sort, keys.Reverse, bind("y", "copy condition", "y"), keys.Columns, keys.Reload, keys.Help, keys.Quit},
	full: [][]key.Binding{
		moveKeys,
		{bind("enter", "its calls", "enter"), bind("esc", "back", "esc"), bind("tab", "next section", "tab"), bind("h l", "section", "h", "l"), keys.Filter, keys.Sort, keys.Reverse, keys.Columns, bind("y", "copy condition", "y"), keys.Reload},
		viewKeys,
	},
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
	add(t.NewLine(w).Add(t.Head, " Keys").Add(t.Dim, "  the arrow keys and the mouse work too, and F1 to F10 as in sngrep"))
	groups := k.FullHelp()
	if len(groups) == 0 {
		groups = [][]key.Binding{k.ShortHelp()}
	}
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
	add(t.NewLine(w).Add(t.Head, " Filter"))
	for _, s := range []string{
		"conditions on a call, joined by and, or, not and brackets; a bare word matches any part:",
		"state:up mos<3.5, caller:4420* or ip:10.0.0.0/8, not status:200, finding:one-way-audio",
		"message:REFER* asks for the first lines of messages; of a file, text:\"a=sendonly\" for all that is in them",
		"in Regs and Streams: words that are parts of a row, e.g. failing 10.0.0.",
	} {
		for _, part := range wrap(t, s, w-4) {
			add(t.NewLine(w).Add(t.Text, "   "+part))
		}
	}
	add(t.NewLine(w))
	for _, f := range rules.Fields() {
		doc := f.Doc
		if len(f.Words) > 0 {
			doc += ":"
			for _, v := range f.Words {
				doc += " " + v
			}
		}
		name := f.Name
		for _, part := range wrap(t, doc, w-21) {
			add(t.NewLine(w).Add(t.Key, "   "+t.Fit(name, 16)).Add(t.Text, " "+part))
			name = ""
		}
	}
	return out
}
