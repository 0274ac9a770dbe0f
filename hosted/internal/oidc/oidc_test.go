package oidc

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

func TestARuleIsReadFromTheRight(t *testing.T) {
	for text, want := range map[string]Rule{
		"staff=acme:user":                           {"staff", "acme", store.RoleUser, store.RoleUser.Rights()},
		"staff=acme:viewer:listen,rules":            {"staff", "acme", store.RoleViewer, store.RightListen | store.RightRules},
		"staff=acme:admin:":                         {"staff", "acme", store.RoleAdmin, 0},
		"CN=VoIP Staff,OU=Groups,DC=x:y=acme:admin": {"CN=VoIP Staff,OU=Groups,DC=x:y", "acme", store.RoleAdmin, store.AllRights},
		"*=default:viewer":                          {"*", "default", store.RoleViewer, store.RoleViewer.Rights()},
	} {
		if got, err := ParseRule(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "=acme:user", "staff=", "staff=acme", "staff=:user", "staff=acme:boss", "staff=acme:user:fly", "staff=acme:user:listen:rules"} {
		if got, err := ParseRule(text); err == nil || !strings.Contains(err.Error(), "grant ") {
			t.Errorf("%q: %+v, %v, want an error that names it", text, got, err)
		}
	}
}

func FuzzARuleThatIsReadIsWholeOrRefused(f *testing.F) {
	f.Add("staff=acme:user:listen,numbers")
	f.Add("a=b=c:admin")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		if again, err := ParseRule(r.Group + "=" + r.Tenant + ":" + string(r.Role) + ":" + r.Rights.String()); err != nil || again != r {
			t.Errorf("%q is %+v, and written anew %+v, %v", text, r, again, err)
		}
	})
}

func TestClaimsAreFoundByPath(t *testing.T) {
	claims := map[string]any{
		"groups": []any{"a", 7, "b"}, "one": "x", "number": 5.0, "a.b": "literal", "a": map[string]any{"b": "nested", "c.d": []any{"deep"}}, "https://x.example/roles": []any{"r"},
	}
	for name, want := range map[string]string{
		"groups": "a b", "one": "x", "number": "", "a.b": "literal", "a.c.d": "deep", "https://x.example/roles": "r", "none": "", "a.none": "", "one.x": "", "": "", ".": "",
	} {
		if got := strings.Join(words(claimed(claims, name)), " "); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	many := make([]any, 2*maxGroups)
	for i := range many {
		many[i] = "g"
	}
	if n := len(words(many)); n != maxGroups {
		t.Errorf("%d groups are read, bound %d", n, maxGroups)
	}
}

func TestAConfigurationThatLetsOthersInIsRefused(t *testing.T) {
	right := Config{
		Issuer: "https://id.example", ClientID: "x", URL: "https://voip.example", Grants: []Rule{{"g", "acme", store.RoleUser, 0}},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if s, err := New(right); err != nil || s.Name != "id.example" || s.Scopes[0] != "openid" || s.Groups != "groups" {
		t.Errorf("%+v, %v", s, err)
	}
	for name, change := range map[string]func(*Config){
		"a provider in the clear": func(c *Config) { c.Issuer = "http://id.example" },
		"a GUI in the clear":      func(c *Config) { c.URL = "http://voip.example" },
		"a password in the URL":   func(c *Config) { c.Issuer = "https://a:b@id.example" },
		"a query":                 func(c *Config) { c.Issuer = "https://id.example/?x=y" },
		"another scheme":          func(c *Config) { c.URL = "javascript://voip.example" },
		"no host":                 func(c *Config) { c.Issuer = "https:///x" },
		"no client":               func(c *Config) { c.ClientID = "" },
		"no grants":               func(c *Config) { c.Grants = nil },
		"a CA that is none":       func(c *Config) { c.CA = []byte("x") },
	} {
		c := right
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, here := range []string{"http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:2"} {
		c := right
		c.Issuer, c.URL = here, here
		if _, err := New(c); err != nil {
			t.Errorf("%s: %v", here, err)
		}
	}
}
