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

func testRules(t *testing.T, open Open) {
	set := func(f *fixture, tenant store.TenantID, base uint64, text string) (store.RuleSet, error) {
		return f.SetRules(f.ctx, store.RuleSet{Tenant: tenant, Revision: base, Text: text, Author: "ann", Changed: now.Add(time.Duration(base) * time.Minute)})
	}
	t.Run("a tenant's rules are its own, from revision 1 on", func(t *testing.T) {
		f := newFixture(t, open)
		other := f.newTenant("other")
		if got, err := f.Rules(f.ctx, f.tenant); err != nil || got != (store.RuleSet{Tenant: f.tenant}) {
			t.Errorf("before the first: %+v, %v", got, err)
		}
		text := "# \x00\xff žluťoučký\nall: keep rtp\n"
		first, err := set(f, f.tenant, 0, text)
		f.ok(err)
		want := store.RuleSet{Tenant: f.tenant, Revision: 1, Text: text, Author: "ann", Changed: now}
		if got, err := f.Rules(f.ctx, f.tenant); err != nil || got != want || first != want {
			t.Errorf("stored %+v, read %+v, %v, want %+v", first, got, err, want)
		}
		if got, err := f.Rules(f.ctx, other); err != nil || got.Revision != 0 || got.Text != "" {
			t.Errorf("of the other tenant: %+v, %v", got, err)
		}
		_, err = set(f, other, 0, "theirs")
		f.ok(err)
		if got, err := f.Tenant(f.ctx, f.tenant); err != nil || got.RuleRevision != 1 {
			t.Errorf("tenant %+v, %v", got, err)
		}
		if all, err := f.RuleRevisions(f.ctx); err != nil || fmt.Sprint(all) != fmt.Sprint(map[store.TenantID]uint64{f.tenant: 1, other: 1}) {
			t.Errorf("revisions %v, %v", all, err)
		}
		if got, err := f.RulesAt(f.ctx, f.tenant, 1); err != nil || got != want {
			t.Errorf("at 1: %+v, %v", got, err)
		}
		if _, err := f.RulesAt(f.ctx, f.tenant, 2); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("at 2: error %v, want ErrNotFound", err)
		}
	})
	t.Run("who changes another revision than that in force is refused", func(t *testing.T) {
		f := newFixture(t, open)
		_, err := set(f, f.tenant, 0, "a")
		f.ok(err)
		_, err = set(f, f.tenant, 1, "b")
		f.ok(err)
		for _, base := range []uint64{0, 1, 3, 1 << 63} {
			if _, err := set(f, f.tenant, base, "c"); !errors.Is(err, store.ErrStale) {
				t.Errorf("on revision %d: error %v, want ErrStale", base, err)
			}
		}
		if got, err := f.Rules(f.ctx, f.tenant); err != nil || got.Revision != 2 || got.Text != "b" {
			t.Errorf("rules %+v, %v", got, err)
		}
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { _, errs[i] = set(f, f.tenant, 2, "c") })
		}
		wg.Wait()
		stored := 0
		for _, err := range errs {
			if err == nil {
				stored++
			} else if !errors.Is(err, store.ErrStale) {
				t.Error(err)
			}
		}
		if stored != 1 {
			t.Errorf("%d changes at once were stored, want 1", stored)
		}
		if _, err := set(f, 999, 0, "x"); err == nil {
			t.Error("rules of a tenant that does not exist were stored")
		}
	})
	t.Run("the last revisions are kept", func(t *testing.T) {
		f := newFixture(t, open)
		const more = 3
		for base := range uint64(store.RuleHistory + more) {
			_, err := set(f, f.tenant, base, fmt.Sprint("text ", base+1))
			f.ok(err)
		}
		all, err := f.RuleHistory(f.ctx, f.tenant)
		f.ok(err)
		if len(all) != store.RuleHistory {
			t.Fatalf("%d revisions, want %d", len(all), store.RuleHistory)
		}
		newest, oldest := all[0], all[len(all)-1]
		if newest.Revision != store.RuleHistory+more || oldest.Revision != more+1 || newest.Text != "" || newest.Author != "ann" || !oldest.Changed.Equal(now.Add(more*time.Minute)) {
			t.Errorf("newest %+v, oldest %+v", newest, oldest)
		}
		if got, err := f.RulesAt(f.ctx, f.tenant, more+1); err != nil || got.Text != fmt.Sprint("text ", more+1) {
			t.Errorf("the oldest: %+v, %v", got, err)
		}
		if _, err := f.RulesAt(f.ctx, f.tenant, more); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an older one: error %v, want ErrNotFound", err)
		}
		if all, err := f.RuleHistory(f.ctx, f.newTenant("other")); err != nil || len(all) != 0 {
			t.Errorf("of another tenant: %+v, %v", all, err)
		}
	})
	t.Run("what a sensor says of its rules is recorded", func(t *testing.T) {
		f := newFixture(t, open)
		if s, err := f.Sensor(f.ctx, f.tenant, f.sensor.UUID); err != nil || s.Rules != (store.SensorRules{}) {
			t.Errorf("at first %+v, %v", s.Rules, err)
		}
		want := store.SensorRules{Local: 3, Hosted: 7, Problem: &protocol.Problem{Code: "x", Title: "\x00", Remedy: "y"}}
		f.ok(f.SetSensorRules(f.ctx, f.tenant, f.sensor.UUID, want))
		for name, get := range map[string]func() (store.Sensor, error){
			"by id":     func() (store.Sensor, error) { return f.Sensor(f.ctx, f.tenant, f.sensor.UUID) },
			"by number": func() (store.Sensor, error) { return f.SensorByNumber(f.ctx, f.tenant, f.sensor.SensorID) },
		} {
			s, err := get()
			if got := s.Rules; err != nil || got.Local != 3 || got.Hosted != 7 || got.Problem == nil || got.Problem.Code != "x" || got.Problem.Title != "\x00" {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		if err := f.SetSensorRules(f.ctx, f.tenant, protocol.UUID{99}, want); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown sensor: error %v, want ErrNotFound", err)
		}
	})
}
