package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"voiptop/tui/internal/early"
)

// terminal is a pseudo-terminal with a program on it and us at the keyboard.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	mu     sync.Mutex
	shown  bytes.Buffer
	answer string        // to the question for the background; "": the terminal is mute
	read   chan struct{} // closed when nothing more is shown
}

func newTerminal(t *testing.T, cols, rows uint16) *terminal {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())                                                                  // the settings of whoever runs the tests are not asked
	for _, name := range []string{"CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLORFGBG"} { // where the tests run must not decide what they see
		t.Setenv(name, "")
	}
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(m.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows})
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, master: m, slave: s, answer: "\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62c", read: make(chan struct{})}
	go func() {
		defer close(term.read)
		b := make([]byte, 4096)
		for {
			n, err := m.Read(b)
			if err != nil {
				return
			}
			term.mu.Lock()
			term.shown.Write(b[:n])
			if bytes.Contains(b[:n], []byte("\x1b[c")) {
				m.WriteString(term.answer)
			}
			term.mu.Unlock()
		}
	}()
	t.Cleanup(func() { m.Close(); s.Close() })
	return term
}

func (p *terminal) wait(text string) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if p.has(text) {
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Fatalf("the terminal never showed %q but %q", text, p.shown.String())
}

func (p *terminal) has(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Contains(p.shown.Bytes(), []byte(text))
}

func (p *terminal) mode() unix.Termios {
	p.t.Helper()
	m, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *m
}

// goroutines waits until no more than n run, and answers how many do.
func goroutines(n int) int {
	for range 100 {
		if runtime.NumGoroutine() <= n {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return runtime.NumGoroutine()
}

func TestQuitIsQuickAndLeavesTheTerminalAsItWas(t *testing.T) {
	sensor := startSensor(t)
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGWINCH) // the first one starts a goroutine of the runtime that stays
	signal.Stop(c)
	for _, c := range []struct {
		name string
		args []string
		show string
		end  func(p *terminal, cancel func())
	}{
		{"q on a file", []string{"-r", fixture}, "1011", func(p *terminal, _ func()) { p.master.WriteString("q") }},
		{"ctrl-c on a sensor", []string{"--sensor", sensor}, "alice", func(p *terminal, _ func()) { p.master.WriteString("\x03") }},
		{"q in a call", []string{"--sensor", sensor}, "alice", func(p *terminal, _ func()) {
			p.master.WriteString("\r")
			p.wait("Findings")
			p.master.WriteString("q")
		}},
		{"no sensor", []string{"--sensor", filepath.Join(t.TempDir(), "none")}, "OFFLINE", func(p *terminal, _ func()) { p.master.WriteString("q") }},
		{"signal", []string{"--sensor", sensor}, "alice", func(_ *terminal, cancel func()) { cancel() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTerminal(t, 80, 24)
			before, mode := runtime.NumGoroutine(), p.mode()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan int)
			var stderr bytes.Buffer
			go func() { ended <- Main(ctx, c.args, p.slave, p.slave, &stderr) }()
			p.wait(c.show)
			c.end(p, cancel)
			asked := time.Now()
			select {
			case status := <-ended:
				if status != 0 {
					t.Errorf("status %d: %s", status, &stderr)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("voiptop does not end")
			}
			if d := time.Since(asked); d > 200*time.Millisecond {
				t.Errorf("it took %v to quit", d)
			}
			if got := p.mode(); got != mode {
				t.Errorf("the terminal's mode is %+v, was %+v", got, mode)
			}
			p.wait("\x1b[?1049l") // back from the alternate screen
			p.wait("\x1b[?25h")   // the cursor is there again
			p.wait("\x1b[?1002l") // the mouse is the terminal's again
			if n := goroutines(before); n > before {
				buf := make([]byte, 1<<16)
				t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
			}
		})
	}
}

func TestScreenFollowsTheTerminalsSize(t *testing.T) {
	p := newTerminal(t, 80, 24)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int)
	go func() { ended <- Main(ctx, []string{"-r", fixture, "--ascii"}, p.slave, p.slave, &bytes.Buffer{}) }()
	p.wait("1011")
	if p.has("Destination") {
		t.Error("80 columns show the destination")
	}
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 160, Row: 40}); err != nil {
		t.Fatal(err)
	}
	unix.Kill(unix.Getpid(), unix.SIGWINCH) // the terminal is not the test's own: the kernel would not tell it
	p.wait("Destination")
	p.master.WriteString("q")
	<-ended
}

