package sqlstore

import (
	"context"
	"time"

	"voiptop/hosted/internal/store"
)

const (
	defaultMaxChannels = 2000

	tenantColumns = `id, name, max_channels, suspended, created`
	userColumns   = `id, tenant, name, password, role, created`
)

func scanTenant(r scanner) (t store.Tenant, err error) {
	return t, r.Scan(&t.ID, &t.Name, &t.MaxChannels, &t.Suspended, moment{&t.Created})
}

func scanUser(r scanner) (u store.User, err error) {
	return u, r.Scan(&u.ID, &u.Tenant, &u.Name, &u.Password, &u.Role, moment{&u.Created})
}

// CreateTenant implements store.Store.
func (d *DB) CreateTenant(ctx context.Context, name string) (store.Tenant, error) {
	t, err := scanTenant(d.Write.QueryRowContext(ctx, `INSERT INTO tenants (name, max_channels, suspended, created)
		VALUES ($1, $2, $3, $4) RETURNING `+tenantColumns, name, defaultMaxChannels, false, micros(d.Now())))
	return t, d.insert(err, "tenant %q", name)
}

// Tenant implements store.Store.
func (d *DB) Tenant(ctx context.Context, id store.TenantID) (store.Tenant, error) {
	t, err := scanTenant(d.Read.QueryRowContext(ctx, `SELECT `+tenantColumns+` FROM tenants WHERE id = $1`, id))
	return t, one(err, "tenant %d", id)
}

// Tenants implements store.Store.
func (d *DB) Tenants(ctx context.Context) ([]store.Tenant, error) {
	return list(ctx, d.Read, scanTenant, `SELECT `+tenantColumns+` FROM tenants ORDER BY id`)
}

// UpdateTenant implements store.Store.
func (d *DB) UpdateTenant(ctx context.Context, t store.Tenant) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE tenants SET max_channels = $2, suspended = $3 WHERE id = $1`, t.ID, t.MaxChannels, t.Suspended)
	return changed(res, err, "tenant %d", t.ID)
}

// CreateUser implements store.Store.
func (d *DB) CreateUser(ctx context.Context, u store.User) (store.User, error) {
	u, err := scanUser(d.Write.QueryRowContext(ctx, `INSERT INTO users (tenant, name, password, role, created)
		VALUES ($1, $2, $3, $4, $5) RETURNING `+userColumns, u.Tenant, u.Name, u.Password, u.Role, micros(u.Created)))
	return u, d.insert(err, "user %q", u.Name)
}

// UserByName implements store.Store.
func (d *DB) UserByName(ctx context.Context, name string) (store.User, error) {
	u, err := scanUser(d.Read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE name = $1`, name))
	return u, one(err, "user %q", name)
}

// User implements store.Store.
func (d *DB) User(ctx context.Context, id int64) (store.User, error) {
	u, err := scanUser(d.Read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id))
	return u, one(err, "user %d", id)
}

// Users implements store.Store.
func (d *DB) Users(ctx context.Context, t store.TenantID) ([]store.User, error) {
	return list(ctx, d.Read, scanUser, `SELECT `+userColumns+` FROM users WHERE tenant = $1 ORDER BY name`, t)
}

// UpdateUser implements store.Store.
func (d *DB) UpdateUser(ctx context.Context, u store.User) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE users SET password = $2, role = $3 WHERE id = $1`, u.ID, u.Password, u.Role)
	return changed(res, err, "user %d", u.ID)
}

// DeleteUser implements store.Store.
func (d *DB) DeleteUser(ctx context.Context, id int64) error {
	res, err := d.Write.ExecContext(ctx, `DELETE FROM users WHERE id = $1`, id)
	return changed(res, err, "user %d", id)
}

// CreateAPIToken implements store.Store.
func (d *DB) CreateAPIToken(ctx context.Context, t store.APIToken) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO api_tokens (hash, user_id, label, created, expires)
		VALUES ($1, $2, $3, $4, $5)`, t.Hash[:], t.User, t.Label, micros(t.Created), micros(t.Expires))
	return d.insert(err, "API token %q", t.Label)
}

// APIToken implements store.Store.
func (d *DB) APIToken(ctx context.Context, hash [32]byte) (t store.APIToken, err error) {
	err = d.Read.QueryRowContext(ctx, `SELECT hash, user_id, label, created, expires FROM api_tokens WHERE hash = $1`,
		hash[:]).Scan(hash32{&t.Hash}, &t.User, &t.Label, moment{&t.Created}, moment{&t.Expires})
	return t, one(err, "API token")
}

// SaveSession implements store.Store.
func (d *DB) SaveSession(ctx context.Context, hash [32]byte, data []byte, expires time.Time) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO sessions (hash, data, expires) VALUES ($1, $2, $3)
		ON CONFLICT (hash) DO UPDATE SET data = excluded.data, expires = excluded.expires`, hash[:], data, micros(expires))
	return one(err, "session")
}

// Session implements store.Store.
func (d *DB) Session(ctx context.Context, hash [32]byte) (data []byte, err error) {
	err = d.Read.QueryRowContext(ctx, `SELECT data FROM sessions WHERE hash = $1`, hash[:]).Scan(&data)
	return data, one(err, "session")
}

// DeleteSession implements store.Store.
func (d *DB) DeleteSession(ctx context.Context, hash [32]byte) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM sessions WHERE hash = $1`, hash[:])
	return one(err, "session")
}
