package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"voiptop/hosted/internal/store"
)

const (
	defaultMaxChannels = 2000

	tenantColumns = `id, name, max_channels, suspended, rule_revision, created`
	userColumns   = `id, tenant, name, password, role, rights, disabled, vouched, created`
)

func scanTenant(r scanner) (t store.Tenant, err error) {
	return t, r.Scan(&t.ID, &t.Name, &t.MaxChannels, &t.Suspended, &t.RuleRevision, moment{&t.Created})
}

func scanUser(r scanner) (u store.User, err error) {
	return u, r.Scan(&u.ID, &u.Tenant, &u.Name, &u.Password, &u.Role, rights{&u.Rights}, &u.Disabled, moment{&u.Vouched}, moment{&u.Created})
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
	u, err := scanUser(d.Write.QueryRowContext(ctx, `INSERT INTO users (tenant, name, password, role, rights, disabled, vouched, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING `+userColumns,
		u.Tenant, u.Name, u.Password, u.Role, u.Rights.String(), u.Disabled, micros(u.Vouched), micros(u.Created)))
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
	return listFor(ctx, d, t, scanUser, `SELECT `+userColumns+` FROM users WHERE tenant = $1 ORDER BY name`, t)
}

// UpdateUser implements store.Store.
func (d *DB) UpdateUser(ctx context.Context, u store.User) error {
	return d.Tx(ctx, func(tx *sql.Tx) error {
		if u.Role != store.RoleAdmin || u.Disabled != "" {
			if err := d.keepAdmin(ctx, tx, u.ID); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, `UPDATE users SET password = $2, role = $3, rights = $4, disabled = $5 WHERE id = $1`,
			u.ID, u.Password, u.Role, u.Rights.String(), u.Disabled)
		return changed(res, err, "user %d", u.ID)
	})
}

// DeleteUser implements store.Store.
func (d *DB) DeleteUser(ctx context.Context, id int64) error {
	return d.Tx(ctx, func(tx *sql.Tx) error {
		if err := d.keepAdmin(ctx, tx, id); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id = $1`, id)
		return changed(res, err, "user %d", id)
	})
}

// keepAdmin refuses to go on when a user is the tenant's last administrator. It locks the tenant until the transaction
// ends, so that two administrators cannot end each other at once.
func (d *DB) keepAdmin(ctx context.Context, tx *sql.Tx, id int64) error {
	var tenant store.TenantID
	err := tx.QueryRowContext(ctx, `SELECT t.id FROM tenants t JOIN users u ON u.tenant = t.id WHERE u.id = $1`+d.forUpdateOf("t"), id).Scan(&tenant)
	if err != nil {
		return one(err, "user %d", id)
	}
	var admin bool
	var others int
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND role = $3 AND disabled = ''),
		(SELECT count(*) FROM users WHERE tenant = $2 AND role = $3 AND disabled = '' AND id <> $1)`, id, tenant, store.RoleAdmin).Scan(&admin, &others)
	if err == nil && admin && others == 0 {
		err = store.ErrLastAdmin
	}
	return one(err, "user %d", id)
}

// CreateAPIToken implements store.Store.
func (d *DB) CreateAPIToken(ctx context.Context, t store.APIToken) error {
	narrow := sql.NullString{String: t.Rights.String(), Valid: t.Narrow}
	_, err := d.Write.ExecContext(ctx, `INSERT INTO api_tokens (hash, user_id, label, rights, scope, created, expires, used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, t.Hash[:], t.User, t.Label, narrow, t.Scope, micros(t.Created), micros(t.Expires), micros(t.Used))
	return d.insert(err, "API token %q", t.Label)
}

const tokenColumns = `hash, user_id, label, rights, scope, created, expires, used`

func scanToken(r scanner) (t store.APIToken, err error) {
	var narrow sql.NullString
	err = r.Scan(hash32{&t.Hash}, &t.User, &t.Label, &narrow, &t.Scope, moment{&t.Created}, moment{&t.Expires}, moment{&t.Used})
	if t.Narrow = narrow.Valid; t.Narrow {
		t.Rights = readRights(narrow.String)
	}
	return t, err
}

// APIToken implements store.Store.
func (d *DB) APIToken(ctx context.Context, hash [32]byte) (store.APIToken, error) {
	t, err := scanToken(d.Read.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM api_tokens WHERE hash = $1`, hash[:]))
	return t, one(err, "API token")
}

// APITokens implements store.Store.
func (d *DB) APITokens(ctx context.Context, user int64) ([]store.APIToken, error) {
	return list(ctx, d.Read, scanToken, `SELECT `+tokenColumns+` FROM api_tokens WHERE user_id = $1 ORDER BY created DESC, hash`, user)
}

// DeleteAPIToken implements store.Store.
func (d *DB) DeleteAPIToken(ctx context.Context, user int64, hash [32]byte) error {
	res, err := d.Write.ExecContext(ctx, `DELETE FROM api_tokens WHERE user_id = $1 AND hash = $2`, user, hash[:])
	return changed(res, err, "API token")
}

// rights scans a column of words between commas.
type rights struct{ r *store.Rights }

func (r rights) Scan(v any) error {
	switch s := v.(type) {
	case string:
		*r.r = readRights(s)
	case []byte: // as lib/pq gives text
		*r.r = readRights(string(s))
	default:
		return fmt.Errorf("rights are stored as %T, want words", v)
	}
	return nil
}

// readRights leaves out words that it does not know: what a newer hosted granted, this one does not.
func readRights(s string) (all store.Rights) {
	for w := range strings.SplitSeq(s, ",") {
		if r, err := store.ParseRights([]string{w}); err == nil {
			all |= r
		}
	}
	return all
}
