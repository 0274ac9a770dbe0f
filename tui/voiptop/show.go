package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"
	"github.com/muesli/termenv"

	"voiptop/sensord/conf"
	"voiptop/tui/doctor"
	"voiptop/tui/internal/background"
	"voiptop/tui/internal/prefs"
	"voiptop/tui/internal/screen"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// terminal is stdout if it can show a screen, else nil.
func (v *command) terminal() *os.File {
	f, ok := v.stdout.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return f
}

// show runs the screen until the user quits or ctx ends.
func (v *command) show(ctx context.Context, src source.Source, tty *os.File) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.Getwd()
	if err != nil {
		return exitError{1, err.Error()}
	}
	chosen, err := prefs.Load(prefs.Path())
	if err != nil {
		fmt.Fprintf(v.stderr, "voiptop: %v\n", err) // is read when the screen is left: it keeps nobody from his calls
	}
	v.prefer(chosen)
	look, typed := v.look(tty)
	m, watch := screen.New(ctx, screen.Config{
		Source: src, Theme: look, Now: time.Now, Zone: v.zone(), Term: tty, Dir: dir, Prefs: chosen, Doctor: v.doctor(), Filter: v.filter,
	})
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		watch(ctx)
	}()
	keys := tea.WithInputTTY() // stdin may be a capture
	if in := v.keyboard(); in != nil {
		keys = tea.WithInput(in)
	}
	options := []tea.ProgramOption{tea.WithAltScreen(), tea.WithOutput(tty), keys, tea.WithoutSignalHandler()}
	if !v.noMouse {
		options = append(options, tea.WithMouseCellMotion())
	}
	p := tea.NewProgram(m, options...)
	go func() {
		for _, k := range typed {
			p.Send(k)
		}
	}()
	go func() {
		<-ctx.Done()
		p.Quit()
	}()
	_, err = p.Run()
	cancel()
	<-watching
	if err != nil {
		return exitError{1, err.Error()}
	}
	return nil
}

// prefer takes from the settings what the command line does not say.
func (v *command) prefer(p *prefs.Prefs) {
	if s := p.Get("theme"); s != "" && !v.set("theme") {
		v.theme = s
	}
	if s := p.Get("filter"); s != "" && !v.set("filter") && screen.CheckFilter(s) == nil {
		v.filter = s
	}
	for _, f := range []struct {
		name, flag string
		on         *bool
		yes        string
	}{{"ascii", "ascii", &v.ascii, "yes"}, {"utc", "utc", &v.utc, "yes"}, {"mouse", "no-mouse", &v.noMouse, "no"}} {
		if s := p.Get(f.name); s != "" && !v.set(f.flag) {
			*f.on = s == f.yes
		}
	}
}

// doctor makes the checks of this machine's sensor; nil when another source is shown.
func (v *command) doctor() func(context.Context, func(doctor.Outcome)) {
	if len(v.files) > 0 || v.hosted != "" || v.socket != "" && v.socket != source.DefaultSocket(conf.DefaultPath) {
		return nil
	}
	return func(ctx context.Context, emit func(doctor.Outcome)) {
		doctor.Run(ctx, doctor.NewEnv(conf.DefaultPath), doctor.Selection{}, emit)
	}
}

func (v *command) zone() *time.Location {
	if v.utc {
		return time.UTC
	}
	return time.Local
}

// keyboard is stdin if it is a terminal, else nil.
func (v *command) keyboard() *os.File {
	if in, ok := v.stdin.(*os.File); ok && term.IsTerminal(in.Fd()) {
		return in
	}
	return nil
}

// answerTimeout is how long a terminal has to say what its background is. It covers a slow ssh.
const answerTimeout = time.Second

// look finds out what the terminal can show. typed is what the user typed meanwhile.
func (v *command) look(tty *os.File) (t *style.Theme, typed []tea.KeyMsg) {
	o := style.Options{Profile: termenv.NewOutput(tty).EnvColorProfile(), Dark: v.theme != "light", ASCII: v.ascii || !utf8Locale(os.Getenv)}
	if v.theme != "auto" || o.Profile == termenv.Ascii {
		return style.New(o), nil
	}
	known := false
	if in := v.keyboard(); in != nil && answers(os.Getenv("TERM")) {
		var b []byte
		o.Dark, known, b = background.Ask(in, tty, answerTimeout)
		typed = keysOf(b)
	}
	if !known {
		o.Dark = background.Told(os.Getenv("COLORFGBG"))
	}
	return style.New(o), typed
}

// answers reports whether a terminal can say what its background is. A multiplexer cannot, it may have several terminals.
func answers(term string) bool {
	for _, no := range []string{"screen", "tmux", "linux", "vt"} {
		if strings.HasPrefix(term, no) {
			return false
		}
	}
	return true
}

// keysOf makes key messages of what was typed before the program read the keyboard: letters, enter and ctrl-c.
func keysOf(b []byte) (keys []tea.KeyMsg) {
	for _, c := range b {
		switch {
		case c == '\r':
			keys = append(keys, tea.KeyMsg{Type: tea.KeyEnter})
		case c == 3:
			keys = append(keys, tea.KeyMsg{Type: tea.KeyCtrlC})
		case c > ' ' && c <= '~':
			keys = append(keys, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{rune(c)}})
		case c == 0x1b:
			return keys // a function key: what follows is no letter
		}
	}
	return keys
}

// utf8Locale reports whether the locale's character set is UTF-8 (POSIX: LC_ALL, then LC_CTYPE, then LANG).
func utf8Locale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := env(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// ask asks for name and password on the terminal.
func (v *command) ask(url string) (name, password string, err error) {
	in, ok := v.stdin.(*os.File)
	if !ok || !term.IsTerminal(in.Fd()) {
		return "", "", errors.New("no API token, and no terminal to ask for a password: set VOIPTOP_TOKEN or write the token to " + source.TokenPath())
	}
	fmt.Fprintf(v.stderr, "%s\nname: ", url)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return "", "", fmt.Errorf("read name: %w", err)
	}
	fmt.Fprint(v.stderr, "password: ")
	b, err := term.ReadPassword(in.Fd())
	fmt.Fprintln(v.stderr)
	if err != nil {
		return "", "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimSpace(line), string(b), nil
}
