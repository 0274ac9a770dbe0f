package storetest

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func testAccounts(t *testing.T, open Open) {
	t.Run("a tenant has its limit and its name once", func(t *testing.T) {
		f := newFixture(t, open)
		got, err := f.Tenant(f.ctx, f.tenant)
		f.ok(err)
		if got.Name != "acme" || got.MaxChannels != 2000 || got.Suspended || !got.Created.Equal(now) {
			t.Errorf("got %+v", got)
		}
		if _, err := f.CreateTenant(f.ctx, "acme"); !errors.Is(err, store.ErrExists) {
			t.Errorf("second tenant of that name: error %v, want ErrExists", err)
		}
		if _, err := f.Tenant(f.ctx, f.tenant+99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown tenant: error %v, want ErrNotFound", err)
		}
		f.newTenant("b")
		if all, err := f.Tenants(f.ctx); err != nil || len(all) != 2 || all[0] != got {
			t.Errorf("tenants %+v, %v", all, err)
		}
	})
	t.Run("a user's name is unique in hosted", func(t *testing.T) {
		f := newFixture(t, open)
		u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: "ann", Password: "$argon2id$x", Role: store.RoleAdmin, Created: now})
		f.ok(err)
		if u.ID == 0 {
			t.Error("the user has no number")
		}
		for name, get := range map[string]func() (store.User, error){
			"by name": func() (store.User, error) { return f.UserByName(f.ctx, "ann") },
			"by id":   func() (store.User, error) { return f.User(f.ctx, u.ID) },
		} {
			if got, err := get(); err != nil || got != u || got.Password != "$argon2id$x" || got.Role != store.RoleAdmin {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		other := f.newTenant("other")
		if _, err := f.CreateUser(f.ctx, store.User{Tenant: other, Name: "ann", Role: store.RoleUser}); !errors.Is(err, store.ErrExists) {
			t.Errorf("same name in another tenant: error %v, want ErrExists", err)
		}
		if _, err := f.CreateUser(f.ctx, store.User{Tenant: 999, Name: "eve", Role: store.RoleUser}); err == nil {
			t.Error("a user of a tenant that does not exist was made")
		}
		if _, err := f.UserByName(f.ctx, "ANN"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another name: error %v, want ErrNotFound", err)
		}
		if all, err := f.Users(f.ctx, f.tenant); err != nil || len(all) != 1 {
			t.Errorf("users %+v, %v", all, err)
		}
		if all, err := f.Users(f.ctx, other); err != nil || len(all) != 0 {
			t.Errorf("users of the other tenant %+v, %v", all, err)
		}
	})
	t.Run("tenants and users change, and a user goes with the tokens", func(t *testing.T) {
		f := newFixture(t, open)
		f.ok(f.UpdateTenant(f.ctx, store.Tenant{ID: f.tenant, MaxChannels: 5, Suspended: true}))
		if got, err := f.Tenant(f.ctx, f.tenant); err != nil || got.MaxChannels != 5 || !got.Suspended || got.Name != "acme" {
			t.Errorf("tenant %+v, %v", got, err)
		}
		u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: "ann", Password: "old", Role: store.RoleUser})
		f.ok(err)
		f.ok(f.CreateAPIToken(f.ctx, store.APIToken{Hash: [32]byte{1}, User: u.ID}))
		u.Password, u.Role = "new", store.RoleViewer
		f.ok(f.UpdateUser(f.ctx, u))
		if got, err := f.User(f.ctx, u.ID); err != nil || got != u {
			t.Errorf("user %+v, %v, want %+v", got, err, u)
		}
		f.ok(f.DeleteUser(f.ctx, u.ID))
		for name, err := range map[string]error{
			"delete again": f.DeleteUser(f.ctx, u.ID), "update": f.UpdateUser(f.ctx, u), "tenant": f.UpdateTenant(f.ctx, store.Tenant{ID: 999}),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: error %v, want ErrNotFound", name, err)
			}
		}
		if _, err := f.APIToken(f.ctx, [32]byte{1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("token of the user who went: error %v, want ErrNotFound", err)
		}
	})
	t.Run("tokens and sessions are found by hash until they expire", func(t *testing.T) {
		f := newFixture(t, open)
		u, err := f.CreateUser(f.ctx, store.User{Tenant: f.tenant, Name: "ann", Role: store.RoleAdmin})
		f.ok(err)
		forever := store.APIToken{Hash: [32]byte{1}, User: u.ID, Label: "ci", Created: now}
		short := store.APIToken{Hash: [32]byte{2}, User: u.ID, Label: "tmp", Created: now, Expires: now.Add(time.Hour)}
		f.ok(f.CreateAPIToken(f.ctx, forever))
		f.ok(f.CreateAPIToken(f.ctx, short))
		save := func(hash byte, data string, expires time.Duration) {
			f.ok(f.SaveSession(f.ctx, store.Session{Hash: [32]byte{hash}, User: u.ID, Data: []byte(data), Expires: now.Add(expires)}))
		}
		save(3, "a", time.Hour)
		save(3, "b", 2*time.Hour)
		save(4, "c", time.Hour)
		save(5, "d", 3*time.Hour)
		f.ok(f.DeleteSession(f.ctx, [32]byte{5}))
		if got, err := f.APIToken(f.ctx, short.Hash); err != nil || got != short {
			t.Errorf("token %+v, %v, want %+v", got, err, short)
		}
		f.ok(f.Maintain(f.ctx, now.Add(90*time.Minute)))
		if got, err := f.APIToken(f.ctx, forever.Hash); err != nil || got != forever {
			t.Errorf("token %+v, %v, want %+v", got, err, forever)
		}
		if _, err := f.APIToken(f.ctx, short.Hash); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("expired token: error %v, want ErrNotFound", err)
		}
		if got, err := f.Session(f.ctx, [32]byte{3}); err != nil || string(got.Data) != "b" || got.User != u.ID || !got.Expires.Equal(now.Add(2*time.Hour)) {
			t.Errorf("session %+v, %v, want b", got, err)
		}
		for _, gone := range []byte{4, 5} {
			if _, err := f.Session(f.ctx, [32]byte{gone}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("session %d: error %v, want ErrNotFound", gone, err)
			}
		}
	})
}

