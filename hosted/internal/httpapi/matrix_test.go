package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// need is what an operation asks of who calls it.
type need struct {
	open   bool         // nothing
	rights store.Rights // all of these
	own    bool         // it administers one's own account: no narrowed token does
	login  bool         // it needs a session: no token does
	duty   bool         // it is for who is on duty: the right rules, or any user but a viewer
	admin  bool
}

// needs classifies every operation of openapi.yaml. A new one is added here, after thinking of who may call it.
func needs() map[string]need {
	const numbers, download, listen, rules, export = store.RightNumbers, store.RightDownload, store.RightListen, store.RightRules, store.RightExport
	all := map[string]need{}
	add := func(n need, ops ...string) {
		for _, op := range ops {
			all[op] = n
		}
	}
	add(need{open: true}, "POST /session", "DELETE /session", "GET /oidc", "GET /oidc/login", "GET /oidc/callback", "POST /oidc/logout",
		"GET /oidc/{provider}/login", "GET /oidc/{provider}/callback", "POST /oidc/{provider}/logout", "GET /version", "GET /openapi.yaml")
	add(need{login: true}, "PUT /session/password")
	add(need{own: true}, "GET /session/links", "DELETE /session/links", "GET /sessions", "DELETE /sessions", "DELETE /sessions/{session}", "GET /tokens", "DELETE /tokens/{token}", "POST /searches")
	add(need{}, "GET /session", "POST /session/links", // which is not found: the world has no provider
		"POST /tokens", "GET /calls", "GET /calls/count", "GET /calls/{id}", "GET /searches", "PUT /searches/{search}", "DELETE /searches/{search}", "GET /searches/check", "GET /searches/fields",
		"GET /direct", "GET /stats", "GET /usage", "GET /live", "GET /live/streams", "GET /sensors", "GET /sensors/{uuid}", "GET /sensors/{uuid}/health", "GET /sensors/{uuid}/api/info",
		"GET /sensors/{uuid}/api/health", "GET /sensors/{uuid}/api/rules", "GET /rules", "GET /rules/fields", "GET /rules/history", "GET /rules/history/{revision}",
		"GET /alerts", "GET /alerts/options", "GET /alerts/firing", "GET /alerts/history", "GET /alerts/history/{incident}", "GET /alerts/receivers", "GET /alerts/{alert}",
		"GET /silences")
	add(need{rights: download | numbers}, "GET /calls/{id}/capture", "GET /calls/{id}/messages", "POST /calls/{id}/capture/direct", "GET /captures", "GET /sensors/{uuid}/api/calls/{id}/capture", "GET /sensors/{uuid}/api/calls/{id}/messages")
	add(need{rights: listen}, "GET /calls/{id}/audio", "GET /calls/{id}/audio/peaks", "GET /calls/{id}/audio/spectrogram", "POST /calls/{id}/audio/direct",
		"GET /sensors/{uuid}/api/calls/{id}/audio", "GET /sensors/{uuid}/api/calls/{id}/audio/peaks", "GET /sensors/{uuid}/api/calls/{id}/audio/spectrogram")
	add(need{rights: export}, "GET /calls.csv", "GET /calls.ndjson")
	add(need{rights: numbers}, "GET /sensors/{uuid}/api/live", "GET /sensors/{uuid}/api/live/streams", "GET /sensors/{uuid}/api/calls", "GET /sensors/{uuid}/api/calls/{id}", "GET /sensors/{uuid}/api/registrations", "GET /sensors/{uuid}/api/transactions")
	add(need{rights: rules}, "PUT /sensors/{uuid}/api/rules", "PUT /rules", "POST /rules/check", "POST /alerts", "POST /alerts/preview", "POST /alerts/receivers", "PUT /alerts/receivers/{receiver}",
		"DELETE /alerts/receivers/{receiver}", "POST /alerts/receivers/{receiver}/test", "PUT /alerts/{alert}", "DELETE /alerts/{alert}", "POST /alerts/{alert}/test")
	add(need{duty: true}, "PUT /alerts/history/{incident}/acknowledgement", "POST /silences", "DELETE /silences/{silence}")
	add(need{admin: true}, "POST /sensors/tokens", "DELETE /sensors/{uuid}", "GET /users", "POST /users", "PUT /users/{name}", "DELETE /users/{name}", "GET /audit")
	return all
}

