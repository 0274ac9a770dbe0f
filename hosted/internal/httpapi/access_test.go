package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// operations lists "METHOD /path" of all routes of the contract, with whether they are open to everybody.
func operations(t *testing.T) map[string]bool {
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			all[method+" "+path] = op.Security != nil && len(*op.Security) == 0
		}
	}
	return all
}

// fill puts ids into the path of an operation, and the other tenant's user.
func fill(path string, call protocol.UUID, sensor protocol.UUID) string {
	return strings.NewReplacer("{id}", call.String(), "{uuid}", sensor.String(), "{name}", "eve", "{revision}", "1", "{token}", "0011223344556677", "{session}", "0011223344556677").Replace(path)
}

// bodyFor is a body that the operation takes.
func bodyFor(op string) any {
	switch {
	case strings.HasSuffix(op, "/api/rules") && strings.HasPrefix(op, "PUT"):
		return map[string]any{"revision": 0, "text": "x"}
	case op == "PUT /rules", op == "POST /rules/check":
		return map[string]any{"revision": 99, "text": "x"}
	case strings.HasPrefix(op, "PUT /users/"):
		return map[string]any{"rights": []string{"rules"}}
	case op == "PUT /session/password":
		return map[string]string{"current": "x", "password": "x"}
	case op == "POST /users":
		return map[string]string{"name": "new", "role": "bad"}
	case op == "POST /tokens":
		return map[string]string{"label": "x"}
	case op == "POST /sensors/tokens":
		return struct{}{}
	}
	return nil
}

func TestEveryRouteButThePublicOnesNeedsALogin(t *testing.T) {
	w := newWorld(t)
	closed := 0
	for op, public := range operations(t) {
		if public {
			continue
		}
		closed++
		method, path, _ := strings.Cut(op, " ")
		for name, header := range map[string]http.Header{
			"nothing": {}, "wrong token": {"Authorization": {"Bearer vtu_x"}}, "wrong scheme": {"Authorization": {"Basic eDp5"}}, "wrong cookie": {"Cookie": {"session=x"}},
		} {
			c := w.anonymous()
			c.header = header
			a := c.do(method, fill(path, protocol.UUID{1}, w.s1.uuid), bodyFor(op))
			if a.status != http.StatusUnauthorized || a.code() != protocol.CodeUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: %d %s, want 401", op, name, a.status, a.body)
			}
		}
	}
	if closed < 15 {
		t.Errorf("only %d closed routes were tried", closed)
	}
}

func TestWhatAnotherTenantOwnsIsNotFound(t *testing.T) {
	w := newWorld(t)
	theirs := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP; c.Caller = "+420" })
	w.stored(w.other, w.theirs.uuid, theirs)
	w.theirs.captures[theirs.ID.String()] = []byte("packets")
	running := w.call(1, nil)
	w.theirs.calls["running"] = running
	w.theirs.setLive(protocol.LiveCall{ID: running.ID})

	eve, admin := w.as("eve"), w.as("admin")
	if a := eve.get("/calls/" + theirs.ID.String() + "/capture"); string(a.body) != "packets" {
		t.Fatalf("the owner gets %d %s", a.status, a.body)
	}
	tried := 0
	for op := range operations(t) {
		method, path, _ := strings.Cut(op, " ")
		if !strings.Contains(path, "{") {
			continue
		}
		ids := []protocol.UUID{theirs.ID, running.ID}
		for _, id := range ids {
			tried++
			a := admin.do(method, fill(path, id, w.theirs.uuid), bodyFor(op))
			if a.status != http.StatusNotFound || a.code() != protocol.CodeNotFound {
				t.Errorf("%s with the other tenant's ids: %d %s, want 404", op, a.status, a.body)
			}
			if strings.Contains(path, "{id}") && strings.Contains(path, "{uuid}") { // their call at our sensor
				if a := admin.do(method, fill(path, id, w.s1.uuid), bodyFor(op)); a.status/100 == 2 {
					t.Errorf("%s with the other tenant's call: %d", op, a.status)
				}
			}
		}
	}
	if tried < 16 {
		t.Errorf("only %d requests were tried", tried)
	}
	for _, path := range []string{"/calls", "/calls?q=" + theirs.ID.String(), "/calls?number=%2B420", "/live?once=1", "/sensors", "/users", "/audit?limit=1000"} {
		a := admin.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		for _, id := range []protocol.UUID{theirs.ID, running.ID, w.theirs.uuid} {
			if bytes.Contains(a.body, []byte(`"`+id.String()+`"`)) && !strings.HasPrefix(path, "/audit") {
				t.Errorf("%s shows %s of the other tenant", path, id)
			}
		}
	}
	w.theirs.mu.Lock()
	defer w.theirs.mu.Unlock()
	if len(w.theirs.asked) != 1 { // the owner's download
		t.Errorf("the other tenant's sensor was asked %v", w.theirs.asked)
	}
	if u, err := w.store.UserByName(t.Context(), "eve"); err != nil || u.Rights != store.AllRights {
		t.Errorf("the other tenant's user was changed: %+v, %v", u, err)
	}
	if bytes.Contains(admin.get("/users").body, []byte("eve")) {
		t.Error("the other tenant's user is listed")
	}
	if _, err := w.store.Sensor(t.Context(), w.other, w.theirs.uuid); err != nil || w.links.find(w.theirs.uuid) == nil {
		t.Error("the other tenant's sensor was revoked")
	}
}

