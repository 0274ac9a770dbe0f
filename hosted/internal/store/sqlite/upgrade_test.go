package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
)

// Users and tokens of the first schema keep doing what their role allowed.
func TestUsersOfTheFirstSchemaGetTheRightsOfTheirRole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"))
	if err == nil {
		_, err = p.UpTo(t.Context(), 1)
	}
	if err == nil {
		_, err = db.Exec(`INSERT INTO tenants VALUES (1, 'acme', 2000, false, 0);
			INSERT INTO users VALUES (1, 1, 'ann', '', 'admin', 0), (2, 1, 'bob', '', 'user', 0), (3, 1, 'eve', '', 'viewer', 0);
			INSERT INTO api_tokens VALUES (zeroblob(32), 2, 'ci', 0, 0);
			INSERT INTO sessions VALUES (zeroblob(32), CAST('{"user":2,"stamp":"AA=="}' AS BLOB), 99);
			INSERT INTO sensors VALUES ('00000000-0000-0000-0000-000000000001', 1, 7, zeroblob(32), '{}', '', 0, 0, false);
			INSERT INTO cursors VALUES ('00000000-0000-0000-0000-000000000001', 1, 0, 0, 0, 0)`)
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]string{"ann": "listen,download,rules,numbers,export", "bob": "listen,download,numbers,export", "eve": "numbers"} {
		if u, err := s.UserByName(t.Context(), name); err != nil || u.Rights.String() != want {
			t.Errorf("%s has the rights %q, %v, want %q", name, u.Rights, err, want)
		}
	}
	if k, err := s.APIToken(t.Context(), [32]byte{}); err != nil || k.Narrow {
		t.Errorf("token %+v, %v, want one that is not narrow", k, err)
	}
	if all, err := s.Sessions(t.Context(), 2); err != nil || len(all) != 1 || all[0].User != 2 {
		t.Errorf("sessions %+v, %v, want bob's", all, err)
	}
	if all, err := s.Sensors(t.Context(), 1); err != nil || len(all) != 1 || all[0].Rules != (store.SensorRules{}) {
		t.Errorf("sensors %+v, %v", all, err)
	}
	if r, err := s.Rules(t.Context(), 1); err != nil || r.Revision != 0 {
		t.Errorf("rules %+v, %v", r, err)
	}
}
