package screen

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/redact"
)

// format is what calls are saved as.
type format uint8

const (
	asMedia format = iota
	asSIP
	asMessages
	asText
	asSVG
	asCSV
	asJSON
	asSIPp
	formats
)

var formatNames = [formats]string{"pcapng, with RTP", "pcapng, SIP alone", "messages as text", "ladder as text", "ladder as SVG", "CSV", "JSON", "SIPp"}

var extensions = [formats]string{".pcapng", ".pcapng", ".txt", ".txt", ".svg", ".csv", ".json", ".zip"}

var formatDocs = [formats]string{
	"the packets of signalling and voice, for Wireshark and others",
	"the packets of signalling, without voice",
	"every SIP message as it was sent, with time and addresses before it",
	"the ladder as it is on the screen, of all calls by time",
	"the ladder as a picture for a browser, a ticket or a document",
	"one call a line, for spreadsheets; nothing in it is taken for a formula",
	"the records as voipmon analyze --json writes them, one a line",
	"scenarios of sipp that play the call as its caller and as its callee, with voice where it is there, in a zip",
}

// saving is what is to be saved, how, and where.
type saving struct {
	calls     []protocol.UUID
	group     bool // the whole conversations of calls
	format    format
	redacted  bool
	time      ladder.Time // before the rows of a ladder
	path      string
	overwrite bool
}

// job is a saving under way. The screen shows how far it is.
type job struct {
	name        string
	done, total atomic.Int64
	ended       atomic.Bool
}

// masking is the redactor of the program: what is saved in one session is masked the same way in all files.
type masking struct {
	mu  sync.Mutex
	red *redact.Redactor
}

// readyMsg says that a file could be made, or why not.
type readyMsg struct {
	s    saving
	f    *os.File
	path string // the name that it gets in the end
	err  error
}

// prepare makes the file; it is not there before unless it may be overwritten.
func (e *env) prepare(s saving) tea.Cmd {
	return func() tea.Msg {
		path := expand(s.path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(e.Dir, path)
		}
		var f *os.File
		var err error
		if info, failed := os.Stat(path); failed == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder", path)
		} else if s.overwrite {
			f, err = os.CreateTemp(filepath.Dir(path), ".voiptop-*")
		} else {
			f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
		return readyMsg{s, f, path, err}
	}
}

// expand makes ~/ the user's home.
func expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// write fills the file, which goes away again when there is nothing whole to keep.
func (e *env) write(m readyMsg) tea.Cmd {
	j := &job{name: filepath.Base(m.path)}
	e.job.Store(j)
	return tea.Sequence(toastCmd("saving "+m.path, false), func() tea.Msg {
		defer j.ended.Store(true)
		out := bufio.NewWriterSize(m.f, 64<<10)
		n := &counter{w: out}
		note, err := e.fill(e.ctx, m.s, n, j)
		if err == nil {
			err = out.Flush()
		}
		if closed := m.f.Close(); err == nil {
			err = closed
		}
		if err == nil && m.f.Name() != m.path {
			err = os.Rename(m.f.Name(), m.path)
		}
		if err != nil {
			os.Remove(m.f.Name())
			return toast{"not saved: " + say(err), true}
		}
		return toast{note + short(float64(n.n)) + " bytes saved to " + m.path, note != ""}
	})
}

func (t *telling) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	t.done += int64(n)
	t.tell(t.done, t.total)
	return n, err
}

// working is what is being saved now, "" when nothing is.
func (e *env) working() string {
	j := e.job.Load()
	if j == nil || j.ended.Load() {
		return ""
	}
	s := "saving " + j.name
	if done, total := j.done.Load(), j.total.Load(); total > 0 {
		s += fmt.Sprintf("  %s of %s bytes", short(float64(done)), short(float64(total)))
	} else if done > 0 {
		s += "  " + short(float64(done)) + " bytes"
	}
	return s
}

// exists reports whether a file could not be made because there is one.
func exists(err error) bool { return errors.Is(err, fs.ErrExist) }
