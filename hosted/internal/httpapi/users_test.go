package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type account struct {
	Name, Role, Created, Password string
	Rights                        []string
}

func (a account) String() string { return a.Name + " " + a.Role + " " + strings.Join(a.Rights, ",") }

func TestAnAdministratorMakesChangesAndRemovesUsers(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	var made account
	c.do("POST", "/users", map[string]any{"name": "zoë", "role": "viewer", "rights": []string{"rules", "listen"}}).into(t, &made)
	if made.String() != "zoë viewer listen,rules" || len(made.Password) < auth.MinPassword || made.Created == "" {
		t.Fatalf("made %+v", made)
	}
	login := func(password string) *client {
		z := w.anonymous()
		if a := z.do("POST", "/session", map[string]string{"name": "zoë", "password": password}); a.status != http.StatusOK {
			t.Fatalf("login with %q: %d %s", password, a.status, a.body)
		}
		return z
	}
	zoe := login(made.Password)
	var list []account
	c.get("/users").into(t, &list)
	var names []string
	for _, u := range list {
		names = append(names, u.String())
	}
	if got := strings.Join(names, " | "); got != "admin admin listen,download,rules,numbers,export | user user listen,download,numbers,export | viewer viewer numbers | zoë viewer listen,rules" {
		t.Errorf("users %s", got)
	}

	var changed account
	c.do("PUT", "/users/zo%C3%AB", map[string]any{"role": "user"}).into(t, &changed)
	if changed.String() != "zoë user listen,download,numbers,export" {
		t.Errorf("a new role: %s, want it with its own rights", changed)
	}
	c.do("PUT", "/users/zo%C3%AB", map[string]any{"rights": []string{}}).into(t, &changed)
	if changed.String() != "zoë user " {
		t.Errorf("without rights: %s", changed)
	}
	if a := zoe.get("/session"); !strings.Contains(string(a.body), `"rights":[]`) {
		t.Errorf("the running session has %s, want no rights at once", a.body)
	}
	c.do("PUT", "/users/zo%C3%AB", map[string]any{"password": "a new password"}).into(t, &changed)
	if a := zoe.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the session under the old password: %d, want 401", a.status)
	}
	if changed.Password != "" {
		t.Error("a given password is answered")
	}
	zoe = login("a new password")
	if a := c.do("DELETE", "/users/zo%C3%AB", nil); a.status != http.StatusNoContent {
		t.Errorf("remove: %d %s", a.status, a.body)
	}
	if a := zoe.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the session of a removed user: %d, want 401", a.status)
	}

	want := []string{
		"user.remove ", "user.password ", "user.role user, no rights", "user.role user, rights listen,download,numbers,export", "user.add viewer, rights listen,rules",
	}
	log, err := w.store.AuditLog(t.Context(), w.acme, store.AuditQuery{Action: "user"})
	w.ok(err)
	var got []string
	for _, e := range log {
		got = append(got, e.Action+" "+e.Detail)
		if e.User != "admin" || e.Addr != "127.0.0.1" || e.Object != "zoë" {
			t.Errorf("audited %+v", e)
		}
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("audited %q, want %q", got, want)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	for op, body := range map[string]any{"PUT": map[string]string{"role": "user"}, "DELETE": nil} {
		if a := c.do(op, "/users/admin", body); a.status != http.StatusConflict || a.code() != auth.CodeLastAdmin {
			t.Errorf("%s: %d %s, want 409", op, a.status, a.body)
		}
	}
	if a := c.do("PUT", "/users/admin", map[string]any{"rights": []string{}}); a.status != http.StatusOK {
		t.Errorf("rights of the last administrator: %d %s", a.status, a.body)
	}
	if a := c.do("PUT", "/users/user", map[string]string{"role": "admin"}); a.status != http.StatusOK {
		t.Fatalf("a second one: %d %s", a.status, a.body)
	}
	if a := c.do("DELETE", "/users/admin", nil); a.status != http.StatusNoContent {
		t.Errorf("one of two: %d %s", a.status, a.body)
	}
}

