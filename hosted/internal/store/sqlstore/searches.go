package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"voiptop/hosted/internal/store"
)

// Searches implements store.Store.
func (d *DB) Searches(ctx context.Context, t store.TenantID, user int64) ([]store.SavedSearch, error) {
	all, err := listFor(ctx, d, t, scanSearch, `SELECT id, tenant, COALESCE(owner, 0), author, name, condition, span, columns, changed
		FROM saved_searches WHERE tenant = $1 AND (owner = $2 OR owner IS NULL) ORDER BY name, id`, t, user)
	return all, one(err, "searches of user %d", user)
}

func scanSearch(r scanner) (s store.SavedSearch, err error) {
	var columns string
	err = r.Scan(&s.ID, &s.Tenant, &s.Owner, &s.Author, &s.Name, &s.Where, &s.Range, &columns, moment{&s.Changed})
	s.Columns = strings.Fields(columns)
	return s, err
}

// SaveSearch implements store.Store. The tenant's row is locked: of two who save at once the second counts the first's.
func (d *DB) SaveSearch(ctx context.Context, s store.SavedSearch) (store.SavedSearch, error) {
	owner := sql.NullInt64{Int64: s.Owner, Valid: s.Owner != 0}
	columns := strings.Join(s.Columns, " ")
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		var tenant int64
		if err := tx.QueryRowContext(ctx, `SELECT id FROM tenants WHERE id = $1`+d.ForUpdate, s.Tenant).Scan(&tenant); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM saved_searches WHERE tenant = $1 AND COALESCE(owner, 0) = $2 AND id <> $3`,
			s.Tenant, s.Owner, s.ID).Scan(&n); err != nil {
			return err
		}
		if n >= store.MaxSearches {
			return store.ErrFull
		}
		if s.ID == 0 {
			return tx.QueryRowContext(ctx, `INSERT INTO saved_searches (tenant, owner, author, name, condition, span, columns, changed)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`, s.Tenant, owner, Text(s.Author), s.Name, s.Where, s.Range, columns, micros(s.Changed)).Scan(&s.ID)
		}
		return tx.QueryRowContext(ctx, `UPDATE saved_searches SET owner = $3, name = $4, condition = $5, span = $6, columns = $7, changed = $8
			WHERE tenant = $1 AND id = $2 RETURNING author`, s.Tenant, s.ID, owner, s.Name, s.Where, s.Range, columns, micros(s.Changed)).Scan(&s.Author)
	})
	if err != nil {
		return store.SavedSearch{}, d.insert(err, "search %q", s.Name)
	}
	return s, nil
}

// DeleteSearch implements store.Store.
func (d *DB) DeleteSearch(ctx context.Context, t store.TenantID, id int64) error {
	res, err := d.Write.ExecContext(ctx, `DELETE FROM saved_searches WHERE tenant = $1 AND id = $2`, t, id)
	return changed(res, err, "search %d", id)
}
