package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
)

type openSession struct {
	ID, Way, Addr, Agent   string
	Current                bool
	Created, Seen, Expires protocol.Time
}

func TestAUserChangesTheOwnPasswordAndOtherSessionsEnd(t *testing.T) {
	w := newWorld(t)
	here, there := w.as("user"), w.as("user")
	const fresh = "a much better password"
	if a := here.do("PUT", "/session/password", map[string]string{"current": password, "password": fresh}); a.status != http.StatusNoContent {
		t.Fatalf("change: %d %s", a.status, a.body)
	}
	if a := here.get("/session"); a.status != http.StatusOK {
		t.Errorf("the session that changed it: %d %s, want it to go on", a.status, a.body)
	}
	if a := there.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the other session: %d, want 401", a.status)
	}
	for word, want := range map[string]int{password: http.StatusUnauthorized, fresh: http.StatusOK} {
		if a := w.anonymous().do("POST", "/session", map[string]string{"name": "user", "password": word}); a.status != want {
			t.Errorf("log-in with %q: %d, want %d", word, a.status, want)
		}
	}
	if log := w.audited(w.acme, auth.ActionPassword); len(log) != 1 || log[0].User != "user" || log[0].Object != "user" || log[0].Addr != "127.0.0.1" {
		t.Errorf("audit log %+v", log)
	}
}

func TestThePasswordIsNotChangedWithoutTheCurrentOne(t *testing.T) {
	w := newWorld(t)
	c := w.as("user")
	change := func(current, next string) answer {
		return c.do("PUT", "/session/password", map[string]string{"current": current, "password": next})
	}
	for name, a := range map[string]struct {
		got  answer
		code string
	}{
		"too short": {change(password, "short"), protocol.CodeBadRequest}, "the same": {change(password, password), protocol.CodeBadRequest},
	} {
		if a.got.code() != a.code {
			t.Errorf("%s: %s, want %s", name, a.got.code(), a.code)
		}
	}
	limited := false
	for range 10 {
		a := change("wrong wrong wrong", "a much better password")
		if limited = a.status == http.StatusTooManyRequests; limited {
			break
		}
		if a.status != http.StatusForbidden || a.code() != "wrong-password" {
			t.Fatalf("wrong current password: %d %s", a.status, a.body)
		}
	}
	if !limited {
		t.Error("guesses of the current password are not limited")
	}
	if a := change(password, "a much better password"); a.code() != auth.CodeTooManyLogins {
		t.Errorf("the right one meanwhile: %s, want it to wait", a.code())
	}
	if a := w.anonymous().do("POST", "/session", map[string]string{"name": "user", "password": password}); a.code() != auth.CodeTooManyLogins {
		t.Errorf("log-in meanwhile: %s, want the guesses to count there", a.code())
	}
	if log := w.audited(w.acme, auth.ActionLoginFailed); len(log) == 0 || log[0].Object != "user" {
		t.Errorf("audit log %+v, want the wrong guesses", log)
	}
	if a := c.get("/session"); a.status != http.StatusOK {
		t.Errorf("the session: %d, want it to go on", a.status)
	}
}

func TestAnAPITokenChangesNoPassword(t *testing.T) {
	w := newWorld(t)
	var made struct{ Token string }
	w.as("user").do("POST", "/tokens", map[string]string{"label": "ci"}).into(t, &made)
	c := w.anonymous()
	c.header.Set("Authorization", "Bearer "+made.Token)
	if a := c.do("PUT", "/session/password", map[string]string{"current": password, "password": "a much better password"}); a.status != http.StatusForbidden {
		t.Errorf("%d %s, want 403", a.status, a.body)
	}
}

func TestAUserSeesAndEndsTheOwnSessions(t *testing.T) {
	w := newWorld(t)
	here := w.as("user")
	w.pass(time.Minute)
	there := w.as("user")
	theirs := w.as("admin")
	list := func(c *client) (all []openSession) {
		c.get("/sessions").into(t, &all)
		return all
	}
	all := list(here)
	if len(all) != 2 || all[0].Current || !all[1].Current || all[0].Way != "password" || all[0].Addr != "127.0.0.1" || !strings.HasPrefix(all[0].Agent, "Go-http-client") {
		t.Fatalf("sessions %+v, want two, the newest first", all)
	}
	if all[1].Created == 0 || all[1].Expires <= all[1].Created {
		t.Errorf("times of %+v", all[1])
	}
	if a := here.do("DELETE", "/sessions/"+list(theirs)[0].ID, nil); a.status != http.StatusNotFound {
		t.Errorf("somebody else's session: %d, want 404", a.status)
	}
	if a := here.do("DELETE", "/sessions/"+all[0].ID, nil); a.status != http.StatusNoContent {
		t.Errorf("end: %d %s", a.status, a.body)
	}
	if a := there.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the ended session: %d, want 401", a.status)
	}
	w.as("user")
	w.as("user")
	if a := here.do("DELETE", "/sessions", nil); a.status != http.StatusNoContent {
		t.Errorf("end all others: %d %s", a.status, a.body)
	}
	if all := list(here); len(all) != 1 || !all[0].Current {
		t.Errorf("left are %+v, want the own one", all)
	}
	if a := theirs.get("/session"); a.status != http.StatusOK {
		t.Errorf("somebody else's session: %d, want it to go on", a.status)
	}
	if log := w.audited(w.acme, auth.ActionSessionEnd); len(log) != 2 {
		t.Errorf("audit log %+v, want both", log)
	}
}

