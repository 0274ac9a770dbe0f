package screen

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/prefs"
)

// settings are what the user has chosen on the screens. They last longer than the program.
type settings struct {
	file   *prefs.Prefs
	time   ladder.Time
	colour ladder.Colour
	split  int               // cells that the pane beside the ladder has more than usual
	hosts  map[string]string // names that the user has given to addresses
}

const maxSplit = 200

var (
	timeNames   = []string{"delta", "elapsed", "time"}
	colourNames = []string{"kind", "call"}
)

func newSettings(p *prefs.Prefs) *settings {
	if p == nil {
		p = &prefs.Prefs{}
	}
	s := &settings{file: p, hosts: p.Hosts()}
	s.time = ladder.Time(max(0, slices.Index(timeNames, p.Get("ladder_time"))))
	s.colour = ladder.Colour(max(0, slices.Index(colourNames, p.Get("ladder_colours"))))
	if n, err := strconv.Atoi(p.Get("ladder_split")); err == nil {
		s.split = max(-maxSplit, min(n, maxSplit))
	}
	return s
}

// host is the name of an address with or without a port, "" if it has none.
func (s *settings) host(addr string) string {
	if len(s.hosts) == 0 {
		return ""
	}
	if a, err := netip.ParseAddrPort(addr); err == nil {
		addr = a.Addr().Unmap().String()
	}
	return s.hosts[addr]
}

// save keeps how ladders are drawn.
func (s *settings) save(e *env) tea.Cmd {
	split := ""
	if s.split != 0 {
		split = strconv.Itoa(s.split)
	}
	s.file.Set("ladder_time", timeNames[s.time])
	s.file.Set("ladder_colours", colourNames[s.colour])
	s.file.Set("ladder_split", split)
	return s.write(e)
}

func (s *settings) write(e *env) tea.Cmd {
	return func() tea.Msg {
		if err := s.file.Save(); err != nil && e.ctx.Err() == nil {
			return toast{err.Error(), true}
		}
		return nil
	}
}

// columned is a view whose table has columns to choose and to sort by.
type columned interface {
	setting() string                   // its name in the settings
	titles() []string                  // of all columns
	choose(cols []int)                 // nil: all
	chosen() []int                     // nil: all
	sortedBy() (col int, reverse bool) // what it is sorted by
	sortBy(col int, reverse bool)      // sorts anew
	columnAt(x int) int                // the column at a cell, -1: none
	click(y int) bool                  // moves the cursor to a line of the table
	wheel(n int)                       // scrolls by n lines
	onScreen() []int                   // the columns that have room
}

// restore brings back the columns and the order of a view. What is not known is passed over: another version may have written it.
func (s *settings) restore(v columned) {
	titles := v.titles()
	var cols []int
	for _, name := range s.file.List(v.setting() + "_columns") {
		if i := slices.Index(titles, name); i >= 0 && !slices.Contains(cols, i) {
			cols = append(cols, i)
		}
	}
	if len(cols) > 0 {
		v.choose(cols)
	}
	name, reverse := strings.CutPrefix(s.file.Get(v.setting()+"_sort"), "-")
	if i := slices.Index(titles, name); i >= 0 && name != "" {
		v.sortBy(i, reverse)
	}
}

// keepColumns keeps the columns of a view, nil for all.
func (s *settings) keepColumns(e *env, v columned, cols []int) tea.Cmd {
	v.choose(cols)
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = v.titles()[c]
	}
	s.file.Set(v.setting()+"_columns", strings.Join(names, ", "))
	return s.write(e)
}

// sortNext sorts by the next column that is on the screen, or in reverse.
func (s *settings) sortNext(e *env, v columned, reverse bool) tea.Cmd {
	col, rev := v.sortedBy()
	if reverse {
		return s.sort(e, v, col, !rev)
	}
	shown := v.onScreen()
	if len(shown) == 0 {
		return nil
	}
	return s.sort(e, v, shown[(slices.Index(shown, col)+1)%len(shown)], false)
}

// sortClicked sorts by a column; by the same once more, in reverse.
func (s *settings) sortClicked(e *env, v columned, col int) tea.Cmd {
	was, rev := v.sortedBy()
	return s.sort(e, v, col, was == col && !rev)
}

func (s *settings) sort(e *env, v columned, col int, reverse bool) tea.Cmd {
	v.sortBy(col, reverse)
	name := v.titles()[col]
	if reverse {
		name = "-" + name
	}
	s.file.Set(v.setting()+"_sort", name)
	return s.write(e)
}
