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
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/term"
	"github.com/muesli/termenv"

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
	m, watch := screen.New(ctx, screen.Config{Source: src, Theme: v.look(tty), Now: time.Now, Zone: v.zone(), Term: tty, Dir: dir})
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		watch(ctx)
	}()
	keys := tea.WithInputTTY() // stdin may be a capture
	if in, ok := v.stdin.(*os.File); ok && term.IsTerminal(in.Fd()) {
		keys = tea.WithInput(in)
	}
	p := tea.NewProgram(m, tea.WithAltScreen(), tea.WithOutput(tty), keys, tea.WithoutSignalHandler())
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

func (v *command) zone() *time.Location {
	if v.utc {
		return time.UTC
	}
	return time.Local
}

// look finds out what the terminal can show.
func (v *command) look(tty *os.File) *style.Theme {
	o := style.Options{Profile: termenv.NewOutput(tty).EnvColorProfile(), Dark: v.theme == "dark", ASCII: v.ascii || !utf8Locale(os.Getenv)}
	if v.theme == "auto" {
		o.Dark = lipgloss.HasDarkBackground()
	}
	return style.New(o)
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
