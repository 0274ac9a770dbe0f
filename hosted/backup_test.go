package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// ingest stores batches of calls until ctx ends, and answers how many are stored.
func ingest(ctx context.Context, t *testing.T, s store.Store, tenant store.TenantID, sensor protocol.UUID) (calls int) {
	const size = 50
	for n := 0; ctx.Err() == nil; n++ {
		now := time.Now()
		b := store.Batch{Tenant: tenant, Sensor: sensor, Epoch: 1, First: uint64(n * size)}
		for i := range size {
			at := protocol.TimeOf(now) - protocol.Time(i+1)*1e6
			b.CDRs = append(b.CDRs, protocol.CDR{ID: protocol.UUID{1: byte(n >> 8), 2: byte(n), 3: byte(i), 4: 1}, SensorID: 7, CallID: fmt.Sprint(n, i), Caller: "1001", Start: at, End: at + 1e6, Status: 200})
		}
		if _, err := s.AppendCDRs(context.WithoutCancel(ctx), b, now); err != nil {
			t.Error(err)
			return calls
		}
		calls += size
	}
	return calls
}

// content is what a test compares of a database: what belongs together if the copy is of one moment.
type content struct {
	Users   []store.User
	Rules   store.RuleSet
	Cursor  store.Cursor
	Calls   uint64
	Counted int64
	CA      string
}

func contentOf(t *testing.T, s store.Store, tenant store.TenantID, sensor protocol.UUID) (c content) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	c.Users, err = s.Users(t.Context(), tenant)
	check(err)
	c.Rules, err = s.Rules(t.Context(), tenant)
	check(err)
	c.Cursor, err = s.Cursor(t.Context(), tenant, sensor)
	check(err)
	c.Calls, err = s.CountCalls(t.Context(), tenant)
	check(err)
	q := store.StatsQuery{}
	q.From, q.To = protocol.TimeOf(time.Now().AddDate(0, 0, -2)), protocol.TimeOf(time.Now().AddDate(0, 0, 1))
	stats, err := s.Stats(t.Context(), tenant, q)
	check(err)
	c.Counted = stats.Totals.Calls
	ca, err := s.Secret(t.Context(), "ca", func() ([]byte, error) { return []byte("another"), nil })
	check(err)
	c.CA = string(ca)
	return c
}

