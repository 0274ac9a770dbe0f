package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func testNodes(t *testing.T, open Open) {
	// hold makes a node the holder of a sensor's link, with channels.
	hold := func(f *fixture, tenant store.TenantID, sensor protocol.UUID, node string, granted int) {
		f.t.Helper()
		f.ok(f.UpdateSensorLink(f.ctx, tenant, sensor, func(l *store.SensorLink, _ store.LinkTotals) error {
			l.Node, l.Generation, l.Boot, l.Addr, l.Since, l.Granted = node, l.Generation+1, "boot", "192.0.2.1:9", now, granted
			return nil
		}))
	}
	t.Run("a node is there until it is removed, and its links and streams with it", func(t *testing.T) {
		f := newFixture(t, open)
		n := store.Node{ID: "a1", Name: "a", Addr: "192.0.2.7:60024", Version: "1", Started: now, Seen: now, Beat: 3}
		f.ok(f.SaveNode(f.ctx, n))
		f.ok(f.SaveNode(f.ctx, store.Node{ID: "b1", Name: "b", Started: now, Seen: now}))
		later := now.Add(time.Second)
		f.ok(f.BeatNode(f.ctx, "a1", later, true))
		hold(f, f.tenant, f.sensor.UUID, "a1", 5)
		f.ok(f.SetStreams(f.ctx, f.tenant, "a1", 4, 2))
		all, err := f.Nodes(f.ctx)
		f.ok(err)
		n.Beat, n.Leaving = 4, true
		if counts, err := f.SensorLinkCounts(f.ctx); err != nil || fmt.Sprint(counts) != "map[a1:1]" {
			t.Errorf("links %v, %v", counts, err)
		}
		if len(all) != 2 || !all[0].Seen.Equal(later) || !all[0].Started.Equal(now) {
			t.Fatalf("nodes %+v", all)
		}
		all[0].Seen, all[0].Started = n.Seen, n.Started
		if all[0] != n || all[1].Name != "b" {
			t.Errorf("nodes %+v, want %+v first", all, n)
		}
		f.ok(f.RemoveNode(f.ctx, "a1", later))
		if l, err := f.SensorLink(f.ctx, f.tenant, f.sensor.UUID); err != nil || l.Node != "" || l.Generation != 1 || l.Granted != 5 || !l.Since.Equal(later) {
			t.Errorf("its link is %+v, %v, want nobody's since then", l, err)
		}
		if n, err := f.Streams(f.ctx, f.tenant); err != nil || len(n) != 0 {
			t.Errorf("its streams: %v, %v", n, err)
		}
		if err := f.BeatNode(f.ctx, "a1", later, false); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it beats on: %v, want ErrNotFound", err)
		}
	})
	t.Run("links are found by tenant, sensor and node", func(t *testing.T) {
		f := newFixture(t, open)
		other := f.newTenant("other")
		theirs := f.newSensor(other, 1, 9)
		if _, err := f.SensorLink(f.ctx, f.tenant, f.sensor.UUID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a link that never was: %v", err)
		}
		hold(f, f.tenant, f.sensor.UUID, "a1", 1)
		hold(f, other, theirs.UUID, "a1", 1)
		want := store.SensorLink{Tenant: f.tenant, Sensor: f.sensor.UUID, Node: "a1", Generation: 1, Boot: "boot", Addr: "192.0.2.1:9", Granted: 1}
		for name, get := range map[string]func() (store.SensorLink, error){
			"by tenant and sensor": func() (store.SensorLink, error) { return f.SensorLink(f.ctx, f.tenant, f.sensor.UUID) },
			"by sensor":            func() (store.SensorLink, error) { return f.FindSensorLink(f.ctx, f.sensor.UUID) },
			"by tenant": func() (store.SensorLink, error) {
				all, err := f.SensorLinks(f.ctx, f.tenant)
				if err != nil || len(all) != 1 {
					return store.SensorLink{}, fmt.Errorf("%+v, %w", all, err)
				}
				return all[0], nil
			},
		} {
			got, err := get()
			if err != nil || !got.Since.Equal(now) || len(got.Boots) != 0 {
				t.Fatalf("%s: %+v, %v", name, got, err)
			}
			got.Since, got.Boots = want.Since, nil
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		if _, err := f.SensorLink(f.ctx, other, f.sensor.UUID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("for the other tenant: %v, want ErrNotFound", err)
		}
		if all, err := f.SensorLinksOf(f.ctx, "a1"); err != nil || len(all) != 2 {
			t.Errorf("of the node %+v, %v", all, err)
		}
	})
	t.Run("only the newest link of a sensor ends it", func(t *testing.T) {
		f := newFixture(t, open)
		hold(f, f.tenant, f.sensor.UUID, "a1", 1)
		first, err := f.SensorLink(f.ctx, f.tenant, f.sensor.UUID)
		f.ok(err)
		hold(f, f.tenant, f.sensor.UUID, "b1", 1)
		f.ok(f.ReleaseSensorLink(f.ctx, first, now))
		second, err := f.SensorLink(f.ctx, f.tenant, f.sensor.UUID)
		if err != nil || second.Node != "b1" {
			t.Fatalf("after the end of the older one: %+v, %v", second, err)
		}
		f.ok(f.ReleaseSensorLink(f.ctx, second, now))
		if all, err := f.SensorLinks(f.ctx, f.tenant); err != nil || len(all) != 0 {
			t.Errorf("after its end: %+v, %v", all, err)
		}
	})
	t.Run("changes of a link wait for each other, and an error changes nothing", func(t *testing.T) {
		f := newFixture(t, open)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := f.UpdateSensorLink(f.ctx, f.tenant, f.sensor.UUID, func(l *store.SensorLink, _ store.LinkTotals) error {
					l.Generation++
					l.Boots = append(l.Boots, 'x')
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		failed := errors.New("no")
		if err := f.UpdateSensorLink(f.ctx, f.tenant, f.sensor.UUID, func(l *store.SensorLink, _ store.LinkTotals) error {
			l.Generation = 99
			return failed
		}); !errors.Is(err, failed) {
			t.Errorf("error %v", err)
		}
		if l, err := f.SensorLink(f.ctx, f.tenant, f.sensor.UUID); err != nil || l.Generation != 8 || string(l.Boots) != "xxxxxxxx" {
			t.Errorf("%+v, %v", l, err)
		}
	})
	t.Run("channels are summed over a tenant, and divided in one transaction", func(t *testing.T) {
		f := newFixture(t, open)
		second := f.newSensor(f.tenant, 8, 2)
		hold(f, f.tenant, f.sensor.UUID, "a1", 30)
		hold(f, f.tenant, second.UUID, "", 12)
		hold(f, f.newTenant("other"), f.sensor.UUID, "a1", 1000)
		f.ok(f.UpdateSensorLink(f.ctx, f.tenant, second.UUID, func(_ *store.SensorLink, all store.LinkTotals) error {
			if all != (store.LinkTotals{Linked: 1, Granted: 42}) {
				t.Errorf("totals %+v", all)
			}
			return nil
		}))
		if all, err := f.LinkTotals(f.ctx); err != nil || len(all) != 2 || all[f.tenant] != (store.LinkTotals{Linked: 1, Granted: 42}) {
			t.Errorf("of all tenants %+v, %v", all, err)
		}
		f.ok(f.UpdateSensorLinks(f.ctx, f.tenant, func(all []store.SensorLink) error {
			if len(all) != 2 {
				t.Errorf("%+v", all)
			}
			for i := range all {
				if all[i].Node == "" {
					all[i].Granted = 0
				} else {
					all[i].Used = 7
				}
			}
			return nil
		}))
		f.ok(f.UpdateSensorLinks(f.ctx, f.tenant, func(all []store.SensorLink) error {
			if len(all) != 1 || all[0].Used != 7 || all[0].Granted != 30 {
				t.Errorf("afterwards %+v", all)
			}
			return nil
		}))
	})
	t.Run("streams are summed over the nodes", func(t *testing.T) {
		f := newFixture(t, open)
		f.ok(f.SetStreams(f.ctx, f.tenant, "a1", 4, 2))
		f.ok(f.SetStreams(f.ctx, f.tenant, "b1", 4, 1))
		f.ok(f.SetStreams(f.ctx, f.tenant, "b1", 5, 9))
		f.ok(f.SetStreams(f.ctx, f.tenant, "b1", 5, 8))
		f.ok(f.SetStreams(f.ctx, f.newTenant("other"), "a1", 6, 1))
		if n, err := f.Streams(f.ctx, f.tenant); err != nil || fmt.Sprint(n) != "map[4:3 5:8]" {
			t.Errorf("%v, %v", n, err)
		}
		f.ok(f.SetStreams(f.ctx, f.tenant, "b1", 5, 0))
		if n, err := f.Streams(f.ctx, f.tenant); err != nil || fmt.Sprint(n) != "map[4:3]" {
			t.Errorf("after its end: %v, %v", n, err)
		}
	})
}
