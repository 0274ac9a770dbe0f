package sqlite

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
)

const statsTables = `CREATE TABLE rollups (
	tenant    INTEGER NOT NULL,
	step      INTEGER NOT NULL, -- us: a minute or an hour
	at        INTEGER NOT NULL, -- where it begins
	sensor_id INTEGER NOT NULL,
	data      BLOB    NOT NULL, -- sqlstore/rollupcodec.go
	PRIMARY KEY (tenant, step, at, sensor_id)
) WITHOUT ROWID;
CREATE TABLE sensor_health (
	tenant INTEGER NOT NULL,
	sensor TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	data   BLOB    NOT NULL, -- CBOR of store.HealthSample
	PRIMARY KEY (tenant, sensor, at)
) WITHOUT ROWID;`

// rollups is the migration that makes the tables of statistics, and counts the calls that are stored already.
var rollups = goose.NewGoMigration(5, &goose.GoFunc{RunTx: makeRollups}, nil)

func makeRollups(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, statsTables); err != nil {
		return err
	}
	days, err := listDays(ctx, tx)
	if err != nil {
		return err
	}
	for i, d := range days {
		sqlstore.Days(ctx, i, len(days))
		if err := sqlstore.Backfill(ctx, tx, table(d)); err != nil {
			return err
		}
	}
	return nil
}

// Stats implements store.Store.
func (s *Store) Stats(ctx context.Context, t store.TenantID, sq store.StatsQuery) (out store.Stats, err error) {
	q, err := sqlstore.NewStatsQuery(sq, s.Now())
	if err != nil {
		return out, err
	}
	if q.HasRollups() {
		return q.Rollups(ctx, s.Read, t)
	}
	calls, err := sqlstore.NewQuery(t, q.ToRead())
	if err != nil {
		return out, err
	}
	err = s.snapshot(ctx, func(tx *sql.Tx, days []sqlstore.Day) error {
		out, err = q.Calls(ctx, source{tx, days}, t, &calls, s.Now)
		return err
	})
	return out, err
}
