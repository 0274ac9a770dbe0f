package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const ruleColumns = `r.tenant, r.revision, r.text, r.author, r.changed`

func scanRules(r scanner) (s store.RuleSet, err error) {
	var text []byte
	err = r.Scan(&s.Tenant, &s.Revision, &text, &s.Author, moment{&s.Changed})
	s.Text = string(text)
	return s, err
}

// Rules implements store.Store.
func (d *DB) Rules(ctx context.Context, t store.TenantID) (store.RuleSet, error) {
	s, err := oneFor(ctx, d, t, scanRules, `SELECT `+ruleColumns+` FROM tenants t
		JOIN rules r ON r.tenant = t.id AND r.revision = t.rule_revision WHERE t.id = $1 AND r.tenant = $1`, t)
	if errors.Is(err, sql.ErrNoRows) {
		return store.RuleSet{Tenant: t}, nil
	}
	return s, one(err, "rules of tenant %d", t)
}

// SetRules implements store.Store. The revision is counted up where it stands in the tenant's row: of two that change the
// same revision at once, the second finds another.
func (d *DB) SetRules(ctx context.Context, r store.RuleSet) (store.RuleSet, error) {
	base := r.Revision
	r.Revision++
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE tenants SET rule_revision = $3 WHERE id = $1 AND rule_revision = $2`, r.Tenant, int64(base), int64(r.Revision))
		if err := changed(res, err, "tenant %d", r.Tenant); errors.Is(err, store.ErrNotFound) {
			return store.ErrStale
		} else if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO rules (tenant, revision, text, author, changed) VALUES ($1, $2, $3, $4, $5)`,
			r.Tenant, int64(r.Revision), []byte(r.Text), Text(r.Author), micros(r.Changed)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM rules WHERE tenant = $1 AND revision <= $2`, r.Tenant, int64(r.Revision)-store.RuleHistory)
		return err
	})
	if err != nil {
		return store.RuleSet{}, one(err, "rules of tenant %d", r.Tenant)
	}
	return r, nil
}

// RuleHistory implements store.Store.
func (d *DB) RuleHistory(ctx context.Context, t store.TenantID) ([]store.RuleSet, error) {
	return listFor(ctx, d, t, scanRules, `SELECT r.tenant, r.revision, '' AS text, r.author, r.changed FROM rules r
		WHERE r.tenant = $1 ORDER BY r.revision DESC`, t)
}

// RulesAt implements store.Store.
func (d *DB) RulesAt(ctx context.Context, t store.TenantID, revision uint64) (store.RuleSet, error) {
	s, err := oneFor(ctx, d, t, scanRules, `SELECT `+ruleColumns+` FROM rules r WHERE r.tenant = $1 AND r.revision = $2`, t, int64(revision))
	return s, one(err, "revision %d of the rules of tenant %d", revision, t)
}

// RuleRevisions implements store.Store.
func (d *DB) RuleRevisions(ctx context.Context) (map[store.TenantID]uint64, error) {
	type row struct {
		tenant   store.TenantID
		revision uint64
	}
	rows, err := list(ctx, d.Read, func(r scanner) (v row, err error) { return v, r.Scan(&v.tenant, &v.revision) },
		`SELECT id, rule_revision FROM tenants WHERE rule_revision > 0`)
	if err != nil {
		return nil, fmt.Errorf("revisions of rules: %w", err)
	}
	all := make(map[store.TenantID]uint64, len(rows))
	for _, r := range rows {
		all[r.tenant] = r.revision
	}
	return all, nil
}

// SetSensorRules implements store.Store.
func (d *DB) SetSensorRules(ctx context.Context, t store.TenantID, id protocol.UUID, r store.SensorRules) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode rules of sensor %s: %w", id, err)
	}
	res, err := d.Write.ExecContext(ctx, `UPDATE sensors SET rules = $3 WHERE tenant = $1 AND uuid = $2`, t, id.String(), b)
	return changed(res, err, "sensor %s", id)
}