// caller is somebody who calls.
type caller struct {
	*client
	known   bool // has a log-in
	rights  store.Rights
	admin   bool
	duty    bool // a user, and no viewer
	narrow  bool // a token that was narrowed
	session bool
	scoped  bool // a token that is not for the API
}

func (x caller) may(n need) (status int) {
	switch {
	case n.open:
		return http.StatusOK
	case !x.known:
		return http.StatusUnauthorized
	case x.scoped, !x.rights.Has(n.rights), n.admin && (!x.admin || x.narrow), n.own && x.narrow, n.duty && !x.duty && !x.rights.Has(store.RightRules), n.login && !x.session:
		return http.StatusForbidden
	}
	return http.StatusOK
}

func (w *world) callers() map[string]caller {
	w.t.Helper()
	all := map[string]caller{
		"nobody": {client: w.anonymous()},
		"viewer": {client: w.as("viewer"), known: true, rights: store.RoleViewer.Rights(), session: true},
		"user":   {client: w.as("user"), known: true, rights: store.RoleUser.Rights(), duty: true, session: true},
		"admin":  {client: w.as("admin"), known: true, rights: store.AllRights, admin: true, session: true},
	}
	token := func(wish object) *client {
		var made struct{ Token string }
		a := all["admin"].do("POST", "/tokens", wish)
		if a.status != http.StatusOK {
			w.t.Fatalf("%d %s", a.status, a.body)
		}
		a.into(w.t, &made)
		c := w.anonymous()
		c.header.Set("Authorization", "Bearer "+made.Token)
		return c
	}
	all["a token of admin"] = caller{client: token(object{"label": "x"}), known: true, rights: store.AllRights, admin: true}
	all["an assistant's token"] = caller{client: token(object{"label": "x", "scope": "mcp"}), known: true, rights: store.AllRights, admin: true, scoped: true}
	all["a token without rights"] = caller{client: token(object{"label": "x", "rights": []string{}}), known: true, admin: true, narrow: true}
	for _, r := range []store.Rights{store.RightListen, store.RightDownload, store.RightRules, store.RightNumbers, store.RightExport} {
		all["a token with "+r.String()] = caller{client: token(object{"label": "x", "rights": []string{r.String()}}), known: true, rights: r, admin: true, narrow: true}
	}
	for name, header := range map[string]http.Header{
		"a false token": {"Authorization": {"Bearer vtu_x"}}, "a false cookie": {"Cookie": {"session=x"}}, "a false scheme": {"Authorization": {"Basic YWRtaW46eA=="}},
	} {
		c := w.anonymous()
		c.header = header
		all[name] = caller{client: c}
	}
	return all
}

func TestWhoMayCallEachOperation(t *testing.T) {
	known := needs()
	ops := operations(t)
	for op := range ops {
		if _, ok := known[op]; !ok {
			t.Errorf("%s is not classified: who may call it?", op)
		}
	}
	for op, n := range known {
		if public, ok := ops[op]; !ok || public != n.open {
			t.Errorf("%s is classified as %+v; in openapi.yaml %v, public %v", op, n, ok, public)
		}
	}
	w, _ := newAlertWorld(t)
	callers := w.callers()
	for _, op := range slices.Sorted(maps.Keys(known)) {
		for name, x := range callers {
			method, path, _ := strings.Cut(op, " ")
			sensor := w.s1.uuid
			if op == "DELETE /sensors/{uuid}" {
				sensor = protocol.UUID{1} // nobody's: the others are needed
			}
			path = strings.NewReplacer("{search}", "77", "{alert}", "77", "{receiver}", "77", "{silence}", "77", "{incident}", "7-7", "{name}", "nobody").Replace(path)
			path = fill(path, protocol.UUID{1}, sensor)
			if strings.HasSuffix(path, "/live") || strings.HasSuffix(path, "/live/streams") {
				path += "?once=1"
			}
			a := x.do(method, path, bodyFor(op))
			got := http.StatusOK // it was let in, whatever came of it
			if a.status == http.StatusUnauthorized && a.code() == protocol.CodeUnauthorized || a.status == http.StatusForbidden && a.code() == protocol.CodeForbidden {
				got = a.status
			}
			if want := x.may(known[op]); got != want {
				t.Errorf("%s by %s: %d %s, want %d", op, name, a.status, a.body, want)
			}
			if op == "DELETE /session" || op == "DELETE /sessions" {
				for name, x := range callers {
					if x.session {
						*x.client = *w.as(name)
					}
				}
			}
		}
	}
	if len(known)*len(callers) < 1000 {
		t.Errorf("only %d operations by %d callers were tried", len(known), len(callers))
	}
}

