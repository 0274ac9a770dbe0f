package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"
)

// On Citus the tables of tenants' data are divided by tenant over the machines; a tenant's rows of all tables are on one, so that
// what is asked for a tenant is asked there. The small tables that are not read by tenant, or that must be unique over all
// tenants, are whole on every machine. docs/scaling.md says what of this was tried and what was not.

// whole are the tables that are not divided. All others have the column tenant, in every key.
var whole = []string{
	"tenants", "users", "api_tokens", "sessions", "enrol_tokens", "oidc_links", "saved_searches", "secrets", "nodes", "alert_leases",
	"login_failures",
}

// bookkeeping is read by the migrations alone.
const bookkeeping = "goose_db_version"

// dividing is the advisory lock of whoever divides tables: "calldivs" in ASCII.
const dividing = 0x63616c6c64697673

// ErrCitus says that reads are not bound to their tenant by the database: Citus knows no policies that ask for a setting.
var ErrCitus = errors.New("row-level security is not used on Citus; every statement of hosted names its tenant")

// isCitus tells whether the database is one of Citus.
func (s *Store) isCitus(ctx context.Context) (yes bool, err error) {
	err = s.Write.QueryRowContext(ctx, `SELECT to_regproc('create_distributed_table') IS NOT NULL`).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("ask for Citus: %w", err)
	}
	return yes, nil
}

// divide divides the tables that are not divided yet: all at the first start on Citus, and later those that a migration made.
func (s *Store) divide(ctx context.Context) error {
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(dividing)); err != nil {
			return err
		}
		var done, all []string
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(array_agg(c.relname), '{}') FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid`).Scan(pq.Array(&done)); err != nil {
			return err
		}
		// Those that others refer to come first.
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(array_agg(c.relname ORDER BY (SELECT count(*) FROM pg_constraint f WHERE f.confrelid = c.oid AND f.contype = 'f') DESC, c.relname), '{}')
			FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> $1
			AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())`, bookkeeping).Scan(pq.Array(&all)); err != nil {
			return err
		}
		for _, pass := range []struct {
			whole bool
			how   string
		}{{true, `SELECT create_reference_table($1)`}, {false, `SELECT create_distributed_table($1, 'tenant', colocate_with => $2)`}} {
			for _, t := range all {
				if slices.Contains(whole, t) != pass.whole || slices.Contains(done, t) {
					continue
				}
				if err := s.withoutPolicies(ctx, tx, t); err != nil {
					return err
				}
				args := []any{t}
				if !pass.whole {
					beside := anchor
					if t == anchor {
						beside = "default"
					}
					args = append(args, beside)
				}
				if _, err := tx.ExecContext(ctx, pass.how, args...); err != nil {
					return fmt.Errorf("table %s: %w", t, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("divide tables by tenant on Citus: %w", err)
	}
	return nil
}

// anchor is the table that the others' parts are put beside.
const anchor = "sensors"

// withoutPolicies takes the policies off a table: Citus takes none that holds a query.
func (s *Store) withoutPolicies(ctx context.Context, tx *sql.Tx, table string) error {
	var policies []string
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(array_agg(polname), '{}') FROM pg_policy WHERE polrelid = $1::regclass`, table).Scan(pq.Array(&policies)); err != nil {
		return fmt.Errorf("policies of %s: %w", table, err)
	}
	for _, p := range policies {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`DROP POLICY %s ON %s`, pq.QuoteIdentifier(p), pq.QuoteIdentifier(table))); err != nil {
			return fmt.Errorf("policies of %s: %w", table, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE %s DISABLE ROW LEVEL SECURITY`, pq.QuoteIdentifier(table))); err != nil {
		return fmt.Errorf("policies of %s: %w", table, err)
	}
	return nil
}
