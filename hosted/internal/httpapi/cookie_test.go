package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// A page of a neighbour, below the same domain, can set a cookie for all of the domain. By HTTPS no such cookie is taken for a session.
func TestANeighbourSlipsNobodyItsSession(t *testing.T) {
	w := newWorld(t, trusting)
	https := func() *client {
		c := w.anonymous()
		c.http = &http.Client{} // without a jar: cookies are as they are given
		c.header.Set("X-Forwarded-Proto", "https")
		return c
	}
	a := https().do("POST", "/session", map[string]string{"name": "user", "password": password})
	cookie, rest, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	name, token, _ := strings.Cut(cookie, "=")
	if name != "__Host-session" || token == "" {
		t.Fatalf("the cookie is %q", a.header.Get("Set-Cookie"))
	}
	for _, want := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Strict"} { // what the name demands, and more
		if !strings.Contains(rest, want) {
			t.Errorf("%q lacks %s", rest, want)
		}
	}
	if strings.Contains(rest, "Domain") {
		t.Errorf("%q names a domain", rest)
	}
	own := https()
	own.header.Set("Cookie", cookie+"; session=of-the-neighbour")
	if a := own.get("/session"); a.status != http.StatusOK {
		t.Errorf("one's own session: %d %s", a.status, a.body)
	}
	slipped := https()
	slipped.header.Set("Cookie", "session="+token)
	if a := slipped.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("a cookie that any neighbour may set is taken: %d %s", a.status, a.body)
	}
	if a := own.do("DELETE", "/session", nil); !strings.HasPrefix(a.header.Get("Set-Cookie"), "__Host-session=;") {
		t.Errorf("log-out takes away %q", a.header.Get("Set-Cookie"))
	}
	if a := own.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("after the log-out: %d %s", a.status, a.body)
	}
}
