package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
	"voiptop/rules"
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
	var told [][2]int64
	o := sqlstore.Options{Upgraded: func(from, to int64) { told = append(told, [2]int64{from, to}) }}
	s, err := sqlite.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(told) != 1 || told[0][0] != 1 || told[0][1] <= 1 {
		t.Errorf("told of the upgrades %v, want one from 1", told)
	}
	for _, path := range []string{path, filepath.Join(t.TempDir(), "new.db")} { // nothing to upgrade
		again, err := sqlite.Open(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
	}
	if len(told) != 1 {
		t.Errorf("told of the upgrades %v, want no other", told)
	}
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

// Days whose tables were made before calls had facts are searched as the others are.
func TestCallsOfAnEarlierSchemaAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	now := time.Now()
	s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tenant, sensor := enrolled(t, s, now)
	call := func(n byte) protocol.CDR {
		c := protocol.CDR{ID: protocol.UUID{n}, Start: protocol.TimeOf(now.Add(-time.Minute)), SensorID: 7, UACaller: "Snom D785", DurationMS: 5000}
		c.End = c.Start + 1
		return c
	}
	add := func(s store.Store, n byte) {
		if _, err := s.AppendCDRs(t.Context(), store.Batch{Tenant: tenant, Sensor: sensor, Epoch: 1, First: uint64(n), CDRs: []protocol.CDR{call(n)}}, now); err != nil {
			t.Fatal(err)
		}
	}
	add(s, 1)
	day := "calls_" + now.Add(-time.Minute).UTC().Format("20060102")
	if _, err := s.Write.Exec("DROP INDEX " + day + "_long"); err != nil {
		t.Fatal(err)
	}
	for _, column := range sqlstore.Later {
		if _, err := s.Write.Exec("ALTER TABLE " + day + " DROP COLUMN " + column[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = sqlite.Open(t.Context(), path, sqlstore.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	add(s, 2)
	for text, want := range map[string]int{"ua:snom*": 2, "duration>4": 2, "ua:yealink*": 0, "duration>6": 0} {
		e, err := rules.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := s.Calls(t.Context(), tenant, store.CallQuery{Where: e}); err != nil || len(p.Calls) != want {
			t.Errorf("%s finds %d calls, %v, want %d", text, len(p.Calls), err, want)
		}
	}
}

func enrolled(t *testing.T, s store.Store, now time.Time) (store.TenantID, protocol.UUID) {
	tenant, err := s.CreateTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{1}
	if err := s.CreateEnrolToken(t.Context(), store.EnrolToken{Hash: hash, Tenant: tenant.ID, Created: now, Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	sensor, err := s.RedeemEnrolToken(t.Context(), hash, now, store.Sensor{UUID: protocol.UUID{1}, SensorID: 7, Info: protocol.SensorInfo{SensorID: 7}})
	if err != nil {
		t.Fatal(err)
	}
	return tenant.ID, sensor.UUID
}

// Calls whose facts were written before these knew of flags, conversations and media are searched as the others are.
func TestCallsWithFactsOfTheFirstVersionAreFound(t *testing.T) {
	now := time.Now()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tenant, sensor := enrolled(t, s, now)
	c := protocol.CDR{
		ID: protocol.UUID{1}, Start: protocol.TimeOf(now.Add(-time.Minute)), End: protocol.TimeOf(now), SensorID: 7, OverLimit: true, CalleeURI: "1001", Reason: "Busy Here",
		Streams: []protocol.Stream{{Src: "192.0.2.7:4000", SSRC: 5}},
	}
	other := c
	other.ID, other.OverLimit, other.CalleeURI, other.Reason, other.Streams = protocol.UUID{2}, false, "", "", nil
	if _, err := s.AppendCDRs(t.Context(), store.Batch{Tenant: tenant, Sensor: sensor, Epoch: 1, CDRs: []protocol.CDR{c, other}}, now); err != nil {
		t.Fatal(err)
	}
	for _, facts := range []string{"of the second version", "\ne=bye\n"} {
		if facts[0] == '\n' {
			if _, err := s.Write.Exec("UPDATE calls_"+now.Add(-time.Minute).UTC().Format("20060102")+" SET facts = $1", facts); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range []string{"over-limit:yes", "dialled:1001", "reason:busy*", "media-ip:192.0.2.0/24", "ssrc:0x00000005"} {
			e, err := rules.ParseExpr(text)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := s.Calls(t.Context(), tenant, store.CallQuery{Where: e}); err != nil || len(p.Calls) != 1 || p.Calls[0].ID != c.ID {
				t.Errorf("facts %q: %s finds %d calls, %v, want one", facts, text, len(p.Calls), err)
			}
		}
	}
}
