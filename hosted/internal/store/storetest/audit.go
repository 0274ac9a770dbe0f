package storetest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
)

func testAudit(t *testing.T, open Open) {
	t.Run("the audit log is the tenant's own, newest first, and kept", func(t *testing.T) {
		f := newFixture(t, open)
		for i := range 3 {
			f.ok(f.Audit(f.ctx, store.AuditEntry{
				Time: now, Tenant: f.tenant, User: "ann\x00", Addr: "192.0.2.1", Action: "capture.download",
				Object: strconv.Itoa(i), Bytes: 1 << 40, Detail: "\xff",
			}))
		}
		f.ok(f.Audit(f.ctx, store.AuditEntry{Time: now, Action: "login-failed"}))
		f.ok(f.Maintain(f.ctx, now.Add(store.AuditAge)))
		log, err := f.AuditLog(f.ctx, f.tenant, store.AuditQuery{Limit: 2})
		f.ok(err)
		if len(log) != 2 || log[0].Object != "2" || log[1].Object != "1" || log[0].Bytes != 1<<40 || !log[0].Time.Equal(now) {
			t.Errorf("log %+v", log)
		}
		f.ok(f.Maintain(f.ctx, now.Add(store.AuditAge+time.Second)))
		if log, err := f.AuditLog(f.ctx, f.tenant, store.AuditQuery{}); err != nil || len(log) != 0 {
			t.Errorf("after its age: %+v, %v", log, err)
		}
	})
	t.Run("the audit log is searched by user, kind and time", func(t *testing.T) {
		f := newFixture(t, open)
		for i, e := range []store.AuditEntry{
			{User: "ann", Action: "login"},
			{User: "bob", Action: "login-failed"},
			{User: "ann", Action: "capture.open"},
			{User: "ann", Action: "capture.download"},
			{User: "bob", Action: "captures"},
			{User: "bob", Action: "capture"},
		} {
			e.Tenant, e.Time, e.Object = f.tenant, now.Add(time.Duration(i)*time.Minute), strconv.Itoa(i)
			f.ok(f.Audit(f.ctx, e))
		}
		f.ok(f.Audit(f.ctx, store.AuditEntry{Tenant: f.newTenant("other"), User: "ann", Action: "login", Object: "theirs", Time: now}))
		for name, tt := range map[string]struct {
			q    store.AuditQuery
			want string
		}{
			"all":                  {store.AuditQuery{}, "5 4 3 2 1 0"},
			"of a user":            {store.AuditQuery{User: "ann"}, "3 2 0"},
			"of a user in part":    {store.AuditQuery{User: "an"}, ""},
			"an action":            {store.AuditQuery{Action: "login"}, "0"},
			"a kind":               {store.AuditQuery{Action: "capture"}, "5 3 2"},
			"a pattern is no kind": {store.AuditQuery{Action: "%"}, ""},
			"odd text":             {store.AuditQuery{Action: "\x00\xff", User: "'"}, ""},
			"from a time on":       {store.AuditQuery{From: now.Add(4 * time.Minute)}, "5 4"},
			"before a time":        {store.AuditQuery{To: now.Add(time.Minute)}, "0"},
			"all of it":            {store.AuditQuery{User: "ann", Action: "capture", From: now.Add(3 * time.Minute), To: now.Add(time.Hour)}, "3"},
		} {
			log, err := f.AuditLog(f.ctx, f.tenant, tt.q)
			if got := objects(log); err != nil || got != tt.want {
				t.Errorf("%s: entries %q, %v, want %q", name, got, err, tt.want)
			}
		}
	})
	t.Run("pages of the audit log follow each other, whatever is written meanwhile", func(t *testing.T) {
		f := newFixture(t, open)
		other := f.newTenant("other")
		for i := range 7 {
			f.ok(f.Audit(f.ctx, store.AuditEntry{Tenant: f.tenant, Action: "login", Object: strconv.Itoa(i), Time: now}))
			f.ok(f.Audit(f.ctx, store.AuditEntry{Tenant: other, Action: "login", Object: "theirs", Time: now}))
		}
		var pages []string
		q := store.AuditQuery{Limit: 3, Action: "login"}
		for {
			log, err := f.AuditLog(f.ctx, f.tenant, q)
			f.ok(err)
			if len(log) == 0 {
				break
			}
			pages = append(pages, objects(log))
			q.After = log[len(log)-1].ID
			f.ok(f.Audit(f.ctx, store.AuditEntry{Tenant: f.tenant, Action: "login", Object: "new", Time: now}))
		}
		if got := strings.Join(pages, " | "); got != "6 5 4 | 3 2 1 | 0" {
			t.Errorf("pages %s", got)
		}
	})
}

func objects(log []store.AuditEntry) string {
	var all []string
	for _, e := range log {
		all = append(all, e.Object)
	}
	return strings.Join(all, " ")
}
