package httpapi_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
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
		c.OIDC = s.service
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

// forgeries are ID tokens that must not be believed, made of the claims of a right one.
func forgeries(t *testing.T, p *oidctest.Provider, right oidctest.Key) map[string]func(oidctest.Claims) string {
	stranger := oidctest.NewRSA(t, right.ID) // of the same name
	with := func(name string, v any) func(oidctest.Claims) string {
		return func(c oidctest.Claims) string {
			c = maps.Clone(c)
			if v == nil {
				delete(c, name)
			} else {
				c[name] = v
			}
			return oidctest.Sign(right, c)
		}
	}
	b64 := base64.RawURLEncoding.EncodeToString
	hmacWith := func(secret []byte) func(oidctest.Claims) string {
		return func(c oidctest.Claims) string {
			head := oidctest.Part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + oidctest.Part(c)
			m := hmac.New(sha256.New, secret)
			m.Write([]byte(head))
			return head + "." + b64(m.Sum(nil))
		}
	}
	public := right.Signer.Public().(*rsa.PublicKey)
	return map[string]func(oidctest.Claims) string{
		"another nonce":          with("nonce", "x"),
		"no nonce":               with("nonce", nil),
		"another audience":       with("aud", "somebody-else"),
		"no audience":            with("aud", nil),
		"two audiences":          with("aud", []string{oidctest.ClientID, "somebody-else"}),
		"another party":          with("azp", "somebody-else"),
		"another issuer":         with("iss", "https://evil.example"),
		"an issuer with a slash": with("iss", p.URL+"/"),
		"expired":                with("exp", p.Now().Add(-2*time.Minute).Unix()),
		"no expiry":              with("exp", nil),
		"not yet":                with("nbf", p.Now().Add(time.Hour).Unix()),
		"issued in the future":   with("iat", p.Now().Add(2*time.Minute).Unix()),
		"no time of issue":       with("iat", nil),
		"no subject":             with("sub", nil),
		"an endless subject":     with("sub", strings.Repeat("x", 300)),
		"another access token":   with("at_hash", b64(make([]byte, 16))),
		"signed by a stranger":   func(c oidctest.Claims) string { return oidctest.Sign(stranger, c) },
		"alg none": func(c oidctest.Claims) string {
			return oidctest.Part(map[string]string{"alg": "none"}) + "." + oidctest.Part(c) + "."
		},
		"HS256, the client's":   hmacWith([]byte(oidctest.Secret)),
		"HS256, the public key": hmacWith(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(public)})),
		"no signature": func(c oidctest.Claims) string {
			s := oidctest.Sign(right, c)
			return s[:strings.LastIndexByte(s, '.')+1]
		},
		"other claims, signature": func(c oidctest.Claims) string {
			s := oidctest.Sign(right, c)
			c["sub"] = "boss"
			return s[:strings.IndexByte(s, '.')+1] + oidctest.Part(c) + s[strings.LastIndexByte(s, '.'):]
		},
		"no token": func(oidctest.Claims) string { return "" },
		"no JWT":   func(oidctest.Claims) string { return "x.y.z" },
	}
}

func TestAnIDTokenThatIsNotRightLogsNobodyIn(t *testing.T) {
	s := newSSO(t)
	right := oidctest.NewRSA(t, "k")
	s.Rotate(right)
	for name, forge := range forgeries(t, s.Provider, right) {
		s.LogIn(person("u-1", "zoe", "bosses"))
		s.Forge(forge)
		c := s.stranger()
		a := s.through(c, "")
		if a.status != http.StatusForbidden || a.code() != oidc.CodeRefused {
			t.Errorf("%s: %d %s, want 403 oidc-refused", name, a.status, a.body)
		}
		if a := c.get("/session"); a.status != http.StatusUnauthorized {
			t.Errorf("%s: has a session: %s", name, a.body)
		}
	}
	if _, err := s.store.UserByName(t.Context(), "zoe"); err == nil {
		t.Error("a user was made")
	}
	s.Forge(nil)
	if a := s.through(s.stranger(), ""); a.status != http.StatusFound {
		t.Errorf("a right one: %d %s", a.status, a.body)
	}
}

