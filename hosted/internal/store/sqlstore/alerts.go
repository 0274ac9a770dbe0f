package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	alertColumns    = `id, tenant, revision, spec, enabled, author, changed`
	receiverColumns = `id, tenant, spec, author, changed`
	silenceColumns  = `id, tenant, alert, begins, ends, author, reason`
)

func scanAlert(r scanner) (a store.Alert, err error) {
	return a, r.Scan(&a.ID, &a.Tenant, &a.Revision, &a.Spec, &a.Enabled, &a.Author, moment{&a.Changed})
}

func scanReceiver(r scanner) (c store.Receiver, err error) {
	return c, r.Scan(&c.ID, &c.Tenant, &c.Spec, &c.Author, moment{&c.Changed})
}

func scanSilence(r scanner) (s store.Silence, err error) {
	return s, r.Scan(&s.ID, &s.Tenant, &s.Alert, moment{&s.From}, moment{&s.To}, &s.Author, &s.Reason)
}

// room reports store.ErrFull if the rows that a query counts are most already. The tenant's row is locked, so that two who add
// at once count one after the other.
func (d *DB) room(ctx context.Context, tx *sql.Tx, t store.TenantID, most int, count string, args ...any) error {
	var id store.TenantID
	if err := tx.QueryRowContext(ctx, `SELECT id FROM tenants WHERE id = $1`+d.ForUpdate, t).Scan(&id); err != nil {
		return one(err, "tenant %d", t)
	}
	var n int
	if err := tx.QueryRowContext(ctx, count, args...).Scan(&n); err != nil {
		return err
	}
	if n >= most {
		return store.ErrFull
	}
	return nil
}

// CreateAlert implements store.Alerts.
func (d *DB) CreateAlert(ctx context.Context, a store.Alert, most int) (store.Alert, error) {
	a.Revision = 1
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		if err := d.room(ctx, tx, a.Tenant, most, `SELECT count(*) FROM alerts WHERE tenant = $1`, a.Tenant); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `INSERT INTO alerts (tenant, revision, spec, enabled, author, changed) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
			a.Tenant, a.Revision, []byte(a.Spec), a.Enabled, Text(a.Author), micros(a.Changed)).Scan(&a.ID)
	})
	return a, one(err, "new alert of tenant %d", a.Tenant)
}

// Alerts implements store.Alerts.
func (d *DB) Alerts(ctx context.Context, t store.TenantID) ([]store.Alert, error) {
	all, err := listFor(ctx, d, t, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE tenant = $1 ORDER BY id`, t)
	return all, one(err, "alerts of tenant %d", t)
}

