package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUsersAreDisabledAndLinkedByCommand(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	in := start(t, time.Now, "--db", db)
	must(t, "user", "add", "ann", "--db", db)
	token := strings.TrimSpace(must(t, "user", "token", "ann", "--db", db))
	mcp := strings.TrimSpace(must(t, "user", "token", "ann", "--scope", "mcp", "--expires-days", "30", "--rights", "", "--label", "assistant", "--db", db))
	ask := func(token string) int {
		status, _ := in.ask("GET", "/api/v1/calls", token, "")
		return status
	}
	if got := ask(token); got != http.StatusOK {
		t.Errorf("the token: %d", got)
	}
	if got := ask(mcp); got != http.StatusForbidden {
		t.Errorf("the assistant's token at the API: %d, want 403", got)
	}
	if out := must(t, "user", "tokens", "ann", "--db", db); !strings.Contains(out, "mcp") || !strings.Contains(out, "assistant") {
		t.Errorf("tokens %s", out)
	}
	if out := must(t, "user", "set", "ann", "--disabled", "--db", db); !strings.Contains(out, "disabled by the admin") {
		t.Errorf("set says %s", out)
	}
	if out := must(t, "user", "list", "--db", db); !strings.Contains(out, "disabled by the admin") {
		t.Errorf("list says %s", out)
	}
	if got := ask(token); got != http.StatusForbidden {
		t.Errorf("the token of a disabled user: %d, want 403", got)
	}
	must(t, "user", "set", "ann", "--disabled=false", "--db", db)
	if got := ask(token); got != http.StatusOK {
		t.Errorf("the token of an enabled user: %d", got)
	}
	link := []string{"user", "link", "ann", "--issuer", "https://id.example", "--subject", "u-1", "--db", db}
	must(t, link...)
	if status, _, errs := command(t, "", link...); status == 0 || !strings.Contains(errs, "linked already") {
		t.Errorf("link again: %d %s", status, errs)
	}
	must(t, "user", "unlink", "ann", "--db", db)
	must(t, link...)
}
