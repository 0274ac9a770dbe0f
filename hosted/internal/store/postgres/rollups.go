package postgres

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
)

const statsTables = `CREATE TABLE rollups (
	tenant    BIGINT  NOT NULL,
	step      BIGINT  NOT NULL, -- us: a minute or an hour
	at        BIGINT  NOT NULL, -- where it begins
	sensor_id INTEGER NOT NULL,
	data      BYTEA   NOT NULL, -- sqlstore/rollupcodec.go
	PRIMARY KEY (tenant, step, at, sensor_id)
) WITH (fillfactor = 70); -- rows of now are written again and again
ALTER TABLE rollups ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rollups FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE TABLE sensor_health (
	tenant BIGINT NOT NULL,
	sensor UUID   NOT NULL,
	at     BIGINT NOT NULL,
	data   BYTEA  NOT NULL, -- CBOR of store.HealthSample
	PRIMARY KEY (tenant, sensor, at)
);
ALTER TABLE sensor_health ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON sensor_health FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));`

// rollups is the migration that makes the tables of statistics, and counts the calls that are stored already. Meanwhile nobody stores
// calls, an older hosted neither; what one stores afterwards is not counted.
var rollups = goose.NewGoMigration(7, &goose.GoFunc{RunTx: makeRollups}, nil)

func makeRollups(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `LOCK TABLE calls IN SHARE MODE`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, statsTables); err != nil {
		return err
	}
	days, err := (&Store{}).partitions(ctx, tx)
	if err != nil {
		return err
	}
	done := 0
	for d := range days {
		sqlstore.Days(ctx, done, len(days))
		done++
		if err := sqlstore.Backfill(ctx, tx, partition(d)); err != nil {
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
	calls, err := sqlstore.NewQuery(t, q.ToRead())
	if err != nil {
		return out, err
	}
	err = s.asTenant(ctx, t, func(db sqlstore.Querier) error {
		if q.HasRollups() {
			out, err = q.Rollups(ctx, db, t)
		} else {
			out, err = q.Calls(ctx, source{db, t}, t, &calls, s.Now)
		}
		return err
	})
	return out, err
}