func TestAUserThatCannotBeIsRefusedWithTheField(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	type m = map[string]any
	for name, tt := range map[string]struct {
		body   any
		status int
		code   string
		field  string
	}{
		"no name":            {m{}, 400, protocol.CodeBadRequest, "name"},
		"a space":            {m{"name": "a b"}, 400, protocol.CodeBadRequest, "name"},
		"a line feed":        {m{"name": "a\nb"}, 400, protocol.CodeBadRequest, "name"},
		"reversed text":      {m{"name": "a\u202eb"}, 400, protocol.CodeBadRequest, "name"},
		"dots":               {m{"name": ".."}, 400, protocol.CodeBadRequest, "name"},
		"a long name":        {m{"name": strings.Repeat("x", 65)}, 400, protocol.CodeBadRequest, "name"},
		"no such role":       {m{"name": "x", "role": "root"}, 400, protocol.CodeBadRequest, "role"},
		"no role":            {m{"name": "x", "role": ""}, 400, protocol.CodeBadRequest, "role"},
		"no such right":      {m{"name": "x", "rights": []string{"fly"}}, 400, protocol.CodeBadRequest, "body"},
		"short password":     {m{"name": "x", "password": "short"}, 400, protocol.CodeBadRequest, "password"},
		"long password":      {m{"name": "x", "password": strings.Repeat("x", 257)}, 400, protocol.CodeBadRequest, "password"},
		"another tenant":     {m{"name": "x", "tenant": "other"}, 400, protocol.CodeBadRequest, "body"},
		"taken":              {m{"name": "viewer"}, 409, auth.CodeExists, "name"},
		"taken in the other": {m{"name": "eve"}, 409, auth.CodeExists, "name"},
	} {
		a := c.do("POST", "/users", tt.body)
		var p protocol.Problem
		a.into(t, &p)
		if a.status != tt.status || p.Code != tt.code || p.Fields["field"] != tt.field {
			t.Errorf("%s: %d %s, want %d %s of %s", name, a.status, a.body, tt.status, tt.code, tt.field)
		}
	}
	for name, body := range map[string]any{"role": m{"role": "root"}, "password": m{"password": "short"}, "empty password": m{"password": ""}, "name": m{"name": "y"}} {
		if a := c.do("PUT", "/users/user", body); a.status != http.StatusBadRequest {
			t.Errorf("change %s: %d %s, want 400", name, a.status, a.body)
		}
	}
	for _, path := range []string{"/users/nobody", "/users/..", "/users/a%20b", "/users/%00", "/users/%ff", "/users/" + strings.Repeat("x", 5000)} {
		if a := c.do("PUT", path, m{}); a.status != http.StatusNotFound {
			t.Errorf("%.20s: %d %s, want 404", path, a.status, a.body)
		}
	}
	if all, err := w.store.Users(t.Context(), w.acme); err != nil || len(all) != 3 {
		t.Errorf("%d users, %v, want the 3 that were there", len(all), err)
	}
}

func TestRightsDecideWhateverTheRole(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	w.stored(w.acme, w.s1.uuid, kept)
	w.s1.captures[kept.ID.String()] = []byte("packets")
	admin := w.as("admin")
	capture := "GET " + fill("/calls/{id}/capture", kept.ID, w.s1.uuid)
	relayed := "GET " + fill("/sensors/{uuid}/api/calls/{id}/capture", kept.ID, w.s1.uuid)
	rules := "PUT " + fill("/sensors/{uuid}/api/rules", kept.ID, w.s1.uuid)
	for right, allowed := range map[string][]string{"download,numbers": {capture, relayed}, "rules": {rules}, "listen": {}, "download": {}} {
		for user, role := range map[string]string{"viewer": "viewer", "user": "user"} {
			admin.do("PUT", "/users/"+user, map[string]any{"role": role, "rights": strings.Split(right, ",")})
			c := w.as(user)
			for _, op := range []string{capture, relayed, rules} {
				method, path, _ := strings.Cut(op, " ")
				want := http.StatusForbidden
				for _, p := range allowed {
					if p == op {
						want = http.StatusOK
					}
				}
				a := c.do(method, path, bodyFor(op))
				if a.status != want || want == http.StatusForbidden && a.code() != protocol.CodeForbidden {
					t.Errorf("%s with the right %s: %s: %d %s, want %d", role, right, op, a.status, a.body, want)
				}
			}
		}
	}
	admin.do("PUT", "/users/admin", map[string]any{"rights": []string{}})
	if a := admin.do("GET", strings.TrimPrefix(capture, "GET "), nil); a.status != http.StatusForbidden {
		t.Errorf("an administrator without the right: %d, want 403", a.status)
	}
}

