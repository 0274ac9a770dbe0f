package postgres_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// filled is a store with two tenants that have rows in every table.
func filled(t *testing.T, url string) (s *postgres.Store, a, b store.TenantID) {
	t.Helper()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s, ctx := openAt(t, url, sqlstore.Options{Now: func() time.Time { return now }}), t.Context()
	var ids []store.TenantID
	for i, name := range []string{"acme", "other"} {
		tenant, err := s.CreateTenant(ctx, name)
		check(t, err)
		ids = append(ids, tenant.ID)
		_, err = s.CreateUser(ctx, store.User{Tenant: tenant.ID, Name: "user of " + name, Role: store.RoleAdmin})
		check(t, err)
		check(t, s.Audit(ctx, store.AuditEntry{Time: now, Tenant: tenant.ID, Action: "login"}))
		_, err = s.SetRules(ctx, store.RuleSet{Tenant: tenant.ID, Text: "all: keep sip"})
		check(t, err)
		hash := [32]byte{byte(i)}
		check(t, s.CreateEnrolToken(ctx, store.EnrolToken{Hash: hash, Tenant: tenant.ID, Expires: now.Add(time.Hour)}))
		sensor, err := s.RedeemEnrolToken(ctx, hash, now, store.Sensor{UUID: protocol.UUID{byte(i + 1)}, SensorID: 1, KeyHash: hash})
		check(t, err)
		check(t, s.UpdateSensorLink(ctx, tenant.ID, sensor.UUID, func(l *store.SensorLink, _ store.LinkTotals) error { l.Node = "n"; return nil }))
		check(t, s.SetStreams(ctx, tenant.ID, "n", 1, 1))
		_, err = s.AppendCDRs(ctx, store.Batch{
			Tenant: tenant.ID, Sensor: sensor.UUID, Epoch: 1, First: 1,
			CDRs: []protocol.CDR{{ID: protocol.UUID{byte(i + 1)}, Start: protocol.TimeOf(now), Caller: "1001"}},
		}, now)
		check(t, err)
		check(t, s.AddHealth(ctx, []store.SensorHealth{{Tenant: tenant.ID, Sensor: sensor.UUID}}))
	}
	check(t, s.RowSecurity())
	return s, ids[0], ids[1]
}

// count runs a statement that counts.
func count(t *testing.T, db sqlstore.Querier, query string, args ...any) (n int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	check(t, err)
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s answers no row: %v", query, rows.Err())
	}
	check(t, rows.Scan(&n))
	return n
}

var ownTables = []string{"tenants", "users", "sensors", "cursors", "audit", "rules", "sensor_links", "streams", "calls", "rollups", "sensor_health"}

// rowsOf is how many rows a tenant of filled has in a table. Calls are counted by minute and by hour.
func rowsOf(table string) int {
	if table == "rollups" {
		return 2
	}
	return 1
}

func TestWhatIsReadForATenantHoldsNoOthersRowsWhateverIsAsked(t *testing.T) {
	s, a, b := filled(t, newDatabase(t))
	for _, table := range ownTables {
		key := "tenant"
		if table == "tenants" {
			key = "id"
		}
		for name, tenant := range map[string]store.TenantID{"a": a, "b": b} {
			check(t, s.AsTenant(t.Context(), tenant, func(db sqlstore.Querier) error {
				if n := count(t, db, "SELECT count(*) FROM "+table); n != rowsOf(table) {
					t.Errorf("%s without a condition: tenant %s sees %d rows, want its own", table, name, n)
				}
				if n := count(t, db, "SELECT count(*) FROM "+table+" WHERE "+key+" <> $1", tenant); n != 0 {
					t.Errorf("%s: tenant %s sees %d rows of others", table, name, n)
				}
				return nil
			}))
		}
		if n := count(t, s.Read, "SELECT count(*) FROM "+table); n != 2*rowsOf(table) {
			t.Errorf("%s: %d rows are seen afterwards on a connection of the pool, want all %d", table, n, 2*rowsOf(table))
		}
	}
	err := s.AsTenant(t.Context(), a, func(db sqlstore.Querier) error {
		_, err := sqlstore.ReadCall(t.Context(), db, "calls", b, protocol.UUID{2})
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the other tenant's call by its id: %v, want ErrNotFound", err)
	}
}

func TestTheReaderSeesNothingWithoutATenantAndWritesNothing(t *testing.T) {
	s, a, _ := filled(t, newDatabase(t))
	as := func(tenant string, fn func(tx *sql.Tx)) {
		tx, err := s.Read.BeginTx(t.Context(), nil)
		check(t, err)
		defer tx.Rollback()
		_, err = tx.ExecContext(t.Context(), `SET LOCAL ROLE hosted_reader; SET LOCAL hosted.tenant = '`+tenant+`'`)
		check(t, err)
		fn(tx)
	}
	for _, tenant := range []string{"", "0", "-1", "999"} {
		as(tenant, func(tx *sql.Tx) {
			for _, table := range ownTables {
				if n := count(t, tx, "SELECT count(*) FROM "+table); n != 0 {
					t.Errorf("%s for tenant %q: %d rows, want none", table, tenant, n)
				}
			}
		})
	}
	for _, statement := range []string{
		"SELECT * FROM secrets", "SELECT * FROM sessions", "SELECT * FROM api_tokens", "SELECT * FROM enrol_tokens",
		"SELECT * FROM calls_20261122", // a partition has no policy of its own
		"DELETE FROM calls", "UPDATE users SET role = 'admin'", "INSERT INTO audit SELECT * FROM audit", "DROP TABLE calls", "ALTER TABLE calls DISABLE ROW LEVEL SECURITY",
	} {
		as(fmt.Sprint(a), func(tx *sql.Tx) {
			if _, err := tx.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("the reader may %s", statement)
			}
		})
	}
}

