package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const backfillChunk = 5000 // calls that are counted at a time

// Backfill counts the calls of a table that were stored before there were rollups.
func Backfill(ctx context.Context, tx *sql.Tx, table string) error {
	tenants, err := list(ctx, tx, func(r scanner) (t store.TenantID, err error) { return t, r.Scan(&t) }, `SELECT id FROM tenants`)
	if err != nil {
		return fmt.Errorf("count the calls of %s: %w", table, err)
	}
	for _, t := range tenants {
		for last, more := (Place{}), true; more && err == nil; {
			var r Rollup
			if last, more, err = r.read(ctx, tx, table, t, last); err == nil && len(r.rows) > 0 {
				err = r.save(ctx, tx, t)
			}
		}
		if err != nil {
			return fmt.Errorf("count the calls of tenant %d in %s: %w", t, table, err)
		}
	}
	return nil
}

// read adds the next calls of a table, and answers the last one's place and whether there are more.
func (r *Rollup) read(ctx context.Context, tx *sql.Tx, table string, t store.TenantID, after Place) (last Place, more bool, err error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT at, id, summary FROM %s WHERE tenant = $1 AND (at, id) > ($2, $3)
		ORDER BY at, id LIMIT %d`, table, backfillChunk), t, int64(after.At), after.ID.String())
	if err != nil {
		return after, false, err
	}
	defer rows.Close()
	last = after
	n := 0
	for ; rows.Next(); n++ {
		var summary sql.RawBytes
		if err := rows.Scan((*int64)(&last.At), uuid{&last.ID}, &summary); err != nil {
			return last, false, err
		}
		var c protocol.CDR
		if c, err = decodeSummary(summary); err != nil {
			return last, false, err
		}
		r.Add(last.At, &c, 1)
	}
	tellerOf(ctx).calls(n)
	return last, n == backfillChunk, rows.Err()
}
