// Package oidc lets people log in through an OpenID provider (OpenID Connect Core 1.0): authorisation code with PKCE, state and
// nonce, the ID token verified by github.com/coreos/go-oidc, and groups turned into a tenant, a role and rights by the
// operator's mapping. hosted/internal/httpapi has its routes; hosted/internal/auth decides what the provider's word is worth.
//
// It is not for API tokens, which stay hosted's own, and not for sensors. There may be one provider for the whole service, and
// others that are bound to tenants.
package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Codes of the problems of this package, beside auth's.
const (
	CodeUnavailable = "oidc-unavailable" // the provider does not answer
	CodeRefused     = "oidc-refused"     // it did not let them in, or what it says cannot be believed
	CodeStale       = "oidc-stale"       // the log-in was not begun in this browser, was finished already, or took too long
)

const (
	flowLife     = 10 * time.Minute // from the page of the provider back to here
	skew         = time.Minute      // between the provider's clock and this one
	askTimeout   = 5 * time.Second  // for the provider's description
	callTimeout  = 10 * time.Second // for any other answer of it
	freshFor     = 30 * time.Second // the description is asked for again after that, when somebody wants to log in
	maxAnswer    = 1 << 20          // bytes of any answer of the provider
	maxParameter = 4096             // bytes of what comes back through the browser
)

// Config is what New needs.
type Config struct {
	ID       string // "": the service's provider, that of the options; otherwise it is bound to the tenants of Grants
	Hidden   bool   // the log-in page does not name it to strangers
	Issuer   string
	ClientID string
	Secret   string   // "": a public client, PKCE alone
	Name     string   // of the provider, on the button; "": the issuer's host
	URL      string   // of this service as browsers see it, https://voip.example
	Scopes   []string // nil: openid, profile, email
	Groups   string   // claim that holds the groups, "groups"; dots lead into objects
	NameFrom string   // claim that a new user is called by, "preferred_username"
	Grants   []Rule   // in order of preference
	Create   bool     // whoever the rules give something and who has no user gets one
	CA       []byte   // PEM of further CAs that the provider's certificate may come from

	Auth    *auth.Service
	Tenants func(ctx context.Context) ([]store.Tenant, error)
	Log     *slog.Logger
	Now     func() time.Time
}

// Service is safe for use by many goroutines.
type Service struct {
	Config
	client *http.Client

	mu       sync.Mutex // held while the provider is asked for its description
	provider *provider  // the last that was read
	asked    time.Time
	err      error // why it cannot be asked now
}

// provider is what a provider says of itself.
type provider struct {
	*oidc.Provider
	verifier *oidc.IDTokenVerifier
	style    oauth2.AuthStyle
	endpoint string // of its log-out, ""
	answers  bool   // with its own name in the answer (RFC 9207)
}

// New checks a configuration. It asks the provider nothing: that is done when somebody wants to log in, so that hosted starts
// while it is down.
func New(c Config) (*Service, error) {
	issuer, err := checkURL(c.option("issuer"), c.Issuer)
	if err != nil {
		return nil, err
	}
	if _, err := checkURL("--public-url", c.URL); err != nil {
		return nil, err
	}
	switch {
	case c.ClientID == "":
		return nil, errors.New(c.option("client-id") + ": want the client that the provider knows this service as")
	case len(c.Grants) == 0:
		return nil, errors.New(c.option("grant") + ": want at least one, GROUP=TENANT:ROLE; without one nobody may log in")
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	if c.Name == "" {
		c.Name = issuer.Host
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile", "email"}
	}
	if !slices.Contains(c.Scopes, oidc.ScopeOpenID) {
		c.Scopes = append([]string{oidc.ScopeOpenID}, c.Scopes...)
	}
	if c.Groups == "" {
		c.Groups = "groups"
	}
	if c.NameFrom == "" {
		c.NameFrom = "preferred_username"
	}
	s := &Service{Config: c}
	if s.client, err = newClient(c.CA); err != nil {
		return nil, fmt.Errorf("%s: %w", c.option("ca"), err)
	}
	return s, nil
}

// checkURL wants HTTPS, except on this machine.
func checkURL(flag, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%s %q: want a URL like https://id.example, without query", flag, raw)
	}
	if u.Scheme == "http" && !local(u.Hostname()) {
		return nil, fmt.Errorf("%s %s: want https: over plain HTTP anybody on the way could log in", flag, raw)
	}
	return u, nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func newClient(ca []byte) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if len(ca) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("no certificate in PEM")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: bounded{t}, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // what is asked for is not elsewhere
	}}, nil
}