func TestTheRoleDecidesWhatAUserMayDo(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	w.stored(w.acme, w.s1.uuid, kept)
	w.s1.captures[kept.ID.String()] = []byte("packets")
	victim := w.enrol(w.acme, 90)
	for _, tt := range []struct {
		op                  string
		viewer, user, admin int
	}{
		{"GET /calls", 200, 200, 200},
		{"GET /calls/{id}", 200, 200, 200},
		{"GET /sensors", 200, 200, 200},
		{"GET /live?once=1", 200, 200, 200},
		{"GET /calls/{id}/capture", 403, 200, 200},
		{"GET /sensors/{uuid}/api/calls/{id}/capture", 403, 200, 200},
		{"GET /sensors/{uuid}/api/info", 200, 200, 200},
		{"GET /sensors/{uuid}/api/health", 200, 200, 200},
		{"GET /sensors/{uuid}/api/registrations", 200, 200, 200},
		{"GET /sensors/{uuid}/api/transactions?limit=5", 200, 200, 200},
		{"GET /sensors/{uuid}/api/rules", 200, 200, 200},
		{"PUT /sensors/{uuid}/api/rules", 403, 403, 200},
		{"POST /tokens", 200, 200, 200},
		{"POST /sensors/tokens", 403, 403, 200},
		{"GET /audit", 403, 403, 200},
		{"GET /rules", 200, 200, 200},
		{"PUT /rules", 403, 403, 422},
		{"GET /rules/history", 200, 200, 200},
		{"GET /rules/fields", 200, 200, 200},
		{"GET /users", 403, 403, 200},
		{"POST /users", 403, 403, 400},
		{"PUT /users/viewer", 403, 403, 200},
		{"DELETE /users/nobody", 403, 403, 404},
		{"DELETE /sensors/" + victim.String(), 403, 403, 204},
	} {
		method, path, _ := strings.Cut(tt.op, " ")
		for user, want := range map[string]int{"viewer": tt.viewer, "user": tt.user, "admin": tt.admin} {
			a := w.as(user).do(method, fill(path, kept.ID, w.s1.uuid), bodyFor(tt.op))
			if a.status != want {
				t.Errorf("%s as %s: %d %s, want %d", tt.op, user, a.status, a.body, want)
			}
			if want == http.StatusForbidden && a.code() != protocol.CodeForbidden {
				t.Errorf("%s as %s: code %s", tt.op, user, a.code())
			}
		}
	}
}

