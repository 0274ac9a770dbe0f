package sqlite

import (
	"database/sql"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

func TestCallsThatWereStoredBeforeThereWereRollupsAreCounted(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ctx := t.Context()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "x.db"), sqlstore.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(tenant store.TenantID) store.Stats {
		t.Helper()
		q := store.StatsQuery{Step: time.Hour, By: store.BySensor}
		q.From, q.To = protocol.TimeOf(now.AddDate(0, 0, -9)), protocol.TimeOf(now.Add(time.Minute))
		got, err := s.Stats(ctx, tenant, q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	var tenants []store.TenantID
	want := map[store.TenantID]store.Stats{}
	for i, name := range []string{"acme", "other"} {
		tenant, err := s.CreateTenant(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		tenants = append(tenants, tenant.ID)
		hash := [32]byte{byte(i)}
		if err := s.CreateEnrolToken(ctx, store.EnrolToken{Hash: hash, Tenant: tenant.ID, Expires: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		sensor, err := s.RedeemEnrolToken(ctx, hash, now, store.Sensor{UUID: protocol.UUID{byte(i + 1)}, SensorID: 4, KeyHash: hash})
		if err != nil {
			t.Fatal(err)
		}
		var calls []protocol.CDR
		for k := range 6000 + i { // more than are counted at a time
			at := protocol.TimeOf(now.Add(-time.Duration(k) * 2 * time.Minute))
			calls = append(calls, protocol.CDR{ID: protocol.UUID{byte(i), byte(k >> 8), byte(k)}, Start: at, End: at + 90e6, Status: 200, SensorID: 4})
		}
		if _, err := s.AppendCDRs(ctx, store.Batch{Tenant: tenant.ID, Sensor: sensor.UUID, Epoch: 1, First: 1, CDRs: calls}, now); err != nil {
			t.Fatal(err)
		}
		want[tenant.ID] = ask(tenant.ID)
	}
	err = s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DROP TABLE rollups; DROP TABLE sensor_health`); err != nil {
			return err
		}
		return makeRollups(ctx, tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range tenants {
		if got := ask(tenant); !reflect.DeepEqual(got, want[tenant]) || got.Totals.Calls < 6000 {
			t.Errorf("tenant %d: counted anew %+.300v\nas they came %+.300v", tenant, got, want[tenant])
		}
	}
}