// bounded cuts answers that have no end.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// discover answers what the provider says of itself, asking again when that is old. While it does not answer, what it said
// before still holds; err then says why.
func (s *Service) discover(ctx context.Context) (*provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if age := now.Sub(s.asked); !s.asked.IsZero() && age >= 0 && age < freshFor {
		return s.provider, s.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout) // whoever goes away must not spoil it for others
	defer cancel()
	p, err := s.ask(ctx)
	if err == nil {
		s.provider = p
	} else if s.err == nil {
		s.Log.Warn("the OpenID provider does not answer; log-in with a password works", "issuer", s.Issuer, "error", err)
	}
	s.asked, s.err = now, err
	return s.provider, s.err
}

func (s *Service) ask(ctx context.Context) (*provider, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client), s.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
		EndSession string   `json:"end_session_endpoint"`
		Answers    bool     `json:"authorization_response_iss_parameter_supported"`
		JWKS       string   `json:"jwks_uri"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, fmt.Errorf("description of %s: %w", s.Issuer, err)
	}
	for _, u := range []string{p.Endpoint().AuthURL, p.Endpoint().TokenURL, more.JWKS} {
		if _, err := url.Parse(u); err != nil || strings.HasPrefix(s.Issuer, "https:") && !strings.HasPrefix(u, "https:") {
			return nil, fmt.Errorf("description of %s names %q: want https", s.Issuer, u)
		}
	}
	out := &provider{Provider: p, style: oauth2.AuthStyleInHeader, answers: more.Answers}
	if s.Secret == "" || len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic") {
		out.style = oauth2.AuthStyleInParams
	}
	if strings.HasPrefix(more.EndSession, "https:") || strings.HasPrefix(s.Issuer, "http:") {
		out.endpoint = more.EndSession
	}
	// Asymmetric signatures only. The keys are asked for with a context of their own, which outlives this question.
	out.verifier = p.VerifierContext(oidc.ClientContext(context.Background(), s.client), &oidc.Config{
		ClientID: s.ClientID, Now: func() time.Time { return s.Now().Add(-skew) },
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA},
	})
	return out, nil
}

// Status is what the log-in page shows.
type Status struct {
	Name      string
	Available bool
	Logout    string // where to end the provider's own session, ""
}

// Status asks the provider whether it is there, if that was not done lately.
func (s *Service) Status(ctx context.Context) Status {
	p, err := s.discover(ctx)
	out := Status{Name: s.Name, Available: err == nil}
	if p != nil && p.endpoint != "" {
		q := url.Values{"client_id": {s.ClientID}, "post_logout_redirect_uri": {s.URL + "/login"}}
		out.Logout = withQuery(p.endpoint, q)
	}
	return out
}

func withQuery(u string, q url.Values) string {
	if strings.Contains(u, "?") {
		return u + "&" + q.Encode()
	}
	return u + "?" + q.Encode()
}

func (s *Service) oauth(p *provider) *oauth2.Config {
	e := p.Endpoint()
	e.AuthStyle = p.style
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.Secret, Endpoint: e, RedirectURL: s.URL + s.path("callback"), Scopes: s.Scopes}
}

func (s *Service) unavailable(err error) error {
	return &protocol.Problem{
		Code: CodeUnavailable, Status: http.StatusServiceUnavailable, Title: s.Name + " does not answer", Detail: publicCause(err),
		Remedy: "try again, or log in with name and password", Fields: map[string]string{protocol.FieldRetryAfter: "30"},
	}
}

// publicCause says of an error what may be shown to somebody who is not logged in: no address.
func publicCause(err error) string {
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &cert):
		return "its certificate is not trusted"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return ""
}

func refused(title, detail string) error {
	return &protocol.Problem{
		Code: CodeRefused, Status: http.StatusForbidden, Title: title, Detail: detail, Remedy: "begin the log-in anew; if it happens again, tell whoever runs this service",
	}
}
