package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/oidc/oidctest"
)

func TestServeLetsPeopleInThroughAProvider(t *testing.T) {
	p := oidctest.Start(t, time.Now)
	dir := t.TempDir()
	ca, secret, db := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "secret"), "sqlite:"+filepath.Join(dir, "x.db")
	for file, text := range map[string][]byte{ca: p.CA(), secret: []byte(oidctest.Secret + "\n")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := start(t, time.Now, "--db", db, "--oidc-issuer", p.URL, "--oidc-client-id", oidctest.ClientID, "--oidc-secret-file", secret, "--oidc-ca", ca,
		"--public-url", "https://voip.example", "--oidc-grant", "CN=Staff,OU=x:y=default:user", "--oidc-create", "--oidc-name", "Example ID")
	if status, body := in.ask("GET", "/api/v1/oidc", "", ""); status != http.StatusOK || !strings.Contains(body, `"enabled":true,"name":"Example ID","available":true`) {
		t.Errorf("the log-in page learns %d %s", status, body)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(in.http + "/api/v1/oidc/login")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	to := res.Header.Get("Location")
	if !strings.HasPrefix(to, p.URL+"/authorize?") || !strings.Contains(to, "redirect_uri=https%3A%2F%2Fvoip.example%2Fapi%2Fv1%2Foidc%2Fcallback") || !strings.Contains(to, "code_challenge_method=S256") {
		t.Errorf("the button leads to %s", to)
	}
}

func TestServeSaysWhatIsWrongWithTheProvidersOptions(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	full := map[string]string{"--oidc-issuer": "https://id.example", "--oidc-client-id": "x", "--public-url": "https://voip.example", "--oidc-grant": "g=default:user"}
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"no client":          {map[string]string{"--oidc-client-id": ""}, "--oidc-client-id: want"},
		"plain HTTP":         {map[string]string{"--oidc-issuer": "http://id.example"}, "want https"},
		"a GUI in the clear": {map[string]string{"--public-url": "http://voip.example"}, "want https"},
		"no URL":             {map[string]string{"--public-url": "voip.example"}, "want a URL"},
		"no role":            {map[string]string{"--oidc-grant": "g=default"}, "--oidc-grant \"g=default\": want GROUP=TENANT:ROLE"},
		"an unknown role":    {map[string]string{"--oidc-grant": "g=default:boss"}, "role \"boss\""},
		"an unknown right":   {map[string]string{"--oidc-grant": "g=default:user:fly"}, "right \"fly\""},
		"no such secret":     {map[string]string{"--oidc-secret-file": "/nonexistent"}, "--oidc-secret-file"},
		"no certificate":     {map[string]string{"--oidc-ca": os.Args[0]}, "--oidc-ca: no certificate"},
	} {
		args := []string{"serve", "--http", "127.0.0.1:0", "--sensors", "127.0.0.1:0", "--db", db}
		all := maps.Clone(full)
		maps.Copy(all, c.change)
		for k, v := range all {
			args = append(args, k, v)
		}
		if status, _, errs := command(t, "", args...); status == 0 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: %d %q, want %q", name, status, errs, c.want)
		}
	}
	if status, _, errs := command(t, "", "serve", "--db", db, "--oidc-issuer", "https://id.example"); status == 0 || !strings.Contains(errs, "oidc-grant") {
		t.Errorf("without the others: %d %q", status, errs)
	}
}
