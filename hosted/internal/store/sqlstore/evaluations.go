package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const noticeColumns = `id, tenant, incident, receiver, name, event, body, created, next, done, attempts`

func scanNotice(r scanner) (n store.Notice, err error) {
	var attempts []byte
	if err := r.Scan(&n.ID, &n.Tenant, &n.Incident, &n.Receiver, &n.Name, &n.Event, &n.Body, moment{&n.Created}, moment{&n.Next}, moment{&n.Done}, &attempts); err != nil {
		return n, err
	}
	return n, json.Unmarshal(attempts, &n.Attempts)
}

// PutAlertCounts implements store.Alerts.
func (d *DB) PutAlertCounts(ctx context.Context, node string, counts []store.AlertCounts) error {
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO alert_counts (tenant, alert, counted, at, key, node, data) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (tenant, alert, at, key, node) DO UPDATE SET counted = excluded.counted, data = excluded.data`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for i := range counts {
			c := &counts[i]
			if _, err := stmt.ExecContext(ctx, c.Tenant, c.Alert, c.Counted, int64(c.At), Text(c.Key), Text(node), []byte(c.Data)); err != nil {
				return err
			}
		}
		return nil
	})
	return one(err, "store counts of alerts")
}

// AlertCounts implements store.Alerts.
func (d *DB) AlertCounts(ctx context.Context, t store.TenantID, alert, counted int64, from protocol.Time) ([]store.AlertCounts, error) {
	all, err := listFor(ctx, d, t, func(r scanner) (c store.AlertCounts, err error) {
		var at int64
		err = r.Scan(&c.Tenant, &c.Alert, &c.Counted, &at, &c.Key, &c.Data)
		c.At = protocol.Time(at)
		return c, err
	}, `SELECT tenant, alert, counted, at, key, data FROM alert_counts WHERE tenant = $1 AND alert = $2 AND counted = $3 AND at >= $4 ORDER BY at, key, node`,
		t, alert, counted, int64(from))
	return all, one(err, "counts of alert %d", alert)
}

// AlertStates implements store.Alerts.
func (d *DB) AlertStates(ctx context.Context, t store.TenantID) ([]store.AlertState, error) {
	all, err := listFor(ctx, d, t, func(r scanner) (s store.AlertState, err error) { return s, r.Scan(&s.Alert, &s.Data) },
		`SELECT alert, data FROM alert_states WHERE tenant = $1 ORDER BY alert`, t)
	return all, one(err, "states of the alerts of tenant %d", t)
}

// SaveEvaluation implements store.Alerts.
func (d *DB) SaveEvaluation(ctx context.Context, lease, holder string, now time.Time, e store.Evaluation) error {
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		if err := d.leased(ctx, tx, lease, holder, now); err != nil {
			return err
		}
		var err error
		if e.State == nil {
			if _, err = tx.ExecContext(ctx, `DELETE FROM alert_states WHERE alert = $1 AND tenant = $2`, e.Alert, e.Tenant); err == nil {
				_, err = tx.ExecContext(ctx, `DELETE FROM alert_counts WHERE alert = $1 AND tenant = $2`, e.Alert, e.Tenant)
			}
		} else {
			_, err = tx.ExecContext(ctx, `INSERT INTO alert_states (alert, tenant, data) VALUES ($1, $2, $3) ON CONFLICT (tenant, alert) DO UPDATE SET data = excluded.data`,
				e.Alert, e.Tenant, []byte(e.State))
		}
		if err != nil {
			return err
		}
		if e.Before != 0 {
			if _, err := tx.ExecContext(ctx, `DELETE FROM alert_counts WHERE tenant = $1 AND alert = $2 AND at < $3`, e.Tenant, e.Alert, int64(e.Before)); err != nil {
				return err
			}
		}
		if i := e.Incident; i != nil {
			if _, err := tx.ExecContext(ctx, `INSERT INTO alert_incidents (id, tenant, alert, started, ended, data, acked_by, acked_at, ack_note)
				VALUES ($1, $2, $3, $4, $5, $6, '', 0, '') ON CONFLICT (tenant, id) DO UPDATE SET ended = excluded.ended, data = excluded.data`,
				Text(i.ID), i.Tenant, i.Alert, micros(i.Started), micros(i.Ended), []byte(i.Data)); err != nil {
				return err
			}
		}
		for i := range e.Notices {
			n := &e.Notices[i]
			attempts, err := json.Marshal(append([]store.Attempted{}, n.Attempts...))
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO alert_notices (tenant, incident, receiver, name, event, body, created, next, done, attempts)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)`, n.Tenant, Text(n.Incident), n.Receiver, Text(n.Name), n.Event, []byte(n.Body), micros(n.Created), micros(n.Next), attempts); err != nil {
				return err
			}
		}
		return nil
	})
	return one(err, "evaluation of alert %d", e.Alert)
}

