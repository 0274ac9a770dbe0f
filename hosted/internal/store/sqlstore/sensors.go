package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	sensorColumns = `s.uuid, s.tenant, s.sensor_id, s.key_hash, s.info, s.addr, s.enrolled, s.last_seen, s.revoked, s.rules, c.last_cdr, c.cdrs`
	fromSensors   = ` FROM sensors s JOIN cursors c ON c.tenant = s.tenant AND c.sensor = s.uuid `
)

func scanSensor(r scanner) (s store.Sensor, err error) {
	var info, rules []byte
	if err := r.Scan(uuid{&s.UUID}, &s.Tenant, &s.SensorID, hash32{&s.KeyHash}, &info, &s.Addr, moment{&s.Enrolled},
		moment{&s.LastSeen}, &s.Revoked, &rules, moment{&s.LastCDR}, &s.CDRs); err != nil {
		return s, err
	}
	if len(rules) > 0 {
		if err := json.Unmarshal(rules, &s.Rules); err != nil {
			return s, err
		}
	}
	return s, json.Unmarshal(info, &s.Info)
}

// CreateEnrolToken implements store.Store.
func (d *DB) CreateEnrolToken(ctx context.Context, t store.EnrolToken) error {
	_, err := d.Write.ExecContext(ctx, `INSERT INTO enrol_tokens (hash, tenant, created, expires, used)
		VALUES ($1, $2, $3, $4, $5)`, t.Hash[:], t.Tenant, micros(t.Created), micros(t.Expires), micros(t.Used))
	return d.insert(err, "enrolment token")
}

// RedeemEnrolToken implements store.Store.
func (d *DB) RedeemEnrolToken(ctx context.Context, hash [32]byte, now time.Time, s store.Sensor) (store.Sensor, error) {
	info, err := sensorInfo(s.Info)
	if err != nil {
		return store.Sensor{}, err
	}
	err = d.Tx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `UPDATE enrol_tokens SET used = $2
			WHERE hash = $1 AND used = 0 AND expires > $2 RETURNING tenant`, hash[:], micros(now)).Scan(&s.Tenant)
		if errors.Is(err, sql.ErrNoRows) { // used, perhaps: the tenant tells whose it was
			if e := tx.QueryRowContext(ctx, `SELECT tenant FROM enrol_tokens WHERE hash = $1`, hash[:]).Scan(&s.Tenant); e != nil && !errors.Is(e, sql.ErrNoRows) {
				err = e
			}
		}
		if err != nil {
			return one(err, "enrolment token")
		}
		// The key is the identity: who comes again with it is the same sensor, whatever number it has now.
		err = tx.QueryRowContext(ctx, `UPDATE sensors SET sensor_id = $3, info = $4, addr = $5, last_seen = $6
			WHERE tenant = $1 AND key_hash = $2 AND NOT revoked RETURNING uuid`,
			s.Tenant, s.KeyHash[:], s.SensorID, info, s.Addr, micros(now)).Scan(uuid{&s.UUID})
		if !errors.Is(err, sql.ErrNoRows) {
			return d.insert(err, "id_sensor %d", s.SensorID)
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO sensors
			(uuid, tenant, sensor_id, key_hash, info, addr, enrolled, last_seen, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)`,
			s.UUID.String(), s.Tenant, s.SensorID, s.KeyHash[:], info, s.Addr, micros(now), false); err != nil {
			return d.insert(err, "id_sensor %d", s.SensorID)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO cursors (sensor, tenant, epoch, next, last_cdr, cdrs)
			VALUES ($1, $2, 0, 0, 0, 0)`, s.UUID.String(), s.Tenant)
		return one(err, "cursor of sensor %s", s.UUID)
	})
	if err != nil {
		return store.Sensor{Tenant: s.Tenant}, err
	}
	return d.Sensor(ctx, s.Tenant, s.UUID)
}

// Sensor implements store.Store.
func (d *DB) Sensor(ctx context.Context, t store.TenantID, id protocol.UUID) (store.Sensor, error) {
	s, err := oneFor(ctx, d, t, scanSensor, `SELECT `+sensorColumns+fromSensors+`WHERE s.tenant = $1 AND s.uuid = $2`, t, id.String())
	return s, one(err, "sensor %s", id)
}

// SensorByNumber implements store.Store.
func (d *DB) SensorByNumber(ctx context.Context, t store.TenantID, sensorID uint16) (store.Sensor, error) {
	s, err := oneFor(ctx, d, t, scanSensor, `SELECT `+sensorColumns+fromSensors+
		`WHERE s.tenant = $1 AND s.sensor_id = $2 AND NOT s.revoked`, t, sensorID)
	return s, one(err, "id_sensor %d", sensorID)
}

