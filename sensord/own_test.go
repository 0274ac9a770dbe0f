package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func ownerOf(t *testing.T, path string) int {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(st.Sys().(*syscall.Stat_t).Uid)
}

func TestRootGivesNothingAwayThroughALinkOfTheUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, gid, err := numbers(u)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	path := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	must(os.MkdirAll(path("precious", "spool"), 0o755))
	must(os.MkdirAll(path("state"), 0o755))
	must(os.MkdirAll(path("data", "spool"), 0o755))
	must(os.Chown(path("state"), uid, gid)) // as after a start
	must(os.Symlink(path("precious", "spool"), path("state", "spool")))
	must(os.Symlink("../precious", path("state", "deep")))
	must(os.Lchown(path("state", "spool"), uid, gid))
	must(os.Lchown(path("state", "deep"), uid, gid))
	must(os.Symlink("data", path("link"))) // root's own
	must(os.Symlink(path("loop"), path("loop")))

	for _, p := range []string{path("state", "spool"), path("state", "deep", "spool")} {
		if err := hand("nobody", p); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%s: %v, want that the link is refused", p, err)
		}
	}
	if got := ownerOf(t, path("precious", "spool")); got != 0 {
		t.Errorf("what the link leads to belongs to user %d now", got)
	}
	for _, p := range []string{path("loop"), path("none"), path("data", "none", "x")} {
		if err := hand("nobody", p); err == nil {
			t.Errorf("%s: no error", p)
		}
	}
	must(hand("nobody", path("link", "spool"), path("state")))
	if got := ownerOf(t, path("data", "spool")); got != uid {
		t.Errorf("the folder behind root's link belongs to %d, want %d", got, uid)
	}
}
