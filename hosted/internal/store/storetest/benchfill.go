package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Fill makes a tenant in a store, with one sensor and so many calls over 24 days, as BenchmarkWhere has them, for benchmarks of what
// stands on a store.
func Fill(t testing.TB, s store.Store, name string, now time.Time, rows int) store.TenantID {
	f := &fixture{Store: s, t: t, ctx: t.Context()}
	f.tenant = f.newTenant(name)
	f.made = int(f.tenant) // so that the sensors of up to 255 tenants are others
	f.sensor = f.newSensor(f.tenant, 7, 1)
	fill(f, now, rows)
	return f.tenant
}

// Send stores so many usual calls of a tenant that Fill has made, which began in the seconds before now, as its sensor's next batch.
func Send(ctx context.Context, s store.Store, t store.TenantID, now time.Time, calls int) error {
	sensor, err := s.SensorByNumber(ctx, t, 7)
	if err != nil {
		return err
	}
	at, err := s.Cursor(ctx, t, sensor.UUID)
	if err != nil {
		return err
	}
	b := store.Batch{Tenant: t, Sensor: sensor.UUID, Epoch: at.Epoch, First: at.Next}
	for i := range calls {
		n := int(at.Next) + i
		c := protocol.CDR{Start: protocol.TimeOf(now.Add(-time.Duration(i) * 50 * time.Millisecond)), SensorID: 7, CallID: fmt.Sprintf("%d-%d@pbx", t, n)}
		c.ID = protocol.UUID{0: 1, 6: 0x70, 8: byte(t >> 8), 9: byte(t), 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
		c.End, c.DurationMS = c.Start+100e6, 100_000
		c.GroupID = c.ID.String()
		usual(n)(&c)
		b.CDRs = append(b.CDRs, c)
	}
	_, err = s.AppendCDRs(ctx, b, now)
	return err
}
