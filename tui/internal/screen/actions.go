package screen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-osc52/v2"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// copy puts text into the clipboard of the user's terminal, also over ssh (OSC 52).
func (e *env) copy(text, what string) tea.Cmd {
	return func() tea.Msg {
		if _, err := osc52.New(text).WriteTo(e.Term); err != nil {
			return toast{"copy: " + err.Error(), true}
		}
		return toast{what + " copied", false}
	}
}

// save writes the packets of a call to a file of its own in e.Dir.
func (e *env) save(c *protocol.CDR) tea.Cmd {
	name, id := source.FileName(c), c.ID.String()
	return func() tea.Msg {
		path, n, err := e.download(name, id)
		if err != nil {
			return toast{"not saved: " + say(err), true}
		}
		return toast{fmt.Sprintf("%s bytes saved to %s", short(float64(n)), path), false}
	}
}

// download writes to a new file, which goes away again when there is nothing whole to keep.
func (e *env) download(name, id string) (path string, n int64, err error) {
	f, err := e.create(name)
	if err != nil {
		return "", 0, err
	}
	n, err = e.Source.Capture(e.ctx, id, f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(f.Name())
		return "", 0, err
	}
	return f.Name(), n, nil
}

// create makes a file that was not there before: name, or name with a number.
func (e *env) create(name string) (*os.File, error) {
	ext := filepath.Ext(name)
	path := filepath.Join(e.Dir, name)
	for i := 2; ; i++ {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, fs.ErrExist) || i > 1000 {
			return f, err
		}
		path = filepath.Join(e.Dir, fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), i, ext))
	}
}
