package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	nodeColumns       = `n.id, n.name, n.addr, n.version, n.started, n.seen, n.beat, n.leaving`
	sensorLinkColumns = `tenant, sensor, node, generation, boot, addr, since, boots, granted, used`
)

func scanSensorLink(r scanner) (l store.SensorLink, err error) {
	return l, r.Scan(&l.Tenant, uuid{&l.Sensor}, &l.Node, &l.Generation, &l.Boot, &l.Addr, moment{&l.Since}, &l.Boots, &l.Granted, &l.Used)
}

// SaveNode implements store.Store.
func (d *DB) SaveNode(ctx context.Context, n store.Node) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO nodes (id, name, addr, version, started, seen, beat, leaving)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, addr = excluded.addr,
		version = excluded.version, started = excluded.started, seen = excluded.seen, beat = excluded.beat, leaving = excluded.leaving`,
		n.ID, Text(n.Name), Text(n.Addr), n.Version, micros(n.Started), micros(n.Seen), int64(n.Beat), n.Leaving)
	return one(err, "node %s", n.ID)
}

// BeatNode implements store.Store.
func (d *DB) BeatNode(ctx context.Context, id string, now time.Time, leaving bool) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE nodes SET beat = beat + 1, seen = $2, leaving = $3 WHERE id = $1`, id, micros(now), leaving)
	return changed(res, err, "node %s", id)
}

// Nodes implements store.Store.
func (d *DB) Nodes(ctx context.Context) ([]store.Node, error) {
	all, err := list(ctx, d.Read, func(r scanner) (n store.Node, err error) {
		return n, r.Scan(&n.ID, &n.Name, &n.Addr, &n.Version, moment{&n.Started}, moment{&n.Seen}, &n.Beat, &n.Leaving)
	}, `SELECT `+nodeColumns+` FROM nodes n ORDER BY n.name, n.started, n.id`)
	return all, one(err, "nodes")
}

// SensorLinkCounts implements store.Store.
func (d *DB) SensorLinkCounts(ctx context.Context) (map[string]int, error) {
	type held struct {
		node string
		n    int
	}
	rows, err := list(ctx, d.Read, func(r scanner) (h held, err error) { return h, r.Scan(&h.node, &h.n) },
		`SELECT node, count(*) FROM sensor_links WHERE node <> '' GROUP BY node`)
	if err != nil {
		return nil, one(err, "links of nodes")
	}
	all := map[string]int{}
	for _, h := range rows {
		all[h.node] = h.n
	}
	return all, nil
}

// RemoveNode implements store.Store.
func (d *DB) RemoveNode(ctx context.Context, id string, now time.Time) error {
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE sensor_links SET node = '', since = $2 WHERE node = $1`, []any{id, micros(now)}},
		{`DELETE FROM streams WHERE node = $1`, []any{id}},
		{`DELETE FROM nodes WHERE id = $1`, []any{id}},
	} {
		if _, err := d.Write.ExecContext(ctx, q.sql, q.args...); err != nil {
			return one(err, "remove node %s", id)
		}
	}
	return nil
}

// SensorLink implements store.Store.
func (d *DB) SensorLink(ctx context.Context, t store.TenantID, sensor protocol.UUID) (store.SensorLink, error) {
	l, err := scanSensorLink(d.Read.QueryRowContext(ctx, `SELECT `+sensorLinkColumns+` FROM sensor_links WHERE tenant = $1 AND sensor = $2`, t, sensor.String()))
	return l, one(err, "link of sensor %s", sensor)
}

// SensorLinks implements store.Store.
func (d *DB) SensorLinks(ctx context.Context, t store.TenantID) ([]store.SensorLink, error) {
	all, err := listFor(ctx, d, t, scanSensorLink, `SELECT `+sensorLinkColumns+` FROM sensor_links WHERE tenant = $1 AND node <> ''`, t)
	return all, one(err, "links of tenant %d", t)
}

// LinkTotals implements store.Store.
func (d *DB) LinkTotals(ctx context.Context) (map[store.TenantID]store.LinkTotals, error) {
	type row struct {
		tenant store.TenantID
		store.LinkTotals
	}
	rows, err := list(ctx, d.Read, func(r scanner) (v row, err error) { return v, r.Scan(&v.tenant, &v.Linked, &v.Granted) },
		`SELECT tenant, count(CASE WHEN node <> '' THEN 1 END), CAST(coalesce(sum(granted), 0) AS BIGINT) FROM sensor_links GROUP BY tenant`)
	if err != nil {
		return nil, one(err, "links of tenants")
	}
	all := make(map[store.TenantID]store.LinkTotals, len(rows))
	for _, r := range rows {
		all[r.tenant] = r.LinkTotals
	}
	return all, nil
}

// FindSensorLink implements store.Store.
func (d *DB) FindSensorLink(ctx context.Context, sensor protocol.UUID) (store.SensorLink, error) {
	l, err := scanSensorLink(d.Read.QueryRowContext(ctx, `SELECT `+sensorLinkColumns+` FROM sensor_links WHERE sensor = $1`, sensor.String()))
	return l, one(err, "link of sensor %s", sensor)
}

// SensorLinksOf implements store.Store.
func (d *DB) SensorLinksOf(ctx context.Context, node string) ([]store.SensorLink, error) {
	all, err := list(ctx, d.Read, scanSensorLink, `SELECT `+sensorLinkColumns+` FROM sensor_links WHERE node = $1 AND node <> ''`, node)
	return all, one(err, "links of node %s", node)
}

// UpdateSensorLink implements store.Store.
func (d *DB) UpdateSensorLink(ctx context.Context, t store.TenantID, sensor protocol.UUID, fn func(*store.SensorLink, store.LinkTotals) error) error {
	return d.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO sensor_links (`+sensorLinkColumns+`) VALUES ($1, $2, '', 0, '', '', 0, $3, 0, 0)
			ON CONFLICT (tenant, sensor) DO NOTHING`, t, sensor.String(), []byte{}); err != nil {
			return one(err, "link of sensor %s", sensor)
		}
		was, err := scanSensorLink(tx.QueryRowContext(ctx, `SELECT `+sensorLinkColumns+` FROM sensor_links WHERE tenant = $1 AND sensor = $2`+d.ForUpdate, t, sensor.String()))
		if err != nil {
			return one(err, "link of sensor %s", sensor)
		}
		var all store.LinkTotals
		if err := tx.QueryRowContext(ctx, `SELECT count(CASE WHEN node <> '' THEN 1 END), CAST(coalesce(sum(granted), 0) AS BIGINT)
			FROM sensor_links WHERE tenant = $1`, t).Scan(&all.Linked, &all.Granted); err != nil {
			return one(err, "links of tenant %d", t)
		}
		now := was
		if err := fn(&now, all); err != nil {
			return err
		}
		return setSensorLink(ctx, tx, was, now)
	})
}

