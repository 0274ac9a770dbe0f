package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Rollups are counts of a tenant's calls, one row each sensor and minute and one each sensor and hour, of the calls that are
// filed in it. They change in the transaction that changes the calls, so that they say what a recount would.
//
// Rows of hours have also how calls began and ended (flowHour), from which the number of running calls follows: a row knows how
// many ran when its hour began, so that no other is needed and old ones may go.
const (
	minute = protocol.Time(time.Minute / time.Microsecond)
	hour   = protocol.Time(time.Hour / time.Microsecond)

	flowEvery = 10 * protocol.Time(time.Second/time.Microsecond)
	flowSlots = int(hour / flowEvery)

	// maxRun is what a call is taken to last at most when running calls are counted: a wrong end must not touch every hour.
	maxRun = 7 * 24 * hour

	rollupChunk = 400 // rows of one statement
)

type rollupKey struct {
	step   protocol.Time // minute or hour
	at     protocol.Time // where it begins
	sensor uint16
}

type rollupRow struct {
	store.Counts
	flow flowHour
}

// Rollup is what calls that come and go change in the rollups of a tenant.
type Rollup struct{ rows map[rollupKey]*rollupRow }

// AddRow counts a call as it is stored.
func (r *Rollup) AddRow(row *Row) { r.Add(row.At, row.Call, 1) }

// TakeOut takes calls out that a statement deletes; it answers their at and summary.
func (r *Rollup) TakeOut(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at protocol.Time
		var summary sql.RawBytes
		if err := rows.Scan((*int64)(&at), &summary); err != nil {
			return err
		}
		c, err := decodeSummary(summary)
		if err != nil {
			return err
		}
		r.Add(at, &c, -1)
	}
	return rows.Err()
}

// Add counts a call that is filed under at; with n = -1 it takes out one that was.
func (r *Rollup) Add(at protocol.Time, c *protocol.CDR, n int64) {
	r.row(minute, at, c.SensorID).Add(c, n)
	r.row(hour, at, c.SensorID).Add(c, n)
	if at == c.Start { // of one that is filed elsewhere, when it ran is not known
		r.addFlow(c, c.SensorID, n)
	}
}

func (r *Rollup) row(step, at protocol.Time, sensor uint16) *rollupRow {
	k := rollupKey{step, at - at%step, sensor}
	row := r.rows[k]
	if row == nil {
		if r.rows == nil {
			r.rows = map[rollupKey]*rollupRow{}
		}
		row = &rollupRow{}
		r.rows[k] = row
	}
	return row
}

// addFlow counts a call of a sensor at the first instant at which it runs and at the first at which it does not any more.
func (r *Rollup) addFlow(c *protocol.CDR, sensor uint16, n int64) {
	end := c.End
	if end == 0 {
		end = c.Start + protocol.Time(min(max(c.DurationMS, 0), int64(maxRun)/1000)*1000)
	}
	end = min(max(end, c.Start), c.Start+maxRun)
	first, last := instant(c.Start), instant(end)
	r.row(hour, first, sensor).flow.starts[slot(first)] += n
	r.row(hour, last, sensor).flow.ends[slot(last)] += n
	for h := first - first%hour + hour; h <= last; h += hour {
		r.row(hour, h, sensor).flow.running += n
	}
}

// instant is the first full ten seconds not before t.
func instant(t protocol.Time) protocol.Time { return (t + flowEvery - 1) / flowEvery * flowEvery }

func slot(t protocol.Time) int { return int(t % hour / flowEvery) }

// keys lists the rows that change, in an order that is the same for all writers.
func (r *Rollup) keys() []rollupKey {
	return slices.SortedFunc(maps.Keys(r.rows), func(a, b rollupKey) int {
		return cmp.Or(cmp.Compare(a.sensor, b.sensor), cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at))
	})
}

