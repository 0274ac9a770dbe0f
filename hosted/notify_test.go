package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSystemdHearsThatHostedServesLivesAndStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "200000")
	next := func() string {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	in := start(t, time.Now, "--db", "sqlite:"+filepath.Join(t.TempDir(), "hosted.db"))
	if got := next(); got != "READY=1" {
		t.Fatalf("first got %q, want READY=1", got)
	}
	began := time.Now()
	for range 4 {
		if got, want := next(), "WATCHDOG=1\nSTATUS="+in.http+", sensors at "+in.sensors; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	if d := time.Since(began); d > 600*time.Millisecond {
		t.Errorf("four signs of life took %v, and the watchdog waits 200 ms", d)
	}
	if status := in.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	for got := ""; got != "STOPPING=1"; got = next() {
		if got != "" && !strings.HasPrefix(got, "WATCHDOG=1") {
			t.Fatalf("got %q before STOPPING=1", got)
		}
	}
}
