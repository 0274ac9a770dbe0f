package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"voiptop/hosted/internal/store"
)

// Audit implements store.Store.
func (d *DB) Audit(ctx context.Context, e store.AuditEntry) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO audit (at, tenant, who, addr, action, object, bytes, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, micros(e.Time), e.Tenant, Text(e.User), e.Addr, e.Action, Text(e.Object), e.Bytes, Text(e.Detail))
	return one(err, "audit %s", e.Action)
}

// AuditLog implements store.Store.
func (d *DB) AuditLog(ctx context.Context, t store.TenantID, q store.AuditQuery) ([]store.AuditEntry, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	where, args := []string{"tenant = $1"}, []any{t}
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where = append(where, condition)
	}
	if !q.From.IsZero() {
		and("at >= ?", micros(q.From))
	}
	if !q.To.IsZero() {
		and("at < ?", micros(q.To))
	}
	if q.User != "" {
		and("who = ?", Text(q.User))
	}
	if q.Action != "" {
		action := Text(q.Action)
		and("(action = ? OR substr(action, 1, ?) = ?)", action, utf8.RuneCountInString(action)+1, action+".")
	}
	if q.After != 0 {
		and("id < ?", q.After)
	}
	args = append(args, min(limit, maxLimit))
	all, err := listFor(ctx, d, t, func(r scanner) (e store.AuditEntry, err error) {
		return e, r.Scan(&e.ID, moment{&e.Time}, &e.Tenant, &e.User, &e.Addr, &e.Action, &e.Object, &e.Bytes, &e.Detail)
	}, `SELECT id, at, tenant, who, addr, action, object, bytes, detail FROM audit
		WHERE `+strings.Join(where, " AND ")+` ORDER BY id DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	return all, one(err, "audit log")
}

// Secret implements store.Store. Of two that create the same secret at once, both get the one that was first.
func (d *DB) Secret(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error) {
	read := func() (v []byte, err error) {
		err = d.Write.QueryRowContext(ctx, `SELECT value FROM secrets WHERE name = $1`, name).Scan(&v)
		return v, err
	}
	v, err := read()
	if !errors.Is(err, sql.ErrNoRows) {
		return v, one(err, "secret %q", name)
	}
	if v, err = create(); err != nil {
		return nil, fmt.Errorf("create secret %q: %w", name, err)
	}
	if _, err = d.Write.ExecContext(ctx, `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
		name, v); err != nil {
		return nil, fmt.Errorf("store secret %q: %w", name, err)
	}
	v, err = read()
	return v, one(err, "secret %q", name)
}

// Forget removes what expired before now, and audit entries older than store.AuditAge.
func (d *DB) Forget(ctx context.Context, now time.Time) error {
	for _, q := range []struct {
		sql string
		t   time.Time
	}{
		{`DELETE FROM sessions WHERE expires < $1`, now},
		{`DELETE FROM api_tokens WHERE expires <> 0 AND expires < $1`, now},
		{`DELETE FROM enrol_tokens WHERE expires < $1`, now},
		{`DELETE FROM login_failures WHERE at < $1`, now.Add(-time.Hour)},
		{`DELETE FROM audit WHERE at < $1`, now.Add(-store.AuditAge)},
	} {
		if _, err := d.Write.ExecContext(ctx, q.sql, micros(q.t)); err != nil {
			return fmt.Errorf("forget what expired: %w", err)
		}
	}
	if err := d.forgetHealth(ctx, now); err != nil {
		return err
	}
	return d.forgetAlerts(ctx, now)
}