func TestASessionBeginsWithALoginAndEndsWithLogout(t *testing.T) {
	w := newWorld(t)
	c := w.anonymous()
	a := c.do("POST", "/session", map[string]string{"name": "user", "password": password})
	if want := `{"user":{"name":"user","role":"user","rights":["listen","download","numbers","export"],"tenant":"acme","way":"password"}}` + "\n"; string(a.body) != want {
		t.Errorf("login answers %s, want %s", a.body, want)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"session=", "; HttpOnly", "; SameSite=Strict", "; Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %q", cookie, want)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q would not come back over plain HTTP", cookie)
	}
	if again := c.get("/session"); !bytes.Equal(again.body, a.body) {
		t.Errorf("session is %s, want %s", again.body, a.body)
	}
	stolen := w.anonymous()
	stolen.header.Set("Cookie", strings.SplitN(cookie, ";", 2)[0])
	if a := stolen.get("/session"); a.status != http.StatusOK {
		t.Fatalf("the cookie alone: %d", a.status)
	}
	if a := c.do("DELETE", "/session", nil); a.status != http.StatusNoContent || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("logout: %d, cookie %q", a.status, a.header.Get("Set-Cookie"))
	}
	if a := stolen.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the cookie after logout: %d, want 401", a.status)
	}
	if a := c.do("DELETE", "/session", nil); a.status != http.StatusNoContent {
		t.Errorf("second logout: %d", a.status)
	}
	if n, m := len(w.audited(w.acme, auth.ActionLogin)), len(w.audited(w.acme, auth.ActionLogout)); n != 1 || m != 1 {
		t.Errorf("%d logins and %d logouts audited, want 1 and 1", n, m)
	}
}

func TestFailedLoginsAreAuditedAndSlowedDown(t *testing.T) {
	w := newWorld(t)
	c := w.anonymous()
	try := func(name, password string) answer {
		return c.do("POST", "/session", map[string]string{"name": name, "password": password})
	}
	var first answer
	for i := range 5 {
		a := try("admin", fmt.Sprint("guess", i))
		if a.status != http.StatusUnauthorized || a.code() != auth.CodeLoginFailed {
			t.Fatalf("guess %d: %d %s", i, a.status, a.body)
		}
		first = a
	}
	a := try("admin", password)
	if a.status != http.StatusTooManyRequests || a.code() != auth.CodeTooManyLogins || a.header.Get("Retry-After") == "" {
		t.Errorf("after 5 wrong guesses the right password: %d %s", a.status, a.body)
	}
	if unknown := try("nobody", "x"); !bytes.Equal(unknown.body, first.body) {
		t.Errorf("an unknown name is told from a wrong password: %s and %s", unknown.body, first.body)
	}
	log := w.audited(w.acme, auth.ActionLoginFailed)
	if len(log) != 5 || log[0].User != "admin" || log[0].Addr != "127.0.0.1" {
		t.Errorf("audit log %+v, want the 5 that were tried", log)
	}
	w.pass(2 * time.Minute)
	if a := try("admin", password); a.status != http.StatusOK {
		t.Errorf("two minutes later: %d %s", a.status, a.body)
	}
}

