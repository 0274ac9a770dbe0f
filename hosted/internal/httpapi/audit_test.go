package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// auditPage is the answer of GET /audit.
type auditPage []struct{ ID, Action, User, Addr, Object, Detail string }

func TestTheAuditLogIsReadByAdministratorsPageByPage(t *testing.T) {
	w := newWorld(t)
	w.as("user")
	c := w.as("admin")
	var first, second auditPage
	c.get("/audit?limit=1").into(t, &first)
	if len(first) != 1 || first[0].Action != auth.ActionLogin || first[0].User != "admin" || first[0].Addr != "127.0.0.1" {
		t.Fatalf("log %+v", first)
	}
	c.get("/audit?limit=1&after="+first[0].ID).into(t, &second)
	if len(second) != 1 || second[0].User != "user" {
		t.Errorf("second page %+v", second)
	}
}

func TestTheAuditLogIsSearched(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	begin := w.now()
	for i, action := range []string{auth.ActionCaptureOpen, auth.ActionCapture, auth.ActionRules} {
		w.pass(1e9)
		w.ok(w.store.Audit(t.Context(), store.AuditEntry{Tenant: w.acme, Time: w.now(), User: "user", Action: action, Object: string(rune('a' + i))}))
	}
	stamp := func(seconds int) string { return (protocol.TimeOf(begin) + protocol.Time(seconds)*1e6).String() }
	for query, want := range map[string]string{
		"?user=user":                       "c b a",
		"?user=admin&action=login":         "",
		"?action=capture":                  "b a",
		"?action=capture.open":             "a",
		"?from=" + stamp(2) + "&user=user": "c b",
		"?to=" + stamp(2) + "&user=user":   "a",
	} {
		var page auditPage
		c.get("/audit"+query).into(t, &page)
		var got []string
		for _, e := range page {
			got = append(got, e.Object)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?after=x", "?after=-1", "?after=0", "?after=99999999999999999999", "?limit=0", "?limit=1001", "?actoin=login", "?user=a&user=b", "?user=" + strings.Repeat("x", 300), "?from=yesterday"} {
		if a := c.get("/audit" + query); a.status != http.StatusBadRequest || a.code() != protocol.CodeBadRequest {
			t.Errorf("%s: %d %s, want 400", query, a.status, a.body)
		}
	}
}
