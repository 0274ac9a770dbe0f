package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

const tablePrefix = "calls_"

func table(d sqlstore.Day) string { return tablePrefix + string(d) }

// createDay makes the table of a day. The columns are those of sqlstore.Columns.
func createDay(d sqlstore.Day) string {
	return strings.ReplaceAll(`CREATE TABLE IF NOT EXISTS calls_D (
	tenant    INTEGER NOT NULL,
	id        TEXT    NOT NULL,
	at        INTEGER NOT NULL,
	sensor_id INTEGER NOT NULL,
	call_id   TEXT    NOT NULL,
	group_id  TEXT    NOT NULL,
	caller    TEXT    NOT NULL,
	callee    TEXT    NOT NULL,
	src_ip    TEXT    NOT NULL,
	dst_ip    TEXT    NOT NULL,
	status    INTEGER NOT NULL,
	mos       REAL,
	findings  TEXT    NOT NULL,
	kept      BOOLEAN NOT NULL,
	duration_ms INTEGER, connect_ms INTEGER, pdd_ms INTEGER, loss_pct REAL, jitter_ms REAL,
	facts     TEXT, -- rules.Facts
	summary   BLOB    NOT NULL,
	detail    BLOB    NOT NULL, -- last: to what stands behind it SQLite comes through all pages that it fills
	UNIQUE (tenant, id)
);
CREATE INDEX IF NOT EXISTS calls_D_at ON calls_D (tenant, at, id);
CREATE INDEX IF NOT EXISTS calls_D_caller ON calls_D (tenant, caller);
CREATE INDEX IF NOT EXISTS calls_D_callee ON calls_D (tenant, callee);
CREATE INDEX IF NOT EXISTS calls_D_call_id ON calls_D (tenant, call_id);
CREATE INDEX IF NOT EXISTS calls_D_group ON calls_D (tenant, group_id) WHERE group_id <> CAST(id AS TEXT);
CREATE INDEX IF NOT EXISTS calls_D_src_ip ON calls_D (tenant, src_ip);
CREATE INDEX IF NOT EXISTS calls_D_dst_ip ON calls_D (tenant, dst_ip);
CREATE INDEX IF NOT EXISTS calls_D_kept ON calls_D (tenant, at, id) WHERE kept;
CREATE INDEX IF NOT EXISTS calls_D_findings ON calls_D (tenant, at, id) WHERE findings <> '';
`+indexLong(d), "calls_D", table(d))
}

// indexLong makes the index that sqlstore.Query.Long is for.
func indexLong(d sqlstore.Day) string {
	return fmt.Sprintf("CREATE INDEX IF NOT EXISTS %[1]s_long ON %[1]s (tenant, at, id) WHERE duration_ms > %[2]d", table(d), sqlstore.LongCall)
}

// AppendCDRs implements store.Store.
func (s *Store) AppendCDRs(ctx context.Context, b store.Batch, now time.Time) (cur store.Cursor, err error) {
	err = s.Tx(ctx, func(tx *sql.Tx) error {
		var fresh []protocol.CDR
		if cur, fresh, err = s.Advance(ctx, tx, b, now); err != nil || len(fresh) == 0 {
			return err
		}
		rows, err := s.Rows(int64(b.Tenant), fresh, now)
		if err != nil {
			return err
		}
		var rollup sqlstore.Rollup
		if err := insert(ctx, tx, b.Tenant, rows, &rollup); err != nil {
			return err
		}
		return s.SaveRollup(ctx, tx, b.Tenant, &rollup)
	})
	return cur, err
}

// insert stores rows, and counts what came and what it took the place of.
func insert(ctx context.Context, tx *sql.Tx, t store.TenantID, rows []sqlstore.Row, rollup *sqlstore.Rollup) error {
	days, err := listDays(ctx, tx)
	if err != nil {
		return err
	}
	stmts := map[sqlstore.Day]*sql.Stmt{} // closed with the transaction
	for i := range rows {
		r := &rows[i]
		d := sqlstore.DayOf(r.At.Std())
		stmt := stmts[d]
		if stmt == nil {
			if !slices.Contains(days, d) {
				if _, err := tx.ExecContext(ctx, createDay(d)); err != nil {
					return fmt.Errorf("create table of day %s: %w", d, err)
				}
				days = append(days, d)
			}
			if stmt, err = tx.PrepareContext(ctx, insertInto(d)); err != nil {
				return fmt.Errorf("store calls of day %s: %w", d, err)
			}
			stmts[d] = stmt
		}
		if r.Moved { // it may lie under another day, from when it came before
			for _, other := range days {
				if err := takeOut(ctx, tx, other, t, r.ID, rollup); err != nil {
					return err
				}
			}
		}
		stored, err := insertRow(ctx, stmt, r)
		if err == nil && !stored { // it is there already
			if err = takeOut(ctx, tx, d, t, r.ID, rollup); err == nil {
				_, err = insertRow(ctx, stmt, r)
			}
		}
		if err != nil {
			return err
		}
		rollup.AddRow(r)
	}
	return nil
}

