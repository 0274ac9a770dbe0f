package screen

import (
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/style"
)

// chooser is the dialog in which the columns of a view are chosen and put in order.
type chooser struct {
	e      *env
	of     columned
	order  []int // all columns, those that are shown in their order first
	on     map[int]bool
	cursor int
	top    int
	w, h   int
}

var chooserKeys = keyMap{short: []key.Binding{
	bind("space", "on/off", " "), bind("J K", "move", "J", "K"), bind("d", "all, as usual", "d"), bind("enter", "keep", "enter"), keys.Down, keys.Up, bind("esc", "cancel", "esc"),
}}

func newChooser(e *env, v columned) *chooser {
	c := &chooser{e: e, of: v, on: map[int]bool{}, order: slices.Clone(v.chosen())}
	if c.order == nil {
		c.usual()
		return c
	}
	for _, i := range c.order {
		c.on[i] = true
	}
	for i := range v.titles() {
		if !c.on[i] {
			c.order = append(c.order, i)
		}
	}
	return c
}

// usual is every column in its usual place.
func (c *chooser) usual() {
	c.order = c.order[:0]
	for i := range c.of.titles() {
		c.order = append(c.order, i)
		c.on[i] = true
	}
}

func (c *chooser) update(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	switch k.String() {
	case " ":
		i := c.order[c.cursor]
		c.on[i] = !c.on[i]
		c.Move(1)
	case "J", "shift+down":
		c.swap(1)
	case "K", "shift+up":
		c.swap(-1)
	case "d":
		c.usual()
	case "enter", "f10":
		return c.apply()
	case "esc", "q", "c":
		return nil, true
	default:
		move(k, c)
	}
	return nil, false
}

// apply puts the choice in force.
func (c *chooser) apply() (cmd tea.Cmd, done bool) {
	var cols []int
	usual := true
	for at, i := range c.order {
		usual = usual && at == i && c.on[i]
		if c.on[i] {
			cols = append(cols, i)
		}
	}
	switch {
	case len(cols) == 0:
		return toastCmd("at least one column must be on", true), false
	case usual:
		cols = nil
	}
	return c.e.set.keepColumns(c.e, c.of, cols), true
}

func (c *chooser) swap(step int) {
	to := c.cursor + step
	if to < 0 || to >= len(c.order) {
		return
	}
	c.order[c.cursor], c.order[to] = c.order[to], c.order[c.cursor]
	c.Move(step)
}

// Move implements mover, as do Page, Home and End.
func (c *chooser) Move(n int) {
	c.cursor = max(0, min(c.cursor+n, len(c.order)-1))
	room := max(1, c.h-3)
	c.top = max(min(c.top, c.cursor), c.cursor-room+1)
}
func (c *chooser) Page(n int) { c.Move(n * max(1, c.h-4)) }
func (c *chooser) Home()      { c.Move(-c.cursor) }
func (c *chooser) End()       { c.Move(len(c.order)) }

func (c *chooser) size(w, h int)  { c.w, c.h = w, h; c.Move(0) }
func (c *chooser) keep() bool     { return true }
func (c *chooser) refresh()       {}
func (c *chooser) typing() bool   { return true } // q and the numbers are not for the screens behind
func (c *chooser) move(n int)     { c.Move(n) }
func (c *chooser) keyMap() keyMap { return chooserKeys }

func (c *chooser) view() []string {
	t := c.e.Theme
	shown := c.of.onScreen()
	out := []string{
		t.NewLine(c.w).Add(t.Title, " columns").Add(t.Dim, "  they are shown in this order as far as there is room; kept in ~/.config/voiptop/config").String(),
		t.HLine("", c.w),
	}
	for at := c.top; at < len(c.order) && len(out) < c.h; at++ {
		i := c.order[at]
		sel := at == c.cursor
		mark, st := "[ ] ", t.Dim
		if c.on[i] {
			mark, st = "[x] ", t.Text
		}
		text := " " + mark + t.Fit(c.of.titles()[i], 14)
		if c.on[i] && !slices.Contains(shown, i) {
			text += "no room on this screen"
		}
		out = append(out, st.On(sel, t.Fit(text, c.w)))
	}
	return append(out, style.FitStyled("", c.w))
}