func TestASearchBelowThePolicyUsesItsIndex(t *testing.T) {
	s := openAt(t, newDatabase(t), sqlstore.Options{})
	_, err := s.Write.ExecContext(t.Context(), `INSERT INTO calls SELECT 1 + n % 2, gen_random_uuid(), extract(epoch FROM current_date)::bigint * 1000000 + n,
		1, '', '', n::text, '', '', '', 200, NULL, '', false, '', '' FROM generate_series(1, 20000) n; ANALYZE calls`)
	check(t, err)
	for query, index := range map[string]string{
		`caller >= '42' AND caller < '421'`: "(caller >= '42'::text)", `call_id = 'x'`: "(call_id = 'x'::text)",
		`(at, id) < (9e17::bigint, '00000000-0000-0000-0000-000000000000')`: "ROW(", `group_id = 'x' AND group_id <> CAST(id AS TEXT)`: "(group_id = 'x'::text)",
	} {
		check(t, s.AsTenant(t.Context(), 1, func(db sqlstore.Querier) error {
			rows, err := db.QueryContext(t.Context(), `EXPLAIN SELECT at, summary FROM calls WHERE tenant = 1 AND `+query+` ORDER BY at DESC, id DESC LIMIT 10`)
			check(t, err)
			defer rows.Close()
			var plan strings.Builder
			for rows.Next() {
				var line string
				check(t, rows.Scan(&line))
				plan.WriteString(line + "\n")
			}
			found := false
			for line := range strings.Lines(plan.String()) {
				found = found || strings.Contains(line, "Index Cond") && strings.Contains(line, index)
			}
			if !found {
				t.Errorf("%s: no index condition with %s in\n%s", query, index, plan.String())
			}
			return rows.Err()
		}))
	}
}

// as names the database with another user.
func as(t *testing.T, dsn, user string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	check(t, err)
	u.User = url.User(user)
	return u.String()
}

func TestARoleThatMayNotMakeTheReaderGoesOnAndSaysSo(t *testing.T) {
	dsn := newDatabase(t)
	admin, err := sql.Open("postgres", dsn)
	check(t, err)
	defer admin.Close()
	exec := func(statement string) {
		t.Helper()
		_, err := admin.ExecContext(t.Context(), statement)
		check(t, err)
	}
	name := strings.TrimPrefix(strings.SplitN(strings.SplitN(dsn, "@", 2)[1], "?", 2)[0], "/")
	exec(`CREATE ROLE plain LOGIN; CREATE ROLE maker LOGIN CREATEROLE`)
	defer exec(`REASSIGN OWNED BY plain TO postgres; REASSIGN OWNED BY maker TO postgres; DROP OWNED BY plain, maker; DROP ROLE plain; DROP ROLE maker`)
	exec(`ALTER DATABASE ` + name + ` OWNER TO plain`)

	s := openAt(t, as(t, dsn, "plain"), sqlstore.Options{})
	err = s.RowSecurity()
	if !errors.Is(err, postgres.ErrNoReader) || !strings.Contains(err.Error(), "CREATE ROLE hosted_reader") {
		t.Errorf("row security: %v", err)
	}
	if _, err := s.Calls(t.Context(), 1, store.CallQuery{}); err != nil {
		t.Errorf("a search without the reader: %v", err)
	}
	exec(`DO $$ BEGIN CREATE ROLE hosted_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT hosted_reader TO plain`)
	if err := openAt(t, as(t, dsn, "plain"), sqlstore.Options{}).RowSecurity(); err != nil {
		t.Errorf("after the grant: %v", err)
	}

	exec(`GRANT plain TO maker`) // so that it owns the tables
	if err := openAt(t, as(t, dsn, "maker"), sqlstore.Options{}).RowSecurity(); err != nil {
		t.Errorf("a role that may make roles: %v", err)
	}
}

func TestAReaderThatIsBoundByNothingIsRefused(t *testing.T) {
	dsn := newDatabase(t)
	s := openAt(t, dsn, sqlstore.Options{})
	_, err := s.Write.ExecContext(t.Context(), `ALTER ROLE hosted_reader BYPASSRLS`)
	check(t, err)
	defer func() {
		_, err := s.Write.ExecContext(t.Context(), `ALTER ROLE hosted_reader NOBYPASSRLS`)
		check(t, err)
	}()
	if _, err := postgres.Open(t.Context(), dsn, sqlstore.Options{}); err == nil || !strings.Contains(err.Error(), "ALTER ROLE hosted_reader NOSUPERUSER NOBYPASSRLS") {
		t.Errorf("opened with error %v", err)
	}
}
