package httpapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/oidc"
	"voiptop/hosted/internal/oidc/oidctest"
	"voiptop/hosted/internal/store"
)

// sso is a world whose people may come through a provider. In it staff are users of acme, bosses its administrators, and guests
// look at the other tenant.
type sso struct {
	*world
	*oidctest.Provider
	service *oidc.Service
}

func newSSO(t *testing.T, change ...func(*oidc.Config)) *sso {
	s := &sso{}
	s.world = newWorld(t, func(c *httpapi.Config) {
		s.Provider = oidctest.Start(t, c.Now)
		oc := oidc.Config{
			Issuer: s.Provider.URL, ClientID: oidctest.ClientID, Secret: oidctest.Secret, Name: "Example ID", URL: "http://localhost", CA: s.CA(), Create: true,
			Auth: c.Auth, Tenants: c.Store.Tenants, Log: slog.New(slog.DiscardHandler), Now: c.Now,
		}
		for _, g := range []string{"bosses=acme:admin", "staff=acme:user:listen,numbers", "guests=other:viewer"} {
			r, err := oidc.ParseRule(g)
			if err != nil {
				t.Fatal(err)
			}
			oc.Grants = append(oc.Grants, r)
		}
		for _, f := range change {
			f(&oc)
		}
		var err error
		if s.service, err = oidc.New(oc); err != nil {
			t.Fatal(err)
		}
		c.OIDC = oidc.Providers{s.service}
	})
	s.service.URL = s.url // known only now
	return s
}

func person(sub, name string, groups ...string) oidctest.Claims {
	return oidctest.Claims{"sub": sub, "preferred_username": name, "groups": groups, "email": name + "@example.com", "email_verified": true}
}

// stranger is a browser that follows no redirect by itself.
func (s *sso) stranger() *client {
	c := s.anonymous()
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// begin follows the button, and answers where at the provider it leads.
func (s *sso) begin(c *client, query string) string {
	s.t.Helper()
	a := c.get("/oidc/login" + query)
	if a.status != http.StatusFound {
		s.t.Fatalf("the button: %d %s", a.status, a.body)
	}
	return a.header.Get("Location")
}

// atProvider is what the provider's page leads back to.
func (s *sso) atProvider(to string) string {
	s.t.Helper()
	pc := s.Provider.Client()
	pc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := pc.Get(to)
	s.ok(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusFound {
		b, _ := io.ReadAll(res.Body)
		s.t.Fatalf("the provider answers %d %s", res.StatusCode, b)
	}
	return res.Header.Get("Location")
}

// back brings the browser back from the provider.
func (s *sso) back(c *client, to string) answer {
	s.t.Helper()
	path, ok := strings.CutPrefix(to, s.url+httpapi.Prefix)
	if !ok {
		s.t.Fatalf("the provider leads to %s", to)
	}
	return c.get(path)
}

// through is a whole log-in.
func (s *sso) through(c *client, query string) answer {
	s.t.Helper()
	return s.back(c, s.atProvider(s.begin(c, query)))
}

func (s *sso) who(c *client) (u struct {
	User struct {
		Name, Role, Tenant, Way string
		Rights                  []string
	}
},
) {
	s.t.Helper()
	c.get("/session").into(s.t, &u)
	return u
}

func TestWhomTheProviderVouchesForLogsInAsTheGroupsSay(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "staff", "nobody-knows"))
	c := s.stranger()
	a := s.through(c, "?next="+url.QueryEscape("/calls?q=1"))
	if a.status != http.StatusFound || a.header.Get("Location") != "/calls?q=1" {
		t.Fatalf("back: %d %s %s", a.status, a.header.Get("Location"), a.body)
	}
	for _, cookie := range a.header.Values("Set-Cookie") {
		if !strings.Contains(cookie, "HttpOnly") || strings.HasPrefix(cookie, "session=") && !strings.Contains(cookie, "SameSite=Strict") {
			t.Errorf("cookie %s", cookie)
		}
	}
	if u := s.who(c).User; u.Name != "zoe" || u.Role != "user" || u.Tenant != "acme" || u.Way != "oidc" || strings.Join(u.Rights, ",") != "listen,numbers" {
		t.Errorf("logged in as %+v", u)
	}
	// The groups change, and the name: the subject is who it is.
	s.LogIn(person("u-1", "zoe.married", "bosses", "staff"))
	c = s.stranger()
	s.through(c, "")
	if u := s.who(c).User; u.Name != "zoe" || u.Role != "admin" || len(u.Rights) != 5 {
		t.Errorf("with other groups %+v", u)
	}
	if log := s.audited(s.acme, auth.ActionUserAdd); len(log) != 1 || log[0].User != "oidc" || log[0].Object != "zoe" {
		t.Errorf("audit log %+v", log)
	}
	if log := s.audited(s.acme, auth.ActionLogin); len(log) != 2 || !strings.Contains(log[0].Detail, "subject u-1") {
		t.Errorf("audit log %+v", log)
	}
	if a := s.as("admin").do("PUT", "/users/zoe", map[string]any{"role": "viewer"}); a.code() != auth.CodeManaged {
		t.Errorf("an administrator changes the role: %s, want managed-by-provider", a.code())
	}
	if a := s.anonymous().do("POST", "/session", map[string]string{"name": "zoe", "password": ""}); a.status != http.StatusUnauthorized {
		t.Errorf("log-in without a password: %d, want 401", a.status)
	}
	if a := c.do("PUT", "/session/password", map[string]string{"current": "", "password": "a much better password"}); a.code() != auth.CodeNoPassword {
		t.Errorf("change of a password that is not there: %s", a.code())
	}
}

