// Package storetest is what a store promises: tests that every implementation of store.Store runs against itself. The
// tests of store/sqlite and store/postgres call Run.
package storetest

import (
	"context"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// Open gives a new, empty store, which the test closes at its end.
type Open func(t testing.TB, o sqlstore.Options) store.Store

// now is the tests' clock.
var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Run holds a store to its promises.
func Run(t *testing.T, open Open) {
	for _, group := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"accounts", testAccounts},
		{"sensors", testSensors},
		{"append", testAppend},
		{"calls", testCalls},
		{"where", testWhere},
		{"searches", testSearches},
		{"days", testDays},
		{"rights", testRights},
		{"access", testAccess},
		{"failures", testFailures},
		{"rules", testRules},
		{"nodes", testNodes},
		{"stats", testStats},
		{"health", testHealth},
		{"audit", testAudit},
		{"records", testRecords},
		{"alerts", testAlerts},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, open) })
	}
}

// fixture is a store with one tenant and one sensor in it.
type fixture struct {
	store.Store
	t      testing.TB
	ctx    context.Context
	tenant store.TenantID
	sensor store.Sensor
	next   uint64 // number of the next record
	made   int    // CDRs made
}

func newFixture(t testing.TB, open Open) *fixture {
	return newFixtureAt(t, open, func() time.Time { return now })
}

// newFixtureAt is newFixture with a clock.
func newFixtureAt(t testing.TB, open Open, clock func() time.Time) *fixture {
	f := &fixture{Store: open(t, sqlstore.Options{Now: clock}), t: t, ctx: t.Context()}
	f.tenant = f.newTenant("acme")
	f.sensor = f.newSensor(f.tenant, 7, 1)
	return f
}

func (f *fixture) newTenant(name string) store.TenantID {
	f.t.Helper()
	tenant, err := f.CreateTenant(f.ctx, name)
	f.ok(err)
	return tenant.ID
}

// newSensor enrols a sensor with the given number and key.
func (f *fixture) newSensor(t store.TenantID, number uint16, key byte) store.Sensor {
	f.t.Helper()
	s, err := f.enrol(t, number, key)
	f.ok(err)
	return s
}

func (f *fixture) enrol(t store.TenantID, number uint16, key byte) (store.Sensor, error) {
	f.made++
	hash := [32]byte{1: byte(f.made), 2: byte(f.made >> 8), 3: 0xff}
	f.ok(f.CreateEnrolToken(f.ctx, store.EnrolToken{Hash: hash, Tenant: t, Created: now, Expires: now.Add(time.Hour)}))
	return f.RedeemEnrolToken(f.ctx, hash, now, store.Sensor{
		UUID: protocol.UUID{0: byte(f.made), 1: 0xee}, SensorID: number, KeyHash: [32]byte{key, byte(t)}, Addr: "192.0.2.1:4711",
		Info: protocol.SensorInfo{Name: "pbx", SensorID: number},
	})
}

// call makes a CDR that starts at the given time.
func (f *fixture) call(start time.Time, change func(*protocol.CDR)) protocol.CDR {
	f.made++
	c := protocol.CDR{Start: protocol.TimeOf(start), End: protocol.TimeOf(start.Add(time.Minute)), SensorID: f.sensor.SensorID}
	ms := start.UnixMilli()
	for i := range 6 {
		c.ID[i] = byte(ms >> (40 - 8*i))
	}
	c.ID[6], c.ID[14], c.ID[15] = 0x70, byte(f.made>>8), byte(f.made)
	c.CallID = "call-" + c.ID.String()
	if change != nil {
		change(&c)
	}
	return c
}

// add appends CDRs as the sensor's next batch.
func (f *fixture) add(calls ...protocol.CDR) {
	f.t.Helper()
	cur, err := f.AppendCDRs(f.ctx, f.batch(f.next, calls...), now)
	f.ok(err)
	f.next = cur.Next
}

func (f *fixture) batch(first uint64, calls ...protocol.CDR) store.Batch {
	return store.Batch{Tenant: f.tenant, Sensor: f.sensor.UUID, Epoch: 1, First: first, CDRs: calls}
}

// appendAll stores batches of one size as a sensor does: after each, from where the store says that it is.
func (f *fixture) appendAll(all []store.Batch) error {
	for i := 0; i < len(all); {
		cur, err := f.AppendCDRs(f.ctx, all[i], now)
		if err != nil {
			return err
		}
		i = int(cur.Next) / len(all[i].CDRs)
	}
	return nil
}

// list reads one page.
func (f *fixture) list(q store.CallQuery) store.CallPage {
	f.t.Helper()
	p, err := f.Calls(f.ctx, f.tenant, q)
	f.ok(err)
	return p
}

// all reads page after page.
func (f *fixture) all(q store.CallQuery) (calls []protocol.CDR) {
	f.t.Helper()
	for {
		p := f.list(q)
		calls = append(calls, p.Calls...)
		if p.Next == "" {
			return calls
		}
		if q.After == p.Next {
			f.t.Fatalf("the page after %s is itself", q.After)
		}
		q.After = p.Next
	}
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}