// Alert implements store.Alerts.
func (d *DB) Alert(ctx context.Context, t store.TenantID, id int64) (store.Alert, error) {
	a, err := oneFor(ctx, d, t, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE tenant = $1 AND id = $2`, t, id)
	return a, one(err, "alert %d", id)
}

// UpdateAlert implements store.Alerts.
func (d *DB) UpdateAlert(ctx context.Context, a store.Alert) (store.Alert, error) {
	res, err := d.Write.ExecContext(ctx, `UPDATE alerts SET revision = revision + 1, spec = $4, enabled = $5, author = $6, changed = $7
		WHERE tenant = $1 AND id = $2 AND revision = $3`, a.Tenant, a.ID, a.Revision, []byte(a.Spec), a.Enabled, Text(a.Author), micros(a.Changed))
	if err := changed(res, err, "alert %d", a.ID); err != nil {
		if _, e := d.Alert(ctx, a.Tenant, a.ID); e == nil {
			err = fmt.Errorf("alert %d: %w", a.ID, store.ErrStale)
		}
		return a, err
	}
	a.Revision++
	return a, nil
}

// DeleteAlert implements store.Alerts.
func (d *DB) DeleteAlert(ctx context.Context, t store.TenantID, id int64) error {
	res, err := d.Write.ExecContext(ctx, `DELETE FROM alerts WHERE tenant = $1 AND id = $2`, t, id)
	return changed(res, err, "alert %d", id)
}

// AlertVersions implements store.Alerts. The factor is a prime: revisions of different alerts do not add up to the same.
func (d *DB) AlertVersions(ctx context.Context) (map[store.TenantID]int64, error) {
	type row struct {
		tenant  store.TenantID
		version int64
	}
	rows, err := list(ctx, d.Read, func(r scanner) (v row, err error) { return v, r.Scan(&v.tenant, &v.version) },
		`SELECT tenant, CAST(sum(n) AS BIGINT) FROM (SELECT tenant, id * 1000003 + revision AS n FROM alerts
			UNION ALL SELECT s.tenant, 0 FROM alert_states s WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.tenant = s.tenant AND a.id = s.alert)) x GROUP BY tenant`)
	if err != nil {
		return nil, fmt.Errorf("versions of alerts: %w", err)
	}
	all := make(map[store.TenantID]int64, len(rows))
	for _, r := range rows {
		all[r.tenant] = r.version
	}
	return all, nil
}

// CreateReceiver implements store.Alerts.
func (d *DB) CreateReceiver(ctx context.Context, r store.Receiver, most int) (store.Receiver, error) {
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		if err := d.room(ctx, tx, r.Tenant, most, `SELECT count(*) FROM alert_receivers WHERE tenant = $1`, r.Tenant); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `INSERT INTO alert_receivers (tenant, spec, author, changed) VALUES ($1, $2, $3, $4) RETURNING id`,
			r.Tenant, []byte(r.Spec), Text(r.Author), micros(r.Changed)).Scan(&r.ID)
	})
	return r, one(err, "new receiver of tenant %d", r.Tenant)
}

// Receivers implements store.Alerts.
func (d *DB) Receivers(ctx context.Context, t store.TenantID) ([]store.Receiver, error) {
	all, err := listFor(ctx, d, t, scanReceiver, `SELECT `+receiverColumns+` FROM alert_receivers WHERE tenant = $1 ORDER BY id`, t)
	return all, one(err, "receivers of tenant %d", t)
}

// Receiver implements store.Alerts.
func (d *DB) Receiver(ctx context.Context, t store.TenantID, id int64) (store.Receiver, error) {
	r, err := oneFor(ctx, d, t, scanReceiver, `SELECT `+receiverColumns+` FROM alert_receivers WHERE tenant = $1 AND id = $2`, t, id)
	return r, one(err, "receiver %d", id)
}

// UpdateReceiver implements store.Alerts.
func (d *DB) UpdateReceiver(ctx context.Context, r store.Receiver) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE alert_receivers SET spec = $3, author = $4, changed = $5 WHERE tenant = $1 AND id = $2`,
		r.Tenant, r.ID, []byte(r.Spec), Text(r.Author), micros(r.Changed))
	return changed(res, err, "receiver %d", r.ID)
}

// DeleteReceiver implements store.Alerts.
func (d *DB) DeleteReceiver(ctx context.Context, t store.TenantID, id int64) error {
	res, err := d.Write.ExecContext(ctx, `DELETE FROM alert_receivers WHERE tenant = $1 AND id = $2`, t, id)
	return changed(res, err, "receiver %d", id)
}

// CreateSilence implements store.Alerts.
func (d *DB) CreateSilence(ctx context.Context, s store.Silence, most int) (store.Silence, error) {
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		if err := d.room(ctx, tx, s.Tenant, most, `SELECT count(*) FROM alert_silences WHERE tenant = $1 AND ends > $2`, s.Tenant, micros(s.From)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `INSERT INTO alert_silences (tenant, alert, begins, ends, author, reason) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
			s.Tenant, s.Alert, micros(s.From), micros(s.To), Text(s.Author), Text(s.Reason)).Scan(&s.ID)
	})
	return s, one(err, "new silence of tenant %d", s.Tenant)
}

// Silences implements store.Alerts.
func (d *DB) Silences(ctx context.Context, t store.TenantID, now time.Time) ([]store.Silence, error) {
	all, err := listFor(ctx, d, t, scanSilence, `SELECT `+silenceColumns+` FROM alert_silences WHERE tenant = $1 AND ends > $2 ORDER BY ends, id`, t, micros(now))
	return all, one(err, "silences of tenant %d", t)
}

// EndSilence implements store.Alerts.
func (d *DB) EndSilence(ctx context.Context, t store.TenantID, id int64, at time.Time) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE alert_silences SET ends = $3 WHERE tenant = $1 AND id = $2 AND ends > $3`, t, id, micros(at))
	return changed(res, err, "silence %d", id)
}

const incidentColumns = `id, tenant, alert, started, ended, data, acked_by, acked_at, ack_note`

