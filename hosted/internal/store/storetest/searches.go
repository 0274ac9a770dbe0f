package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

func testSearches(t *testing.T, open Open) {
	newUser := func(f *fixture, tenant store.TenantID, name string) int64 {
		u, err := f.CreateUser(f.ctx, store.User{Tenant: tenant, Name: name, Role: store.RoleAdmin, Created: now})
		f.ok(err)
		return u.ID
	}
	names := func(f *fixture, tenant store.TenantID, user int64) (all []string) {
		list, err := f.Searches(f.ctx, tenant, user)
		f.ok(err)
		for _, s := range list {
			all = append(all, s.Name)
		}
		return all
	}
	save := func(f *fixture, s store.SavedSearch) store.SavedSearch {
		f.t.Helper()
		s.Changed = now
		got, err := f.SaveSearch(f.ctx, s)
		f.ok(err)
		return got
	}
	t.Run("a user sees the own searches and the tenant's, as they were saved", func(t *testing.T) {
		f := newFixture(t, open)
		ann, bob := newUser(f, f.tenant, "ann"), newUser(f, f.tenant, "bob")
		other := f.newTenant("other")
		eve := newUser(f, other, "eve")
		mine := save(f, store.SavedSearch{Tenant: f.tenant, Owner: ann, Author: "ann", Name: "bad", Where: "mos<3 callee:\"ž\"", Range: "24h", Columns: []string{"start", "mos"}})
		shared := save(f, store.SavedSearch{Tenant: f.tenant, Author: "ann", Name: "all"})
		save(f, store.SavedSearch{Tenant: f.tenant, Owner: bob, Name: "bob's"})
		save(f, store.SavedSearch{Tenant: other, Name: "theirs"})
		list, err := f.Searches(f.ctx, f.tenant, ann)
		f.ok(err)
		if shared.Columns = []string{}; !reflect.DeepEqual(list, []store.SavedSearch{shared, mine}) {
			t.Errorf("%+v, want %+v and %+v", list, shared, mine)
		}
		if got := names(f, f.tenant, bob); !reflect.DeepEqual(got, []string{"all", "bob's"}) {
			t.Errorf("bob sees %q", got)
		}
		if got := names(f, other, eve); !reflect.DeepEqual(got, []string{"theirs"}) {
			t.Errorf("the other tenant sees %q", got)
		}
	})
	t.Run("a search is changed, shared and forgotten, in its tenant only", func(t *testing.T) {
		f := newFixture(t, open)
		ann, bob := newUser(f, f.tenant, "ann"), newUser(f, f.tenant, "bob")
		other := f.newTenant("other")
		s := save(f, store.SavedSearch{Tenant: f.tenant, Owner: ann, Author: "ann", Name: "bad"})
		s.Owner, s.Name, s.Author = 0, "worse", "bob"
		if got := save(f, s); got.Author != "ann" || got.ID != s.ID {
			t.Errorf("the change answers %+v", got)
		}
		if got := names(f, f.tenant, bob); !reflect.DeepEqual(got, []string{"worse"}) {
			t.Errorf("bob sees %q", got)
		}
		foreign := s
		foreign.Tenant = other
		if _, err := f.SaveSearch(f.ctx, foreign); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant changes it: %v", err)
		}
		if err := f.DeleteSearch(f.ctx, other, s.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant deletes it: %v", err)
		}
		f.ok(f.DeleteSearch(f.ctx, f.tenant, s.ID))
		if err := f.DeleteSearch(f.ctx, f.tenant, s.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it is deleted twice: %v", err)
		}
	})
	t.Run("names are unique to their owner, and there is an end", func(t *testing.T) {
		f := newFixture(t, open)
		ann := newUser(f, f.tenant, "ann")
		save(f, store.SavedSearch{Tenant: f.tenant, Owner: ann, Name: "a"})
		save(f, store.SavedSearch{Tenant: f.tenant, Name: "a"})
		if _, err := f.SaveSearch(f.ctx, store.SavedSearch{Tenant: f.tenant, Owner: ann, Name: "a"}); !errors.Is(err, store.ErrExists) {
			t.Errorf("a name twice: %v", err)
		}
		for i := range store.MaxSearches - 1 {
			save(f, store.SavedSearch{Tenant: f.tenant, Owner: ann, Name: fmt.Sprint(i)})
		}
		if _, err := f.SaveSearch(f.ctx, store.SavedSearch{Tenant: f.tenant, Owner: ann, Name: "more"}); !errors.Is(err, store.ErrFull) {
			t.Errorf("one too many: %v", err)
		}
		save(f, store.SavedSearch{Tenant: f.tenant, Name: "shared"})
	})
	t.Run("a user's searches go with the user, the shared ones stay", func(t *testing.T) {
		f := newFixture(t, open)
		ann, bob := newUser(f, f.tenant, "ann"), newUser(f, f.tenant, "bob")
		save(f, store.SavedSearch{Tenant: f.tenant, Owner: ann, Author: "ann", Name: "mine", Changed: time.Time{}})
		save(f, store.SavedSearch{Tenant: f.tenant, Author: "ann", Name: "ours"})
		f.ok(f.DeleteUser(f.ctx, ann))
		if got := append(names(f, f.tenant, ann), names(f, f.tenant, bob)...); !reflect.DeepEqual(got, []string{"ours", "ours"}) {
			t.Errorf("left are %q", got)
		}
	})
}