func TestWhomTheGroupsGiveNothingAnyMoreIsDisabled(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "bosses"))
	c := s.stranger()
	s.through(c, "")
	var made struct{ Token string }
	c.do("POST", "/tokens", map[string]string{"label": "ci"}).into(t, &made)
	program := s.anonymous()
	program.header.Set("Authorization", "Bearer "+made.Token)

	s.LogIn(person("u-1", "zoe"))
	if a := s.through(s.stranger(), ""); a.status != http.StatusForbidden || a.code() != auth.CodeOIDCNotAllowed {
		t.Fatalf("without groups: %d %s", a.status, a.body)
	}
	for name, a := range map[string]answer{"session": c.get("/calls"), "token": program.get("/calls")} {
		if a.status/100 == 2 {
			t.Errorf("the %s still works", name)
		}
	}
	if len(s.audited(s.acme, auth.ActionDisable)) != 1 || len(s.audited(s.acme, auth.ActionLoginFailed)) != 1 {
		t.Error("not in the audit log")
	}
	s.LogIn(person("u-1", "zoe", "staff"))
	if a := s.through(s.stranger(), ""); a.status != http.StatusFound {
		t.Errorf("with groups again: %d %s", a.status, a.body)
	}
	if a := program.get("/calls"); a.status != http.StatusOK {
		t.Errorf("the token with groups again: %d %s", a.status, a.body)
	}
	s.as("admin").do("PUT", "/users/zoe", map[string]bool{"disabled": true})
	if a := s.through(s.stranger(), ""); a.code() != auth.CodeDisabled {
		t.Errorf("whom an administrator disabled: %d %s, want user-disabled whatever the groups", a.status, a.body)
	}
}

func TestALogInIsForOneTenant(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "guests", "staff"))
	for query, want := range map[string]string{"": "acme zoe user", "?tenant=other": "other zoe@other viewer", "?tenant=acme": "acme zoe user"} {
		if query == "?tenant=other" { // zoe is there already, of acme
			s.through(s.stranger(), "?tenant=acme")
		}
		c := s.stranger()
		a := s.through(c, query)
		if u := s.who(c).User; u.Tenant+" "+u.Name+" "+u.Role != want {
			t.Errorf("%q: %d, %+v, want %s", query, a.status, u, want)
		}
	}
	for _, query := range []string{"?tenant=third", "?tenant=acme"} {
		s.LogIn(person("u-9", "max", "guests"))
		if a := s.through(s.stranger(), query); a.code() != auth.CodeOIDCNotAllowed {
			t.Errorf("%s: %d %s, want oidc-not-allowed", query, a.status, a.body)
		}
	}
	// What the provider takes away in one tenant counts though the log-in is for another.
	s.LogIn(person("u-1", "zoe", "staff"))
	s.through(s.stranger(), "")
	if u, err := s.store.UserByName(t.Context(), "zoe@other"); err != nil || u.Disabled != store.DisabledByProvider {
		t.Errorf("the user of the other tenant: %+v, %v, want it disabled", u, err)
	}
}

