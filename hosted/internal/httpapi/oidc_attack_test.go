package httpapi_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/oidc"
	"voiptop/hosted/internal/oidc/oidctest"
)

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