// backedUp fills a store, has it copied while calls come in, and holds the copy, which open opens, to it.
func backedUp(t *testing.T, s store.Store, copying func(), open func() store.Store) {
	tenant, err := s.CreateTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{1}
	now := time.Now()
	for _, do := range []func() error{
		func() error {
			_, err := s.CreateUser(t.Context(), store.User{Tenant: tenant.ID, Name: "ann", Password: "hash", Role: store.RoleAdmin, Rights: store.AllRights, Created: now.Truncate(time.Microsecond)})
			return err
		},
		func() error {
			_, err := s.SetRules(t.Context(), store.RuleSet{Tenant: tenant.ID, Text: "a: keep sip"})
			return err
		},
		func() error {
			_, err := s.Secret(t.Context(), "ca", func() ([]byte, error) { return []byte("the CA's key"), nil })
			return err
		},
		func() error {
			return s.CreateEnrolToken(t.Context(), store.EnrolToken{Hash: hash, Tenant: tenant.ID, Created: now, Expires: now.Add(time.Hour)})
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	sensor, err := s.RedeemEnrolToken(t.Context(), hash, now, store.Sensor{UUID: protocol.UUID{1}, SensorID: 7, KeyHash: hash})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stored := make(chan int, 1)
	go func() { stored <- ingest(ctx, t, s, tenant.ID, sensor.UUID) }()
	calls := func() uint64 {
		n, err := s.CountCalls(t.Context(), tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for end := time.Now().Add(20 * time.Second); calls() < 1000; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no calls come in")
		}
	}
	before := calls()
	copying()
	for end := time.Now().Add(20 * time.Second); calls() == before; time.Sleep(10 * time.Millisecond) { // it goes on
		if time.Now().After(end) {
			t.Fatal("no calls come in after the backup")
		}
	}
	stop()
	all := <-stored

	c := open()
	got, want := contentOf(t, c, tenant.ID, sensor.UUID), contentOf(t, s, tenant.ID, sensor.UUID)
	if got.Calls < before || got.Calls >= want.Calls || uint64(got.Counted) != got.Calls || got.Cursor.Next != got.Calls {
		t.Errorf("the copy has %d calls, %d counted, and the sensor's cursor at %d; there were %d before and %d after it", got.Calls, got.Counted, got.Cursor.Next, before, want.Calls)
	}
	if uint64(all) != want.Calls {
		t.Errorf("%d calls of %d are stored: the backup disturbs", want.Calls, all)
	}
	got.Calls, got.Counted, got.Cursor = want.Calls, want.Counted, want.Cursor
	if !reflect.DeepEqual(got, want) {
		t.Errorf("restored %+v\nwant %+v", got, want)
	}
	// The sensor sends again what the copy has not.
	at, err := c.Cursor(t.Context(), tenant.ID, sensor.UUID)
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Tenant: tenant.ID, Sensor: sensor.UUID, Epoch: at.Epoch, First: at.Next, CDRs: []protocol.CDR{{ID: protocol.UUID{9}, SensorID: 7, Start: protocol.TimeOf(now)}}}
	if after, err := c.AppendCDRs(t.Context(), b, now); err != nil || after.Next != at.Next+1 {
		t.Errorf("the copy takes no more calls: %+v, %v", after, err)
	}
}

func TestABackupOfSQLiteIsOfOneMomentWhileCallsComeIn(t *testing.T) {
	dir := t.TempDir()
	path, file, again := filepath.Join(dir, "hosted.db"), filepath.Join(dir, "backup"), filepath.Join(dir, "again.db")
	s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	backedUp(t, s, func() { must(t, "backup", "--db", "sqlite:"+path, file) }, func() store.Store {
		must(t, "restore", "--db", "sqlite:"+again, file)
		c, err := sqlite.Open(t.Context(), again, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	})
	for _, f := range []string{file, again} {
		if i, err := os.Stat(f); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", f, i.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}

	damaged, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(damaged[len(damaged)/2:], strings.Repeat("\xff", 30_000))
	bad := filepath.Join(dir, "damaged")
	if err := os.WriteFile(bad, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none.db")
	for name, args := range map[string][]string{
		"is there already": {"backup", "--db", "sqlite:" + path, file},
		"is there: stop":   {"restore", "--db", "sqlite:" + path, file},
		"no such file":     {"backup", "--db", "sqlite:" + none, filepath.Join(dir, "x")},
		"damaged":          {"restore", "--db", "sqlite:" + none, bad},
		"pg_dump":          {"backup", "--db", "postgres://h/x", filepath.Join(dir, "y")},
	} {
		if status, _, errs := command(t, "", args...); status != 1 || !strings.Contains(errs, name) {
			t.Errorf("%v: %d %s, want status 1 and %q", args, status, errs, name)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a backup that is damaged was restored")
	}
}

func TestABackupOfPostgreSQLIsOfOneMomentWhileCallsComeIn(t *testing.T) {
	server.Skip(t)
	dump, restore := server.Tool("pg_dump"), server.Tool("pg_restore")
	if dump == "" || restore == "" {
		t.Skip("pg_dump is not installed")
	}
	url, again, file := server.Database(t), server.Database(t), filepath.Join(t.TempDir(), "backup")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	s, err := postgres.Open(t.Context(), url, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	backedUp(t, s, func() { run(dump, "--format=custom", "--file="+file, url) }, func() store.Store {
		run(restore, "--no-owner", "--dbname="+again, file)
		c, err := postgres.Open(t.Context(), again, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	})
}
