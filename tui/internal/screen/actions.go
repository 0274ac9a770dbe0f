package screen

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-osc52/v2"
	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
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

// saveAudio writes what is to be heard of a call as a WAV file.
func (e *env) saveAudio(c *protocol.CDR) tea.Cmd {
	from, ok := e.Source.(source.Listener)
	if !ok {
		return toastCmd("there is nothing to listen to here; w saves the packets", true)
	}
	id := c.ID.String()
	return e.download(c.FileName(".wav"), func(w io.Writer) (fetched, error) {
		n, missing, err := from.Audio(e.ctx, id, sensorapi.AudioOptions{}, w)
		note := ""
		for _, m := range missing {
			note += m.String() + "; "
		}
		return fetched{bytes: n, note: note}, err
	})
}

// fetched is what came of a download.
type fetched struct {
	bytes int64
	ext   string // of the file's name; "": the one that it has
	note  string // what is not as wished, ""
}

// download writes to a new file, which goes away again when there is nothing whole to keep.
func (e *env) download(name string, fetch func(io.Writer) (fetched, error)) tea.Cmd {
	return tea.Sequence(toastCmd("saving "+name, false), func() tea.Msg {
		f, err := e.create(name)
		if err != nil {
			return toast{"not saved: " + err.Error(), true}
		}
		got, err := fetch(f)
		if closed := f.Close(); err == nil {
			err = closed
		}
		path := f.Name()
		if ext := filepath.Ext(path); err == nil && got.ext != "" && got.ext != ext {
			path = strings.TrimSuffix(path, ext) + got.ext
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			os.Remove(f.Name())
			return toast{"not saved: " + say(err), true}
		}
		return toast{fmt.Sprintf("%s%s bytes saved to %s", got.note, short(float64(got.bytes)), path), got.note != ""}
	})
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
