package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeyLogIsReadLineByLineAsItGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.log")
	var logged bytes.Buffer
	k := &keyLog{path: path, log: slog.New(slog.NewTextHandler(&logged, nil))}
	put := func(text string, flags int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	for i, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, ""}, // there is none yet
		{func() {}, ""},
		{func() { put("one\ntwo\nthr", os.O_APPEND) }, "one\ntwo\n"},
		{func() {}, ""},
		{func() { put("ee\n", os.O_APPEND) }, "three\n"},
		{func() { put("new\n", os.O_TRUNC) }, "new\n"},
		{func() { // rotated
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			put("a file as long\n", 0)
		}, "a file as long\n"},
		{func() { put(strings.Repeat("x", keyLogLine+1), os.O_APPEND) }, ""},
		{func() { put("\nafter\n", os.O_APPEND) }, "\nafter\n"},
	} {
		if step.do(); string(k.read()) != step.want {
			t.Errorf("step %d: want %q", i, step.want)
		}
	}
	if n := strings.Count(logged.String(), "\n"); n != 1 || strings.Contains(logged.String(), "one") {
		t.Errorf("logged %d lines, want one, about the file that was not there: %s", n, &logged)
	}
}

func TestKeyLogIsFollowedUntilTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.log")
	if err := os.WriteFile(path, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &keyLog{path: path, log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	var got string
	k.follow(ctx, func(lines []byte) error {
		got += string(lines)
		stop()
		return nil
	})
	if got != "one\n" {
		t.Errorf("got %q", got)
	}
}
