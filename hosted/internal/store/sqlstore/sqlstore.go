// Package sqlstore is the part of a store that reads the same in SQLite and in PostgreSQL: accounts, sensors, tokens,
// sessions, audit and secrets, and how a call becomes a row and a query a condition. store/sqlite and store/postgres
// embed DB and add what differs: where calls lie, how they get in, and the schema.
//
// Both databases understand $1 parameters, ON CONFLICT and RETURNING. In all tables a time is an integer, microseconds
// since the Unix epoch, 0 for never; a UUID goes in and out as its 36 characters.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// DB holds the connections. With PostgreSQL both are the same pool; with SQLite Write is a pool of one, so that writers
// queue here instead of failing with "database is locked".
type DB struct {
	Read, Write *sql.DB
	// IsConflict reports whether err is a broken unique constraint.
	IsConflict func(err error) bool
	// ForUpdate locks the selected row until the transaction ends: " FOR UPDATE", or "" where a transaction has the
	// database for itself.
	ForUpdate string
	// AsTenant runs fn on a connection that sees no other tenant's rows, for databases that have such; nil: fn gets Read.
	AsTenant func(ctx context.Context, t store.TenantID, fn func(Querier) error) error
	Options
}

// defaultKeep is how long calls are kept unless somebody says otherwise.
const defaultKeep = 25 * 24 * time.Hour

// Options are what a store is told when it is opened.
type Options struct {
	Now  func() time.Time // the clock; nil: time.Now
	Keep time.Duration    // how long calls are kept, 0: defaultKeep. Older ones are filed under now, see store.Store.AppendCDRs

	Upgrading func(Upgrade)        // told of each step of an upgrade when it begins, and every few seconds while it goes on; nil: nobody
	Upgraded  func(from, to int64) // told the versions of the schema when an older database was brought to this program's; nil: nobody
}

// Defaults fills in what is not set.
func (o Options) Defaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	return o
}

// Ping implements store.Store.
func (d *DB) Ping(ctx context.Context) error { return d.Read.PingContext(ctx) }

// Close implements store.Store.
func (d *DB) Close() error {
	if d.Read == d.Write {
		return d.Read.Close()
	}
	return errors.Join(d.Read.Close(), d.Write.Close())
}

// Tx runs fn in a writing transaction, which is committed if fn succeeds.
func (d *DB) Tx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // without effect after Commit; otherwise fn's error is the one to tell
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// forUpdateOf is ForUpdate of one table of a join.
func (d *DB) forUpdateOf(table string) string {
	if d.ForUpdate == "" {
		return ""
	}
	return d.ForUpdate + " OF " + table
}

// one turns the database's "no such row" into the store's, and names what was looked for.
func one(err error, what string, args ...any) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf(what+": %w", append(args, store.ErrNotFound)...)
	default:
		return fmt.Errorf(what+": %w", append(args, err)...)
	}
}

// insert turns a broken unique constraint into store.ErrExists, and names what was stored.
func (d *DB) insert(err error, what string, args ...any) error {
	if err != nil && d.IsConflict(err) {
		err = store.ErrExists
	}
	return one(err, what, args...)
}

// changed reports ErrNotFound when a statement changed no row.
func changed(res sql.Result, err error, what string, args ...any) error {
	if err == nil {
		var n int64
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = sql.ErrNoRows
		}
	}
	return one(err, what, args...)
}

// list reads all rows of a query.
func list[T any](ctx context.Context, db Querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// listFor reads all rows of a query that is about one tenant.
func listFor[T any](ctx context.Context, d *DB, t store.TenantID, scan func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	read := func(db Querier) error {
		all, err = list(ctx, db, scan, query, args...)
		return err
	}
	if d.AsTenant == nil {
		err = read(d.Read)
	} else {
		err = d.AsTenant(ctx, t, read)
	}
	return all, err
}

// oneFor reads the first row of a query that is about one tenant; sql.ErrNoRows if there is none.
func oneFor[T any](ctx context.Context, d *DB, t store.TenantID, scan func(scanner) (T, error), query string, args ...any) (v T, err error) {
	all, err := listFor(ctx, d, t, scan, query, args...)
	switch {
	case err != nil:
		return v, err
	case len(all) == 0:
		return v, sql.ErrNoRows
	}
	return all[0], nil
}

type scanner interface{ Scan(dest ...any) error }

func micros(t time.Time) int64 { return int64(protocol.TimeOf(t)) }

// moment scans a column of microseconds.
type moment struct{ t *time.Time }

func (m moment) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time is stored as %T, want an integer", v)
	}
	*m.t = protocol.Time(n).Std()
	return nil
}

// hash32 scans a column of 32 bytes.
type hash32 struct{ h *[32]byte }

func (h hash32) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != 32 {
		return fmt.Errorf("hash is stored as %T of %d bytes, want 32 bytes", v, len(b))
	}
	copy(h.h[:], b)
	return nil
}

// uuid scans a column of a UUID's 36 characters.
type uuid struct{ u *protocol.UUID }

func (u uuid) Scan(v any) (err error) {
	switch s := v.(type) {
	case string:
		*u.u, err = protocol.ParseUUID(s)
	case []byte: // as lib/pq gives the type uuid
		*u.u, err = protocol.ParseUUID(string(s))
	default:
		err = fmt.Errorf("id is stored as %T, want 36 characters", v)
	}
	return err
}
