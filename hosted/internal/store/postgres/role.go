package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
)

// reader is the role that reads for a tenant: NOBYPASSRLS, so that the policies of the tables (00005_row_security.sql) hold
// for it, and with no right but to read them. Roles belong to the whole server, so several databases may share it.
const reader = "hosted_reader"

// readable are the tables that it reads, each with a policy.
const readable = "saved_searches, tenants, users, sensors, cursors, audit, rules, sensor_links, streams, calls, rollups, sensor_health, " +
	"alerts, alert_states, alert_receivers, alert_silences, alert_incidents, alert_notices, alert_counts, alert_sensors"

const (
	codeNotAllowed = "42501" // insufficient_privilege
	codeDuplicate  = "42710" // duplicate_object

	// makingRole is the advisory lock of whoever sets the role up: "callrole" in ASCII.
	makingRole = 0x63616c6c726f6c65
)

// ErrNoReader says that reads are not bound to their tenant by the database.
var ErrNoReader = errors.New("this database role may neither become " + reader + " nor make it")

// RowSecurity tells whether the database itself keeps what is read for one tenant apart from the others' rows; an error
// says why it does not, and what to do.
func (s *Store) RowSecurity() error {
	if s.noReader == nil || errors.Is(s.noReader, ErrCitus) {
		return s.noReader
	}
	return fmt.Errorf("%w; run as a superuser: CREATE ROLE %s NOLOGIN; GRANT %[2]s TO the role that hosted uses, and start hosted again", s.noReader, reader)
}

// setUpReader makes the role if it can, and lets it read.
func (s *Store) setUpReader(ctx context.Context) error {
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(makingRole)); err != nil {
			return err
		}
		err := try(ctx, tx, `SET LOCAL ROLE `+reader+`; RESET ROLE`)
		if err != nil {
			// Either may fail, for one that exists or was granted already: what counts is whether it can be become.
			if err = try(ctx, tx, `CREATE ROLE `+reader+` NOLOGIN NOBYPASSRLS`); err != nil && !hasCode(codeNotAllowed)(err) && !hasCode(codeDuplicate)(err) && !hasCode(codeUniqueViolation)(err) {
				return err
			}
			if err = try(ctx, tx, `GRANT `+reader+` TO CURRENT_USER`); err == nil {
				err = try(ctx, tx, `SET LOCAL ROLE `+reader+`; RESET ROLE`)
			}
		}
		var e *pq.Error
		if errors.As(err, &e) {
			s.noReader = ErrNoReader
			return nil
		}
		if err != nil {
			return err
		}
		var bypass bool
		if err := tx.QueryRowContext(ctx, `SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = $1`, reader).Scan(&bypass); err != nil {
			return err
		}
		if bypass {
			return fmt.Errorf("role %s must not be a superuser and not have BYPASSRLS: ALTER ROLE %[1]s NOSUPERUSER NOBYPASSRLS", reader)
		}
		_, err = tx.ExecContext(ctx, `DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO `+reader+`', current_schema()); END $$;
			GRANT SELECT ON `+readable+` TO `+reader)
		return err
	})
	if err != nil {
		return fmt.Errorf("set up role %s: %w", reader, err)
	}
	return nil
}

// try runs statements that may fail without ending the transaction.
func try(ctx context.Context, tx *sql.Tx, statements string) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT try`); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, statements)
	if err != nil {
		if _, e := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT try`); e != nil {
			return e
		}
	}
	return err
}

// asTenant runs fn in a transaction that reads one tenant's rows only, as the role reader.
func (s *Store) asTenant(ctx context.Context, t store.TenantID, fn func(sqlstore.Querier) error) error {
	if s.noReader != nil {
		return fn(s.Read)
	}
	tx, err := s.Read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("read for tenant %d: %w", t, err)
	}
	defer tx.Rollback() //nolint:errcheck // ends the transaction, which has changed nothing
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`SET TRANSACTION READ ONLY; SET LOCAL ROLE %s; SET LOCAL hosted.tenant = '%d'`, reader, t)); err != nil {
		return fmt.Errorf("read for tenant %d: %w", t, err)
	}
	return fn(tx)
}
