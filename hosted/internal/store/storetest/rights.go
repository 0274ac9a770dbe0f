package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

func testRights(t *testing.T, open Open) {
	t.Run("a user has the rights that were given, whatever the role", func(t *testing.T) {
		f := newFixture(t, open)
		for i, rights := range []store.Rights{0, store.RightListen, store.RightRules | store.RightDownload, store.AllRights} {
			u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: string(rune('a' + i)), Role: store.RoleViewer, Rights: rights})
			f.ok(err)
			if got, err := f.User(f.ctx, u.ID); err != nil || got.Rights != rights {
				t.Errorf("rights %q, %v, want %q", got.Rights, err, rights)
			}
			u.Rights = store.AllRights &^ rights
			f.ok(f.UpdateUser(f.ctx, u))
			if got, err := f.UserByName(f.ctx, u.Name); err != nil || got != u {
				t.Errorf("changed to %+v, %v, want %+v", got, err, u)
			}
		}
	})
	t.Run("a token is narrow to its rights, even to none", func(t *testing.T) {
		f := newFixture(t, open)
		u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: "ann", Role: store.RoleUser})
		f.ok(err)
		for i, token := range []store.APIToken{
			{Label: "wide"}, {Label: "none", Narrow: true}, {Label: "some", Narrow: true, Rights: store.RightListen | store.RightRules},
		} {
			token.Hash, token.User, token.Created = [32]byte{byte(i)}, u.ID, now
			f.ok(f.CreateAPIToken(f.ctx, token))
			if got, err := f.APIToken(f.ctx, token.Hash); err != nil || got != token {
				t.Errorf("token %+v, %v, want %+v", got, err, token)
			}
		}
	})
	t.Run("a user's tokens are listed and removed, nobody else's", func(t *testing.T) {
		f := newFixture(t, open)
		var users [2]store.User
		for i := range users {
			u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: string(rune('a' + i)), Role: store.RoleUser})
			f.ok(err)
			users[i] = u
			for n := range 2 {
				f.ok(f.CreateAPIToken(f.ctx, store.APIToken{Hash: [32]byte{byte(i), byte(n)}, User: u.ID, Created: now.Add(time.Duration(n) * time.Hour), Narrow: n == 1}))
			}
		}
		all, err := f.APITokens(f.ctx, users[0].ID)
		if err != nil || len(all) != 2 || all[0].Hash != [32]byte{0, 1} || !all[0].Narrow || all[1].Hash != [32]byte{} || all[1].User != users[0].ID {
			t.Errorf("tokens %+v, %v", all, err)
		}
		if err := f.DeleteAPIToken(f.ctx, users[0].ID, [32]byte{1, 0}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another's: error %v, want ErrNotFound", err)
		}
		f.ok(f.DeleteAPIToken(f.ctx, users[0].ID, [32]byte{0, 1}))
		if _, err := f.APIToken(f.ctx, [32]byte{0, 1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the removed one: error %v, want ErrNotFound", err)
		}
		for i, want := range []int{1, 2} {
			if all, err := f.APITokens(f.ctx, users[i].ID); err != nil || len(all) != want {
				t.Errorf("user %d has the tokens %+v, %v, want %d", i, all, err, want)
			}
		}
	})
	t.Run("a tenant keeps its last administrator", func(t *testing.T) {
		f := newFixture(t, open)
		add := func(tenant store.TenantID, name string, role store.Role) store.User {
			u, err := f.CreateUser(f.ctx, store.User{Tenant: tenant, Name: name, Role: role})
			f.ok(err)
			return u
		}
		add(f.newTenant("other"), "eve", store.RoleAdmin) // does not count
		ann, bob := add(f.tenant, "ann", store.RoleAdmin), add(f.tenant, "bob", store.RoleUser)
		demoted := ann
		demoted.Role = store.RoleViewer
		for what, err := range map[string]error{"removed": f.DeleteUser(f.ctx, ann.ID), "demoted": f.UpdateUser(f.ctx, demoted)} {
			if !errors.Is(err, store.ErrLastAdmin) {
				t.Errorf("the last administrator %s: error %v, want ErrLastAdmin", what, err)
			}
		}
		ann.Password = "new"
		f.ok(f.UpdateUser(f.ctx, ann)) // stays one
		if got, err := f.User(f.ctx, ann.ID); err != nil || got != ann {
			t.Errorf("user %+v, %v, want %+v", got, err, ann)
		}
		bob.Role = store.RoleAdmin
		f.ok(f.UpdateUser(f.ctx, bob))
		f.ok(f.UpdateUser(f.ctx, demoted))
		f.ok(f.DeleteUser(f.ctx, ann.ID))
	})
	t.Run("of administrators who remove each other at once one stays", func(t *testing.T) {
		f := newFixture(t, open)
		users := make([]store.User, 4)
		for i := range users {
			u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: string(rune('a' + i)), Role: store.RoleAdmin})
			f.ok(err)
			users[i] = u
		}
		var wg sync.WaitGroup
		errs := make([]error, len(users))
		for i, u := range users {
			wg.Go(func() {
				if i%2 == 0 {
					errs[i] = f.DeleteUser(f.ctx, u.ID)
					return
				}
				u.Role = store.RoleUser
				errs[i] = f.UpdateUser(f.ctx, u)
			})
		}
		wg.Wait()
		refused := 0
		for _, err := range errs {
			if errors.Is(err, store.ErrLastAdmin) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if refused != 1 {
			t.Errorf("%d were refused, want 1: %v", refused, errs)
		}
	})
}
