package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/sensord/analyze"
	"voiptop/sensord/conf"
)

// notified listens as systemd does. next answers the next notification, "" after d.
func notified(t *testing.T, dir string) (next func(d time.Duration) string) {
	t.Helper()
	path := filepath.Join(dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "200000")
	return func(d time.Duration) string {
		if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			return ""
		}
		return string(b[:n])
	}
}

func TestSystemdHearsThatSensordServesLivesAndStops(t *testing.T) {
	b := newBench(t, "")
	next := notified(t, b.dir)
	b.start("-r", b.oneCall(), "--stay")
	if got := next(10 * time.Second); got != "READY=1" {
		t.Fatalf("first got %q, want READY=1", got)
	}
	began := time.Now()
	for range 4 {
		if got := next(2 * time.Second); !strings.HasPrefix(got, "WATCHDOG=1\nSTATUS=") || !strings.Contains(got, "running calls; "+b.dir) {
			t.Fatalf("got %q, want a sign of life with a status", got)
		}
	}
	if d := time.Since(began); d > 600*time.Millisecond {
		t.Errorf("four signs of life took %v, and the watchdog waits 200 ms", d)
	}
	b.cancel()
	for got := ""; got != "STOPPING=1"; {
		if got = next(5 * time.Second); got == "" {
			t.Fatal("STOPPING=1 has not come")
		}
	}
}

func TestWatchdogIsNotFedWhileThePipelineHangs(t *testing.T) {
	b := newBench(t, "")
	next := notified(t, b.dir)
	c, err := conf.Load(filepath.Join(b.dir, "v.conf"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDaemon(c, options{read: []string{b.oneCall()}, stay: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.run(ctx) }()
	alive := func(wait time.Duration) bool { return strings.HasPrefix(next(wait), "WATCHDOG=1") }
	if next(10*time.Second) != "READY=1" || !alive(2*time.Second) {
		t.Fatal("it does not serve")
	}
	hangs, release := make(chan struct{}), make(chan struct{})
	go d.pipeline.ask(func(*analyze.Engine) { close(hangs); <-release })
	<-hangs
	for alive(10 * time.Millisecond) { // what was on its way
	}
	if alive(500 * time.Millisecond) {
		t.Error("the watchdog was fed while no packet could be taken")
	}
	close(release)
	if !alive(2 * time.Second) {
		t.Error("no sign of life after that")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
