package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// flow is a log-in that is under way. It is kept in the store below its state until it comes back, once.
type flow struct {
	Provider string         `json:"provider,omitempty"` // its ID
	Browser  []byte         `json:"browser"`            // hash of the secret in the browser's cookie: who begins it ends it
	Nonce    string         `json:"nonce"`
	Verifier string         `json:"verifier"` // of PKCE (RFC 7636)
	Next     string         `json:"next"`
	Tenant   store.TenantID `json:"tenant,omitempty"` // that the log-in is for; 0: the first that the groups give
	Link     int64          `json:"link,omitempty"`   // the user that the subject is to be linked to; 0: a log-in
	By       string         `json:"by,omitempty"`     // that user's name
}

// Wish is what somebody wants of the provider.
type Wish struct {
	Next   string // path of this service to go to afterwards
	Tenant string // "": the first that the groups give
	Link   int64  // a user to be linked to who comes back; 0: log in
	By     string // that user's name
}

// Begin answers where the browser is to go, and the secret that it keeps meanwhile. The errors are problems: too-many-logins,
// oidc-unavailable, not-found for a tenant.
func (s *Service) Begin(ctx context.Context, w Wish, addr string) (to, browser string, err error) {
	if err := s.Auth.Throttle(addr); err != nil {
		return "", "", err
	}
	p, err := s.discover(ctx)
	if p == nil {
		return "", "", s.unavailable(err)
	}
	f := flow{Provider: s.ID, Nonce: secret(), Verifier: oauth2.GenerateVerifier(), Next: w.Next, Link: w.Link, By: w.By}
	if f.Tenant, err = s.tenant(ctx, w.Tenant); err != nil {
		return "", "", err
	}
	state, browser := secret(), secret()
	f.Browser = digest(browser)
	b, err := json.Marshal(f)
	if err != nil {
		return "", "", fmt.Errorf("encode log-in: %w", err)
	}
	if err := s.Auth.NewFlow(ctx, state, b, flowLife); err != nil {
		return "", "", err
	}
	return s.oauth(p).AuthCodeURL(state, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), browser, nil
}

func (s *Service) tenant(ctx context.Context, name string) (store.TenantID, error) {
	if name == "" {
		return 0, nil
	}
	all, err := s.Tenants(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range all {
		if t.Name == name {
			return t.ID, nil
		}
	}
	return -1, nil // which the provider gives nobody: who is there is no stranger's business
}

// Done is where a log-in has led.
type Done struct {
	Session string // of the browser; "" of a link
	User    auth.Identity
	Next    string
}

// End takes what the provider's page made the browser bring: verifies it, and logs in or links. The errors are problems:
// oidc-stale, oidc-refused, oidc-unavailable, and auth's.
func (s *Service) End(ctx context.Context, q url.Values, browser string, from auth.From) (Done, error) {
	f, err := s.takeFlow(ctx, q, browser)
	if err != nil {
		return Done{}, err
	}
	p, err := s.discover(ctx)
	if p == nil {
		return Done{}, s.unavailable(err)
	}
	if iss := q.Get("iss"); iss != "" && iss != s.Issuer || iss == "" && p.answers {
		return Done{}, refused("the answer comes from another provider", "") // mix-up, RFC 9207
	}
	if code := q.Get("error"); code != "" {
		return Done{}, refused(s.Name+" did not let you in", knownError[code])
	}
	if q.Get("code") == "" {
		return Done{}, refused(s.Name+" gave no code", "")
	}
	claims, subject, err := s.exchange(ctx, p, q.Get("code"), f)
	if err != nil {
		return Done{}, err
	}
	covers, err := s.covers(ctx)
	if err != nil {
		return Done{}, err
	}
	if f.Link != 0 {
		by := auth.Actor{Name: f.By, Addr: from.Addr}
		return Done{Next: f.Next}, s.Auth.Link(ctx, by, f.Link, s.Issuer, subject, covers)
	}
	v := auth.Vouched{Issuer: s.Issuer, Subject: subject, Name: s.nameOf(claims, subject), Want: f.Tenant, Create: s.Create, Covers: covers}
	if v.Grants, err = s.grants(ctx, words(claimed(claims, s.Groups))); err != nil {
		return Done{}, err
	}
	d := Done{Next: f.Next}
	d.Session, d.User, err = s.Auth.LoginVouched(ctx, v, from)
	return d, err
}

// knownError are the words for what a provider refuses (RFC 6749 section 4.1.2.1); its own text is anybody's, and not shown.
var knownError = map[string]string{
	"access_denied": "it denied access", "temporarily_unavailable": "it is temporarily unavailable", "server_error": "it had an error",
	"unauthorized_client": "it does not know this service", "invalid_scope": "it does not know the scopes that were asked for",
	"login_required": "it wants a log-in", "consent_required": "it wants consent", "interaction_required": "it wants to ask you something",
}

func (s *Service) takeFlow(ctx context.Context, q url.Values, browser string) (f flow, err error) {
	stale := &protocol.Problem{
		Code: CodeStale, Status: http.StatusForbidden, Title: "this log-in was not begun in this browser, is over already, or took too long",
		Remedy: "begin it anew",
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if v := q[name]; len(v) > 1 || len(v) == 1 && len(v[0]) > maxParameter {
			return f, stale
		}
	}
	if q.Get("state") == "" || browser == "" || len(browser) > maxParameter {
		return f, stale
	}
	b, err := s.Auth.TakeFlow(ctx, q.Get("state"))
	if errors.Is(err, store.ErrNotFound) {
		return f, stale
	}
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("read log-in: %w", err)
	}
	if f.Provider != s.ID || subtle.ConstantTimeCompare(f.Browser, digest(browser)) != 1 {
		return f, stale
	}
	return f, nil
}

