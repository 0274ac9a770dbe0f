package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
)

// CountLoginFailures implements store.Store. Keys are counted in one order, so that nobody waits for who waits for him.
func (d *DB) CountLoginFailures(ctx context.Context, limits map[[32]byte]float64, window time.Duration, now time.Time) error {
	keys := slices.SortedFunc(maps.Keys(limits), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return d.Tx(ctx, func(tx *sql.Tx) error {
		for _, k := range keys {
			limit := limits[k]
			sunk := limit / float64(window.Microseconds())
			if _, err := tx.ExecContext(ctx, `INSERT INTO login_failures (key, level, at) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET
				level = CASE
					WHEN excluded.at <= login_failures.at AND login_failures.level + 1 > $3 THEN $3
					WHEN excluded.at <= login_failures.at THEN login_failures.level + 1
					WHEN login_failures.level - CAST($4 AS DOUBLE PRECISION) * (excluded.at - login_failures.at) <= 0 THEN 1
					WHEN login_failures.level - CAST($4 AS DOUBLE PRECISION) * (excluded.at - login_failures.at) + 1 > $3 THEN $3
					ELSE login_failures.level - CAST($4 AS DOUBLE PRECISION) * (excluded.at - login_failures.at) + 1 END,
				at = CASE WHEN excluded.at > login_failures.at THEN excluded.at ELSE login_failures.at END`, k[:], micros(now), limit, sunk); err != nil {
				return fmt.Errorf("count a failed log-in: %w", err)
			}
		}
		return nil
	})
}

// LoginFailures implements store.Store.
func (d *DB) LoginFailures(ctx context.Context, keys [][32]byte) ([]store.Failures, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var args []any
	var places []string
	for i := range keys {
		args, places = append(args, keys[i][:]), append(places, "$"+strconv.Itoa(i+1))
	}
	all, err := list(ctx, d.Read, func(r scanner) (f store.Failures, err error) {
		return f, r.Scan(hash32{&f.Key}, &f.Level, moment{&f.At})
	},
		`SELECT key, level, at FROM login_failures WHERE key IN (`+strings.Join(places, ", ")+`)`, args...)
	return all, one(err, "failed log-ins")
}

// ForgiveLoginFailures implements store.Store.
func (d *DB) ForgiveLoginFailures(ctx context.Context, key [32]byte) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM login_failures WHERE key = $1`, key[:])
	return one(err, "failed log-ins")
}

// SweepLoginFailures implements store.Store.
func (d *DB) SweepLoginFailures(ctx context.Context, before time.Time) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM login_failures WHERE at < $1`, micros(before))
	return one(err, "failed log-ins")
}