func TestANarrowTokenDoesLessThanItsUser(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	w.stored(w.acme, w.s1.uuid, kept)
	w.s1.captures[kept.ID.String()] = []byte("packets")
	ask := func(c *client, body any) (*client, answer) {
		a := c.do("POST", "/tokens", body)
		var made struct{ Token string }
		if a.status == http.StatusOK {
			a.into(t, &made)
		}
		n := w.anonymous()
		n.header.Set("Authorization", "Bearer "+made.Token)
		return n, a
	}
	type m = map[string]any
	listen, a := ask(w.as("admin"), m{"label": "x", "rights": []string{"listen"}})
	if a.status != http.StatusOK {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	if a := listen.get("/session"); !strings.Contains(string(a.body), `"rights":["listen"]`) {
		t.Errorf("session of the token: %s", a.body)
	}
	for op, want := range map[string]int{
		"GET /calls": 200, "GET /sensors": 200, "GET /calls/{id}/capture": 403, "GET /sensors/{uuid}/api/calls/{id}/capture": 403,
		"PUT /sensors/{uuid}/api/rules": 403, "GET /users": 403, "POST /users": 403, "PUT /users/admin": 403, "DELETE /users/user": 403,
		"GET /audit": 403, "POST /sensors/tokens": 403, "DELETE /sensors/{uuid}": 403,
	} {
		method, path, _ := strings.Cut(op, " ")
		if a := listen.do(method, fill(path, kept.ID, w.s1.uuid), bodyFor(op)); a.status != want {
			t.Errorf("%s: %d %s, want %d", op, a.status, a.body, want)
		}
	}
	for path, says := range map[string]string{
		"/calls/" + kept.ID.String() + "/capture": "this API token of admin has not the right download", "/users": "narrowed to rights administers nothing",
	} {
		if a := listen.get(path); !strings.Contains(string(a.body), says) {
			t.Errorf("%s: %s, want %q", path, a.body, says)
		}
	}
	if _, a := ask(listen, m{"label": "x", "rights": []string{"download"}}); a.status != http.StatusForbidden {
		t.Errorf("a narrow token makes a wider one: %d %s", a.status, a.body)
	}
	child, a := ask(listen, m{"label": "x"})
	if got := child.get("/session"); a.status != http.StatusOK || !strings.Contains(string(got.body), `"rights":["listen"]`) || child.get("/users").status != http.StatusForbidden {
		t.Errorf("a token made by a narrow one: %d, %s", a.status, got.body)
	}
	if _, a := ask(w.as("viewer"), m{"label": "x", "rights": []string{"listen"}}); a.status != http.StatusForbidden || a.code() != protocol.CodeForbidden {
		t.Errorf("a viewer's token to listen: %d %s, want 403", a.status, a.body)
	}
	if _, a := ask(w.as("viewer"), m{"label": "x", "rights": []string{"see"}}); a.status != http.StatusBadRequest {
		t.Errorf("a right that there is not: %d %s, want 400", a.status, a.body)
	}

	for op, path := range map[string]string{"GET": "/tokens", "DELETE": "/tokens/0011223344556677"} {
		if a := listen.do(op, path, nil); a.status != http.StatusForbidden {
			t.Errorf("a narrow token: %s %s: %d, want 403", op, path, a.status)
		}
	}
	both, _ := ask(w.as("user"), m{"label": "x", "rights": []string{"download", "listen"}})
	w.as("admin").do("PUT", "/users/user", m{"rights": []string{"listen", "rules"}})
	if a := both.get("/session"); !strings.Contains(string(a.body), `"rights":["listen"]`) {
		t.Errorf("after its user lost one right and got another: %s", a.body)
	}
	log := w.audited(w.acme, auth.ActionToken)
	if len(log) != 3 || log[0].Detail != "rights listen,download" || log[1].Detail != "rights listen" {
		t.Errorf("audited %+v", log)
	}
}

func TestATokenEndsWhenItsUserRemovesIt(t *testing.T) {
	w := newWorld(t)
	user := w.as("user")
	var made struct{ Token string }
	user.do("POST", "/tokens", m{"label": "ci", "rights": []string{"listen"}}).into(t, &made)
	user.do("POST", "/tokens", m{"label": "all"})
	var list []struct {
		ID, Label, Created string
		Rights             *[]string
		Expires            *string
	}
	user.get("/tokens").into(t, &list)
	byLabel := map[string]int{}
	for i, k := range list {
		byLabel[k.Label] = i
	}
	if ci, all := list[byLabel["ci"]], list[byLabel["all"]]; len(list) != 2 || ci.Rights == nil || len(*ci.Rights) != 1 || all.Rights != nil || ci.Expires != nil || ci.Created == "" {
		t.Fatalf("tokens %+v", list)
	}
	id := list[byLabel["ci"]].ID
	if strings.Contains(made.Token, id) {
		t.Error("the id tells of the token")
	}
	bearer := w.anonymous()
	bearer.header.Set("Authorization", "Bearer "+made.Token)
	for _, other := range []string{"admin", "eve"} {
		if a := w.as(other).do("DELETE", "/tokens/"+id, nil); a.status != http.StatusNotFound || bearer.get("/session").status != http.StatusOK {
			t.Errorf("%s removes another's token: %d, want 404", other, a.status)
		}
	}
	if a := user.do("DELETE", "/tokens/"+id, nil); a.status != http.StatusNoContent {
		t.Errorf("remove: %d %s", a.status, a.body)
	}
	if a := bearer.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the removed token: %d, want 401", a.status)
	}
	if a := user.do("DELETE", "/tokens/"+id, nil); a.status != http.StatusNotFound {
		t.Errorf("once more: %d, want 404", a.status)
	}
	if log := w.audited(w.acme, auth.ActionTokenRemove); len(log) != 1 || log[0].Object != "ci" || log[0].User != "user" {
		t.Errorf("audited %+v", log)
	}
}
