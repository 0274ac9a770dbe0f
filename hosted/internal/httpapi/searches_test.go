package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/search"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type saved struct {
	ID, Name, Where, Range, Author string
	Columns                        []string
	Shared                         bool
	May                            bool `json:"may_change"`
}

func (c *client) saves(body m) saved {
	c.w.t.Helper()
	a := c.do("POST", "/searches", body)
	if a.status != http.StatusOK {
		c.w.t.Fatalf("%v: %d %s", body, a.status, a.body)
	}
	var s saved
	a.into(c.w.t, &s)
	return s
}

func (c *client) searches() (names []string) {
	c.w.t.Helper()
	var list []saved
	c.get("/searches").into(c.w.t, &list)
	for _, s := range list {
		names = append(names, fmt.Sprintf("%s of %s, change %v", s.Name, s.Author, s.May))
	}
	return names
}

func TestSavedSearchesAreOnesOwnOrTheTenants(t *testing.T) {
	w := newWorld(t)
	user, viewer, admin, eve := w.as("user"), w.as("viewer"), w.as("admin"), w.as("eve")
	own := user.saves(m{"name": " bad ", "where": "mos<3.1", "range": "24h", "columns": []string{"start", "caller", "mos"}})
	if own.Name != "bad" || own.Where != "mos<3.1" || own.Range != "24h" || len(own.Columns) != 3 || own.Shared || !own.May {
		t.Errorf("saved as %+v", own)
	}
	shared := user.saves(m{"name": "our failures", "where": "status>=500", "shared": true})
	viewer.saves(m{"name": "mine"})
	for c, want := range map[*client]string{
		user: "bad of user, change true|our failures of user, change true", viewer: "mine of viewer, change true|our failures of user, change false",
		admin: "our failures of user, change true", eve: "",
	} {
		if got := strings.Join(c.searches(), "|"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	change := m{"name": "changed", "shared": true}
	for who, want := range map[*client]int{viewer: http.StatusForbidden, eve: http.StatusNotFound, admin: http.StatusOK} {
		if a := who.do("PUT", "/searches/"+shared.ID, change); a.status != want {
			t.Errorf("change of a shared one: %d %s, want %d", a.status, a.body, want)
		}
	}
	for who, want := range map[*client]int{viewer: http.StatusNotFound, eve: http.StatusNotFound, admin: http.StatusNotFound, user: http.StatusNoContent} {
		if who == user {
			continue
		}
		if a := who.do("DELETE", "/searches/"+own.ID, nil); a.status != want {
			t.Errorf("somebody else's own: %d, want %d", a.status, want)
		}
	}
	if a := user.do("DELETE", "/searches/"+own.ID, nil); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := strings.Join(user.searches(), "|"); got != "changed of user, change true" {
		t.Errorf("left is %s", got)
	}
	if n := len(w.audited(w.acme, auth.ActionSearchSave)); n != 4 {
		t.Errorf("%d saves are in the audit log, want 4", n)
	}
	if log := w.audited(w.acme, auth.ActionSearchDrop); len(log) != 1 || log[0].Object != "bad" || !strings.Contains(log[0].Detail, "mos<3.1") {
		t.Errorf("audit %+v", log)
	}
}

func TestASearchThatCannotBeSavedSaysWhy(t *testing.T) {
	w := newWorld(t)
	c := w.as("user")
	c.saves(m{"name": "a"})
	for _, tt := range []struct {
		body m
		code string
	}{
		{m{"name": "a"}, "search-exists"},
		{m{"name": ""}, protocol.CodeBadRequest},
		{m{"name": "a\nb"}, protocol.CodeBadRequest},
		{m{"name": strings.Repeat("x", 101)}, protocol.CodeBadRequest},
		{m{"name": "b", "where": "mos<"}, search.CodeBadCondition},
		{m{"name": "b", "range": "yesterday"}, protocol.CodeBadRequest},
		{m{"name": "b", "range": "/"}, protocol.CodeBadRequest},
		{m{"name": "b", "range": "2026-11-22T10:00:00Z"}, protocol.CodeBadRequest},
		{m{"name": "b", "columns": []string{"caller", "messages"}}, protocol.CodeBadRequest},
		{m{"name": "b", "columns": []string{"caller", "caller"}}, protocol.CodeBadRequest},
	} {
		if a := c.do("POST", "/searches", tt.body); a.code() != tt.code {
			t.Errorf("%v: %s, want %s", tt.body, a.body, tt.code)
		}
	}
	for _, r := range []string{"", "15m", "7d", "2026-11-22T10:00:00Z/", "/2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z/2026-11-23T10:00:00+01:00"} {
		c.saves(m{"name": "range " + r, "range": r})
	}
	if a := w.as("viewer").do("POST", "/searches", m{"name": "x", "shared": true}); a.status != http.StatusForbidden {
		t.Errorf("a viewer shares a search: %d", a.status)
	}
	narrow := w.anonymous()
	var made struct{ Token string }
	c.do("POST", "/tokens", m{"label": "ci", "rights": []string{"listen"}}).into(t, &made)
	narrow.header.Set("Authorization", "Bearer "+made.Token)
	if a := narrow.do("POST", "/searches", m{"name": "x"}); a.status != http.StatusForbidden {
		t.Errorf("a narrow token saves a search: %d", a.status)
	}
	for i := range store.MaxSearches {
		if a := c.do("POST", "/searches", m{"name": fmt.Sprint("more ", i)}); a.status != http.StatusOK {
			if i < 190 || a.code() != "too-many-searches" {
				t.Errorf("search %d: %s", i, a.body)
			}
			return
		}
	}
	t.Error("there is no end of searches")
}
