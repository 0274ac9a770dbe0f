// Package auth says who asks: users and their passwords (argon2id), the sessions of browsers, the API tokens of programs,
// roles, and the audit log's words. hosted/internal/httpapi calls it on every request, `hosted user` makes users with it.
//
// It is not for sensors: they prove themselves on the link by a certificate (hosted/internal/sensors).
package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Codes of the problems that this package answers with, beside protocol's.
const (
	CodeLoginFailed   = "login-failed"
	CodeTooManyLogins = "too-many-logins"
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
	ActionRules       = "rules.change"
	ActionToken       = "token.create"
	ActionTokenRemove = "token.remove"
	ActionEnrolToken  = "sensor.token"
	ActionRevoke      = "sensor.revoke"
	ActionUserAdd     = "user.add"
	ActionUserRemove  = "user.remove"
	ActionPassword    = "user.password"
	ActionRole        = "user.role" // and rights
	ActionTenantAdd   = "tenant.add"
	ActionTenantSet   = "tenant.set"
)

const (
	cookieName   = "session"
	tokenPrefix  = "vtu_"             // so that a leaked token is recognised as what it is
	sessionLife  = 7 * 24 * time.Hour // however much it is used
	sessionIdle  = 12 * time.Hour     // unused for so long, it ends
	renewAfter   = 5 * time.Minute    // a session's last use is written at most this often
	maxTokenText = 128                // characters of a bearer token or cookie; longer is none of ours
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
	SaveSession(ctx context.Context, hash [32]byte, data []byte, expires time.Time) error
	Session(ctx context.Context, hash [32]byte) (data []byte, err error)
	DeleteSession(ctx context.Context, hash [32]byte) error
	Audit(ctx context.Context, e store.AuditEntry) error
}

// Service is safe for use by many goroutines.
type Service struct {
	store  Store
	now    func() time.Time
	limits *limiter
}

// New gives a service on a store, with a clock.
func New(s Store, now func() time.Time) *Service {
	return &Service{store: s, now: now, limits: newLimiter(now)}
}

// Login checks a password and opens a session. addr is where the request comes from, without port. The errors are
// problems: login-failed, too-many-logins, tenant-suspended.
func (s *Service) Login(ctx context.Context, name, password, addr string) (token string, id Identity, err error) {
	if wait := s.limits.wait(name, addr); wait > 0 {
		return "", id, tooMany(wait)
	}
	u, err := s.store.UserByName(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", id, err
	}
	known := err == nil
	ok, err := verify(ctx, u.Password, password) // takes as long for a name that is not known
	if err != nil {
		return "", id, err
	}
	if !known || !ok {
		s.limits.failed(name, addr)
		if err := s.audit(ctx, u.Tenant, name, addr, ActionLoginFailed); err != nil {
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
	s.limits.succeeded(name, addr)
	if err := s.audit(ctx, u.Tenant, u.Name, addr, ActionLogin); err != nil {
		return "", id, err
	}
	token = newSecret()
	return token, id, s.save(ctx, hashOf(token), session{User: u.ID, Stamp: stamp(u), Created: s.now(), Seen: s.now()})
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
	return Identity{User: u.ID, Name: u.Name, Role: u.Role, Rights: u.Rights, Tenant: t.ID, TenantName: t.Name}, nil
}

// session is what is stored of a browser's session, below the hash of its token.
type session struct {
	User    int64     `json:"user"`
	Stamp   []byte    `json:"stamp"` // of the password it was opened with: a new one ends all sessions
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
}

func (d session) expires() time.Time {
	end, idle := d.Created.Add(sessionLife), d.Seen.Add(sessionIdle)
	if idle.Before(end) {
		return idle
	}
	return end
}

func stamp(u store.User) []byte {
	sum := sha256.Sum256([]byte(u.Password))
	return sum[:8]
}

func (s *Service) save(ctx context.Context, hash [32]byte, d session) error {
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	return s.store.SaveSession(ctx, hash, b, d.expires())
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
	c, err := r.Cookie(cookieName)
	if err != nil || len(c.Value) > maxTokenText {
		return Identity{}, unauthorized("not logged in")
	}
	return s.bySession(r.Context(), c.Value)
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
	id, err := s.identity(ctx, u)
	if t.Narrow {
		id.Narrow, id.Rights = true, id.Rights&t.Rights
	}
	return id, err
}

func (s *Service) bySession(ctx context.Context, token string) (Identity, error) {
	hash := hashOf(token)
	b, err := s.store.Session(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return Identity{}, unauthorized("the session has ended")
	}
	if err != nil {
		return Identity{}, err
	}
	var d session
	if err := json.Unmarshal(b, &d); err != nil {
		return Identity{}, fmt.Errorf("read session: %w", err)
	}
	now := s.now()
	if !now.Before(d.expires()) {
		return Identity{}, unauthorized("the session has ended")
	}
	u, err := s.user(ctx, d.User)
	if err != nil {
		return Identity{}, err
	}
	if !bytes.Equal(d.Stamp, stamp(u)) {
		return Identity{}, unauthorized("the session has ended: the password was changed")
	}
	id, err := s.identity(ctx, u)
	if err == nil && now.Sub(d.Seen) >= renewAfter {
		d.Seen = now
		err = s.save(ctx, hash, d)
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

// Logout ends the session of a request, if it has one.
func (s *Service) Logout(r *http.Request, addr string) error {
	c, err := r.Cookie(cookieName)
	if err != nil || len(c.Value) > maxTokenText {
		return nil
	}
	if id, err := s.bySession(r.Context(), c.Value); err == nil {
		if err := s.audit(r.Context(), id.Tenant, id.Name, addr, ActionLogout); err != nil {
			return err
		}
	}
	return s.store.DeleteSession(r.Context(), hashOf(c.Value))
}

// SetCookie gives the browser its session; secure means that it came by TLS. An empty token takes the cookie away.
func SetCookie(w http.ResponseWriter, token string, secure bool) {
	c := &http.Cookie{
		Name: cookieName, Value: token, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteStrictMode, MaxAge: int(sessionLife / time.Second),
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// newSecret is 256 random bits as text.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents it
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashOf(token string) [32]byte { return sha256.Sum256([]byte(token)) }
