package sqlstore

import (
	"context"
	"time"

	"voiptop/hosted/internal/store"
)

const (
	sessionColumns = `hash, user_id, data, expires`
	linkColumns    = `issuer, subject, tenant, user_id, created`
)

func scanSession(r scanner) (s store.Session, err error) {
	return s, r.Scan(hash32{&s.Hash}, &s.User, &s.Data, moment{&s.Expires})
}

func scanLink(r scanner) (l store.Link, err error) {
	return l, r.Scan(&l.Issuer, &l.Subject, &l.Tenant, &l.User, moment{&l.Created})
}

// SaveSession implements store.Store.
func (d *DB) SaveSession(ctx context.Context, s store.Session) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO sessions (hash, user_id, data, expires) VALUES ($1, $2, $3, $4)
		ON CONFLICT (hash) DO UPDATE SET data = excluded.data, expires = excluded.expires`, s.Hash[:], s.User, s.Data, micros(s.Expires))
	return one(err, "session")
}

// Session implements store.Store.
func (d *DB) Session(ctx context.Context, hash [32]byte) (store.Session, error) {
	s, err := scanSession(d.Read.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash[:]))
	return s, one(err, "session")
}

// TakeSession implements store.Store.
func (d *DB) TakeSession(ctx context.Context, hash [32]byte) (store.Session, error) {
	s, err := scanSession(d.Write.QueryRowContext(ctx, `DELETE FROM sessions WHERE hash = $1 RETURNING `+sessionColumns, hash[:]))
	return s, one(err, "session")
}

// Sessions implements store.Store.
func (d *DB) Sessions(ctx context.Context, user int64) ([]store.Session, error) {
	return list(ctx, d.Read, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE user_id = $1`, user)
}

// DeleteSession implements store.Store.
func (d *DB) DeleteSession(ctx context.Context, hash [32]byte) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM sessions WHERE hash = $1`, hash[:])
	return one(err, "session")
}

// DeleteSessions implements store.Store.
func (d *DB) DeleteSessions(ctx context.Context, user int64, except [32]byte) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = $1 AND hash <> $2`, user, except[:])
	return one(err, "sessions of user %d", user)
}

// TouchAPIToken implements store.Store.
func (d *DB) TouchAPIToken(ctx context.Context, hash [32]byte, used time.Time) error {
	_, err := d.Write.ExecContext(ctx, `UPDATE api_tokens SET used = $2 WHERE hash = $1`, hash[:], micros(used))
	return one(err, "API token")
}

// CreateLink implements store.Store.
func (d *DB) CreateLink(ctx context.Context, l store.Link) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO oidc_links (issuer, subject, tenant, user_id, created) VALUES ($1, $2, $3, $4, $5)`,
		l.Issuer, l.Subject, l.Tenant, l.User, micros(l.Created))
	return d.insert(err, "link of %q", l.Subject)
}

// LinksOf implements store.Store.
func (d *DB) LinksOf(ctx context.Context, issuer, subject string) ([]store.Link, error) {
	return list(ctx, d.Read, scanLink, `SELECT `+linkColumns+` FROM oidc_links WHERE issuer = $1 AND subject = $2 ORDER BY tenant`, issuer, subject)
}

// Links implements store.Store.
func (d *DB) Links(ctx context.Context, user int64) ([]store.Link, error) {
	return list(ctx, d.Read, scanLink, `SELECT `+linkColumns+` FROM oidc_links WHERE user_id = $1 ORDER BY issuer, subject`, user)
}

// DeleteLinks implements store.Store.
func (d *DB) DeleteLinks(ctx context.Context, user int64) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM oidc_links WHERE user_id = $1`, user)
	return one(err, "links of user %d", user)
}

// Vouch implements store.Store.
func (d *DB) Vouch(ctx context.Context, u store.User) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE users SET role = $2, rights = $3, disabled = $4, vouched = $5 WHERE id = $1`,
		u.ID, u.Role, u.Rights.String(), u.Disabled, micros(u.Vouched))
	return changed(res, err, "user %d", u.ID)
}
