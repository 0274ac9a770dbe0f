package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Whoever has every right but to see numbers gets no route of the API to tell one.
func TestNoRouteTellsANumberToWhoMayNotSeeThem(t *testing.T) {
	w := newWorld(t)
	c := w.call(1, func(c *protocol.CDR) {
		c.Caller, c.Callee, c.CalleeURI, c.CallerName, c.Status = "+420777123456", "603999888", "603999888", "Zoe Novak", 404
		c.Reason, c.GroupID = "no 603999888 here", c.ID.String()
		c.Findings = []protocol.Finding{{Code: "x", Severity: protocol.SeverityBad, Text: "t", Evidence: "603999888 called +420777123456"}}
		c.Messages = []protocol.Message{{T: c.Start, FirstLine: "INVITE sip:603999888@pbx SIP/2.0"}}
		c.Capture.Kept = protocol.KeepRTP
	})
	w.stored(w.acme, w.s1.uuid, c)
	w.s1.captures[c.ID.String()] = []byte("packets of 603999888")
	w.s1.voices[c.ID.String()] = []byte("RIFF")
	w.s1.calls["running"] = c
	w.s1.setLive(protocol.LiveCall{ID: c.ID, Caller: "+420777123456", Callee: "603999888"})
	user := func(name string, rights store.Rights) *client {
		_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: name, Password: passwordHash, Role: store.RoleUser, Rights: rights, Created: w.now()})
		w.ok(err)
		return w.as(name)
	}
	whole, masked := user("whole", store.AllRights), user("masked", store.AllRights&^store.RightNumbers)
	told, asked := 0, 0
	for op := range operations(t) {
		method, path, _ := strings.Cut(op, " ")
		if method != http.MethodGet || path == "/alerts/options" { // which tells of receivers, and needs what keeps the alerts
			continue
		}
		path = fill(path, c.ID, w.s1.uuid)
		switch {
		case strings.HasSuffix(path, "/live"), strings.HasSuffix(path, "/live/streams"):
			path += "?once=1"
		case strings.HasSuffix(path, "/stats"), strings.HasSuffix(path, "/statistics"):
			path += "?from=" + url.QueryEscape(w.now().Add(-time.Hour).UTC().Format(time.RFC3339))
		}
		asked++
		tells := func(a answer) bool {
			all := string(a.body) + " " + strings.Join(a.header.Values("Content-Disposition"), " ")
			for _, secret := range []string{"777123456", "603999888", "Novak"} {
				if strings.Contains(all, secret) {
					return true
				}
			}
			return false
		}
		if tells(whole.get(path)) {
			told++
		}
		if a := masked.get(path); tells(a) {
			t.Errorf("GET %s tells: %d %v %.2000s", path, a.status, a.header["Content-Disposition"], a.body)
		}
	}
	if asked < 30 || told < 6 {
		t.Errorf("%d routes were asked, of which %d tell numbers to who may see them: the test has lost its object", asked, told)
	}
	var page struct{ Calls []protocol.CDR }
	masked.get("/calls").into(t, &page)
	if len(page.Calls) != 1 || !strings.HasPrefix(page.Calls[0].Caller, "+4207********~") || page.Calls[0].Status != 404 {
		t.Errorf("calls %+v", page.Calls)
	}
}

func TestNumbersAreNotFoundOutByAsking(t *testing.T) {
	w := newWorld(t)
	c := w.call(1, func(c *protocol.CDR) { c.Caller, c.Src, c.Status = "+420777123456", "10.0.0.7:5060", 404 })
	w.stored(w.acme, w.s1.uuid, c)
	w.as("admin").do("PUT", "/users/user", m{"rights": []string{"listen", "download", "rules", "export"}})
	u := w.as("user")
	found := func(query string) int {
		t.Helper()
		var page struct{ Calls []protocol.CDR }
		u.get("/calls?"+query).into(t, &page)
		return len(page.Calls)
	}
	where := func(s string) string { return "where=" + url.QueryEscape(s) }
	if n := found("q=%2B4207"); n != 0 {
		t.Errorf("the beginning of a number finds %d calls", n)
	}
	for query, want := range map[string]int{"q=10.0.0.7": 1, "q=" + c.ID.String(): 1, "q=" + url.QueryEscape(c.CallID): 1, where("status:404"): 1, "": 1} {
		if n := found(query); n != want {
			t.Errorf("%q finds %d calls, want %d", query, n, want)
		}
	}
	for _, query := range []string{"number=%2B4207", where("caller:+4207*"), where("zoe"), where("not (mos < 3 and number:1)")} {
		for _, path := range []string{"/calls", "/calls/count", "/captures"} {
			if a := u.get(path + "?" + query); a.status != http.StatusForbidden || a.code() != protocol.CodeForbidden {
				t.Errorf("%s?%s: %d %s, want 403", path, query, a.status, a.body)
			}
		}
	}
	if a := u.get("/live?once=1&" + where("caller:+4207*")); a.status != http.StatusForbidden {
		t.Errorf("running calls: %d %s, want 403", a.status, a.body)
	}
	for text, want := range map[string]int{"a: keep sip when caller:+4207*": http.StatusForbidden, "a: keep sip when status:404": http.StatusOK} {
		if a := u.do("POST", "/rules/check", m{"text": text}); a.status != want {
			t.Errorf("rules tried, %s: %d %s, want %d", text, a.status, a.body, want)
		}
	}
	if a := u.get("/calls/" + c.ID.String() + "/capture"); a.status != http.StatusForbidden || !strings.Contains(string(a.body), `"right":"numbers"`) {
		t.Errorf("packets: %d %s, want 403: they hold numbers", a.status, a.body)
	}
}

func TestTheLiveViewMasks(t *testing.T) {
	w := newWorld(t)
	w.s1.setLive(protocol.LiveCall{ID: protocol.UUID{1}, Caller: "+420777123456"})
	if a := w.as("viewer").get("/live?once=1"); !strings.Contains(string(a.body), "+420777123456") {
		t.Errorf("before: %s", a.body)
	}
	w.as("admin").do("PUT", "/users/viewer", m{"rights": []string{}})
	if a := w.as("viewer").get("/live?once=1"); strings.Contains(string(a.body), "777123456") {
		t.Errorf("after: %s", a.body)
	}
}
