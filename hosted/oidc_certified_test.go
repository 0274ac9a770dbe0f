package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// certified starts an OpenID provider of others (hosted/internal/oidc/oidctest/certified), and answers its issuer.
func certified(t *testing.T, clients any) string {
	t.Helper()
	modules, err := filepath.Abs("web")
	if err != nil {
		t.Fatal(err)
	}
	if m := os.Getenv("OIDC_PROVIDER_MODULES"); m != "" {
		modules = m
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "oidc-provider")); err != nil {
		t.Skip("oidc-provider is not installed: npm ci in hosted/web")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	list, err := json.Marshal(clients)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "internal/oidc/oidctest/certified/op.mjs")
	cmd.Env = append(os.Environ(), "MODULES="+modules, "CLIENTS="+string(list))
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		in.Close()
		_ = cmd.Wait()
		t.Fatalf("the provider does not start: %v\n%s", err, &said)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return strings.TrimSpace(line)
}

// person is somebody's browser, which knows that public is hosted.
type person struct {
	t      *testing.T
	hosted string
	public string
	c      *http.Client
}

func newPerson(t *testing.T, hosted, public string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, hosted, public, &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

var action = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)

// login goes from the button through the provider's pages, which are those of a login and of a consent, and answers hosted's last answer.
func (p *person) login(path, as string) (status int, body string) {
	p.t.Helper()
	at := p.hosted + path
	var form url.Values
	for range 20 {
		var res *http.Response
		var err error
		if form == nil {
			res, err = p.c.Get(at)
		} else {
			res, err = p.c.PostForm(at, form)
		}
		if err != nil {
			p.t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		form = nil
		switch to := res.Header.Get("Location"); {
		case to != "" && strings.HasPrefix(at, p.hosted) && strings.HasPrefix(to, "/"):
			return res.StatusCode, to
		case to != "":
			u, err := res.Request.URL.Parse(to)
			if err != nil {
				p.t.Fatal(err)
			}
			at = strings.Replace(u.String(), p.public, p.hosted, 1)
		case strings.HasPrefix(at, p.hosted):
			return res.StatusCode, string(b)
		default:
			m := action.FindSubmatch(b)
			if m == nil {
				p.t.Fatalf("the provider says %d %s", res.StatusCode, b)
			}
			u, err := res.Request.URL.Parse(strings.ReplaceAll(string(m[1]), "&amp;", "&"))
			if err != nil {
				p.t.Fatal(err)
			}
			at, form = u.String(), url.Values{"prompt": {"consent"}}
			if bytes.Contains(b, []byte(`name="login"`)) {
				form = url.Values{"prompt": {"login"}, "login": {as}, "password": {"x"}}
			}
		}
	}
	p.t.Fatal("the way through the provider has no end")
	return 0, ""
}

func (p *person) who() (name, tenant, role string) {
	p.t.Helper()
	res, err := p.c.Get(p.hosted + "/api/v1/session")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var u struct {
		User struct{ Name, Tenant, Role string }
	}
	if err := json.NewDecoder(res.Body).Decode(&u); err != nil {
		p.t.Fatal(err)
	}
	return u.User.Name, u.User.Tenant, u.User.Role
}

func TestPeopleLogInThroughACertifiedProvider(t *testing.T) {
	const public = "http://localhost:1"
	client := func(id, alg string, callback string) map[string]any {
		return map[string]any{
			"client_id": id, "client_secret": "secret-of-" + id, "redirect_uris": []string{public + callback}, "response_types": []string{"code"}, "grant_types": []string{"authorization_code"},
			"id_token_signed_response_alg": alg,
		}
	}
	issuer := certified(t, []map[string]any{
		client("main", "RS256", "/api/v1/oidc/callback"), client("acme", "ES256", "/api/v1/oidc/acme/callback"),
		client("beta", "RS256", "/api/v1/oidc/beta/callback"),
	})
	db, dir := sqliteIn(t), t.TempDir()
	for _, tenant := range []string{"main", "acme", "beta"} {
		must(t, "tenant", "add", tenant, "--db", db)
	}
	t.Setenv(oidcSecretEnv, "secret-of-main")
	t.Setenv("SECRET_ACME", "secret-of-acme")
	t.Setenv("SECRET_BETA", "secret-of-beta-which-is-wrong")
	file := filepath.Join(dir, "providers.json")
	entry := `{"id": %[2]q, "issuer": %[1]q, "client_id": %[2]q, "secret_env": %[3]q, "grants": ["staff=%[2]s:user", "bosses=%[2]s:admin"], "create": true}`
	text := fmt.Sprintf(`{"providers": [`+entry+`,`, issuer, "acme", "SECRET_ACME") + fmt.Sprintf(entry+`]}`, issuer, "beta", "SECRET_BETA")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := start(t, time.Now, "--db", db, "--public-url", public, "--oidc-issuer", issuer, "--oidc-client-id", "main", "--oidc-grant", "staff=main:viewer", "--oidc-create", "--oidc-providers", file)

	for path, c := range map[string]struct{ as, name, tenant, role string }{
		"/api/v1/oidc/login":      {"zoe:staff,bosses", "zoe", "main", "viewer"},
		"/api/v1/oidc/acme/login": {"yan:bosses", "yan", "acme", "admin"},
	} {
		p := newPerson(t, in.http, public)
		if status, to := p.login(path+"?next=/sensors", c.as); status != http.StatusFound || to != "/sensors" {
			t.Fatalf("%s: %d %s\n%s", path, status, to, in.stderr)
		}
		if name, tenant, role := p.who(); name != c.name || tenant != c.tenant || role != c.role {
			t.Errorf("%s: logged in as %s of %s, %s; want %+v", path, name, tenant, role, c)
		}
	}
	if status, body := newPerson(t, in.http, public).login("/api/v1/oidc/acme/login", "eve:others"); status != http.StatusForbidden || !strings.Contains(body, "oidc-not-allowed") && !strings.Contains(body, "gives you no access") {
		t.Errorf("whom the groups give nothing: %d %s", status, body)
	}
	if status, body := newPerson(t, in.http, public).login("/api/v1/oidc/beta/login", "yan:bosses"); status != http.StatusForbidden || !strings.Contains(body, "does not confirm") {
		t.Errorf("with a wrong secret of the client: %d %s", status, body)
	}
	if _, body := in.ask("GET", "/api/v1/oidc", "", ""); strings.Count(body, `"available":true`) != 4 || !strings.Contains(body, "/session/end?") {
		t.Errorf("the providers: %s", body)
	}
}
