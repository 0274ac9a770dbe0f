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
		return insert(ctx, tx, b.Tenant, rows)
	})
	return cur, err
}

// insert copies rows in. COPY knows no ON CONFLICT; calls that are there already are rare (a file is replayed), so they are
// removed when the copy has met one, or when a row may lie under another day than the one it goes to now.
func insert(ctx context.Context, tx *sql.Tx, t store.TenantID, rows []sqlstore.Row) error {
	for i := range rows {
		if rows[i].Moved {
			return replace(ctx, tx, t, rows)
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
	return replace(ctx, tx, t, rows)
}

func replace(ctx context.Context, tx *sql.Tx, t store.TenantID, rows []sqlstore.Row) error {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID.String()
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE tenant = $1 AND id = ANY($2)`, t, pq.Array(ids)); err != nil {
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
func (s *Store) Calls(ctx context.Context, t store.TenantID, cq store.CallQuery) (store.CallPage, error) {
	q, err := sqlstore.NewQuery(t, cq)
	if err != nil {
		return store.CallPage{}, err
	}
	var found []sqlstore.Found
	err = s.asTenant(ctx, t, func(db sqlstore.Querier) (err error) {
		found, err = q.Select(ctx, db, "calls", q.Limit+1)
		return err
	})
	if err != nil {
		return store.CallPage{}, err
	}
	return q.Page(found), nil
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
