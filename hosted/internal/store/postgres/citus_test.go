package postgres_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/hosted/internal/store/storetest"
)

func column(t *testing.T, db *sql.DB, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var v string
		check(t, rows.Scan(&v))
		all = append(all, v)
	}
	check(t, rows.Err())
	return all
}

const tablesOf = `SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '` + postgres.Bookkeeping + `'
	AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname`

// Citus refuses a key of a divided table without the column that it is divided by, and a reference that does not stay on one
// machine: every table either has the tenant in all of these, or is on the list of those that are whole everywhere.
func TestEveryKeyOfADividedTableHasTheTenant(t *testing.T) {
	s := openAt(t, newDatabase(t), sqlstore.Options{})
	tables := column(t, s.Read, tablesOf)
	if len(tables) < 10 {
		t.Fatalf("tables %v", tables)
	}
	for _, table := range tables {
		if slices.Contains(postgres.Whole, table) {
			continue
		}
		if len(column(t, s.Read, `SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'tenant' AND attnotnull`, table)) == 0 {
			t.Errorf("%s has no column tenant: add it, or put the table on the list of citus.go", table)
		}
		for _, bad := range column(t, s.Read, `SELECT pg_get_indexdef(indexrelid) FROM pg_index i WHERE indrelid = $1::regclass AND indisunique AND NOT EXISTS (
			SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = 'tenant' AND a.attnum = ANY(i.indkey))`, table) {
			t.Errorf("%s: a key without the tenant: %s", table, bad)
		}
		for _, bad := range column(t, s.Read, `SELECT pg_get_constraintdef(f.oid) FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
			WHERE f.conrelid = $1::regclass AND f.contype = 'f' AND NOT r.relname = ANY($2) AND NOT EXISTS (
			SELECT FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attname = 'tenant' AND a.attnum = ANY(f.conkey))`, table, pq.Array(postgres.Whole)) {
			t.Errorf("%s: a reference that may lead to another machine: %s", table, bad)
		}
	}
	for _, bad := range column(t, s.Read, `SELECT f.conrelid::regclass || ': ' || pg_get_constraintdef(f.oid) FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
		WHERE f.contype = 'f' AND c.relname = ANY($1) AND NOT r.relname = ANY($1)`, pq.Array(postgres.Whole)) {
		t.Errorf("a whole table refers to a divided one: %s", bad)
	}
}

// standIn has what hosted calls of Citus, and refuses what its manual says it refuses: a key without the column, a policy that
// holds a query, a reference to a table that is not there yet. It is no Citus: nothing is divided.
const standIn = `
	CREATE SCHEMA standin;
	CREATE TABLE standin.pg_dist_partition (logicalrelid oid, col text, beside text);
	CREATE FUNCTION standin.take(rel regclass, col text, beside text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE bad text;
	BEGIN
		IF EXISTS (SELECT FROM pg_policy WHERE polrelid = rel) THEN RAISE 'cannot create policy on %: subqueries are not supported in policies on distributed tables', rel; END IF;
		IF col IS NOT NULL THEN
			SELECT pg_get_indexdef(indexrelid) INTO bad FROM pg_index i WHERE indrelid = rel AND indisunique AND NOT EXISTS (
				SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = col AND a.attnum = ANY(i.indkey));
			IF FOUND THEN RAISE 'cannot distribute %: unique index without the partition column: %', rel, bad; END IF;
		END IF;
		SELECT f.confrelid::regclass::text INTO bad FROM pg_constraint f WHERE f.conrelid = rel AND f.contype = 'f' AND f.confrelid <> rel
			AND f.confrelid NOT IN (SELECT logicalrelid FROM standin.pg_dist_partition);
		IF FOUND THEN RAISE 'cannot distribute %: % is not distributed', rel, bad; END IF;
		INSERT INTO standin.pg_dist_partition VALUES (rel, col, beside);
	END $$;
	CREATE FUNCTION standin.create_distributed_table(rel regclass, col text, colocate_with text) RETURNS void LANGUAGE sql AS 'SELECT standin.take(rel, col, colocate_with)';
	CREATE FUNCTION standin.create_reference_table(rel regclass) RETURNS void LANGUAGE sql AS 'SELECT standin.take(rel, NULL, NULL)';`

// withStandIn makes a database that looks like one of Citus, and answers its URL.
func withStandIn(t testing.TB) string {
	t.Helper()
	url := newDatabase(t)
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), standIn); err != nil {
		t.Fatal(err)
	}
	return url + "&search_path=public,standin"
}