func TestATokenActsAsItsUser(t *testing.T) {
	w := newWorld(t)
	var made struct{ Token string }
	w.as("viewer").do("POST", "/tokens", map[string]string{"label": "ci"}).into(t, &made)
	c := w.anonymous()
	c.header.Set("Authorization", "Bearer "+made.Token)
	if a := c.get("/session"); !strings.Contains(string(a.body), `"viewer"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.get("/audit"); a.status != http.StatusForbidden {
		t.Errorf("a viewer's token reads the audit log: %d", a.status)
	}
	if log := w.audited(w.acme, auth.ActionToken); len(log) != 1 || log[0].Object != "ci" {
		t.Errorf("audit %+v", log)
	}
	for _, label := range []string{"", strings.Repeat("x", 101)} {
		if a := c.do("POST", "/tokens", map[string]string{"label": label}); a.status != http.StatusBadRequest {
			t.Errorf("label of %d characters: %d, want 400", len(label), a.status)
		}
	}
}

func TestASuspendedTenantIsShutOut(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	w.ok(w.store.UpdateTenant(t.Context(), store.Tenant{ID: w.acme, MaxChannels: 1, Suspended: true}))
	if a := c.get("/calls"); a.code() != protocol.CodeTenantSuspended || a.status != http.StatusForbidden {
		t.Errorf("running session: %d %s", a.status, a.body)
	}
	if a := w.anonymous().do("POST", "/session", map[string]string{"name": "admin", "password": password}); a.code() != protocol.CodeTenantSuspended {
		t.Errorf("login: %d %s", a.status, a.body)
	}
}

func TestAnotherSitesPageCannotAct(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}} {
		c.header = header
		if a := c.do("POST", "/sensors/tokens", struct{}{}); a.status != http.StatusForbidden || a.code() != "cross-origin" {
			t.Errorf("%v: %d %s", header, a.status, a.body)
		}
	}
	c.header = http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {w.url}}
	if a := c.do("POST", "/sensors/tokens", struct{}{}); a.status != http.StatusOK {
		t.Errorf("our own page: %d %s", a.status, a.body)
	}
}

func TestABodyThatIsNotWhatIsExpectedIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.anonymous()
	for name, tt := range map[string]struct {
		kind, body string
		status     int
		code       string
	}{
		"no JSON":       {"application/json", "{", 400, protocol.CodeBadRequest},
		"empty":         {"application/json", "", 401, auth.CodeLoginFailed},
		"unknown field": {"application/json", `{"user":"x"}`, 400, protocol.CodeBadRequest},
		"two":           {"application/json", `{"name":"x"}{}`, 400, protocol.CodeBadRequest},
		"form":          {"application/x-www-form-urlencoded", "name=x", 415, protocol.CodeBadRequest},
		"no type":       {"", "{}", 415, protocol.CodeBadRequest},
		"with charset":  {"application/json; charset=utf-8", `{"name":"x"}`, 401, auth.CodeLoginFailed},
		"large":         {"application/json", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too-large"},
	} {
		req, err := http.NewRequest("POST", w.url+"/api/v1/session", strings.NewReader(tt.body))
		w.ok(err)
		if tt.kind != "" {
			req.Header.Set("Content-Type", tt.kind)
		}
		a := c.send(req)
		c.check(req, a)
		if a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, tt.status, tt.code)
		}
	}
}

func TestAProxyIsBelievedOnlyWhenTrusted(t *testing.T) {
	for name, tt := range map[string]struct {
		change    []func(*httpapi.Config)
		forwarded string
		addr      string
		secure    bool
	}{
		"not trusted":         {nil, "192.0.2.9", "127.0.0.1", false},
		"trusted":             {[]func(*httpapi.Config){trusting}, "192.0.2.9", "192.0.2.9", true},
		"a client's own word": {[]func(*httpapi.Config){trusting}, "198.51.100.1, 192.0.2.9, 127.0.0.5", "192.0.2.9", true},
		"nonsense":            {[]func(*httpapi.Config){trusting}, "x", "127.0.0.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.change...)
			c := w.anonymous()
			c.header.Set("X-Forwarded-For", tt.forwarded)
			c.header.Set("X-Forwarded-Proto", "https")
			a := c.do("POST", "/session", map[string]string{"name": "admin", "password": password})
			if got := strings.Contains(a.header.Get("Set-Cookie"), "; Secure"); got != tt.secure {
				t.Errorf("cookie secure %v, want %v", got, tt.secure)
			}
			if got := a.header.Get("Strict-Transport-Security") != ""; got != tt.secure {
				t.Errorf("HSTS %v, want %v", got, tt.secure)
			}
			if log := w.audited(w.acme, auth.ActionLogin); len(log) != 1 || log[0].Addr != tt.addr {
				t.Errorf("audited %+v, want from %s", log, tt.addr)
			}
		})
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/calls/x", "/assets/app-1234.js", "/assets/none.js", "/api/v1/calls", "/api/nope", "/healthz", "/metrics"} {
		req, err := http.NewRequest("GET", w.url+path, nil)
		w.ok(err)
		a := w.anonymous().send(req)
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script-src 'self' '") ||
			a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, a.header)
		}
		if strings.HasPrefix(path, "/api/") && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached: %v", path, a.header)
		}
	}
}

func TestAMethodThatARouteHasNotIsAnsweredWithThoseItHas(t *testing.T) {
	w := newWorld(t)
	for op, allow := range map[string]string{"PATCH /calls": "GET, HEAD", "PUT /session": "DELETE, GET, HEAD, POST", "PUT /tokens": "GET, HEAD, POST"} {
		method, path, _ := strings.Cut(op, " ")
		if a := w.as("admin").do(method, path, nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != allow {
			t.Errorf("%s: %d, Allow %q, want 405 and %q", op, a.status, a.header.Get("Allow"), allow)
		}
	}
}

func TestAFaultOfOursIsNotExplainedToTheClient(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	w.ok(w.store.Close())
	a := c.get("/calls")
	if a.status != http.StatusInternalServerError || a.code() != protocol.CodeInternal || bytes.Contains(a.body, []byte("sql")) {
		t.Errorf("%d %s, want 500 without the reason", a.status, a.body)
	}
	req, err := http.NewRequest("GET", w.url+"/healthz", nil)
	w.ok(err)
	if a := w.anonymous().send(req); a.status != http.StatusServiceUnavailable {
		t.Errorf("healthz %d, want 503", a.status)
	}
}

func TestMetricsAreForThisHostAndAdministrators(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "m 1") })
		c.MetricsOf = func(tenant string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "of "+tenant) })
		}
	})
	for name, tt := range map[string]struct {
		c         *client
		forwarded string
		want      int
	}{
		"from this host":              {w.anonymous(), "", 200},
		"through a proxy, anonymous":  {w.anonymous(), "192.0.2.1", 401},
		"through a proxy, as user":    {w.as("user"), "192.0.2.1", 403},
		"through a proxy, as manager": {w.as("admin"), "192.0.2.1", 200},
	} {
		req, err := http.NewRequest("GET", w.url+"/metrics", nil)
		w.ok(err)
		if tt.forwarded != "" {
			req.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		a := tt.c.send(req)
		if want := map[bool]string{true: "of acme", false: "m 1"}[tt.forwarded != ""]; a.status != tt.want || a.status == 200 && string(a.body) != want {
			t.Errorf("%s: %d %s, want %d and %s", name, a.status, a.body, tt.want, want)
		}
	}
}

func TestObserveIsToldOfEveryAnswer(t *testing.T) {
	seen := make(chan httpapi.Observed, 10)
	w := newWorld(t, func(c *httpapi.Config) { c.Observe = func(o httpapi.Observed) { seen <- o } })
	w.anonymous().get("/calls/123")
	if o := <-seen; o.Route != "/calls/{id}" || o.Method != "GET" || o.Status != 401 {
		t.Errorf("observed %+v", o)
	}
}

func TestTheContractHasTheFieldsOfTheTypes(t *testing.T) {
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"CDR": protocol.CDR{}, "Stream": protocol.Stream{}, "RTCP": protocol.RTCP{}, "Interval": protocol.Interval{}, "Message": protocol.Message{},
		"Finding": protocol.Finding{}, "Unchecked": protocol.Unchecked{}, "Transaction": protocol.Transaction{}, "Registration": protocol.Registration{}, "Capture": protocol.Capture{}, "LiveCall": protocol.LiveCall{}, "SensorInfo": protocol.SensorInfo{}, "Health": protocol.Health{},
		"LinkHealth": protocol.LinkHealth{}, "QueueState": protocol.QueueState{}, "SpoolState": protocol.SpoolState{},
	} {
		fields := map[string]bool{} // also those that are left out when they are zero
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && tag != "-" {
				fields[tag] = true
			}
		}
		properties := doc.Components.Schemas[name].Value.Properties
		for f := range fields {
			if properties[f] == nil {
				t.Errorf("openapi.yaml: schema %s lacks %s, which the type has", name, f)
			}
		}
		for p := range properties {
			if !fields[p] {
				t.Errorf("openapi.yaml: schema %s has %s, which the type lacks", name, p)
			}
		}
	}
}