func TestALogInIsFinishedOnceByTheBrowserThatBeganIt(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "staff"))
	victim, attacker := s.stranger(), s.stranger()
	stale := func(name string, a answer) {
		t.Helper()
		if a.status != http.StatusForbidden || a.code() != oidc.CodeStale {
			t.Errorf("%s: %d %s, want 403 oidc-stale", name, a.status, a.body)
		}
	}
	// The attacker's own answer, given to the victim to open: the victim would work as the attacker.
	theirs := s.atProvider(s.begin(attacker, ""))
	stale("the attacker's answer in the victim's browser", s.back(victim, theirs))
	s.begin(victim, "")
	stale("while the victim logs in", s.back(victim, theirs))
	stale("the attacker's own by then", s.back(attacker, theirs))

	answered := s.atProvider(s.begin(victim, ""))
	if a := s.back(victim, answered); a.status != http.StatusFound {
		t.Fatalf("the victim's own: %d %s", a.status, a.body)
	}
	stale("replayed, with the session's cookie", s.back(victim, answered))
	again := s.begin(victim, "")
	u, err := url.Parse(answered)
	s.ok(err)
	stale("an old state with the cookie of a new log-in", s.back(victim, s.url+httpapi.Prefix+"/oidc/callback?code=x&state="+url.QueryEscape(u.Query().Get("state"))))
	stale("no state", s.back(victim, s.url+httpapi.Prefix+"/oidc/callback?code=x"))
	stale("two states", s.back(victim, s.atProvider(again)+"&state=x"))

	late := s.atProvider(s.begin(victim, ""))
	s.pass(11 * time.Minute)
	stale("too late", s.back(victim, late))
	if a := attacker.get("/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the attacker has a session: %s", a.body)
	}
}

func TestAnotherPersonsCodeIsWorthNothing(t *testing.T) {
	s := newSSO(t)
	s.LogIn(person("u-1", "zoe", "bosses"))
	victim, attacker := s.stranger(), s.stranger()
	stolen, err := url.Parse(s.atProvider(s.begin(victim, "")))
	s.ok(err)
	own, err := url.Parse(s.atProvider(s.begin(attacker, "")))
	s.ok(err)
	q := own.Query()
	q.Set("code", stolen.Query().Get("code"))
	own.RawQuery = q.Encode()
	if a := s.back(attacker, own.String()); a.code() != oidc.CodeRefused {
		t.Errorf("the stolen code in the attacker's log-in: %d %s, want oidc-refused (PKCE)", a.status, a.body)
	}
}

func TestTheAnswerOfAnotherProviderIsNotTaken(t *testing.T) {
	s := newSSO(t)
	s.AnswersWithIssuer()
	s.LogIn(person("u-1", "zoe", "staff"))
	for name, change := range map[string]func(url.Values){"another": func(q url.Values) { q.Set("iss", "https://evil.example") }, "none": func(q url.Values) { q.Del("iss") }} {
		c := s.stranger()
		u, err := url.Parse(s.atProvider(s.begin(c, "")))
		s.ok(err)
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		if a := s.back(c, u.String()); a.code() != oidc.CodeRefused {
			t.Errorf("%s issuer: %d %s, want oidc-refused", name, a.status, a.body)
		}
	}
	if a := s.through(s.stranger(), ""); a.status != http.StatusFound {
		t.Errorf("the right one: %d %s", a.status, a.body)
	}
	s.LogIn(nil)
	c := s.stranger()
	if a := s.back(c, s.atProvider(s.begin(c, ""))); a.code() != oidc.CodeRefused || !strings.Contains(string(a.body), "denied access") {
		t.Errorf("whom the provider does not let in: %d %s", a.status, a.body)
	}
}

func TestAUserOfTheSameNameIsNotTakenOver(t *testing.T) {
	s := newSSO(t)
	for name, p := range map[string]oidctest.Claims{
		"a local user's name":           person("evil", "admin", "staff"),
		"a name in another tenant":      person("evil", "eve", "staff"),
		"a local user's mail as a name": {"sub": "evil", "email": "user", "email_verified": true, "groups": "staff"},
	} {
		s.LogIn(p)
		c := s.stranger()
		if a := s.through(c, ""); a.status != http.StatusConflict || a.code() != auth.CodeOIDCNameTaken {
			t.Errorf("%s: %d %s, want 409 oidc-name-taken", name, a.status, a.body)
		}
	}
	s.LogIn(person("u-1", "zoe", "staff"))
	s.through(s.stranger(), "")
	s.LogIn(person("u-2", "zoe", "bosses")) // another person to whom the provider gave the name and the mail address
	if a := s.through(s.stranger(), ""); a.code() != auth.CodeOIDCNameTaken {
		t.Errorf("the name of another person: %d %s, want oidc-name-taken", a.status, a.body)
	}
	s.LogIn(oidctest.Claims{"sub": "u-3", "email": "viewer", "email_verified": false, "groups": "staff"})
	c := s.stranger()
	s.through(c, "")
	if u := s.who(c).User; u.Name != "u-3" {
		t.Errorf("named %q by a mail address that is not verified", u.Name)
	}
	for name, bad := range map[string]string{"a space": "two words", "a control character": "a\x1bb", "long": strings.Repeat("x", 100)} {
		s.LogIn(person("u-"+name, bad, "staff"))
		if a := s.through(s.stranger(), ""); a.status != http.StatusBadRequest {
			t.Errorf("a name with %s: %d %s, want 400", name, a.status, a.body)
		}
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

func TestLogInsThatAreNotFinishedAreLimited(t *testing.T) {
	s := newSSO(t)
	refused := 0
	for range 100 {
		if a := s.stranger().get("/oidc/login"); a.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 40 {
		t.Errorf("%d of 100 were refused, want 40", refused)
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
