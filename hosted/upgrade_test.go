package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// asProgram makes the test's binary hosted itself.
const asProgram = "HOSTED_TEST_AS_PROGRAM"

// beforeRollups is the last schema without the statistics, whose making reads all calls.
const beforeRollups = 4

// oldDatabase makes a database of that schema, with calls of some days.
func oldDatabase(t *testing.T, days, perDay int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.db")
	now := time.Now().UTC()
	s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := s.CreateTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{1}
	err = s.CreateEnrolToken(t.Context(), store.EnrolToken{Hash: hash, Tenant: tenant.ID, Created: now, Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	sensor, err := s.RedeemEnrolToken(t.Context(), hash, now, store.Sensor{UUID: protocol.UUID{1}, SensorID: 7, KeyHash: hash})
	if err != nil {
		t.Fatal(err)
	}
	first := uint64(1)
	for d := range days {
		start := now.AddDate(0, 0, -d).Truncate(24 * time.Hour)
		calls := make([]protocol.CDR, perDay)
		for i := range calls {
			calls[i] = protocol.CDR{
				ID: protocol.UUID{0: byte(d + 1), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}, SensorID: 7, CallID: fmt.Sprint(d, "-", i, "@pbx"), Caller: "1001",
				Start: protocol.TimeOf(start) + protocol.Time(i*1000), Status: 200,
			}
			calls[i].End = calls[i].Start + 5e6
		}
		if _, err := s.AppendCDRs(t.Context(), store.Batch{Tenant: tenant.ID, Sensor: sensor.UUID, Epoch: 1, First: first, CDRs: calls}, now); err != nil {
			t.Fatal(err)
		}
		first += uint64(perDay)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	old := filepath.Join(t.TempDir(), "hosted.db")
	db, err := sql.Open("sqlite", old)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("internal/store/sqlite/migrations"))
	if err == nil {
		_, err = p.UpTo(t.Context(), beforeRollups)
	}
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, q := range []string{
		"ATTACH '" + path + "' AS new", "INSERT INTO tenants SELECT * FROM new.tenants",
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	columns := strings.Join(sqlstore.Columns[:len(sqlstore.Columns)-len(sqlstore.Later)], ", ")
	for d := range days {
		table := "calls_" + now.AddDate(0, 0, -d).Format("20060102")
		if _, err := db.Exec(fmt.Sprintf("CREATE TABLE %[1]s AS SELECT %[2]s FROM new.%[1]s; CREATE UNIQUE INDEX %[1]s_id ON %[1]s (tenant, id); CREATE INDEX %[1]s_at ON %[1]s (tenant, at, id)", table, columns)); err != nil {
			t.Fatal(err)
		}
	}
	return old
}

func schemaOf(t *testing.T, path string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

// killUpgrade begins an upgrade of a database and kills it in the step that counts all calls.
func killUpgrade(t *testing.T, path string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told := &buffer{}
	cmd := exec.Command(self, "migrate", "--db", "sqlite:"+path)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); !strings.Contains(told.String(), fmt.Sprintf("schema=%d ", beforeRollups+1)); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the upgrade is not told of:\n%s", told)
		}
	}
	time.Sleep(30 * time.Millisecond) // it counts calls
	_ = cmd.Process.Kill()            // it may have ended
	_ = cmd.Wait()
}

func TestAnUpgradeThatIsKilledGoesOnAtTheNextStart(t *testing.T) {
	const days, perDay = 6, 10_000
	path := oldDatabase(t, days, perDay)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		killUpgrade(t, path)
		v := schemaOf(t, path)
		if v == beforeRollups {
			break
		}
		if try == 5 {
			t.Fatalf("killed within the step to %d, the schema is %d, want %d", beforeRollups+1, v, beforeRollups)
		}
		// On a busy machine the step may have been done before.
		os.Remove(path + "-wal")
		os.Remove(path + "-shm")
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	status, out, errs := command(t, "", "migrate", "--db", "sqlite:"+path)
	if status != 0 || !strings.Contains(out, "up to date") {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	for _, want := range []string{"the database is being upgraded", fmt.Sprintf("schema=%d of=", beforeRollups+1), "the database was upgraded", fmt.Sprintf("from=%d", beforeRollups)} {
		if !strings.Contains(errs, want) {
			t.Errorf("not told %q:\n%s", want, errs)
		}
	}
	s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := store.StatsQuery{By: store.BySensor}
	q.From = protocol.TimeOf(time.Now().AddDate(0, 0, -days-1))
	q.To = protocol.TimeOf(time.Now().AddDate(0, 0, 2))
	stats, err := s.Stats(t.Context(), 1, q)
	if err != nil || stats.Source != store.FromRollups || stats.Totals.Calls != days*perDay {
		t.Errorf("counted %d calls from %s, %v, want %d", stats.Totals.Calls, stats.Source, err, days*perDay)
	}
	if n, err := s.CountCalls(t.Context(), 1); err != nil || n != days*perDay {
		t.Errorf("%d calls, %v, want %d", n, err, days*perDay)
	}
	if _, _, errs := command(t, "", "migrate", "--db", "sqlite:"+path); strings.Contains(errs, "upgrade") {
		t.Errorf("there is nothing to upgrade: %s", errs)
	}
}
