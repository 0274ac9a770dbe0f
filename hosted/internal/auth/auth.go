// Package auth says who asks: users and their passwords (argon2id) or their OpenID provider's word (package oidc), the sessions
// of browsers, the API tokens of programs, roles, and the audit log's words. hosted/internal/httpapi calls it on every request, `hosted user` makes users with it.
//
// It is not for sensors: they prove themselves on the link by a certificate (hosted/internal/sensors).
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Codes of the problems that this package answers with, beside protocol's.
const (
	CodeLoginFailed   = "login-failed"
	CodeTooManyLogins = "too-many-logins"
	CodeDisabled      = "user-disabled"
)

// Actions in the audit log.
const (
	ActionLogin       = "login"
	ActionLoginFailed = "login-failed"
	ActionLogout      = "logout"
	ActionCaptureOpen = "capture.open"     // somebody asked for packets; written before any is sent
	ActionCapture     = "capture.download" // how many bytes went out
	ActionAudioOpen   = "audio.open"       // somebody asked for a call's audio; written before any is sent
	ActionAudio       = "audio.listen"     // how many bytes went out
	ActionExportOpen  = "export.open"      // somebody asked for the records of many calls; written before any is sent
	ActionExport      = "export.download"  // how many bytes went out
	ActionSearchSave  = "search.save"
	ActionSearchDrop  = "search.remove"
	ActionRules       = "rules.change"
	ActionToken       = "token.create"
	ActionTokenRemove = "token.remove"
	ActionEnrolToken  = "sensor.token"
	ActionRevoke      = "sensor.revoke"
	ActionUserAdd     = "user.add"
	ActionUserRemove  = "user.remove"
	ActionPassword    = "user.password"
	ActionRole        = "user.role" // and rights
	ActionDisable     = "user.disable"
	ActionEnable      = "user.enable"
	ActionLink        = "user.link" // to an OpenID provider's subject
	ActionUnlink      = "user.unlink"
	ActionSessionEnd  = "session.end" // not one's current one, which is logout
	ActionMCP         = "mcp.call"    // a tool of an assistant
	ActionTenantAdd   = "tenant.add"
	ActionTenantSet   = "tenant.set"
)

const (
	tokenPrefix  = "vtu_"             // so that a leaked token is recognised as what it is
	sessionLife  = 7 * 24 * time.Hour // however much it is used
	sessionIdle  = 12 * time.Hour     // unused for so long, it ends
	renewAfter   = 5 * time.Minute    // a session's last use is written at most this often
	maxTokenText = 128                // characters of a bearer token or cookie; longer is none of ours

	// vouchedTokens is how long the API tokens of a user whom an OpenID provider answers for work without a log-in: so that
	// who has left there does not stay here.
	vouchedTokens = 30 * 24 * time.Hour
)

// Store is what auth keeps things in; store.Store is one.
type Store interface {
	Tenant(ctx context.Context, id store.TenantID) (store.Tenant, error)
	UserByName(ctx context.Context, name string) (store.User, error)
	User(ctx context.Context, id int64) (store.User, error)
	CreateUser(ctx context.Context, u store.User) (store.User, error)
	UpdateUser(ctx context.Context, u store.User) error
	DeleteUser(ctx context.Context, id int64) error
	CreateAPIToken(ctx context.Context, t store.APIToken) error
	APIToken(ctx context.Context, hash [32]byte) (store.APIToken, error)
	APITokens(ctx context.Context, user int64) ([]store.APIToken, error)
	DeleteAPIToken(ctx context.Context, user int64, hash [32]byte) error
	store.Access
	store.LoginFailures
	Audit(ctx context.Context, e store.AuditEntry) error
}

// Service is safe for use by many goroutines.
type Service struct {
	store  Store
	now    func() time.Time
	limits *limiter
	sweeps turns
}

// New gives a service on a store, with a clock.
func New(s Store, now func() time.Time) *Service {
	return &Service{store: s, now: now, limits: newLimiter(now)}
}

// From is where a browser's request comes from.
type From struct {
	Addr  string // without port
	Agent string // what the browser calls itself
}

