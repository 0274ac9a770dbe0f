package store

import (
	"context"
	"time"
)

// TokenScope says where an API token is good.
type TokenScope string

// The scopes.
const (
	ScopeAPI TokenScope = ""    // everywhere
	ScopeMCP TokenScope = "mcp" // with assistants only: POST /mcp
)

// Valid reports whether s is one of the scopes.
func (s TokenScope) Valid() bool { return s == ScopeAPI || s == ScopeMCP }

// DisabledBy says who has disabled a user; "" is nobody.
type DisabledBy string

// Who disables users.
const (
	DisabledByAdmin    DisabledBy = "admin"    // an administrator: only one enables the user again
	DisabledByProvider DisabledBy = "provider" // the OpenID provider, which gives the user nothing here any more
)

// Session is what a browser is logged in with, or a log-in that is under way (User 0), below the hash of its secret.
type Session struct {
	Hash    [32]byte
	User    int64
	Data    []byte // package auth's
	Expires time.Time
}

// Link says that whom an OpenID provider calls Subject is a user. The subject, not a name or a mail address, is who
// somebody is: those change and are given to others.
type Link struct {
	Issuer, Subject string
	Tenant          TenantID // a subject may have a user in each tenant
	User            int64
	Created         time.Time
}

// Access is the part of a Store about how people and programs get in. It is read by secrets, not by tenant.
type Access interface {
	SaveSession(ctx context.Context, s Session) error
	Session(ctx context.Context, hash [32]byte) (Session, error)
	// TakeSession removes a session and answers it: of those who ask at once, one gets it. ErrNotFound: it is not there.
	TakeSession(ctx context.Context, hash [32]byte) (Session, error)
	// Sessions lists a user's sessions, in no order.
	Sessions(ctx context.Context, user int64) ([]Session, error)
	DeleteSession(ctx context.Context, hash [32]byte) error
	// DeleteSessions removes a user's sessions but one.
	DeleteSessions(ctx context.Context, user int64, except [32]byte) error

	// TouchAPIToken records when a token was used last.
	TouchAPIToken(ctx context.Context, hash [32]byte, used time.Time) error

	// CreateLink links a provider's subject to a user. ErrExists: it has one in that tenant.
	CreateLink(ctx context.Context, l Link) error
	// LinksOf lists who a subject is, by tenant.
	LinksOf(ctx context.Context, issuer, subject string) ([]Link, error)
	// Links lists those of a user.
	Links(ctx context.Context, user int64) ([]Link, error)
	// DeleteLinks removes a user's.
	DeleteLinks(ctx context.Context, user int64) error
	// Vouch records what the provider says of a user: Role, Rights, Disabled and Vouched. Unlike UpdateUser it may take
	// the role from a tenant's last administrator: the provider decides.
	Vouch(ctx context.Context, u User) error
}