// SaveRollup changes the rollups of a tenant as calls have come and gone, in their transaction.
func (d *DB) SaveRollup(ctx context.Context, tx *sql.Tx, t store.TenantID, r *Rollup) error {
	if err := d.lockRollups(ctx, tx, t, r); err != nil {
		return fmt.Errorf("lock rollups: %w", err)
	}
	return r.save(ctx, tx, t)
}

// lockRollups makes others who change rollups of the same sensors wait. Mostly the cursor's lock has done so: only a call that
// is replaced after its sensor changed its number is counted with another's.
func (d *DB) lockRollups(ctx context.Context, tx *sql.Tx, t store.TenantID, r *Rollup) error {
	if d.ForUpdate == "" {
		return nil
	}
	sensors := map[string]bool{}
	for k := range r.rows {
		sensors[strconv.Itoa(int(k.sensor))] = true
	}
	_, err := tx.ExecContext(ctx, `SELECT uuid FROM sensors WHERE tenant = $1 AND sensor_id IN (`+
		strings.Join(slices.Collect(maps.Keys(sensors)), ", ")+`) ORDER BY uuid FOR NO KEY UPDATE`, t)
	return err
}

func (r *Rollup) save(ctx context.Context, tx *sql.Tx, t store.TenantID) error {
	for keys := range slices.Chunk(r.keys(), rollupChunk) {
		if err := r.merge(ctx, tx, t, keys); err != nil {
			return fmt.Errorf("read rollups: %w", err)
		}
		if err := r.write(ctx, tx, t, keys); err != nil {
			return fmt.Errorf("write rollups: %w", err)
		}
	}
	return nil
}

// merge adds what is stored of keys to the rows.
func (r *Rollup) merge(ctx context.Context, tx *sql.Tx, t store.TenantID, keys []rollupKey) error {
	var list strings.Builder // of integers
	for i, k := range keys {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, "(%d,%d,%d)", k.step, k.at, k.sensor)
	}
	rows, err := tx.QueryContext(ctx, `SELECT r.step, r.at, r.sensor_id, r.data FROM (VALUES `+list.String()+`) AS k
		JOIN rollups r ON r.tenant = $1 AND r.step = k.column1 AND r.at = k.column2 AND r.sensor_id = k.column3`, t)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k rollupKey
		var data sql.RawBytes
		if err := rows.Scan((*int64)(&k.step), (*int64)(&k.at), &k.sensor, &data); err != nil {
			return err
		}
		row := r.rows[k]
		if err := mergeRollup(data, &row.Counts, &row.flow); err != nil {
			return fmt.Errorf("tenant %d, sensor %d, %s: %w", t, k.sensor, k.at, err)
		}
	}
	return rows.Err()
}

func (r *Rollup) write(ctx context.Context, tx *sql.Tx, t store.TenantID, keys []rollupKey) error {
	var list strings.Builder
	args := make([]any, 0, 1+len(keys))
	args = append(args, t)
	for i, k := range keys {
		row := r.rows[k]
		if i > 0 {
			list.WriteByte(',')
		}
		args = append(args, appendRollup(nil, &row.Counts, &row.flow))
		fmt.Fprintf(&list, "($1,%d,%d,%d,$%d)", k.step, k.at, k.sensor, len(args))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO rollups (tenant, step, at, sensor_id, data) VALUES `+list.String()+`
		ON CONFLICT (tenant, step, at, sensor_id) DO UPDATE SET data = excluded.data`, args...)
	return err
}

// DropRollups forgets those of the days before d. Without the tenants, with whom its key begins, the whole table were read.
func DropRollups(ctx context.Context, tx *sql.Tx, d Day) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM rollups WHERE tenant IN (SELECT id FROM tenants) AND step IN ($1, $2) AND at < $3`,
		int64(minute), int64(hour), micros(d.Start()))
	if err != nil {
		return fmt.Errorf("drop rollups: %w", err)
	}
	return nil
}