// TestMain lets the test's binary be voiptop itself, for what happens before main.
func TestMain(m *testing.M) {
	if os.Getenv("VOIPTOP_TEST_RUN") != "" {
		main()
	}
	early.Restore()
	os.Exit(m.Run())
}

// start runs voiptop as a program of its own on the terminal.
func (p *terminal) start(args ...string) *exec.Cmd {
	p.t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Stdin, c.Stdout, c.Stderr = p.slave, p.slave, p.slave
	c.Env = append(os.Environ(), "VOIPTOP_TEST_RUN=1", "LANG=C.UTF-8")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Process.Kill() })
	return c
}

func TestNothingAsksTheTerminalBeforeMain(t *testing.T) {
	p := newTerminal(t, 80, 24)
	if err := p.start("--version").Wait(); err != nil {
		t.Fatal(err)
	}
	p.wait("voiptop ")
	if p.has("\x1b") {
		t.Errorf("--version wrote %q", p.shown.String())
	}
}

func TestBackgroundChoosesTheColours(t *testing.T) {
	for answer, title := range map[string]string{
		"\x1b]11;rgb:ffff/ffff/ffff\x07\x1b[?62c": "\x1b[1;38;5;25m voiptop",
		"\x1b]11;rgb:0000/0000/0000\x07\x1b[?62c": "\x1b[1;38;5;75m voiptop",
	} {
		p := newTerminal(t, 80, 24)
		p.answer = answer
		c := p.start("-r", fixture)
		p.wait(title)
		p.master.WriteString("q")
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestInAMultiplexerTheEnvironmentTellsTheBackground(t *testing.T) {
	for told, title := range map[string]string{"0;15": "\x1b[1;38;5;25m voiptop", "15;0": "\x1b[1;38;5;75m voiptop"} {
		p := newTerminal(t, 80, 24)
		t.Setenv("TERM", "tmux-256color")
		t.Setenv("COLORFGBG", told)
		c := p.start("-r", fixture)
		p.wait(title)
		p.master.WriteString("q")
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestMuteTerminalWaitsASecondAndLosesNoKey(t *testing.T) {
	p := newTerminal(t, 80, 24)
	p.answer = ""
	began := time.Now()
	c := p.start("-r", fixture)
	p.wait("\x1b[c")
	p.master.WriteString("1")
	p.wait("[1 Live]")
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("the screen came after %v", d)
	}
	p.master.WriteString("q")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestTheMouseIsLeftToTheTerminalIfOneLikes(t *testing.T) {
	for flag, want := range map[string]bool{"--utc": true, "--no-mouse": false} {
		p := newTerminal(t, 80, 24)
		c := p.start("-r", fixture, flag)
		p.wait("1011")
		p.master.WriteString("q")
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
		if got := p.has("\x1b[?1002h"); got != want {
			t.Errorf("%s: the mouse is asked for: %v", flag, got)
		}
	}
}

func TestAClickOnATabOpensItsView(t *testing.T) {
	p := newTerminal(t, 80, 24)
	c := p.start("-r", fixture)
	p.wait("1011")
	p.master.WriteString("\x1b[<0;76;3M\x1b[<0;76;3m") // SGR: pressed and released at column 76, line 3
	p.wait("[8 Stats]")
	p.master.WriteString("q")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