func TestOnCitusTablesAreDividedOnceByTenant(t *testing.T) {
	url := withStandIn(t)
	for range 2 { // a second start finds all done
		s := openAt(t, url, sqlstore.Options{})
		if err := s.RowSecurity(); !errors.Is(err, postgres.ErrCitus) {
			t.Errorf("row security: %v", err)
		}
		tables := column(t, s.Read, tablesOf)
		divided := column(t, s.Read, `SELECT logicalrelid::regclass::text FROM standin.pg_dist_partition WHERE col = 'tenant'`)
		whole := column(t, s.Read, `SELECT logicalrelid::regclass::text FROM standin.pg_dist_partition WHERE col IS NULL`)
		if len(divided)+len(whole) != len(tables) || len(whole) != len(postgres.Whole) {
			t.Errorf("of %v, divided are %v and whole %v", tables, divided, whole)
		}
		for _, table := range []string{"calls", "cursors", "sensors", "sensor_links", "rules", "audit"} {
			if !slices.Contains(divided, table) {
				t.Errorf("%s is not divided", table)
			}
		}
		beside := column(t, s.Read, `SELECT DISTINCT beside FROM standin.pg_dist_partition WHERE col IS NOT NULL ORDER BY 1`)
		if !slices.Equal(beside, []string{"default", "sensors"}) {
			t.Errorf("they lie beside %v", beside)
		}
	}
}

// anywhere are the statements that look at all tenants' rows, and why.
var anywhere = []struct{ why, pattern string }{
	{"retention and what expires", `^DELETE FROM (audit|sensor_links|streams|alert_\w+|rollups\w*|sensor_health) WHERE`},
	{"the death of a node", `^UPDATE sensor_links SET node = '', since = \$2 WHERE node = \$1`},
	{"a node's own links, each 15 s, and how many each has, for hosted nodes", `FROM sensor_links WHERE node `},
	{"how many sensors each tenant has, in one question for all", `FROM sensor_links GROUP BY tenant`},
	{"messages that are due, asked by the one node that delivers them", `FROM alert_notices WHERE next <> 0`},
	{"who holds a sensor, where NATS does not say it", `FROM sensor_links WHERE sensor = \$1`},
}

// Where it takes the database for Citus the store keeps its promises, and every statement about a divided table names the tenant,
// so that Citus asks one machine. What the conformance tests make the store do is looked at: ingest, reading, rules, links, audit
// and all else.
func TestOnCitusPromisesAreKeptAndStatementsNameTheirTenant(t *testing.T) {
	if testing.Short() {
		t.Skip("the conformance tests once more")
	}
	seen := &statements{all: map[string]bool{}}
	storetest.Run(t, func(t testing.TB, o sqlstore.Options) store.Store {
		url := withStandIn(t)
		c, err := pq.NewConnector(url)
		if err != nil {
			t.Fatal(err)
		}
		s, err := postgres.OpenWith(t.Context(), recorder{c, seen}, url, o)
		if err != nil {
			t.Fatal(err)
		}
		seen.start() // what migrates is not of interest
		t.Cleanup(func() { s.Close() })
		return s
	})
	s := openAt(t, newDatabase(t), sqlstore.Options{})
	var divided []string
	for _, table := range column(t, s.Read, tablesOf) {
		if !slices.Contains(postgres.Whole, table) {
			divided = append(divided, table)
		}
	}
	about := regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE|COPY)\s+(` + strings.Join(divided, "|") + `)\b`)
	names := regexp.MustCompile(`(?i)\btenant\s*=\s*(\$\d|\w+\.tenant)|\(([a-z_]+, )*tenant\b[^()]*\) *(VALUES|FROM STDIN|SELECT)|\btenant\b.* = ANY`)
	exceptions := make([]*regexp.Regexp, len(anywhere))
	for i, e := range anywhere {
		exceptions[i] = regexp.MustCompile(e.pattern)
	}
	n := 0
	for text := range seen.all {
		q := strings.Join(strings.Fields(text), " ")
		if !about.MatchString(q) || strings.Contains(q, "'calls'::regclass") || strings.HasPrefix(q, "ALTER TABLE") || strings.HasPrefix(q, "DROP TABLE") {
			continue
		}
		n++
		if !names.MatchString(q) && !slices.ContainsFunc(exceptions, func(e *regexp.Regexp) bool { return e.MatchString(q) }) {
			t.Errorf("names no tenant: %s", q)
		}
	}
	if n < 40 {
		t.Errorf("only %d statements were seen", n)
	}
}

// statements are those that went to the database.
type statements struct {
	mu      sync.Mutex
	started bool
	all     map[string]bool
}

func (s *statements) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
}

func (s *statements) note(q string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		s.all[q] = true
	}
}

// recorder is a connector that notes every statement.
type recorder struct {
	driver.Connector
	seen *statements
}

func (r recorder) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{c.(full), r.seen}, nil
}

// full is what lib/pq's connections can.
type full interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

type conn struct {
	full
	seen *statements
}

func (c conn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	c.seen.note(q)
	return c.full.PrepareContext(ctx, q)
}

func (c conn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	c.seen.note(q)
	return c.full.ExecContext(ctx, q, args)
}

func (c conn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.seen.note(q)
	return c.full.QueryContext(ctx, q, args)
}