// takeOut removes a call of a day, if it is there.
func takeOut(ctx context.Context, tx *sql.Tx, d sqlstore.Day, t store.TenantID, id protocol.UUID, rollup *sqlstore.Rollup) error {
	if err := rollup.TakeOut(ctx, tx, `DELETE FROM `+table(d)+` WHERE tenant = $1 AND id = $2 RETURNING at, summary`, t, id.String()); err != nil {
		return fmt.Errorf("replace call %s: %w", id, err)
	}
	return nil
}

// insertRow stores a call unless it is there.
func insertRow(ctx context.Context, stmt *sql.Stmt, r *sqlstore.Row) (stored bool, err error) {
	res, err := stmt.ExecContext(ctx, r.Values...)
	if err != nil {
		return false, fmt.Errorf("store call %s: %w", r.ID, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func insertInto(d sqlstore.Day) string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (tenant, id) DO NOTHING", table(d), strings.Join(sqlstore.Columns, ", "),
		strings.TrimSuffix(strings.Repeat("?, ", len(sqlstore.Columns)), ", "))
}

// listDays answers the days that have a table, newest first, as the transaction sees them.
func listDays(ctx context.Context, db sqlstore.Querier) ([]sqlstore.Day, error) {
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'calls_[0-9]*' ORDER BY name DESC`)
	if err != nil {
		return nil, fmt.Errorf("list days: %w", err)
	}
	defer rows.Close()
	var all []sqlstore.Day
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list days: %w", err)
		}
		all = append(all, sqlstore.Day(strings.TrimPrefix(name, tablePrefix)))
	}
	return all, rows.Err()
}

// snapshot runs fn with the days in a reading transaction, so that no table goes while fn reads it.
func (s *Store) snapshot(ctx context.Context, fn func(*sql.Tx, []sqlstore.Day) error) error {
	tx, err := s.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	all, err := listDays(ctx, tx)
	if err != nil {
		return err
	}
	return fn(tx, all)
}

// Call implements store.Store.
func (s *Store) Call(ctx context.Context, t store.TenantID, id protocol.UUID) (c protocol.CDR, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx, days []sqlstore.Day) error {
		for _, d := range days {
			found, err := sqlstore.ReadCall(ctx, tx, table(d), t, id)
			if !errors.Is(err, store.ErrNotFound) {
				c = found
				return err
			}
		}
		return fmt.Errorf("call %s: %w", id, store.ErrNotFound)
	})
	return c, err
}

// CountCalls implements store.Store.
func (s *Store) CountCalls(ctx context.Context, t store.TenantID) (n uint64, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx, days []sqlstore.Day) error {
		for _, d := range days {
			var m uint64
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM `+table(d)+` WHERE tenant = $1`, t).Scan(&m); err != nil {
				return fmt.Errorf("count calls of day %s: %w", d, err)
			}
			n += m
		}
		return nil
	})
	return n, err
}

// DropBefore implements store.Store.
func (s *Store) DropBefore(ctx context.Context, t time.Time) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		days, err := listDays(ctx, tx)
		if err != nil {
			return err
		}
		for _, d := range days {
			if d.End().After(t) {
				continue
			}
			if _, err := tx.ExecContext(ctx, `DROP TABLE `+table(d)); err != nil {
				return fmt.Errorf("drop day %s: %w", d, err)
			}
		}
		return sqlstore.DropRollups(ctx, tx, sqlstore.DayOf(t))
	})
}

// Maintain implements store.Store. Tables of days are made when their first call comes, in the same transaction, so there
// is no room to make ahead.
func (s *Store) Maintain(ctx context.Context, now time.Time) error { return s.Forget(ctx, now) }
