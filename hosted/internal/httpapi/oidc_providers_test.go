package httpapi_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/oidc"
	"voiptop/hosted/internal/oidc/oidctest"
)

// tenantsOwn is a world in which acme's people come through one provider and the other tenant's through another, which strangers
// are not told of. both is the same provider process for both, as clients of a public one are.
func tenantsOwn(t *testing.T, both bool) (s *sso, second *oidctest.Provider) {
	s = &sso{}
	var services oidc.Providers
	s.world = newWorld(t, func(c *httpapi.Config) {
		s.Provider = oidctest.Start(t, c.Now)
		if second = s.Provider; !both {
			second = oidctest.Start(t, c.Now)
		}
		add := func(id string, p *oidctest.Provider, hidden bool, grants ...string) {
			oc := oidc.Config{
				ID: id, Hidden: hidden, Issuer: p.URL, ClientID: oidctest.ClientID, Secret: oidctest.Secret, Name: id + " login", URL: "http://localhost", CA: p.CA(), Create: true,
				Auth: c.Auth, Tenants: c.Store.Tenants, Log: slog.New(slog.DiscardHandler), Now: c.Now,
			}
			for _, g := range grants {
				r, err := oidc.ParseRule(g)
				if err != nil {
					t.Fatal(err)
				}
				oc.Grants = append(oc.Grants, r)
			}
			service, err := oidc.New(oc)
			if err != nil {
				t.Fatal(err)
			}
			services = append(services, service)
		}
		add("acme-id", s.Provider, false, "staff=acme:user", "bosses=acme:admin")
		add("other-id", second, true, "guests=other:viewer")
		if err := services.Check(); err != nil {
			t.Fatal(err)
		}
		c.OIDC = services
	})
	for _, p := range services {
		p.URL = s.url
	}
	return s, second
}

// by is a whole log-in through a provider.
func (s *sso) by(c *client, p *oidctest.Provider, id string) answer {
	s.t.Helper()
	a := c.get("/oidc/" + id + "/login")
	if a.status != http.StatusFound {
		s.t.Fatalf("the button: %d %s", a.status, a.body)
	}
	was := s.Provider
	s.Provider = p
	defer func() { s.Provider = was }()
	return s.back(c, s.atProvider(a.header.Get("Location")))
}

func TestEachTenantMayHaveAProviderOfItsOwn(t *testing.T) {
	s, second := tenantsOwn(t, false)
	var shown struct {
		Enabled   bool
		Name      string
		Providers []struct{ ID, Name, Login string }
	}
	s.anonymous().get("/oidc").into(t, &shown)
	if !shown.Enabled || shown.Name != "acme-id login" || len(shown.Providers) != 1 || shown.Providers[0].Login != "/api/v1/oidc/acme-id/login" {
		t.Errorf("strangers are shown %+v, want acme's alone", shown)
	}
	s.anonymous().get("/oidc?provider=other-id").into(t, &shown)
	if len(shown.Providers) != 1 || shown.Providers[0].ID != "other-id" {
		t.Errorf("who knows its name is shown %+v", shown)
	}
	if s.anonymous().get("/oidc?provider=nobody's").into(t, &shown); shown.Enabled || len(shown.Providers) != 0 {
		t.Errorf("a name that is none gives %+v", shown)
	}

	s.LogIn(person("u-1", "zoe", "staff", "guests")) // of guests acme's provider has nothing to say
	second.LogIn(person("u-1", "zed", "guests", "staff", "bosses"))
	zoe, zed := s.stranger(), s.stranger()
	s.by(zoe, s.Provider, "acme-id")
	s.by(zed, second, "other-id")
	if u := s.who(zoe).User; u.Name != "zoe" || u.Tenant != "acme" || u.Role != "user" {
		t.Errorf("through acme's: %+v", u)
	}
	if u := s.who(zed).User; u.Name != "zed" || u.Tenant != "other" || u.Role != "viewer" {
		t.Errorf("through the other's: %+v", u)
	}
	if a := s.anonymous().get("/oidc/nobody/login"); a.status != http.StatusNotFound {
		t.Errorf("a provider that is not there: %d", a.status)
	}
}

func TestWhatOneProviderAnswersIsNotTakenForAnothers(t *testing.T) {
	s, second := tenantsOwn(t, false)
	s.LogIn(person("u-1", "zoe", "staff"))
	second.LogIn(person("u-1", "zoe", "guests"))
	c := s.stranger()
	begun := c.get("/oidc/acme-id/login").header.Get("Location")
	if !strings.Contains(begun, "oidc%2Facme-id%2Fcallback") {
		t.Errorf("the redirect URI is not the provider's own: %s", begun)
	}
	to := strings.Replace(s.atProvider(begun), "/acme-id/", "/other-id/", 1)
	if a := s.back(c, to); a.status != http.StatusForbidden || a.code() != oidc.CodeStale {
		t.Errorf("acme's answer at the other's door: %d %s", a.status, a.body)
	}
}

func TestAProviderSaysNothingOfAnotherTenantsUsers(t *testing.T) {
	s, _ := tenantsOwn(t, true)
	s.LogIn(person("u-1", "zoe", "staff"))
	c := s.stranger()
	s.by(c, s.Provider, "acme-id")
	s.LogIn(person("u-1", "zoe", "guests")) // as the other tenant's client: the groups that acme goes by are not in it
	guest := s.stranger()
	s.by(guest, s.Provider, "other-id")
	if u := s.who(guest).User; u.Name != "zoe@other" || u.Tenant != "other" {
		t.Errorf("the same name in the other tenant: %+v", u)
	}
	if u := s.who(c).User; u.Name != "zoe" || u.Tenant != "acme" {
		t.Fatalf("acme's user after a log-in to the other tenant: %+v", u)
	}
	u, err := s.store.UserByName(t.Context(), "zoe")
	if s.ok(err); u.Disabled != "" || u.Role != "user" {
		t.Errorf("acme's user is %+v", u)
	}

	s.LogIn(person("u-2", "admin", "staff")) // a user of acme already, who is not linked
	if a := s.by(s.stranger(), s.Provider, "acme-id"); a.code() != auth.CodeOIDCNameTaken {
		t.Errorf("a name that is taken in the tenant: %d %s", a.status, a.body)
	}

	// A user of the other tenant is not linked through acme's.
	eve := s.as("eve")
	var begun struct{ URL string }
	eve.do("POST", "/session/links", map[string]string{"current": password, "provider": "acme-id"}).into(t, &begun)
	eve.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if a := s.back(eve, s.atProvider(begun.URL)); a.status != http.StatusForbidden || a.code() != auth.CodeOIDCNotAllowed {
		t.Errorf("a link through another tenant's provider: %d %s", a.status, a.body)
	}
}

func TestProvidersThatCannotBeTogetherAreRefused(t *testing.T) {
	for want, ids := range map[string][]string{"twice": {"a", "a"}, "want an id": {"A"}, "none of login": {"login"}, "": {"", "a", "b-2"}} {
		var all oidc.Providers
		for _, id := range ids {
			all = append(all, &oidc.Service{Config: oidc.Config{ID: id}})
		}
		err := all.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ids, err, want)
		}
	}
}
