package screen

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/doctor"
	"voiptop/tui/internal/prefs"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// Config is what the screens need.
type Config struct {
	Source source.Source
	Theme  *style.Theme
	Now    func() time.Time
	Zone   *time.Location // of the times shown
	Term   io.Writer      // takes the escape sequence that copies to the clipboard
	Dir    string         // where files are saved, unless another folder is named
	Prefs  *prefs.Prefs   // nil: kept in memory only
	Filter string         // of calls, from the start; CheckFilter says whether it is right
	// Doctor makes the checks of this machine's sensor, gives each outcome to emit as it comes and returns when ctx ends or all
	// are made. Nil: the source is no sensor of this machine.
	Doctor func(ctx context.Context, emit func(doctor.Outcome))
}

// env is what all panes share. It is made once and not changed.
type env struct {
	Config
	clock   func() protocol.Time // the source's
	set     *settings
	marks   marks
	job     atomic.Pointer[job] // what is being saved
	masking *masking
	ctx     context.Context                                 // ends with the program: every command stops then
	pause   func(ctx context.Context, d time.Duration) bool // waits; false if ctx ended first
}

// sleep is the pause of a running program.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// askTimeout bounds a question to the source; a download is not bounded.
const askTimeout = 15 * time.Second

// ask runs a question to the source outside of Update and answers with the message that it makes.
func (e *env) ask(f func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(e.ctx, askTimeout)
		defer cancel()
		return f(ctx)
	}
}

// after sends msg in d, unless the program ends first.
func (e *env) after(d time.Duration, msg tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if e.pause(e.ctx, d) {
			return msg
		}
		return nil
	}
}

// say is an error in one line for a person: title, detail and remedy of a problem.
func say(err error) string {
	var p *protocol.Problem
	if !errors.As(err, &p) {
		return err.Error()
	}
	s := p.Title
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if p.Remedy != "" {
		s += "; " + p.Remedy
	}
	return s
}

// headline is what went wrong, without what to do about it.
func headline(err error) string {
	var p *protocol.Problem
	if errors.As(err, &p) {
		return p.Title
	}
	return err.Error()
}

// explain is an error as the text of an empty screen: what went wrong, then the details and what to do.
func explain(err error) []string {
	out := []string{headline(err)}
	var p *protocol.Problem
	if errors.As(err, &p) {
		for _, s := range []string{p.Detail, p.Remedy} {
			if s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

// toast shows a line in the footer for a while.
type toast struct {
	text string
	bad  bool
}

func toastCmd(text string, bad bool) tea.Cmd {
	return func() tea.Msg { return toast{text, bad} }
}
