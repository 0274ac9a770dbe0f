package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

func testAccess(t *testing.T, open Open) {
	user := func(f *fixture, name string) store.User {
		u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: name, Role: store.RoleUser, Created: now})
		f.ok(err)
		return u
	}
	t.Run("a user's sessions are listed and end, nobody else's", func(t *testing.T) {
		f := newFixture(t, open)
		ann, bob := user(f, "ann"), user(f, "bob")
		for i, u := range []store.User{ann, ann, ann, bob} {
			f.ok(f.SaveSession(f.ctx, store.Session{Hash: [32]byte{byte(i)}, User: u.ID, Data: []byte{byte(i)}, Expires: now.Add(time.Hour)}))
		}
		count := func(u store.User) int {
			all, err := f.Sessions(f.ctx, u.ID)
			f.ok(err)
			for _, s := range all {
				if s.User != u.ID || s.Data[0] != s.Hash[0] || !s.Expires.Equal(now.Add(time.Hour)) {
					t.Errorf("session of %s: %+v", u.Name, s)
				}
			}
			return len(all)
		}
		if count(ann) != 3 || count(bob) != 1 {
			t.Errorf("%d and %d sessions, want 3 and 1", count(ann), count(bob))
		}
		f.ok(f.DeleteSessions(f.ctx, ann.ID, [32]byte{1}))
		if s, err := f.Session(f.ctx, [32]byte{1}); err != nil || s.User != ann.ID {
			t.Errorf("the one that is kept: %+v, %v", s, err)
		}
		if count(ann) != 1 || count(bob) != 1 {
			t.Errorf("%d and %d sessions, want 1 and 1", count(ann), count(bob))
		}
	})
	t.Run("of those who take a session at once one gets it", func(t *testing.T) {
		f := newFixture(t, open)
		f.ok(f.SaveSession(f.ctx, store.Session{Hash: [32]byte{1}, Data: []byte("x"), Expires: now.Add(time.Hour)}))
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				var s store.Session
				if s, errs[i] = f.TakeSession(f.ctx, [32]byte{1}); errs[i] == nil && string(s.Data) != "x" {
					t.Errorf("took %+v", s)
				}
			})
		}
		wg.Wait()
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
		}
		if taken != 1 {
			t.Errorf("taken %d times, want once", taken)
		}
	})
	t.Run("a token has its scope, its end and its last use", func(t *testing.T) {
		f := newFixture(t, open)
		u := user(f, "ann")
		token := store.APIToken{Hash: [32]byte{7}, User: u.ID, Label: "x", Scope: store.ScopeMCP, Created: now, Expires: now.Add(time.Hour)}
		f.ok(f.CreateAPIToken(f.ctx, token))
		f.ok(f.TouchAPIToken(f.ctx, token.Hash, now.Add(time.Minute)))
		token.Used = now.Add(time.Minute)
		if got, err := f.APIToken(f.ctx, token.Hash); err != nil || got != token {
			t.Errorf("token %+v, %v, want %+v", got, err, token)
		}
	})
	t.Run("a subject is one user in each tenant", func(t *testing.T) {
		f := newFixture(t, open)
		ann, bob := user(f, "ann"), user(f, "bob")
		other := f.newTenant("other")
		l := store.Link{Issuer: "https://id.example", Subject: "00u1", Tenant: f.tenant, User: ann.ID, Created: now}
		f.ok(f.CreateLink(f.ctx, l))
		second := l
		second.User = bob.ID
		if err := f.CreateLink(f.ctx, second); !errors.Is(err, store.ErrExists) {
			t.Errorf("the subject again: error %v, want ErrExists", err)
		}
		second.Tenant = other
		f.ok(f.CreateLink(f.ctx, second))
		if all, err := f.LinksOf(f.ctx, l.Issuer, l.Subject); err != nil || len(all) != 2 || all[0] != l || all[1] != second {
			t.Errorf("links %+v, %v, want %+v and %+v", all, err, l, second)
		}
		for name, ask := range map[string][2]string{"another issuer": {"https://id.example/", "00u1"}, "another case": {"https://id.example", "00U1"}} {
			if all, err := f.LinksOf(f.ctx, ask[0], ask[1]); err != nil || len(all) != 0 {
				t.Errorf("%s: %+v, %v, want none", name, all, err)
			}
		}
		if all, err := f.Links(f.ctx, bob.ID); err != nil || len(all) != 1 || all[0] != second {
			t.Errorf("links %+v, %v", all, err)
		}
		f.ok(f.DeleteLinks(f.ctx, ann.ID))
		f.ok(f.DeleteUser(f.ctx, bob.ID))
		if all, err := f.LinksOf(f.ctx, l.Issuer, l.Subject); err != nil || len(all) != 0 {
			t.Errorf("after their end: %+v, %v, want none", all, err)
		}
	})
	t.Run("a provider disables even the last administrator, who then counts no more", func(t *testing.T) {
		f := newFixture(t, open)
		u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: "ann", Role: store.RoleAdmin, Rights: store.AllRights, Created: now})
		f.ok(err)
		u.Disabled = store.DisabledByAdmin
		if err := f.UpdateUser(f.ctx, u); !errors.Is(err, store.ErrLastAdmin) {
			t.Errorf("disabled by hosted: error %v, want ErrLastAdmin", err)
		}
		u.Role, u.Rights, u.Disabled, u.Vouched = store.RoleAdmin, 0, store.DisabledByProvider, now.Add(time.Hour)
		f.ok(f.Vouch(f.ctx, u))
		if got, err := f.User(f.ctx, u.ID); err != nil || got != u {
			t.Errorf("user %+v, %v, want %+v", got, err, u)
		}
		bob, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: "bob", Role: store.RoleAdmin})
		f.ok(err)
		if err := f.DeleteUser(f.ctx, bob.ID); !errors.Is(err, store.ErrLastAdmin) {
			t.Errorf("the last who may log in is removed: error %v, want ErrLastAdmin", err)
		}
	})
}
