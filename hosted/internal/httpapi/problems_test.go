package httpapi_test

import (
	"mime"
	"net/http"
	"strings"
	"testing"

	"voiptop/protocol"
)

// Whatever is wrong with a request, and wherever it goes, the answer to a program is a problem as JSON (RFC 9457).
func TestEveryRefusalIsAProblem(t *testing.T) {
	w := newWorld(t)
	c := w.anonymous()
	var token struct{ Token string }
	w.as("admin").do("POST", "/tokens", map[string]string{"label": "test"}).into(t, &token)
	large := `{"name":"` + strings.Repeat("a", 70_000) + `"}`
	for _, tt := range []struct {
		method, path, kind, body string
		status                   int
	}{
		{"GET", "/api/v1", "", "", 404},
		{"GET", "/api/v1/", "", "", 404},
		{"GET", "/api/v1/nothing", "", "", 404},
		{"GET", "/api/v1/calls/", "", "", 404},
		{"GET", "/api/v1//calls", "", "", 404},
		{"GET", "/api/v2/calls", "", "", 404},
		{"GET", "/assets/none.js", "", "", 404},
		{"GET", "/robots.txt", "", "", 404},
		{"PATCH", "/api/v1/calls", "", "", 405},
		{"OPTIONS", "/api/v1/calls", "", "", 405},
		{"TRACE", "/api/v1/calls", "", "", 405},
		{"POST", "/", "", "", 405},
		{"DELETE", "/calls", "", "", 405},
		{"POST", "/healthz", "", "", 405},
		{"PUT", "/metrics", "", "", 405},
		{"POST", "/api/v1/users", "application/json", large, 413},
		{"POST", "/api/v1/users", "text/plain", "x", 415},
		{"POST", "/api/v1/users", "", "x", 415},
		{"POST", "/mcp", "text/plain", "x", 415},
		{"POST", "/api/v1/users", "application/json", "x", 400},
		{"GET", "/api/v1/calls?nothing=1", "", "", 400},
		{"GET", "/api/v1/calls?where=nothing%3D%3D", "", "", 422},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, w.url+tt.path, strings.NewReader(tt.body))
		w.ok(err)
		if tt.kind != "" {
			req.Header.Set("Content-Type", tt.kind)
		}
		req.Header.Set("Authorization", "Bearer "+token.Token)
		a := c.send(req)
		var p protocol.Problem
		a.into(t, &p)
		kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		if a.status != tt.status || err != nil || kind != "application/problem+json" || p.Status != tt.status || p.Code == "" || p.Title == "" {
			t.Errorf("%s %s %q: %d %s %s, want a problem with status %d", tt.method, tt.path, tt.kind, a.status, kind, a.body, tt.status)
		}
		if allow := a.header.Get("Allow"); (allow != "") != (tt.status == http.StatusMethodNotAllowed) {
			t.Errorf("%s %s: Allow is %q", tt.method, tt.path, allow)
		}
	}
}