// Sensors implements store.Store.
func (d *DB) Sensors(ctx context.Context, t store.TenantID) ([]store.Sensor, error) {
	return listFor(ctx, d, t, scanSensor, `SELECT `+sensorColumns+fromSensors+
		`WHERE s.tenant = $1 ORDER BY s.sensor_id, s.enrolled`, t)
}

// TouchSensor implements store.Store.
func (d *DB) TouchSensor(ctx context.Context, t store.TenantID, id protocol.UUID, i protocol.SensorInfo, addr string, now time.Time) error {
	info, err := sensorInfo(i)
	if err != nil {
		return err
	}
	res, err := d.Write.ExecContext(ctx, `UPDATE sensors SET info = $3, addr = $4, last_seen = $5,
		sensor_id = CASE WHEN $6 = 0 THEN sensor_id ELSE $6 END WHERE tenant = $1 AND uuid = $2`, t, id.String(), info, addr, micros(now), int(i.SensorID))
	if err != nil {
		return d.insert(err, "id_sensor %d", i.SensorID)
	}
	return changed(res, nil, "sensor %s", id)
}

// RevokeSensor implements store.Store.
func (d *DB) RevokeSensor(ctx context.Context, t store.TenantID, id protocol.UUID) error {
	res, err := d.Write.ExecContext(ctx, `UPDATE sensors SET revoked = $3 WHERE tenant = $1 AND uuid = $2`, t, id.String(), true)
	return changed(res, err, "sensor %s", id)
}

// Cursor implements store.Store.
func (d *DB) Cursor(ctx context.Context, t store.TenantID, sensor protocol.UUID) (store.Cursor, error) {
	var epoch, next int64
	err := d.Read.QueryRowContext(ctx, `SELECT epoch, next FROM cursors WHERE tenant = $1 AND sensor = $2`, t, sensor.String()).Scan(&epoch, &next)
	return store.Cursor{Epoch: uint64(epoch), Next: uint64(next)}, one(err, "cursor of sensor %s", sensor)
}

// Advance locks the cursor of the batch's sensor, says which of the batch's CDRs are new, and moves the cursor behind
// them. It belongs into the transaction that stores them. Epochs are compared for equality only, so all 64 bits fit.
func (d *DB) Advance(ctx context.Context, tx *sql.Tx, b store.Batch, now time.Time) (store.Cursor, []protocol.CDR, error) {
	var epoch, next int64
	err := tx.QueryRowContext(ctx, `SELECT epoch, next FROM cursors WHERE tenant = $1 AND sensor = $2`+d.ForUpdate,
		b.Tenant, b.Sensor.String()).Scan(&epoch, &next)
	if err != nil {
		return store.Cursor{}, nil, one(err, "cursor of sensor %s", b.Sensor)
	}
	cur, fresh := store.Cursor{Epoch: uint64(epoch), Next: uint64(next)}, b.CDRs
	end := b.First + uint64(len(b.CDRs))
	if b.Epoch == cur.Epoch && cur != (store.Cursor{}) { // that one has seen nothing yet
		switch {
		case b.First > cur.Next && b.First-cur.Next > b.Lost:
			return cur, nil, fmt.Errorf("batch of sensor %s begins at %d, expected %d: %w", b.Sensor, b.First, cur.Next, store.ErrGap)
		case end <= cur.Next:
			return cur, nil, nil
		}
		if b.First < cur.Next {
			fresh = b.CDRs[cur.Next-b.First:]
		}
	}
	cur = store.Cursor{Epoch: b.Epoch, Next: end}
	if _, err := tx.ExecContext(ctx, `UPDATE cursors SET epoch = $3, next = $4, last_cdr = $5, cdrs = cdrs + $6 WHERE tenant = $1 AND sensor = $2`,
		b.Tenant, b.Sensor.String(), int64(cur.Epoch), int64(cur.Next), micros(now), len(fresh)); err != nil {
		return cur, nil, fmt.Errorf("advance cursor of sensor %s: %w", b.Sensor, err)
	}
	return cur, fresh, nil
}

// sensorInfo encodes what a sensor says of itself. JSON makes whatever texts a sensor sends storable.
func sensorInfo(i protocol.SensorInfo) ([]byte, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode sensor info: %w", err)
	}
	return b, nil
}
