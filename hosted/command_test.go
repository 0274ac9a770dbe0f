package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestUsersAreMadeByCommand(t *testing.T) {
	db := sqliteIn(t)
	in := start(t, time.Now, "--db", db)
	must(t, "tenant", "add", "acme", "--db", db)

	out := must(t, "user", "add", "ann", "--tenant", "acme", "--role", "viewer", "--db", db)
	m := regexp.MustCompile(`shown only this once: (\S+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no password in %q", out)
	}
	if status := in.login("ann", m[1]); status != http.StatusOK {
		t.Errorf("login with the printed password: %d", status)
	}
	status, out, errs := command(t, "my own password\nrest", "user", "add", "bob", "--password-stdin", "--db", db)
	if status != 0 || strings.Contains(out+errs, "my own password") {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	if status := in.login("bob", "my own password"); status != http.StatusOK {
		t.Errorf("login with the given password: %d", status)
	}
	m = regexp.MustCompile(`shown only this once: (\S+)`).FindStringSubmatch(must(t, "user", "password", "bob", "--db", db))
	if a, b := in.login("bob", "my own password"), in.login("bob", m[1]); a != http.StatusUnauthorized || b != http.StatusOK {
		t.Errorf("old password %d, new one %d", a, b)
	}

	token := strings.TrimSpace(must(t, "user", "token", "ann", "--label", "ci", "--db", db))
	if status, body := in.ask("GET", "/api/v1/session", token, ""); body != `{"user":{"name":"ann","role":"viewer","rights":["numbers"],"tenant":"acme"}}`+"\n" {
		t.Errorf("as the token's user: %d %s", status, body)
	}
	must(t, "user", "set", "ann", "--role", "admin", "--db", db)
	status, body := in.ask("GET", "/api/v1/audit", token, "")
	if status != http.StatusOK {
		t.Errorf("as administrator: %d %s", status, body)
	}
	for _, want := range []string{`"user.add"`, `"token.create"`, `"user.role"`, `"console"`} {
		if !strings.Contains(body, want) {
			t.Errorf("audit log lacks %s: %s", want, body)
		}
	}
	must(t, "tenant", "set", "acme", "--suspended", "--max-channels", "10", "--db", db)
	if status, body := in.ask("GET", "/api/v1/session", token, ""); !strings.Contains(body, protocol.CodeTenantSuspended) {
		t.Errorf("of a suspended tenant: %d %s", status, body)
	}
	must(t, "user", "add", "eve", "--tenant", "acme", "--role", "admin", "--db", db) // a last administrator stays
	must(t, "user", "remove", "ann", "--db", db)
	if status, _ := in.ask("GET", "/api/v1/session", token, ""); status != http.StatusUnauthorized {
		t.Errorf("of a removed user: %d", status)
	}
	users, tenants := must(t, "user", "list", "--db", db), must(t, "tenant", "list", "--db", db)
	for text, want := range map[string]string{users: `(?m)^bob +user +listen,download,numbers,export +default `, tenants: `(?m)^acme +10 +true +0`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s\nlacks %s", text, want)
		}
	}
}

func TestRightsAreGivenByCommand(t *testing.T) {
	db := sqliteIn(t)
	in := start(t, time.Now, "--db", db)
	must(t, "user", "add", "ann", "--role", "viewer", "--rights", "rules,listen", "--db", db)
	token := strings.TrimSpace(must(t, "user", "token", "ann", "--db", db))
	narrow := strings.TrimSpace(must(t, "user", "token", "ann", "--rights", "listen", "--db", db))
	for _, tt := range []struct {
		change       []string
		user, narrow string
	}{
		{nil, `"rights":["listen","rules"]`, `"rights":["listen"]`},
		{[]string{"--rights", "download"}, `"role":"viewer","rights":["download"]`, `"rights":[]`},
		{[]string{"--role", "admin"}, `"role":"admin","rights":["listen","download","rules","numbers","export"]`, `"rights":["listen"]`},
		{[]string{"--role", "user", "--rights", ""}, `"role":"user","rights":[]`, `"rights":[]`},
	} {
		if tt.change != nil {
			must(t, append([]string{"user", "set", "ann", "--db", db}, tt.change...)...)
		}
		for bearer, want := range map[string]string{token: tt.user, narrow: tt.narrow} {
			if _, body := in.ask("GET", "/api/v1/session", bearer, ""); !strings.Contains(body, want) {
				t.Errorf("after %q: %s, want %s", tt.change, body, want)
			}
		}
	}
	m := regexp.MustCompile(`(?m)^([0-9a-f]{16}) +made by command +listen `).FindStringSubmatch(must(t, "user", "tokens", "ann", "--db", db))
	if m == nil {
		t.Fatalf("tokens:\n%s", must(t, "user", "tokens", "ann", "--db", db))
	}
	must(t, "user", "tokens", "ann", "--remove", m[1], "--db", db)
	if a, _ := in.ask("GET", "/api/v1/session", narrow, ""); a != http.StatusUnauthorized {
		t.Errorf("a removed token: %d, want 401", a)
	}
	if b, _ := in.ask("GET", "/api/v1/session", token, ""); b != http.StatusOK {
		t.Errorf("the other token: %d", b)
	}
	if out := must(t, "user", "list", "--db", db); !regexp.MustCompile(`(?m)^ann +user +- +default `).MatchString(out) {
		t.Errorf("list:\n%s", out)
	}
}

func TestACommandThatCannotBeDoneSaysWhy(t *testing.T) {
	db := sqliteIn(t)
	must(t, "tenant", "add", "acme", "--db", db)
	must(t, "user", "add", "ann", "--tenant", "acme", "--db", db)
	for _, tt := range []struct{ args, stdin, want string }{
		{"tenant add acme", "", "exists already"},
		{"tenant set nope --suspended", "", "hosted tenant list"},
		{"tenant set acme --max-channels 0", "", "at least 1"},
		{"user add ann --tenant acme", "", "exists already"},
		{"user add x --tenant nope", "", "hosted tenant list"},
		{"user add x --tenant acme --role root", "", "admin, user or viewer"},
		{"user add x --tenant acme --ask", "", "needs a terminal"},
		{"user add x --tenant acme --password-stdin", "short\n", "5 characters"},
		{"user add x --tenant acme --password-stdin", "", "0 characters"},
		{"user add x --tenant acme --rights fly", "", "listen, download, rules"},
		{"user set ann --role root", "", "admin, user or viewer"},
		{"user set ann --rights fly", "", "listen, download, rules"},
		{"user set ann", "", "role rights"},
		{"user set nobody --rights listen", "", "hosted user list"},
		{"user token ann --rights rules", "", "cannot have a right"},
		{"user token nobody", "", "hosted user list"},
		{"user tokens ann --remove 00", "", "has no token"},
		{"user password", "", "accepts 1 arg"},
		{"user remoev ann", "", `unknown command "remoev" for "hosted user"`},
		{"sensor revoke x", "", "hosted sensor list"},
		{"sensor revoke 00000000-0000-0000-0000-000000000001", "", "not found"},
		{"sensor add --tenant nope", "", "hosted tenant list"},
	} {
		status, _, errs := command(t, tt.stdin, append(strings.Fields(tt.args), "--db", db)...)
		if status != 1 || !strings.Contains(errs, tt.want) {
			t.Errorf("hosted %s: %d %q, want 1 and %q", tt.args, status, errs, tt.want)
		}
	}
	if status, _, errs := command(t, "", "user", "add", "a b", "--tenant", "acme", "--db", db); status != 1 || !strings.Contains(errs, "no spaces") {
		t.Errorf("a name with a space: %d %q", status, errs)
	}
}

func TestTheDatabaseMayBeNamedByTheEnvironment(t *testing.T) {
	db := sqliteIn(t)
	t.Setenv(dbEnv, db)
	must(t, "migrate")
	if _, err := os.Stat(strings.TrimPrefix(db, "sqlite:")); err != nil {
		t.Error(err)
	}
}
