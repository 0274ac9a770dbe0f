package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// AppendCDRs implements store.Store. The cursor row is locked first, so that two connections of one sensor queue here.
func (s *Store) AppendCDRs(ctx context.Context, b store.Batch, now time.Time) (store.Cursor, error) {
	if err := s.makeDays(ctx, b.CDRs, now); err != nil {
		return store.Cursor{}, err
	}
	cur, err := s.append(ctx, b, now)
	if hasCode(codeCheckViolation)(err) { // another node's retention dropped the day after we had seen it
		s.forgetDays()
		if err := s.makeDays(ctx, b.CDRs, now); err != nil {
			return store.Cursor{}, err
		}
		cur, err = s.append(ctx, b, now)
	}
	return cur, err
}

func (s *Store) append(ctx context.Context, b store.Batch, now time.Time) (cur store.Cursor, err error) {
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
		for i := range rows {
			rollup.AddRow(&rows[i])
		}
		return s.SaveRollup(ctx, tx, b.Tenant, &rollup)
	})
	return cur, err
}

// insert copies rows in. COPY knows no ON CONFLICT; calls that are there already are rare (a file is replayed), so they are
// removed when the copy has met one, or when a row may lie under another day than the one it goes to now. What is removed is taken
// out of rollup.
func insert(ctx context.Context, tx *sql.Tx, t store.TenantID, rows []sqlstore.Row, rollup *sqlstore.Rollup) error {
	for i := range rows {
		if rows[i].Moved {
			return replace(ctx, tx, t, rows, rollup)
		}
	}
	if _, err := tx.ExecContext(ctx, `SAVEPOINT copy_in`); err != nil {
		return fmt.Errorf("store calls: %w", err)
	}
	err := copyIn(ctx, tx, rows)
	if !hasCode(codeUniqueViolation)(err) {
		return err
	}
	if _, err := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT copy_in`); err != nil {
		return fmt.Errorf("store calls: %w", err)
	}
	return replace(ctx, tx, t, rows, rollup)
}

func replace(ctx context.Context, tx *sql.Tx, t store.TenantID, rows []sqlstore.Row, rollup *sqlstore.Rollup) error {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID.String()
	}
	if err := rollup.TakeOut(ctx, tx, `DELETE FROM calls WHERE tenant = $1 AND id = ANY($2) RETURNING at, summary`, t, pq.Array(ids)); err != nil {
		return fmt.Errorf("replace calls: %w", err)
	}
	return copyIn(ctx, tx, rows)
}

func copyIn(ctx context.Context, tx *sql.Tx, rows []sqlstore.Row) error {
	stmt, err := tx.PrepareContext(ctx, `COPY calls (`+strings.Join(sqlstore.Columns, ", ")+`) FROM STDIN`)
	if err != nil {
		return fmt.Errorf("copy calls: %w", err)
	}
	for i := range rows {
		if _, err := stmt.ExecContext(ctx, rows[i].Values...); err != nil {
			stmt.Close()
			return fmt.Errorf("copy call %s: %w", rows[i].ID, err)
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		stmt.Close()
		return fmt.Errorf("copy calls: %w", err)
	}
	if err := stmt.Close(); err != nil {
		return fmt.Errorf("copy calls: %w", err)
	}
	return nil
}

// Calls implements store.Store.
func (s *Store) Calls(ctx context.Context, t store.TenantID, cq store.CallQuery) (page store.CallPage, err error) {
	q, err := sqlstore.NewQuery(t, cq)
	if err != nil {
		return page, err
	}
	q.WalkPrefixes()
	err = s.asTenant(ctx, t, func(db sqlstore.Querier) (err error) {
		page, err = q.Calls(ctx, source{db, t}, s.Now)
		return err
	})
	return page, err
}

// CountFound implements store.Store.
func (s *Store) CountFound(ctx context.Context, t store.TenantID, cq store.CallQuery, most int) (c store.CallCount, err error) {
	cq.After = ""
	q, err := sqlstore.NewQuery(t, cq)
	if err != nil {
		return c, err
	}
	err = s.asTenant(ctx, t, func(db sqlstore.Querier) (err error) {
		c, err = q.CountFound(ctx, source{db, t}, s.Now, most)
		return err
	})
	return c, err
}

// source is a tenant's calls, for a search.
type source struct {
	db     sqlstore.Querier
	tenant store.TenantID
}

// Span implements sqlstore.Source.
func (s source) Span(ctx context.Context) (from, to protocol.Time, ok bool, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT min(at), max(at) FROM calls WHERE tenant = $1`, s.tenant)
	if err != nil {
		return 0, 0, false, fmt.Errorf("oldest call: %w", err)
	}
	defer rows.Close()
	var oldest, newest sql.NullInt64
	for rows.Next() {
		if err := rows.Scan(&oldest, &newest); err != nil {
			return 0, 0, false, fmt.Errorf("oldest call: %w", err)
		}
	}
	return protocol.Time(oldest.Int64), protocol.Time(newest.Int64 + 1), oldest.Valid, rows.Err()
}

// Select implements sqlstore.Source.
func (s source) Select(ctx context.Context, q *sqlstore.Query, p sqlstore.Part, limit int) (sqlstore.Rows, error) {
	return q.Select(ctx, s.db, "calls", p, limit)
}

// Count implements sqlstore.Source.
func (s source) Count(ctx context.Context, q *sqlstore.Query, p sqlstore.Part, limit int) (int, error) {
	return q.Count(ctx, s.db, "calls", p, limit)
}

// Call implements store.Store.
func (s *Store) Call(ctx context.Context, t store.TenantID, id protocol.UUID) (c protocol.CDR, err error) {
	err = s.asTenant(ctx, t, func(db sqlstore.Querier) error {
		c, err = sqlstore.ReadCall(ctx, db, "calls", t, id)
		return err
	})
	return c, err
}

// CountCalls implements store.Store.
func (s *Store) CountCalls(ctx context.Context, t store.TenantID) (n uint64, err error) {
	if err = s.Read.QueryRowContext(ctx, `SELECT count(*) FROM calls WHERE tenant = $1`, t).Scan(&n); err != nil {
		err = fmt.Errorf("count calls: %w", err)
	}
	return n, err
}
