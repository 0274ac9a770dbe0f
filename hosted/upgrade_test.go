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
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// asProgram makes the test's binary hosted itself.
const asProgram = "HOSTED_TEST_AS_PROGRAM"

// oldSchema is how a database is made as it was before the statistics, whose making reads all calls.
type oldSchema struct {
	version int // the last without the statistics
	dialect goose.Dialect
	driver  string
	dir     string // migrations
	tenant  string // statement that makes tenant 1
	day     string // statements that make the table calls_%[1]s of a day from %[2]d to %[3]d with the columns %[4]s
}

var (
	oldSQLite = oldSchema{
		4, goose.DialectSQLite3, "sqlite", "internal/store/sqlite/migrations", `INSERT INTO tenants (id, name, max_channels, suspended, created) VALUES (1, 'acme', 2000, false, 0)`,
		`CREATE TABLE calls_%[1]s (%[4]s); CREATE UNIQUE INDEX calls_%[1]s_id ON calls_%[1]s (tenant, id); CREATE INDEX calls_%[1]s_at ON calls_%[1]s (tenant, at, id)`,
	}
	oldPostgres = oldSchema{
		6, goose.DialectPostgres, "postgres", "internal/store/postgres/migrations", `INSERT INTO tenants (id, name, max_channels, suspended, created) OVERRIDING SYSTEM VALUE VALUES (1, 'acme', 2000, false, 0)`,
		`CREATE TABLE calls_%[1]s PARTITION OF calls FOR VALUES FROM (%[2]d) TO (%[3]d)`,
	}
)

// fill makes the schema in an empty database, with calls of some days.
func (o oldSchema) fill(t *testing.T, source string, days, perDay int) {
	t.Helper()
	db, err := sql.Open(o.driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(o.dialect, db, os.DirFS(o.dir))
	if err == nil {
		_, err = p.UpTo(t.Context(), int64(o.version))
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), o.tenant)
	}
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it is committed
	columns := sqlstore.Columns[:len(sqlstore.Columns)-len(sqlstore.Later)]
	now := time.Now().UTC()
	for d := range days {
		start := now.AddDate(0, 0, -d).Truncate(24 * time.Hour)
		day := sqlstore.DayOf(start)
		if _, err := tx.Exec(fmt.Sprintf(o.day, day, int64(protocol.TimeOf(start)), int64(protocol.TimeOf(day.End())), strings.Join(columns, ", "))); err != nil {
			t.Fatal(err)
		}
		calls := make([]protocol.CDR, perDay)
		for i := range calls {
			calls[i] = protocol.CDR{
				ID: protocol.UUID{0: byte(d + 1), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}, SensorID: 7, CallID: fmt.Sprint(d, "-", i, "@pbx"), Caller: "1001",
				Start: protocol.TimeOf(start) + protocol.Time(i*1000), Status: 200,
			}
			calls[i].End = calls[i].Start + 5e6
		}
		rows, err := sqlstore.Options{}.Defaults().Rows(1, calls, now)
		if err != nil {
			t.Fatal(err)
		}
		const atOnce = 20 // SQLite's driver looks each parameter up in a list
		for i := 0; i < len(rows); i += atOnce {
			var places []string
			var args []any
			for _, r := range rows[i:min(i+atOnce, len(rows))] {
				var place []string
				for _, v := range r.Values[:len(columns)] {
					args = append(args, v)
					place = append(place, fmt.Sprintf("$%d", len(args)))
				}
				places = append(places, "("+strings.Join(place, ", ")+")")
			}
			if _, err := tx.Exec(fmt.Sprintf("INSERT INTO calls%s (%s) VALUES %s", "_"+string(day), strings.Join(columns, ", "), strings.Join(places, ", ")), args...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// versionOf is the version of a database's schema.
func (o oldSchema) versionOf(t *testing.T, source string) (version int) {
	t.Helper()
	db, err := sql.Open(o.driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

// kill begins an upgrade of a database and kills it in the step that counts all calls.
func (o oldSchema) kill(t *testing.T, db string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told := &buffer{}
	cmd := exec.Command(self, "migrate", "--db", db)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(told.String(), fmt.Sprintf("schema=%d ", o.version+1)); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the upgrade is not told of:\n%s", told)
		}
	}
	time.Sleep(30 * time.Millisecond) // it counts calls
}

func TestAnUpgradeThatIsKilledGoesOnAtTheNextStart(t *testing.T) {
	const days, perDay = 6, 10_000
	t.Run("sqlite", func(t *testing.T) {
		old := filepath.Join(t.TempDir(), "old.db")
		oldSQLite.fill(t, old, days, perDay)
		content, err := os.ReadFile(old)
		if err != nil {
			t.Fatal(err)
		}
		oldSQLite.goesOn(t, days*perDay, func() (source, db string) {
			path := filepath.Join(t.TempDir(), "hosted.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			return path, "sqlite:" + path
		})
	})
	t.Run("postgres", func(t *testing.T) {
		server.Skip(t)
		old := server.Database(t)
		oldPostgres.fill(t, old, days, perDay)
		oldPostgres.goesOn(t, days*perDay, func() (source, db string) {
			url := server.Copy(t, old)
			return url, url
		})
	})
}

// goesOn kills upgrades of copies of an old database until one was cut off in the middle, and upgrades that one.
func (o oldSchema) goesOn(t *testing.T, calls int, anew func() (source, db string)) {
	source, db := anew()
	for try := 1; ; try++ {
		o.kill(t, db)
		v := o.versionOf(t, source)
		if v == o.version {
			break
		}
		if try == 5 { // on a busy machine the step may have been done before
			t.Fatalf("killed within the step to %d, the schema is %d, want %d", o.version+1, v, o.version)
		}
		source, db = anew()
	}

	status, out, errs := command(t, "", "migrate", "--db", db)
	if status != 0 || !strings.Contains(out, "up to date") {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	for _, want := range []string{"the database is being upgraded", fmt.Sprintf("schema=%d of=", o.version+1), "the database was upgraded", fmt.Sprintf("from=%d", o.version)} {
		if !strings.Contains(errs, want) {
			t.Errorf("not told %q:\n%s", want, errs)
		}
	}
	s, err := (&database{url: db, now: time.Now}).open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := store.StatsQuery{By: store.BySensor}
	q.From = protocol.TimeOf(time.Now().AddDate(0, 0, -30))
	q.To = protocol.TimeOf(time.Now().AddDate(0, 0, 2))
	stats, err := s.Stats(t.Context(), 1, q)
	if err != nil || stats.Source != store.FromRollups || stats.Totals.Calls != int64(calls) {
		t.Errorf("counted %d calls from %s, %v, want %d", stats.Totals.Calls, stats.Source, err, calls)
	}
	if n, err := s.CountCalls(t.Context(), 1); err != nil || n != uint64(calls) {
		t.Errorf("%d calls, %v, want %d", n, err, calls)
	}
	if _, _, errs := command(t, "", "migrate", "--db", db); strings.Contains(errs, "upgrade") {
		t.Errorf("there is nothing to upgrade: %s", errs)
	}
}