// Notices implements store.Alerts.
func (d *DB) Notices(ctx context.Context, t store.TenantID, incident string) ([]store.Notice, error) {
	all, err := listFor(ctx, d, t, scanNotice, `SELECT `+noticeColumns+` FROM alert_notices WHERE tenant = $1 AND incident = $2 ORDER BY id LIMIT 1000`, t, Text(incident))
	return all, one(err, "messages about incident %s", incident)
}

// DueNotices implements store.Alerts.
func (d *DB) DueNotices(ctx context.Context, now time.Time, limit int) ([]store.Notice, error) {
	all, err := list(ctx, d.Read, scanNotice, `SELECT `+noticeColumns+` FROM alert_notices WHERE next <> 0 AND next <= $1 ORDER BY next, id LIMIT $2`, micros(now), limit)
	return all, one(err, "messages that are due")
}

// UpdateNotice implements store.Alerts.
func (d *DB) UpdateNotice(ctx context.Context, n store.Notice) error {
	attempts, err := json.Marshal(n.Attempts)
	if err != nil {
		return fmt.Errorf("encode attempts of message %d: %w", n.ID, err)
	}
	res, err := d.Write.ExecContext(ctx, `UPDATE alert_notices SET next = $3, done = $4, attempts = $5 WHERE tenant = $1 AND id = $2`,
		n.Tenant, n.ID, micros(n.Next), micros(n.Done), attempts)
	return changed(res, err, "message %d", n.ID)
}

// forgetAlerts removes what is older than it is kept, or more: incidents with their messages, silences that are over, and what a
// process counted for an alert after that was gone.
func (d *DB) forgetAlerts(ctx context.Context, now time.Time) error {
	old := micros(now.Add(-store.IncidentAge))
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`DELETE FROM alert_incidents WHERE ended <> 0 AND ended < $1`, []any{old}},
		{`DELETE FROM alert_incidents WHERE ended <> 0 AND (tenant, id) IN (SELECT tenant, id FROM (SELECT tenant, id, row_number() OVER (PARTITION BY tenant ORDER BY started DESC, id DESC) AS n
			FROM alert_incidents) x WHERE n > $1)`, []any{store.MaxIncidents}},
		{
			`DELETE FROM alert_notices WHERE created < $1 AND next = 0 AND NOT EXISTS (SELECT 1 FROM alert_incidents i WHERE i.tenant = alert_notices.tenant AND i.id = alert_notices.incident)`,
			[]any{micros(now.Add(-time.Hour))},
		},
		{`DELETE FROM alert_silences WHERE ends < $1`, []any{old}},
		{
			`DELETE FROM alert_counts WHERE at < $1 OR NOT EXISTS (SELECT 1 FROM alerts a WHERE a.tenant = alert_counts.tenant AND a.id = alert_counts.alert)`,
			[]any{micros(now.Add(-2 * 24 * time.Hour))},
		},
	} {
		if _, err := d.Write.ExecContext(ctx, q.sql, q.args...); err != nil {
			return fmt.Errorf("forget what alerts left: %w", err)
		}
	}
	return nil
}
