package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

const (
	partitionPrefix = "calls_"
	daysAhead       = 3

	// makingDays is the advisory lock of whoever makes or drops partitions: "calldays" in ASCII.
	makingDays = 0x63616c6c64617973
)

func partition(d sqlstore.Day) string { return partitionPrefix + string(d) }

// makeDays makes the partitions that calls need, those that are not known to be there.
func (s *Store) makeDays(ctx context.Context, calls []protocol.CDR, now time.Time) error {
	for i := range calls {
		if err := s.makeDay(ctx, sqlstore.DayOf(s.FiledUnder(&calls[i], now).Std())); err != nil {
			return err
		}
	}
	return nil
}

// makeDaysAhead makes the partitions of today and of the days after, so that ingest need not.
func (s *Store) makeDaysAhead(ctx context.Context, now time.Time) error {
	for i := range daysAhead + 1 {
		if err := s.makeDay(ctx, sqlstore.DayOf(now.AddDate(0, 0, i))); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) forgetDays() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.days)
}

// makeDay makes the partition of a day if it is not there. It is made as a table and then attached, because that does
// not shut out readers and writers of the other days, as CREATE TABLE ... PARTITION OF does.
func (s *Store) makeDay(ctx context.Context, d sqlstore.Day) error {
	s.mu.Lock()
	known := s.days[d]
	s.mu.Unlock()
	if known {
		return nil
	}
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(makingDays)); err != nil {
			return err
		}
		attached, err := s.partitions(ctx, tx)
		if err != nil || attached[d] {
			return err
		}
		from, to := int64(protocol.TimeOf(d.Start())), int64(protocol.TimeOf(d.End()))
		// A table of that name that is not attached was detached by a retention that did not get to drop it.
		_, err = tx.ExecContext(ctx, fmt.Sprintf(`DROP TABLE IF EXISTS %[1]s;
			CREATE TABLE %[1]s (LIKE calls INCLUDING DEFAULTS INCLUDING STORAGE);
			ALTER TABLE calls ATTACH PARTITION %[1]s FOR VALUES FROM (%[2]d) TO (%[3]d)`, partition(d), from, to))
		return err
	})
	if err != nil {
		return fmt.Errorf("make partition of day %s: %w", d, err)
	}
	s.mu.Lock()
	s.days[d] = true
	s.mu.Unlock()
	return nil
}

// partitions lists the days that are attached.
func (s *Store) partitions(ctx context.Context, db sqlstore.Querier) (map[sqlstore.Day]bool, error) {
	return days(ctx, db, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'calls'::regclass AND NOT i.inhdetachpending`)
}

func days(ctx context.Context, db sqlstore.Querier, query string) (map[sqlstore.Day]bool, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list days: %w", err)
	}
	defer rows.Close()
	all := map[sqlstore.Day]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list days: %w", err)
		}
		if d := sqlstore.Day(strings.TrimPrefix(name, partitionPrefix)); !d.Start().IsZero() {
			all[d] = true
		}
	}
	return all, rows.Err()
}

// DropBefore implements store.Store. A partition is detached concurrently, which waits for its readers without making
// others wait for it, and then dropped. What a crash left between the two is found by its name.
func (s *Store) DropBefore(ctx context.Context, t time.Time) error {
	conn, err := s.Write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("drop days: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(makingDays)); err != nil {
		return fmt.Errorf("drop days: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(makingDays)) //nolint:errcheck // a broken connection has unlocked
	defer s.forgetDays()

	attached, err := s.partitions(ctx, conn)
	if err != nil {
		return err
	}
	tables, err := days(ctx, conn, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class
		WHERE oid = 'calls'::regclass) AND relname LIKE 'calls\_________'`)
	if err != nil {
		return err
	}
	for d := range tables {
		if d.End().After(t) {
			continue
		}
		switch {
		case attached[d] && s.citus: // it knows no CONCURRENTLY: the partition goes with DROP
		case attached[d]:
			if _, err := conn.ExecContext(ctx, `ALTER TABLE calls DETACH PARTITION `+partition(d)+` CONCURRENTLY`); err != nil {
				return fmt.Errorf("detach day %s: %w", d, err)
			}
		default:
			if err := finalize(ctx, conn, d); err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, `DROP TABLE `+partition(d)); err != nil {
			return fmt.Errorf("drop day %s: %w", d, err)
		}
	}
	return s.Tx(ctx, func(tx *sql.Tx) error { return sqlstore.DropRollups(ctx, tx, sqlstore.DayOf(t)) })
}

// finalize ends a concurrent detach that was interrupted.
func finalize(ctx context.Context, conn *sql.Conn, d sqlstore.Day) error {
	var pending bool
	err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = $1::regclass AND inhdetachpending)`,
		partition(d)).Scan(&pending)
	if err == nil && pending {
		_, err = conn.ExecContext(ctx, `ALTER TABLE calls DETACH PARTITION `+partition(d)+` FINALIZE`)
	}
	if err != nil {
		return fmt.Errorf("detach day %s: %w", d, err)
	}
	return nil
}

// Maintain implements store.Store.
func (s *Store) Maintain(ctx context.Context, now time.Time) error {
	if err := s.makeDaysAhead(ctx, now); err != nil {
		return err
	}
	return s.Forget(ctx, now)
}