func scanIncident(r scanner) (i store.Incident, err error) {
	return i, r.Scan(&i.ID, &i.Tenant, &i.Alert, moment{&i.Started}, moment{&i.Ended}, &i.Data, &i.AckedBy, moment{&i.AckedAt}, &i.AckNote)
}

// Incidents implements store.Alerts.
func (d *DB) Incidents(ctx context.Context, t store.TenantID, q store.IncidentQuery) ([]store.Incident, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	where, args := []string{"tenant = $1"}, []any{t}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if q.Alert != 0 {
		where = append(where, "alert = "+arg(q.Alert))
	}
	if q.Open {
		where = append(where, "ended = 0")
	}
	if q.ID != "" {
		where = append(where, "id = "+arg(Text(q.ID)))
	}
	if q.After != "" {
		at, id, _ := strings.Cut(q.After, "/")
		t, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || id == "" {
			return nil, fmt.Errorf("%q: %w", q.After, store.ErrCursor)
		}
		where = append(where, fmt.Sprintf("(started, id) < (%s, %s)", arg(micros(t)), arg(Text(id))))
	}
	all, err := listFor(ctx, d, t, scanIncident, `SELECT `+incidentColumns+` FROM alert_incidents WHERE `+strings.Join(where, " AND ")+
		` ORDER BY started DESC, id DESC LIMIT `+strconv.Itoa(min(limit, maxLimit)), args...)
	return all, one(err, "incidents of tenant %d", t)
}

// AckIncident implements store.Alerts.
func (d *DB) AckIncident(ctx context.Context, t store.TenantID, id, by, note string, at time.Time) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE alert_incidents SET acked_by = $3, ack_note = $4, acked_at = $5 WHERE tenant = $1 AND id = $2 AND ended = 0`,
		t, Text(id), Text(by), Text(note), micros(at))
	return changed(res, err, "incident %s", id)
}

// PutSensorsSeen implements store.Alerts. What is older than what is known changes nothing: a sensor may change nodes.
func (d *DB) PutSensorsSeen(ctx context.Context, seen []store.SensorSeen) error {
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		for _, s := range seen {
			if _, err := tx.ExecContext(ctx, `INSERT INTO alert_sensors (sensor, tenant, seen) VALUES ($1, $2, $3)
				ON CONFLICT (tenant, sensor) DO UPDATE SET seen = excluded.seen WHERE alert_sensors.seen < excluded.seen`, s.Sensor.String(), s.Tenant, micros(s.At)); err != nil {
				return err
			}
		}
		return nil
	})
	return one(err, "sensors that were heard of")
}

// SensorsSeen implements store.Alerts.
func (d *DB) SensorsSeen(ctx context.Context, t store.TenantID) ([]store.SensorSeen, error) {
	all, err := listFor(ctx, d, t, func(r scanner) (s store.SensorSeen, err error) {
		return s, r.Scan(&s.Tenant, uuid{&s.Sensor}, moment{&s.At})
	}, `SELECT tenant, sensor, seen FROM alert_sensors WHERE tenant = $1`, t)
	return all, one(err, "sensors of tenant %d that were heard of", t)
}

// Lease implements store.Alerts.
func (d *DB) Lease(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (bool, error) {
	res, err := d.Write.ExecContext(ctx, `INSERT INTO alert_leases (name, holder, ends) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends = excluded.ends WHERE alert_leases.holder = excluded.holder OR alert_leases.ends <= $4`,
		name, holder, micros(now.Add(ttl)), micros(now))
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", name, err)
	}
	n, err := res.RowsAffected()
	return n > 0, one(err, "lease %s", name)
}

// EndLease implements store.Alerts.
func (d *DB) EndLease(ctx context.Context, name, holder string) error {
	_, err := d.Write.ExecContext(ctx, `DELETE FROM alert_leases WHERE name = $1 AND holder = $2`, name, holder)
	return one(err, "lease %s", name)
}

// leased reports store.ErrLease unless holder has the lease, which nobody can take before the transaction ends.
func (d *DB) leased(ctx context.Context, tx *sql.Tx, name, holder string, now time.Time) error {
	var ends int64
	err := tx.QueryRowContext(ctx, `SELECT ends FROM alert_leases WHERE name = $1 AND holder = $2`+d.ForUpdate, name, holder).Scan(&ends)
	if err == sql.ErrNoRows || err == nil && protocol.Time(ends) <= protocol.TimeOf(now) {
		return store.ErrLease
	}
	return err
}
