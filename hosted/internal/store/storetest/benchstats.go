package storetest

import (
	"database/sql"
	"math/rand/v2"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// BenchmarkStats asks for a dashboard of a tenant with two sensors and ten calls a second each, 20 minutes of which are stored as
// calls and 25 days as rollups: copies of those of one hour.
func BenchmarkStats(b *testing.B, open Open, write func(store.Store) *sql.DB) {
	f := newFixture(b, open)
	second := f.newSensor(f.tenant, 9, 2)
	rnd := rand.New(rand.NewPCG(7, 8))
	end := now.Truncate(time.Hour)
	for n, batch := 0, 500; n < 72_000; n += batch {
		calls := f.traffic(rnd, batch)
		for i := range calls {
			c := &calls[i]
			k := n + i
			c.ID[8], c.ID[9], c.ID[10] = byte(k>>16), byte(k>>8), byte(k)
			c.DurationMS = 1 + c.DurationMS%400_000
			c.Start = protocol.TimeOf(end.Add(time.Duration(k) * 50 * time.Millisecond))
			c.End = c.Start + protocol.Time(c.DurationMS*1000)
			c.SensorID = []uint16{7, 9}[n/batch%2]
		}
		sensor := []store.Sensor{f.sensor, second}[n/batch%2]
		_, err := f.AppendCDRs(f.ctx, store.Batch{Tenant: f.tenant, Sensor: sensor.UUID, Epoch: uint64(n + 1), First: 1, CDRs: calls}, now)
		f.ok(err)
	}
	const hour = int64(time.Hour / time.Microsecond)
	for k := int64(1); k < 25*24; k++ {
		_, err := write(f.Store).Exec(`INSERT INTO rollups SELECT tenant, step, at - $1, sensor_id, data FROM rollups WHERE at >= $2 AND at < $3`,
			k*hour, int64(protocol.TimeOf(end)), int64(protocol.TimeOf(end))+hour)
		f.ok(err)
	}
	from := func(d time.Duration) store.CallQuery {
		return store.CallQuery{From: protocol.TimeOf(end.Add(time.Hour - d)), To: protocol.TimeOf(end.Add(time.Hour))}
	}
	for _, q := range []struct {
		name string
		q    store.StatsQuery
	}{
		{"25 days by hour", store.StatsQuery{CallQuery: from(25 * 24 * time.Hour), Step: time.Hour}},
		{"7 days by hour", store.StatsQuery{CallQuery: from(7 * 24 * time.Hour), Step: time.Hour}},
		{"24 hours by 5 minutes", store.StatsQuery{CallQuery: from(24 * time.Hour), Step: 5 * time.Minute}},
		{"1 hour by minute", store.StatsQuery{CallQuery: from(time.Hour), Step: time.Minute}},
		{"25 days by sensor", store.StatsQuery{CallQuery: from(25 * 24 * time.Hour), By: store.BySensor}},
		{"5 minutes alone", store.StatsQuery{CallQuery: from(5 * time.Minute)}},
		{"1 hour of calls by address", store.StatsQuery{CallQuery: from(time.Hour), By: store.BySrc}},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				s, err := f.Stats(f.ctx, f.tenant, q.q)
				if err != nil || s.Partial || s.Totals.Calls == 0 {
					b.Fatal(s.Totals.Calls, s.Partial, err)
				}
			}
		})
	}
}
