package storetest

import (
	"reflect"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func testHealth(t *testing.T, open Open) {
	f := newFixture(t, open)
	second := f.newSensor(f.tenant, 9, 2)
	other := f.newTenant("other")
	theirs := f.newSensor(other, 7, 3)
	at := func(m int) protocol.Time { return protocol.TimeOf(now.Add(time.Duration(m) * time.Minute)) }
	sample := func(m, running int) store.HealthSample {
		return store.HealthSample{
			At: at(m), Started: at(-600), Running: running, Packets: 1 << 63, Drops: 3, Queue: 4, LagMS: 5, SpoolFree: 6, SkewMS: -7, RTTMS: 8,
			Problem: &protocol.Problem{Code: "clock-skew", Title: "the clock\x00 is wrong \xff"},
		}
	}
	of := func(t store.TenantID, s store.Sensor, h store.HealthSample) store.SensorHealth {
		return store.SensorHealth{Tenant: t, Sensor: s.UUID, HealthSample: h}
	}
	f.ok(f.AddHealth(f.ctx, []store.SensorHealth{of(f.tenant, f.sensor, sample(0, 1)), of(f.tenant, second, sample(0, 2)), of(other, theirs, sample(0, 3))}))
	late := sample(1, 4)
	late.At += 30e6 // within the minute
	f.ok(f.AddHealth(f.ctx, []store.SensorHealth{of(f.tenant, f.sensor, sample(1, 9)), of(f.tenant, f.sensor, sample(2, 5))}))
	f.ok(f.AddHealth(f.ctx, []store.SensorHealth{of(f.tenant, f.sensor, late)})) // again
	f.ok(f.AddHealth(f.ctx, nil))

	read := func(tenant store.TenantID, s store.Sensor, from, to protocol.Time) []store.HealthSample {
		t.Helper()
		list, err := f.Health(f.ctx, tenant, s.UUID, from, to)
		f.ok(err)
		return list
	}
	if got, want := read(f.tenant, f.sensor, at(0), at(3)), []store.HealthSample{sample(0, 1), sample(1, 4), sample(2, 5)}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := read(f.tenant, f.sensor, at(1), at(2)); len(got) != 1 || got[0].Running != 4 {
		t.Errorf("of one minute: %+v", got)
	}
	if got := read(other, f.sensor, 0, at(9)); len(got) != 0 {
		t.Errorf("another tenant reads %+v", got)
	}
	last, err := f.LastHealth(f.ctx, f.tenant)
	f.ok(err)
	if len(last) != 2 || last[f.sensor.UUID].Running != 5 || last[second.UUID].Running != 2 {
		t.Errorf("last: %+v", last)
	}
	f.ok(f.Maintain(f.ctx, now.Add(store.HealthAge+time.Minute+time.Second)))
	if got := read(f.tenant, f.sensor, 0, at(9)); len(got) != 1 || got[0].Running != 5 {
		t.Errorf("after %s there are %+v, want the newest alone", store.HealthAge, got)
	}
	f.add(f.call(now, nil)) // the store still takes calls
}
