package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/oidc/oidctest"
)

func TestServeReadsProvidersOfTenantsFromAFile(t *testing.T) {
	p := oidctest.Start(t, time.Now)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("ca.pem", string(p.CA()))
	write("secret", oidctest.Secret+"\n")
	t.Setenv("ACME_SECRET", "x")
	file := write("providers.json", fmt.Sprintf(`{"providers": [
		{"id": "acme", "name": "Acme ID", "issuer": %[1]q, "client_id": %[2]q, "secret_file": "secret", "ca_file": "ca.pem", "grants": ["*=default:user"], "create": true},
		{"id": "beta", "issuer": %[1]q, "client_id": "b", "secret_env": "ACME_SECRET", "ca_file": "ca.pem", "grants": ["*=beta:viewer"], "hidden": true}
	]}`, p.URL, oidctest.ClientID))
	in := start(t, time.Now, "--db", sqliteIn(t), "--public-url", "https://voip.example", "--oidc-providers", file)
	if status, body := in.ask("GET", "/api/v1/oidc", "", ""); status != http.StatusOK || !strings.Contains(body, `"providers":[{"id":"acme","name":"Acme ID","available":true,"login":"/api/v1/oidc/acme/login"`) || strings.Contains(body, "beta") {
		t.Errorf("the log-in page learns %d %s", status, body)
	}
	if _, body := in.ask("GET", "/api/v1/oidc?provider=beta", "", ""); !strings.Contains(body, `"id":"beta"`) {
		t.Errorf("who knows beta's name learns %s", body)
	}

	whole := fmt.Sprintf(`{"id": "a", "issuer": %q, "client_id": "x", "grants": ["*=default:user"]}`, p.URL)
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":             {"{\n\"providers\": [\n{id", "line 3: invalid character"},
		"an unknown key":      {`{"providers": [{"id": "a", "grant": []}]}`, `unknown field "grant"`},
		"another kind":        {"{\n\"providers\": [{\"id\":\n 7}]}", "line 3"},
		"none":                {`{}`, "found none"},
		"no id":               {`{"providers": [{"issuer": "https://x"}]}`, "id: want a name"},
		"an id of a path":     {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, `"a"`, `"a/b"`, 1)), "want an id of"},
		"twice":               {strings.ReplaceAll(`{"providers": [W, W]}`, "W", whole), "twice"},
		"no grant":            {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, `["*=default:user"]`, `[]`, 1)), `provider "a": grants: want at least one`},
		"no such secret":      {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, `"client_id"`, `"secret_file": "none", "client_id"`, 1)), "secret_file: open"},
		"no such variable":    {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, `"client_id"`, `"secret_env": "NOT_SET_AT_ALL", "client_id"`, 1)), "NOT_SET_AT_ALL is not set"},
		"no certificate":      {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, `"client_id"`, `"ca_file": "secret", "client_id"`, 1)), "ca_file: no certificate"},
		"an issuer in clear":  {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, "https://", "http://id.example/", 1)), "want https"},
		"a grant with a typo": {strings.ReplaceAll(`{"providers": [W]}`, "W", strings.Replace(whole, "default:user", "default", 1)), "want GROUP=TENANT:ROLE"},
	} {
		file := write("bad.json", c.text)
		status, _, errs := command(t, "", "serve", "--http", "127.0.0.1:0", "--sensors", "127.0.0.1:0", "--db", sqliteIn(t), "--public-url", "https://voip.example", "--oidc-providers", file)
		if status != 1 || !strings.Contains(errs, c.want) || !strings.Contains(errs, file) && name != "twice" && name != "an id of a path" {
			t.Errorf("%s: %d %s, want %q", name, status, errs, c.want)
		}
	}
}