func TestAUserLinksTheOwnAccountWithThePassword(t *testing.T) {
	s := newSSO(t, func(c *oidc.Config) { c.Create = false })
	s.LogIn(person("u-1", "zoe", "bosses"))
	if a := s.through(s.stranger(), ""); a.code() != auth.CodeOIDCNoUser {
		t.Fatalf("without --oidc-create: %d %s, want oidc-no-user", a.status, a.body)
	}
	c := s.as("user")
	c.http.CheckRedirect = s.stranger().http.CheckRedirect
	if a := c.do("POST", "/session/links", map[string]string{"current": "wrong"}); a.code() != "wrong-password" {
		t.Errorf("without the password: %d %s", a.status, a.body)
	}
	begin := func() string {
		var to struct{ URL string }
		c.do("POST", "/session/links", map[string]string{"current": password}).into(t, &to)
		return to.URL
	}
	if a := s.back(s.stranger(), s.atProvider(begin())); a.code() != oidc.CodeStale {
		t.Errorf("in another browser: %d %s, want oidc-stale", a.status, a.body)
	}
	if a := s.back(c, s.atProvider(begin())); a.status != http.StatusFound || a.header.Get("Location") != "/account" {
		t.Fatalf("link: %d %s", a.status, a.body)
	}
	if a := s.back(c, s.atProvider(begin())); a.code() != auth.CodeOIDCLinked {
		t.Errorf("link again: %d %s, want oidc-already-linked", a.status, a.body)
	}
	if a := c.get("/session/links"); !strings.Contains(string(a.body), `"subject":"u-1"`) {
		t.Errorf("links %s", a.body)
	}
	b := s.stranger()
	s.through(b, "")
	if u := s.who(b).User; u.Name != "user" || u.Role != "user" || len(u.Rights) != 4 {
		t.Errorf("through the link %+v, want the local user with role and rights as they are here", u)
	}
	s.LogIn(person("u-1", "zoe"))
	b = s.stranger()
	if a := s.through(b, ""); a.status != http.StatusFound {
		t.Errorf("linked, without groups: %d %s: hosted answers for a local user", a.status, a.body)
	}
	if a := c.do("DELETE", "/session/links", nil); a.status != http.StatusNoContent {
		t.Errorf("unlink: %d %s", a.status, a.body)
	}
	if a := b.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the session by the link: %d, want it ended", a.status)
	}
	if a := c.get("/session"); a.status != http.StatusOK {
		t.Errorf("the session by the password: %d, want it to go on", a.status)
	}
	if a := s.through(s.stranger(), ""); a.code() != auth.CodeOIDCNotAllowed {
		t.Errorf("after the end of the link: %d %s", a.status, a.body)
	}
	if len(s.audited(s.acme, auth.ActionLink)) != 1 || len(s.audited(s.acme, auth.ActionUnlink)) != 1 {
		t.Error("not in the audit log")
	}
}

func TestWhomTheProviderVouchedForComesAgain(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "staff"))
	c := s.stranger()
	s.through(c, "")
	var made struct{ Token string }
	c.do("POST", "/tokens", map[string]string{"label": "ci"}).into(t, &made)
	program := s.anonymous()
	program.header.Set("Authorization", "Bearer "+made.Token)
	for range 13 {
		s.pass(time.Hour - time.Minute)
		c.get("/session")
	}
	if a := c.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the session after 12 h of use: %d, want it over", a.status)
	}
	s.pass(31 * 24 * time.Hour)
	if a := program.get("/calls"); a.status != http.StatusUnauthorized {
		t.Errorf("the token after 30 days without a log-in: %d, want it to rest", a.status)
	}
	s.through(s.stranger(), "")
	if a := program.get("/calls"); a.status != http.StatusOK {
		t.Errorf("the token after a log-in: %d %s", a.status, a.body)
	}
}

// A browser goes the way by itself: redirects, cookies of two sites, TLS of the provider.
func TestABrowserGoesTheWholeWay(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "staff"))
	jar, err := cookiejar.New(nil)
	s.ok(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	b := &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	res, err := b.Get(s.url + httpapi.Prefix + "/oidc/login?next=/sensors")
	s.ok(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/sensors" {
		t.Errorf("arrived at %s with %d", res.Request.URL, res.StatusCode)
	}
	for _, next := range []string{"//evil.example", "https://evil.example", "/\\evil.example", "/login?x", "/%0d%0a"} {
		res, err := b.Get(s.url + httpapi.Prefix + "/oidc/login?next=" + url.QueryEscape(next))
		s.ok(err)
		res.Body.Close()
		if res.Request.URL.Host != strings.TrimPrefix(s.url, "http://") {
			t.Errorf("next=%s leads to %s", next, res.Request.URL)
		}
	}
}
