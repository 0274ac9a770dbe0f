package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/oidc/oidctest"
)

// A real browser follows the redirects to the provider and back, keeps the cookies of both, and shows the page: what it does
// with a Strict cookie that is set on the way is nothing that a client of net/http could tell.
func TestABrowserLogsInThroughAProvider(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no Chromium")
	}
	if _, err := os.Stat("web/dist/index.html"); err != nil {
		t.Skip("the GUI is not built")
	}
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	p := oidctest.Start(t, time.Now)
	p.LogIn(oidctest.Claims{"sub": "u-1", "preferred_username": "zoe.of.the.provider", "groups": []string{"staff"}})
	if err := os.WriteFile(ca, p.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	// The service's address must be known before it runs: what listens there passes on to it.
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	public := "http://" + front.Addr().String()
	t.Setenv(oidcSecretEnv, oidctest.Secret)
	in := start(t, time.Now, "--db", "sqlite:"+filepath.Join(dir, "x.db"), "--oidc-issuer", p.URL, "--oidc-client-id", oidctest.ClientID, "--oidc-ca", ca,
		"--public-url", public, "--oidc-grant", "staff=default:user", "--oidc-create", "--oidc-name", "Example ID")
	to, err := url.Parse(in.http)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}}
	go func() { _ = proxy.Serve(front) }()
	defer proxy.Close()

	show := func(path string, more ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		args := append([]string{
			"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--ignore-certificate-errors",
			"--virtual-time-budget=15000", "--user-data-dir=" + filepath.Join(dir, "profile"),
		}, more...)
		out, err := exec.CommandContext(ctx, browser, append(args, public+path)...).Output()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return string(out)
	}
	if page := show("/login", "--dump-dom"); !strings.Contains(page, `href="/api/v1/oidc/login?next=%2Fcalls"`) || !strings.Contains(page, "Log in with Example ID") {
		t.Errorf("the log-in page has no button: %s", page)
	}
	if page := show("/api/v1/oidc/login?next=/account", "--dump-dom"); !strings.Contains(page, "<h1>zoe.of.the.provider</h1>") || !strings.Contains(page, "this one") {
		t.Errorf("the page after the log-in: %s", page)
	}
	p.LogIn(oidctest.Claims{"sub": "u-2", "preferred_username": "max"})
	if page := show("/api/v1/oidc/login?next=/account", "--dump-dom"); !strings.Contains(page, "your OpenID provider gives you no access here") {
		t.Errorf("whom the provider gives nothing: %s", page)
	}
	if shots := os.Getenv("SHOTS"); shots != "" { // to be looked at
		p.LogIn(oidctest.Claims{"sub": "u-1", "preferred_username": "zoe.of.the.provider", "groups": []string{"staff"}})
		for name, size := range map[string]string{"wide": "1280,1000", "narrow": "390,1600"} {
			show("/login", "--screenshot="+filepath.Join(shots, "login-"+name+".png"), "--window-size="+size)
			show("/api/v1/oidc/login?next=/account", "--screenshot="+filepath.Join(shots, "account-"+name+".png"), "--window-size="+size)
		}
		show("/api/v1/oidc/login?next=/account", "--screenshot="+filepath.Join(shots, "account-dark.png"), "--window-size=1280,1000", "--blink-settings=preferredColorScheme=0")
	}
}
