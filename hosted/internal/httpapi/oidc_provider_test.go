package httpapi_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/oidc"
	"voiptop/hosted/internal/oidc/oidctest"
)

func TestAProviderThatIsDownStopsNoPassword(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "staff"))
	status := func() (p struct {
		Enabled, Available bool
		Name, Logout       string
	},
	) {
		s.anonymous().get("/oidc").into(t, &p)
		return p
	}
	s.Down(true)
	if p := status(); !p.Enabled || p.Available || p.Name != "Example ID" {
		t.Errorf("while it is down: %+v", p)
	}
	if a := s.stranger().get("/oidc/login"); a.status != http.StatusServiceUnavailable || a.code() != oidc.CodeUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("the button: %d %s", a.status, a.body)
	}
	s.as("user") // by password
	asked := s.Asked("/.well-known/openid-configuration")
	for range 20 {
		status()
	}
	if n := s.Asked("/.well-known/openid-configuration"); n != asked {
		t.Errorf("asked %d times more within 30 s: whoever opens the page must not make hosted knock", n-asked)
	}
	s.Down(false)
	s.pass(31 * time.Second)
	if p := status(); !p.Available || !strings.HasPrefix(p.Logout, s.Provider.URL+"/logout?client_id=") {
		t.Errorf("when it is back: %+v", p)
	}
	c := s.stranger()
	answered := s.atProvider(s.begin(c, ""))
	s.Down(true)
	if a := s.back(c, answered); a.code() != oidc.CodeUnavailable {
		t.Errorf("down in the middle: %d %s, want oidc-unavailable", a.status, a.body)
	}
	w := newWorld(t)
	if a := w.anonymous().get("/oidc"); !strings.Contains(string(a.body), `"enabled":false`) {
		t.Errorf("without a provider: %s", a.body)
	}
	for _, path := range []string{"/oidc/login", "/oidc/callback?state=x&code=y"} {
		if a := w.anonymous().get(path); a.status != http.StatusNotFound {
			t.Errorf("%s without a provider: %d", path, a.status)
		}
	}
}

func TestTheProviderRotatesItsKeys(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "staff"))
	old, ec := oidctest.NewRSA(t, "a"), oidctest.NewEC(t, "b")
	s.Rotate(old)
	try := func(name string, want int) {
		t.Helper()
		if a := s.through(s.stranger(), ""); a.status != want {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, want)
		}
	}
	try("the first key", http.StatusFound)
	s.Rotate(old, ec)
	try("a new key of another kind beside it", http.StatusFound)
	s.Rotate(ec)
	s.pass(time.Minute)
	s.SignWith(old)
	try("the withdrawn key", http.StatusForbidden)
	s.SignWith(ec)
	try("the new key alone", http.StatusFound)
}

func TestClocksMayDifferALittle(t *testing.T) {
	s := newSSO(t)
	right := oidctest.NewRSA(t, "k")
	s.Rotate(right)
	s.LogIn(person("u-1", "zoe", "staff"))
	for name, ahead := range map[string]time.Duration{"behind": -50 * time.Second, "ahead": 50 * time.Second} {
		s.Forge(func(c oidctest.Claims) string {
			now := s.Provider.Now().Add(ahead)
			c["iat"], c["exp"] = now.Unix(), now.Add(time.Second).Unix()
			return oidctest.Sign(right, c)
		})
		if a := s.through(s.stranger(), ""); a.status != http.StatusFound {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestGroupsAreFoundWhereTheProviderHasThem(t *testing.T) {
	s := newSSO(t, func(c *oidc.Config) { c.Groups = "realm_access.roles" })
	for name, p := range map[string]oidctest.Claims{
		"inside an object":    {"sub": "n", "preferred_username": "nested", "realm_access": map[string]any{"roles": []string{"staff"}}},
		"by a name with dots": {"sub": "d", "preferred_username": "dots", "realm_access.roles": []string{"staff"}},
		"one as a text":       {"sub": "t", "preferred_username": "text", "realm_access": map[string]any{"roles": "staff"}},
	} {
		s.LogIn(p)
		if a := s.through(s.stranger(), ""); a.status != http.StatusFound {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	s.UserInfo(oidctest.Claims{"sub": "i", "realm_access": map[string]any{"roles": []string{"staff"}}})
	s.pass(time.Minute) // its description has changed
	s.LogIn(oidctest.Claims{"sub": "i", "preferred_username": "info"})
	if a := s.through(s.stranger(), ""); a.status != http.StatusFound {
		t.Errorf("in userinfo: %d %s", a.status, a.body)
	}
	s.LogIn(oidctest.Claims{"sub": "j", "preferred_username": "other"})
	if a := s.through(s.stranger(), ""); a.code() != oidc.CodeRefused {
		t.Errorf("userinfo of another subject: %d %s, want oidc-refused", a.status, a.body)
	}
}

func TestTheProviderLogsOut(t *testing.T) {
	s := newSSO(t)
	key := oidctest.NewRSA(t, "k")
	s.Rotate(key)
	s.LogIn(person("u-1", "zoe", "staff"))
	c, other := s.stranger(), s.as("user")
	s.through(c, "")
	send := func(token string) answer {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+httpapi.Prefix+"/oidc/logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		s.ok(err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return s.anonymous().send(req)
	}
	right := oidctest.Claims{
		"iss": s.Provider.URL, "aud": oidctest.ClientID, "sub": "u-1", "jti": "1", "iat": s.now().Unix(), "exp": s.now().Add(time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	id := maps.Clone(right)
	delete(id, "events")
	id["nonce"] = "n"
	for name, token := range map[string]string{"an ID token": oidctest.Sign(key, id), "a stranger's": oidctest.Sign(oidctest.NewRSA(t, "k"), right), "nothing": ""} {
		if a := send(token); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", name, a.status, a.body)
		}
	}
	if a := c.get("/session"); a.status != http.StatusOK {
		t.Fatalf("before: %d", a.status)
	}
	for range 100 { // a provider that logs many out is not refused
		if a := send(oidctest.Sign(key, oidctest.Claims{
			"iss": s.Provider.URL, "aud": oidctest.ClientID, "sub": "nobody", "jti": "1", "iat": s.now().Unix(), "exp": s.now().Add(time.Minute).Unix(), "events": right["events"],
		})); a.status != http.StatusOK {
			t.Fatalf("of one of many: %d %s", a.status, a.body)
		}
	}
	if a := send(oidctest.Sign(key, right)); a.status != http.StatusOK {
		t.Errorf("a right one: %d %s", a.status, a.body)
	}
	if a := c.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the session: %d, want it ended", a.status)
	}
	if a := other.get("/session"); a.status != http.StatusOK {
		t.Errorf("somebody else's: %d", a.status)
	}
	refused := 0
	for range 100 {
		if a := send("x.y.z"); a.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 43 { // three were tried above
		t.Errorf("%d of 100 forged ones were refused unread, want 43", refused)
	}
}