// Login checks a password and opens a session. The errors are problems: login-failed, too-many-logins, user-disabled,
// tenant-suspended.
func (s *Service) Login(ctx context.Context, name, password string, from From) (token string, id Identity, err error) {
	possible := CheckName("user", name) == nil
	if !possible { // nobody has it: it is neither looked for, nor kept as it is
		name = strconv.Quote(clip(name, maxNameLen))
	}
	wait, err := s.mayTry(ctx, name, from.Addr)
	if err == nil && wait > 0 {
		err = tooMany(wait)
	}
	if err != nil {
		return "", id, err
	}
	u, err := store.User{}, store.ErrNotFound
	if possible {
		u, err = s.store.UserByName(ctx, name)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", id, err
	}
	known := err == nil
	ok, err := verify(ctx, u.Password, password) // takes as long for a name that is not known
	if err != nil {
		return "", id, err
	}
	if !known || !ok {
		if err := s.failed(ctx, name, from.Addr); err != nil {
			return "", id, err
		}
		if err := s.audit(ctx, u.Tenant, name, from.Addr, ActionLoginFailed); err != nil {
			return "", id, err
		}
		return "", id, &protocol.Problem{
			Code: CodeLoginFailed, Status: http.StatusUnauthorized, Title: "name or password is wrong",
			Remedy: "check both; `hosted user add` makes a user, `hosted user password NAME` sets a new password",
		}
	}
	if id, err = s.identity(ctx, u); err != nil {
		return "", id, err
	}
	if err := s.succeeded(ctx, name, from.Addr); err != nil {
		return "", id, err
	}
	if err := s.audit(ctx, u.Tenant, u.Name, from.Addr, ActionLogin); err != nil {
		return "", id, err
	}
	token, err = s.open(ctx, u, from, WayPassword)
	id.Session, id.Way = sessionID(hashOf(token)), WayPassword
	return token, id, err
}

func tooMany(wait time.Duration) error {
	seconds := int(wait/time.Second) + 1
	return &protocol.Problem{
		Code: CodeTooManyLogins, Status: http.StatusTooManyRequests, Title: "too many failed logins",
		Remedy: fmt.Sprintf("wait %d s", seconds), Fields: map[string]string{protocol.FieldRetryAfter: fmt.Sprint(seconds)},
	}
}

func (s *Service) audit(ctx context.Context, t store.TenantID, user, addr, action string) error {
	return s.store.Audit(ctx, store.AuditEntry{Time: s.now(), Tenant: t, User: user, Addr: addr, Action: action})
}

func (s *Service) identity(ctx context.Context, u store.User) (Identity, error) {
	if u.Disabled != "" {
		return Identity{}, disabled(u)
	}
	t, err := s.store.Tenant(ctx, u.Tenant)
	if err != nil {
		return Identity{}, err
	}
	if t.Suspended {
		return Identity{}, &protocol.Problem{
			Code: protocol.CodeTenantSuspended, Status: http.StatusForbidden,
			Title: "the tenant " + t.Name + " is suspended", Remedy: "ask who runs this service",
		}
	}
	return Identity{User: u.ID, Name: u.Name, Role: u.Role, Rights: u.Rights, Tenant: t.ID, TenantName: t.Name, Managed: !u.Vouched.IsZero()}, nil
}

// Identify says who sends a request, by its bearer token or session cookie. An error that is a problem is the answer.
func (s *Service) Identify(r *http.Request) (Identity, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		token, ok := strings.CutPrefix(h, "Bearer ")
		if !ok || len(token) > maxTokenText {
			return Identity{}, unauthorized("the Authorization header holds no bearer token")
		}
		return s.byToken(r.Context(), token)
	}
	token := cookieToken(r)
	if token == "" {
		return Identity{}, unauthorized("not logged in")
	}
	return s.bySession(r.Context(), token)
}

func unauthorized(title string) error {
	return &protocol.Problem{
		Code: protocol.CodeUnauthorized, Status: http.StatusUnauthorized, Title: title,
		Remedy: "log in, or send an API token (`hosted user token NAME` makes one)",
	}
}

func (s *Service) byToken(ctx context.Context, token string) (Identity, error) {
	t, err := s.store.APIToken(ctx, hashOf(token))
	if errors.Is(err, store.ErrNotFound) || err == nil && !t.Expires.IsZero() && !s.now().Before(t.Expires) {
		return Identity{}, unauthorized("the API token is not known or has expired")
	}
	if err != nil {
		return Identity{}, err
	}
	u, err := s.user(ctx, t.User)
	if err != nil {
		return Identity{}, err
	}
	if !u.Vouched.IsZero() && s.now().Sub(u.Vouched) > vouchedTokens {
		return Identity{}, unauthorized("the API token rests until its user logs in: the OpenID provider has not vouched for " + u.Name + " for 30 days")
	}
	id, err := s.identity(ctx, u)
	if err != nil {
		return id, err
	}
	id.Token, id.Scope, id.Ends = TokenID(t), t.Scope, t.Expires
	if t.Narrow {
		id.Narrow, id.Rights = true, id.Rights&t.Rights
	}
	if s.now().Sub(t.Used) >= renewAfter {
		err = s.store.TouchAPIToken(ctx, t.Hash, s.now())
	}
	return id, err
}

func (s *Service) user(ctx context.Context, id int64) (store.User, error) {
	u, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = unauthorized("the user is gone")
	}
	return u, err
}

func stamp(u store.User) []byte {
	sum := sha256.Sum256([]byte(u.Password))
	return sum[:8]
}

// newSecret is 256 random bits as text.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents it
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashOf(token string) [32]byte { return sha256.Sum256([]byte(token)) }
