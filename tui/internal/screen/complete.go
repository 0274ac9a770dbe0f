package screen

import (
	"os"
	"path/filepath"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// completedMsg is what tab made of a path.
type completedMsg struct {
	from, to string
	choices  []string
}

// complete finds what a path may be: the longest that all files and folders which begin so have in common.
func complete(text, dir string) tea.Cmd {
	return func() tea.Msg {
		path := expand(text)
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
			if strings.HasSuffix(text, "/") || text == "" {
				path += "/"
			}
		}
		folder, start := filepath.Split(path)
		list, err := os.ReadDir(folder)
		if err != nil {
			return completedMsg{from: text, to: text}
		}
		var names []string
		for _, f := range list {
			if name := f.Name(); strings.HasPrefix(name, start) && (start != "" || !strings.HasPrefix(name, ".")) {
				if f.IsDir() {
					name += "/"
				}
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return completedMsg{from: text, to: text}
		}
		common := names[0]
		for _, n := range names[1:] {
			for !strings.HasPrefix(n, common) {
				common = common[:len(common)-1]
			}
		}
		to := text
		if len(common) >= len(start) {
			to = text + common[len(start):]
		}
		return completedMsg{text, to, names[:min(len(names), maxChoices)]}
	}
}

const maxChoices = 40

// completed puts the completed path where it was asked for.
func (d *saveDialog) completed(m completedMsg) {
	if d.path.Value() != m.from {
		return
	}
	if m.to != m.from {
		d.path.SetValue(m.to)
		d.path.CursorEnd()
		d.named = true
		return
	}
	switch len(m.choices) {
	case 0:
		d.trouble = "nothing begins so"
	case 1:
	default:
		d.trouble = strings.Join(m.choices, "  ")
	}
}
