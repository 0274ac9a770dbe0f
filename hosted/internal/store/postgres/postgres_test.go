package postgres_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/internal/store/postgres/pgtest"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/hosted/internal/store/storetest"
	"voiptop/protocol"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	os.Exit(pgtest.Run(func(s *pgtest.Server) int {
		server = s
		return m.Run()
	}))
}

// newDatabase makes an empty database and answers its URL.
func newDatabase(t testing.TB) string {
	server.Skip(t)
	return server.Database(t)
}

func openAt(t testing.TB, url string, o sqlstore.Options) *postgres.Store {
	s, err := postgres.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(t testing.TB, o sqlstore.Options) store.Store { return openAt(t, newDatabase(t), o) }

func TestPostgreSQLKeepsThePromisesOfAStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkAppend(b *testing.B) { storetest.BenchmarkAppend(b, open) }
func BenchmarkSearch(b *testing.B) { storetest.BenchmarkSearch(b, open) }
func BenchmarkWhere(b *testing.B) {
	storetest.BenchmarkWhere(b, open, func(s store.Store) error { // the server's autovacuum is off
		_, err := s.(*postgres.Store).Write.ExecContext(b.Context(), `VACUUM ANALYZE calls`)
		return err
	})
}
func BenchmarkRuleRevisions(b *testing.B) { storetest.BenchmarkRuleRevisions(b, open) }

func TestManyNodesStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	url := newDatabase(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), url, sqlstore.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	wg.Wait()
}

func TestADayThatAnotherNodeDroppedIsMadeAgain(t *testing.T) {
	url, now := newDatabase(t), time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	o := sqlstore.Options{Now: func() time.Time { return now }}
	a, b := openAt(t, url, o), openAt(t, url, o)
	ctx := t.Context()
	tenant, err := a.CreateTenant(ctx, "acme")
	check(t, err)
	check(t, a.CreateEnrolToken(ctx, store.EnrolToken{Tenant: tenant.ID, Expires: now.Add(time.Hour)}))
	sensor, err := a.RedeemEnrolToken(ctx, [32]byte{}, now, store.Sensor{UUID: protocol.UUID{1}, SensorID: 1})
	check(t, err)
	for i := range uint64(3) {
		_, err := a.AppendCDRs(ctx, store.Batch{
			Tenant: tenant.ID, Sensor: sensor.UUID, Epoch: 1, First: i,
			CDRs: []protocol.CDR{{ID: protocol.UUID{15: byte(i)}, Start: protocol.TimeOf(now)}},
		}, now)
		check(t, err)
		check(t, b.DropBefore(ctx, now.AddDate(0, 0, 1)))
	}
	n, err := a.CountCalls(ctx, tenant.ID)
	check(t, err)
	if n != 0 {
		t.Errorf("%d calls left, want none: their day was dropped", n)
	}
	if cur, err := a.Cursor(ctx, tenant.ID, sensor.UUID); err != nil || cur.Next != 3 {
		t.Errorf("cursor %v, %v, want all three stored in their time", cur, err)
	}
}

func TestDaysAreMadeAhead(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC)
	s := openAt(t, newDatabase(t), sqlstore.Options{Now: func() time.Time { return now }})
	check(t, s.Maintain(t.Context(), now.AddDate(0, 0, 1)))
	var n int
	check(t, s.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_inherits WHERE inhparent = 'calls'::regclass`).Scan(&n))
	if n != 5 { // 22..25 by Open, 26 by Maintain
		t.Errorf("%d partitions, want 5", n)
	}
}

func TestADetachedDayIsDroppedByTheNextRetention(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := openAt(t, newDatabase(t), sqlstore.Options{Now: func() time.Time { return now }})
	_, err := s.Write.ExecContext(t.Context(), `ALTER TABLE calls DETACH PARTITION calls_20261122`) // and here hosted is killed
	check(t, err)
	check(t, s.DropBefore(t.Context(), now.AddDate(0, 0, 1)))
	var n int
	check(t, s.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_class WHERE relname = 'calls_20261122'`).Scan(&n))
	if n != 0 {
		t.Error("the table is still there")
	}
}

func TestASearchByNumberIsARangeOfAnIndex(t *testing.T) {
	s := openAt(t, newDatabase(t), sqlstore.Options{})
	tx, err := s.Read.BeginTx(t.Context(), nil)
	check(t, err)
	defer tx.Rollback()
	_, err = tx.ExecContext(t.Context(), `INSERT INTO calls SELECT 1, gen_random_uuid(), extract(epoch FROM current_date)::bigint * 1000000 + n,
		1, '', '', n::text, '', '', '', 200, NULL, '', false, '', '' FROM generate_series(1, 5000) n; ANALYZE calls`)
	check(t, err)
	rows, err := tx.QueryContext(t.Context(), `EXPLAIN SELECT id FROM calls WHERE tenant = 1 AND caller >= '42' AND caller < '42z'`)
	check(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		check(t, rows.Scan(&line))
		plan.WriteString(line + "\n")
	}
	check(t, rows.Err())
	if !strings.Contains(plan.String(), "Index Cond: ((tenant = 1) AND (caller >= '42'::text) AND (caller < '42z'::text))") {
		t.Errorf("plan:\n%s", plan.String())
	}
	// Row-level security lets only leakproof comparisons use an index before the policy.
	var n int
	check(t, s.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_proc WHERE proname IN ('text_ge', 'text_lt', 'texteq') AND proleakproof`).Scan(&n))
	if n != 3 {
		t.Errorf("%d of 3 comparisons are leakproof", n)
	}
}

func TestOpenSaysWhatIsWrongAndNotThePassword(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://bob:hunter2@127.0.0.1:1/calls?sslmode=disable&connect_timeout=2": "cannot be reached",
		"postgres://bob:hunter2@127.0.0.1:port/calls":                                "want postgres://",
		"host=/nonexistent user=bob password=hunter2 dbname=calls":                   "cannot be reached",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		s, err := postgres.Open(ctx, dsn, sqlstore.Options{})
		cancel()
		if err == nil {
			s.Close()
			t.Fatalf("%s was opened", dsn)
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %q, want one that says %q and not the password", dsn, err, want)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkStats(b *testing.B) {
	storetest.BenchmarkStats(b, open, func(s store.Store) *sql.DB { return s.(*postgres.Store).Write })
}