// UpdateSensorLinks implements store.Store. All nodes lock in the same order.
func (d *DB) UpdateSensorLinks(ctx context.Context, t store.TenantID, fn func([]store.SensorLink) error) error {
	return d.Tx(ctx, func(tx *sql.Tx) error {
		was, err := list(ctx, tx, scanSensorLink, `SELECT `+sensorLinkColumns+` FROM sensor_links WHERE tenant = $1 AND (node <> '' OR granted > 0) ORDER BY sensor`+d.ForUpdate, t)
		if err != nil {
			return one(err, "links of tenant %d", t)
		}
		now := append([]store.SensorLink(nil), was...)
		if err := fn(now); err != nil {
			return err
		}
		for i := range now {
			if err := setSensorLink(ctx, tx, was[i], now[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// setSensorLink stores what was changed of a link.
func setSensorLink(ctx context.Context, tx *sql.Tx, was, now store.SensorLink) error {
	same := bytes.Equal(was.Boots, now.Boots)
	if a, b := was, now; same {
		a.Boots, b.Boots = nil, nil
		same = a.Node == b.Node && a.Generation == b.Generation && a.Boot == b.Boot && a.Addr == b.Addr && a.Since.Equal(b.Since) && a.Granted == b.Granted && a.Used == b.Used
	}
	if same {
		return nil
	}
	if now.Boots == nil {
		now.Boots = []byte{}
	}
	_, err := tx.ExecContext(ctx, `UPDATE sensor_links SET node = $3, generation = $4, boot = $5, addr = $6, since = $7, boots = $8, granted = $9, used = $10
		WHERE tenant = $1 AND sensor = $2`, was.Tenant, was.Sensor.String(), now.Node, int64(now.Generation), Text(now.Boot), now.Addr, micros(now.Since),
		now.Boots, now.Granted, now.Used)
	return one(err, "link of sensor %s", was.Sensor)
}

// ReleaseSensorLink implements store.Store.
func (d *DB) ReleaseSensorLink(ctx context.Context, l store.SensorLink, now time.Time) error {
	_, err := d.Write.ExecContext(ctx, `UPDATE sensor_links SET node = '', since = $4 WHERE tenant = $1 AND sensor = $2 AND generation = $3`,
		l.Tenant, l.Sensor.String(), int64(l.Generation), micros(now))
	return one(err, "link of sensor %s", l.Sensor)
}

// SetStreams implements store.Store.
func (d *DB) SetStreams(ctx context.Context, t store.TenantID, node string, user int64, running int) (err error) {
	if running == 0 {
		_, err = d.Write.ExecContext(ctx, `DELETE FROM streams WHERE tenant = $1 AND node = $2 AND user_id = $3`, t, node, user)
	} else {
		_, err = d.Write.ExecContext(ctx, `INSERT INTO streams (tenant, node, user_id, running) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, node, user_id) DO UPDATE SET running = excluded.running`, t, node, user, running)
	}
	return one(err, "streams of tenant %d", t)
}

// Streams implements store.Store.
func (d *DB) Streams(ctx context.Context, t store.TenantID) (map[int64]int, error) {
	type row struct {
		user int64
		n    int
	}
	rows, err := listFor(ctx, d, t, func(r scanner) (v row, err error) { return v, r.Scan(&v.user, &v.n) },
		`SELECT user_id, running FROM streams WHERE tenant = $1`, t)
	if err != nil {
		return nil, one(err, "streams of tenant %d", t)
	}
	all := map[int64]int{}
	for _, r := range rows {
		all[r.user] += r.n
	}
	return all, nil
}
