package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// AddHealth implements store.Store.
func (d *DB) AddHealth(ctx context.Context, samples []store.SensorHealth) error {
	const most = 200 // rows of one statement
	for part := range slices.Chunk(samples, most) {
		var list strings.Builder
		var args []any
		for i := range part {
			s := &part[i]
			data, err := cborEnc.Marshal(s.HealthSample)
			if err != nil {
				return fmt.Errorf("encode health of sensor %s: %w", s.Sensor, err)
			}
			if i > 0 {
				list.WriteByte(',')
			}
			n := len(args)
			fmt.Fprintf(&list, "($%d,$%d,$%d,$%d)", n+1, n+2, n+3, n+4)
			args = append(args, s.Tenant, s.Sensor.String(), int64(s.At-s.At%minute), data)
		}
		if _, err := d.Write.ExecContext(ctx, `INSERT INTO sensor_health (tenant, sensor, at, data) VALUES `+list.String()+`
			ON CONFLICT (tenant, sensor, at) DO UPDATE SET data = excluded.data`, args...); err != nil {
			return fmt.Errorf("store health of sensors: %w", err)
		}
	}
	return nil
}

func scanHealth(r scanner) (s store.SensorHealth, err error) {
	var data []byte
	if err := r.Scan(uuid{&s.Sensor}, (*int64)(&s.At), &data); err != nil {
		return s, err
	}
	return s, cborDec.Unmarshal(data, &s.HealthSample)
}

// Health implements store.Store.
func (d *DB) Health(ctx context.Context, t store.TenantID, sensor protocol.UUID, from, to protocol.Time) ([]store.HealthSample, error) {
	list, err := listFor(ctx, d, t, scanHealth, `SELECT sensor, at, data FROM sensor_health
		WHERE tenant = $1 AND sensor = $2 AND at >= $3 AND at < $4 ORDER BY at`, t, sensor.String(), int64(from), int64(to))
	if err != nil {
		return nil, fmt.Errorf("health of sensor %s: %w", sensor, err)
	}
	samples := make([]store.HealthSample, len(list))
	for i := range list {
		samples[i] = list[i].HealthSample
	}
	return samples, nil
}

// LastHealth implements store.Store.
func (d *DB) LastHealth(ctx context.Context, t store.TenantID) (map[protocol.UUID]store.HealthSample, error) {
	list, err := listFor(ctx, d, t, scanHealth, `SELECT h.sensor, h.at, h.data FROM sensors s JOIN sensor_health h
		ON h.tenant = s.tenant AND h.sensor = s.uuid AND h.at = (SELECT max(at) FROM sensor_health WHERE tenant = s.tenant AND sensor = s.uuid)
		WHERE s.tenant = $1`, t)
	if err != nil {
		return nil, fmt.Errorf("health of the sensors of tenant %d: %w", t, err)
	}
	all := make(map[protocol.UUID]store.HealthSample, len(list))
	for i := range list {
		all[list[i].Sensor] = list[i].HealthSample
	}
	return all, nil
}

// forgetHealth removes old samples, sensor by sensor: their key begins with it.
func (d *DB) forgetHealth(ctx context.Context, now time.Time) error {
	if _, err := d.Write.ExecContext(ctx, `DELETE FROM sensor_health WHERE (tenant, sensor) IN (SELECT tenant, uuid FROM sensors) AND at < $1`,
		micros(now.Add(-store.HealthAge))); err != nil {
		return fmt.Errorf("forget health of sensors: %w", err)
	}
	return nil
}