// exchange turns the code into the claims of who logs in.
func (s *Service) exchange(ctx context.Context, p *provider, code string, f flow) (claims map[string]any, subject string, err error) {
	ctx = oidc.ClientContext(ctx, s.client)
	token, err := s.oauth(p).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	var said *oauth2.RetrieveError
	switch {
	case errors.As(err, &said) && said.Response.StatusCode < 500:
		s.Log.Warn("the OpenID provider refuses a code", "issuer", s.Issuer, "error", said.ErrorCode)
		return nil, "", refused(s.Name+" does not confirm the log-in", "")
	case err != nil:
		s.Log.Warn("the OpenID provider does not exchange a code", "issuer", s.Issuer, "error", err)
		return nil, "", s.unavailable(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := s.verify(ctx, p, raw, token.AccessToken, f.Nonce)
	if err != nil {
		s.Log.Warn("an ID token is not believed", "issuer", s.Issuer, "error", err)
		return nil, "", refused("what "+s.Name+" says of you cannot be believed", "")
	}
	claims = map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, "", fmt.Errorf("claims: %w", err)
	}
	if claimed(claims, s.Groups) == nil && p.UserInfoEndpoint() != "" {
		if err := s.userInfo(ctx, p, token, id.Subject, claims); err != nil {
			return nil, "", err
		}
	}
	return claims, id.Subject, nil
}

// verify checks an ID token as section 3.1.3.7 of OpenID Connect Core says.
func (s *Service) verify(ctx context.Context, p *provider, raw, access, nonce string) (*oidc.IDToken, error) {
	id, err := p.verifier.Verify(ctx, raw) // signature, algorithm, issuer, audience, expiry
	if err != nil {
		return nil, err
	}
	var more struct {
		Party string `json:"azp"`
	}
	if err := id.Claims(&more); err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	switch {
	case id.Subject == "" || len(id.Subject) > 255:
		return nil, errors.New("no subject of 1 to 255 bytes")
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, errors.New("another nonce")
	case more.Party != "" && more.Party != s.ClientID, more.Party == "" && len(id.Audience) > 1:
		return nil, fmt.Errorf("issued to %q for %q", more.Party, id.Audience)
	case id.IssuedAt.IsZero() || id.IssuedAt.After(s.Now().Add(skew)):
		return nil, fmt.Errorf("issued at %v, and it is %v: compare the clocks", id.IssuedAt, s.Now())
	case id.AccessTokenHash != "":
		return id, id.VerifyAccessToken(access)
	}
	return id, nil
}

// userInfo adds claims that the provider gives there only.
func (s *Service) userInfo(ctx context.Context, p *provider, token *oauth2.Token, subject string, claims map[string]any) error {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		s.Log.Warn("the OpenID provider's userinfo does not answer", "issuer", s.Issuer, "error", err)
		return s.unavailable(err)
	}
	if info.Subject != subject {
		return refused("what "+s.Name+" says of you cannot be believed", "")
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return refused("what "+s.Name+" says of you cannot be read", "")
	}
	for k, v := range more {
		if _, ok := claims[k]; !ok {
			claims[k] = v
		}
	}
	return nil
}

// nameOf is what a new user is called: never who it is.
func (s *Service) nameOf(claims map[string]any, subject string) string {
	if name, ok := claimed(claims, s.NameFrom).(string); ok && name != "" && (s.NameFrom != "email" || claims["email_verified"] == true) {
		return name
	}
	if mail, ok := claims["email"].(string); ok && claims["email_verified"] == true {
		return mail
	}
	return subject
}

// Logout takes a logout token, which the provider sends when it has logged somebody out (OpenID Connect Back-Channel Logout
// 1.0): the sessions that it vouched for end.
func (s *Service) Logout(ctx context.Context, raw, addr string) error {
	failed, err := s.Auth.Suspicious(addr)
	if err != nil {
		return err
	}
	p, err := s.discover(ctx)
	if p == nil {
		return s.unavailable(err)
	}
	token, err := p.verifier.VerifyLogout(ctx, raw)
	if err != nil {
		failed() // a token with an unknown key has us ask the provider for its keys
		s.Log.Warn("a logout token is not believed", "issuer", s.Issuer, "error", err)
		return &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "the logout token cannot be believed"}
	}
	if token.Subject == "" {
		return &protocol.Problem{
			Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "the logout token names no subject", Remedy: "let the provider send sub",
		}
	}
	covers, err := s.covers(ctx)
	if err != nil {
		return err
	}
	return s.Auth.EndVouched(ctx, s.Issuer, token.Subject, covers)
}

func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents it
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}