// Every operation that names something, with the ids of another tenant's: nothing is found, told or changed.
func TestWhatAnotherTenantHasIsNotFoundByAnyOperation(t *testing.T) {
	w, _ := newAlertWorld(t)
	admin, eve := w.as("admin"), w.as("eve")
	made := func(a answer) string {
		t.Helper()
		var x struct{ ID any }
		a.into(t, &x)
		if a.status != http.StatusOK || x.ID == nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if n, ok := x.ID.(float64); ok {
			return fmt.Sprint(int64(n))
		}
		return fmt.Sprint(x.ID)
	}
	call := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP; c.Caller, c.Callee = "+420", "eves-friend" })
	w.stored(w.other, w.theirs.uuid, call)
	w.incident(w.other, "1-1")
	receiver := made(eve.do("POST", "/alerts/receivers", object{"name": "noc", "kind": "slack", "url": "https://hooks.example/x"}))
	id := strings.NewReplacer(
		"{alert}", made(eve.do("POST", "/alerts", fewAnswered(nil))), "{receiver}", receiver,
		"{silence}", made(eve.do("POST", "/silences", object{"to": w.now().Add(time.Hour).Format(time.RFC3339), "reason": "eves"})),
		"{search}", made(eve.do("POST", "/searches", object{"name": "eves", "shared": true})), "{incident}", "1-1",
		"{id}", call.ID.String(), "{uuid}", w.theirs.uuid.String(), "{name}", "eve", "{revision}", "1",
		"{token}", func() string {
			var list []object
			eve.do("POST", "/tokens", object{"label": "eves"})
			eve.get("/tokens").into(t, &list)
			return fmt.Sprint(list[0]["id"])
		}(),
		"{session}", func() string {
			var list []object
			eve.get("/sessions").into(t, &list)
			return fmt.Sprint(list[0]["id"])
		}(),
	)
	if a := eve.do("PUT", "/rules", object{"revision": 0, "text": "eves: keep rtp when caller:1*\n"}); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	lists := []string{"/alerts", "/alerts/receivers", "/silences", "/searches", "/tokens", "/sessions", "/users", "/sensors", "/rules", "/alerts/history", "/calls"}
	before := map[string]string{}
	for _, path := range lists {
		before[path] = string(eve.get(path).body)
	}
	tried := 0
	for op := range needs() {
		method, path, _ := strings.Cut(op, " ")
		if !strings.Contains(path, "{") {
			continue
		}
		body := bodyFor(op)
		switch op {
		case "PUT /alerts/{alert}":
			body = fewAnswered(object{"revision": 1, "name": "taken"})
		case "PUT /alerts/receivers/{receiver}":
			body = object{"name": "taken", "kind": "slack", "url": "https://x.example"}
		case "PUT /searches/{search}":
			body = object{"name": "taken"}
		case "PUT /alerts/history/{incident}/acknowledgement", "POST /alerts/{alert}/test", "POST /alerts/receivers/{receiver}/test":
			body = object{}
		case "POST /calls/{id}/capture/direct", "POST /calls/{id}/audio/direct":
			body = object{"sdp": "v=0\r\n"}
		}
		tried++
		if a := admin.do(method, id.Replace(path), body); a.status != http.StatusNotFound && a.code() != protocol.CodeBadRequest {
			t.Errorf("%s: %d %s, want 404", op, a.status, a.body)
		} else if strings.Contains(string(a.body), "eves") {
			t.Errorf("%s tells %s", op, a.body)
		}
	}
	if tried < 30 {
		t.Errorf("only %d operations were tried", tried)
	}
	for _, path := range lists {
		if after := string(eve.get(path).body); after != before[path] {
			t.Errorf("%s was\n%s\nand is\n%s", path, before[path], after)
		}
		if a := admin.get(path); strings.Contains(string(a.body), "eves") {
			t.Errorf("%s shows what is another tenant's: %s", path, a.body)
		}
	}
	if n := len(w.audited(w.other, auth.ActionRules)); n != 1 {
		t.Errorf("%d changes of rules are written down, want one", n)
	}
}
