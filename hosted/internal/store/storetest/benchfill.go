package storetest

import (
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

// Fill makes a tenant in a store, with one sensor and so many calls over 24 days, as BenchmarkWhere has them, for benchmarks of what
// stands on a store.
func Fill(t testing.TB, s store.Store, name string, now time.Time, rows int) store.TenantID {
	f := &fixture{Store: s, t: t, ctx: t.Context()}
	f.tenant = f.newTenant(name)
	f.sensor = f.newSensor(f.tenant, 7, 1)
	fill(f, now, rows)
	return f.tenant
}