func testSensors(t *testing.T, open Open) {
	t.Run("a token enrols one sensor, before it expires", func(t *testing.T) {
		f := newFixture(t, open)
		token := store.EnrolToken{Hash: [32]byte{1}, Tenant: f.tenant, Created: now, Expires: now.Add(time.Hour)}
		f.ok(f.CreateEnrolToken(f.ctx, token))
		s := store.Sensor{UUID: protocol.UUID{5}, Tenant: 999, SensorID: 50, KeyHash: [32]byte{5}, Addr: "a", Info: protocol.SensorInfo{Name: "\x00\xffpbx"}}
		if _, err := f.RedeemEnrolToken(f.ctx, token.Hash, now.Add(time.Hour), s); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("expired: error %v, want ErrNotFound", err)
		}
		if _, err := f.RedeemEnrolToken(f.ctx, [32]byte{2}, now, s); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown: error %v, want ErrNotFound", err)
		}
		got, err := f.RedeemEnrolToken(f.ctx, token.Hash, now, s)
		f.ok(err)
		if got.Tenant != f.tenant || got.UUID != s.UUID || got.SensorID != 50 || got.KeyHash != s.KeyHash || !got.Enrolled.Equal(now) || got.Revoked {
			t.Errorf("enrolled %+v", got)
		}
		s.UUID, s.SensorID, s.KeyHash = protocol.UUID{6}, 51, [32]byte{6}
		if _, err := f.RedeemEnrolToken(f.ctx, token.Hash, now, s); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("used: error %v, want ErrNotFound", err)
		}
	})
	t.Run("of two that redeem a token at once one enrols", func(t *testing.T) {
		f := newFixture(t, open)
		f.ok(f.CreateEnrolToken(f.ctx, store.EnrolToken{Hash: [32]byte{1}, Tenant: f.tenant, Created: now, Expires: now.Add(time.Hour)}))
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = f.RedeemEnrolToken(f.ctx, [32]byte{1}, now, store.Sensor{UUID: protocol.UUID{byte(i), 1}, SensorID: uint16(100 + i), KeyHash: [32]byte{byte(i), 2}})
			})
		}
		wg.Wait()
		enrolled := 0
		for _, err := range errs {
			if err == nil {
				enrolled++
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("error %v, want ErrNotFound", err)
			}
		}
		if enrolled != 1 {
			t.Errorf("%d enrolled, want 1", enrolled)
		}
	})
	t.Run("a number that is held is refused and leaves the token good", func(t *testing.T) {
		f := newFixture(t, open)
		hash := [32]byte{1}
		f.ok(f.CreateEnrolToken(f.ctx, store.EnrolToken{Hash: hash, Tenant: f.tenant, Created: now, Expires: now.Add(time.Hour)}))
		s := store.Sensor{UUID: protocol.UUID{5}, SensorID: f.sensor.SensorID, KeyHash: [32]byte{5}}
		if _, err := f.RedeemEnrolToken(f.ctx, hash, now, s); !errors.Is(err, store.ErrExists) {
			t.Errorf("error %v, want ErrExists", err)
		}
		s.SensorID = 60
		_, err := f.RedeemEnrolToken(f.ctx, hash, now, s)
		f.ok(err)
		f.newSensor(f.newTenant("other"), 60, 9) // numbers are the tenant's own
	})
	t.Run("the number of a revoked sensor is free again", func(t *testing.T) {
		f := newFixture(t, open)
		if err := f.RevokeSensor(f.ctx, f.newTenant("other"), f.sensor.UUID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant revokes: error %v, want ErrNotFound", err)
		}
		if s, err := f.SensorByNumber(f.ctx, f.tenant, f.sensor.SensorID); err != nil || s.UUID != f.sensor.UUID {
			t.Errorf("by number %v, %v", s.UUID, err)
		}
		f.ok(f.RevokeSensor(f.ctx, f.tenant, f.sensor.UUID))
		if s, err := f.Sensor(f.ctx, f.tenant, f.sensor.UUID); err != nil || !s.Revoked {
			t.Errorf("revoked %v, %v", s.Revoked, err)
		}
		if _, err := f.SensorByNumber(f.ctx, f.tenant, f.sensor.SensorID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("by number: error %v, want ErrNotFound", err)
		}
		next := f.newSensor(f.tenant, f.sensor.SensorID, 2)
		if s, err := f.SensorByNumber(f.ctx, f.tenant, f.sensor.SensorID); err != nil || s.UUID != next.UUID {
			t.Errorf("by number %v, %v, want the new one", s.UUID, err)
		}
		if all, err := f.Sensors(f.ctx, f.tenant); err != nil || len(all) != 2 {
			t.Errorf("sensors %+v, %v, want both", all, err)
		}
	})
	t.Run("who comes again with its key stays the same sensor", func(t *testing.T) {
		f := newFixture(t, open)
		f.add(f.call(now, nil))
		again, err := f.enrol(f.tenant, 8, 1)
		f.ok(err)
		if again.UUID != f.sensor.UUID || again.SensorID != 8 || again.CDRs != 1 {
			t.Errorf("enrolled again as %+v", again)
		}
	})
	t.Run("hello is recorded", func(t *testing.T) {
		f := newFixture(t, open)
		later := now.Add(time.Minute)
		info := protocol.SensorInfo{Name: "pbx2", Version: "1.2.3", Capabilities: []string{"x"}, Clock: 5}
		f.ok(f.TouchSensor(f.ctx, f.tenant, f.sensor.UUID, info, "[2001:db8::1]:9", later))
		s, err := f.Sensor(f.ctx, f.tenant, f.sensor.UUID)
		f.ok(err)
		if s.Info.Name != "pbx2" || s.Info.Clock != 5 || s.Addr != "[2001:db8::1]:9" || !s.LastSeen.Equal(later) || s.SensorID != f.sensor.SensorID || !s.LastCDR.IsZero() {
			t.Errorf("got %+v", s)
		}
		info.SensorID = 70
		f.ok(f.TouchSensor(f.ctx, f.tenant, f.sensor.UUID, info, "", later))
		if s, err := f.SensorByNumber(f.ctx, f.tenant, 70); err != nil || s.UUID != f.sensor.UUID {
			t.Errorf("by its new number %v, %v", s.UUID, err)
		}
		f.newSensor(f.tenant, 71, 2)
		info.SensorID = 71
		if err := f.TouchSensor(f.ctx, f.tenant, f.sensor.UUID, info, "", later); !errors.Is(err, store.ErrExists) {
			t.Errorf("a number that is held: error %v, want ErrExists", err)
		}
		if err := f.TouchSensor(f.ctx, f.tenant, protocol.UUID{99}, info, "", later); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrExists) {
			t.Errorf("unknown sensor: error %v, want ErrNotFound", err)
		}
		for _, id := range []protocol.UUID{{99}, {}} {
			if _, err := f.Sensor(f.ctx, f.tenant, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("unknown sensor: error %v, want ErrNotFound", err)
			}
			if _, err := f.Cursor(f.ctx, f.tenant, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("its cursor: error %v, want ErrNotFound", err)
			}
		}
	})
}

func testRecords(t *testing.T, open Open) {
	t.Run("a secret is created once, whoever asks", func(t *testing.T) {
		f := newFixture(t, open)
		var wg sync.WaitGroup
		got := make([][]byte, 8)
		for i := range got {
			wg.Go(func() {
				v, err := f.Secret(f.ctx, "ca", func() ([]byte, error) { return []byte{byte(i), 0}, nil })
				if err != nil {
					t.Error(err)
				}
				got[i] = v
			})
		}
		wg.Wait()
		for _, v := range got {
			if len(v) != 2 || !bytes.Equal(v, got[0]) {
				t.Errorf("secrets %v differ", got)
				break
			}
		}
		failed := errors.New("no randomness")
		if _, err := f.Secret(f.ctx, "other", func() ([]byte, error) { return nil, failed }); !errors.Is(err, failed) {
			t.Errorf("error %v, want that of create", err)
		}
	})
	t.Run("ping answers", func(t *testing.T) {
		f := newFixture(t, open)
		f.ok(f.Ping(f.ctx))
	})
}