func TestADisabledUserIsShutOutUntilEnabled(t *testing.T) {
	w := newWorld(t)
	admin, c := w.as("admin"), w.as("user")
	var made struct{ Token string }
	c.do("POST", "/tokens", map[string]string{"label": "ci"}).into(t, &made)
	program := w.anonymous()
	program.header.Set("Authorization", "Bearer "+made.Token)
	if a := admin.do("PUT", "/users/user", map[string]bool{"disabled": true}); !strings.Contains(string(a.body), `"disabled":"admin"`) {
		t.Fatalf("disable: %d %s", a.status, a.body)
	}
	if a := c.get("/calls"); a.status != http.StatusUnauthorized {
		t.Errorf("the session: %d, want 401", a.status)
	}
	if a := program.get("/calls"); a.status != http.StatusForbidden || a.code() != auth.CodeDisabled {
		t.Errorf("the token: %d %s, want 403 user-disabled", a.status, a.body)
	}
	if a := w.anonymous().do("POST", "/session", map[string]string{"name": "user", "password": password}); a.code() != auth.CodeDisabled {
		t.Errorf("log-in: %s, want user-disabled", a.code())
	}
	if a := admin.do("PUT", "/users/admin", map[string]bool{"disabled": true}); a.code() != auth.CodeLastAdmin {
		t.Errorf("the last administrator: %s, want last-admin", a.code())
	}
	admin.do("PUT", "/users/user", map[string]bool{"disabled": false})
	if a := program.get("/calls"); a.status != http.StatusOK {
		t.Errorf("the token of the enabled user: %d %s", a.status, a.body)
	}
	if len(w.audited(w.acme, auth.ActionDisable)) != 1 || len(w.audited(w.acme, auth.ActionEnable)) != 1 {
		t.Error("not in the audit log")
	}
}

func TestATokenOfTheScopeMCPIsGoodNowhereElse(t *testing.T) {
	w := newWorld(t)
	var made struct{ Token string }
	c := w.as("admin")
	c.do("POST", "/tokens", map[string]any{"label": "assistant", "scope": "mcp", "expires": w.now().Add(time.Hour)}).into(t, &made)
	program := w.anonymous()
	program.header.Set("Authorization", "Bearer "+made.Token)
	for op, public := range operations(t) {
		if public {
			continue
		}
		method, path, _ := strings.Cut(op, " ")
		if a := program.do(method, fill(path, protocol.UUID{1}, w.s1.uuid), bodyFor(op)); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s, want 403", op, a.status, a.body)
		}
	}
	if a := c.get("/tokens"); !strings.Contains(string(a.body), `"scope":"mcp"`) {
		t.Errorf("tokens %s", a.body)
	}
	if a := c.do("POST", "/tokens", map[string]any{"label": "x", "scope": "all"}); a.code() != protocol.CodeBadRequest {
		t.Errorf("an unknown scope: %s", a.code())
	}
	if a := c.do("POST", "/tokens", map[string]any{"label": "x", "expires": w.now()}); a.code() != protocol.CodeBadRequest {
		t.Errorf("a token that has expired: %s", a.code())
	}
}

func TestATokenThatEndsMakesNoneThatOutlivesIt(t *testing.T) {
	w := newWorld(t)
	var made struct{ Token string }
	w.as("user").do("POST", "/tokens", map[string]any{"label": "short", "expires": w.now().Add(time.Hour)}).into(t, &made)
	c := w.anonymous()
	c.header.Set("Authorization", "Bearer "+made.Token)
	for name, expires := range map[string]any{"never": nil, "later": w.now().Add(2 * time.Hour)} {
		if a := c.do("POST", "/tokens", map[string]any{"label": "x", "expires": expires}); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s, want 403", name, a.status, a.body)
		}
	}
	if a := c.do("POST", "/tokens", map[string]any{"label": "x", "expires": w.now().Add(time.Minute)}); a.status != http.StatusOK {
		t.Errorf("sooner: %d %s", a.status, a.body)
	}
	var list []struct{ Label, Used string }
	c.get("/tokens").into(t, &list)
	for _, k := range list {
		if k.Label == "short" && k.Used == "" {
			t.Errorf("tokens %+v, want when it was used", list)
		}
	}
}
