package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	mostAlerts = 5
	lease      = "alerts"
)

func testAlerts(t *testing.T, open Open) {
	for _, group := range []struct {
		name string
		run  func(*testing.T, *fixture, store.TenantID)
	}{
		{"definitions are a tenant's own, and change by revisions", testDefinitions},
		{"the number of definitions is bounded, also when many are made at once", testMostAlerts},
		{"receivers are a tenant's own", testReceivers},
		{"a silence lasts until its time, or until it is ended", testSilences},
		{"counts of several processes stand beside each other", testAlertCounts},
		{"an evaluation is stored as a whole, by the holder of the lease only", testEvaluations},
		{"messages are due until they are done", testNotices},
		{"incidents are listed newest first, page by page", testIncidents},
		{"what alerts leave is forgotten after its time", testForgetAlerts},
		{"one holder at a time has a lease", testLease},
		{"a sensor was seen when it was seen last", testSensorsSeen},
	} {
		t.Run(group.name, func(t *testing.T) {
			f := newFixture(t, open)
			group.run(t, f, f.newTenant("other"))
		})
	}
}

func (f *fixture) alert(t store.TenantID, spec string) store.Alert {
	f.t.Helper()
	a, err := f.CreateAlert(f.ctx, store.Alert{Tenant: t, Spec: json.RawMessage(spec), Enabled: true, Author: "ann", Changed: now}, mostAlerts)
	f.ok(err)
	return a
}

func testDefinitions(t *testing.T, f *fixture, other store.TenantID) {
	a := f.alert(f.tenant, `{"name":"žluťoučký"}`)
	theirs := f.alert(other, `{}`)
	if a.Revision != 1 || a.ID == 0 || a.ID == theirs.ID {
		t.Errorf("new ones: %+v, %+v", a, theirs)
	}
	got, err := f.Alert(f.ctx, f.tenant, a.ID)
	if err != nil || string(got.Spec) != string(a.Spec) || !got.Enabled || got.Author != "ann" || !got.Changed.Equal(now) {
		t.Errorf("read %+v, %v", got, err)
	}
	before, err := f.AlertVersions(f.ctx)
	f.ok(err)
	changed := a
	changed.Spec, changed.Enabled, changed.Author = json.RawMessage(`{"name":"b"}`), false, "bob"
	second, err := f.UpdateAlert(f.ctx, changed)
	if err != nil || second.Revision != 2 {
		t.Fatalf("changed: %+v, %v", second, err)
	}
	if _, err := f.UpdateAlert(f.ctx, changed); !errors.Is(err, store.ErrStale) {
		t.Errorf("a change of an old revision: %v, want ErrStale", err)
	}
	if got, err := f.Alert(f.ctx, f.tenant, a.ID); err != nil || string(got.Spec) != `{"name":"b"}` || got.Enabled || got.Author != "bob" || got.Revision != 2 {
		t.Errorf("after the change: %+v, %v", got, err)
	}
	after, err := f.AlertVersions(f.ctx)
	f.ok(err)
	if len(after) != 2 || after[f.tenant] == before[f.tenant] || after[other] != before[other] {
		t.Errorf("versions %v, then %v", before, after)
	}
	// Another tenant's are not there.
	stolen := second
	stolen.Tenant = other
	_, e1 := f.Alert(f.ctx, other, a.ID)
	_, e2 := f.UpdateAlert(f.ctx, stolen)
	for what, err := range map[string]error{"read": e1, "change": e2, "delete": f.DeleteAlert(f.ctx, other, a.ID)} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s another tenant's alert: %v, want ErrNotFound", what, err)
		}
	}
	if all, err := f.Alerts(f.ctx, other); err != nil || len(all) != 1 || all[0].ID != theirs.ID {
		t.Errorf("the other's: %+v, %v", all, err)
	}
	f.ok(f.DeleteAlert(f.ctx, f.tenant, a.ID))
	if all, err := f.Alerts(f.ctx, f.tenant); err != nil || len(all) != 0 {
		t.Errorf("after it was removed: %+v, %v", all, err)
	}
	if err := f.DeleteAlert(f.ctx, f.tenant, a.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("removed twice: %v, want ErrNotFound", err)
	}
}

func testMostAlerts(t *testing.T, f *fixture, other store.TenantID) {
	var wg sync.WaitGroup
	errs := make([]error, 2*mostAlerts)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = f.CreateAlert(f.ctx, store.Alert{Tenant: f.tenant, Spec: json.RawMessage("{}"), Changed: now}, mostAlerts)
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, store.ErrFull) {
			t.Errorf("error %v, want ErrFull", err)
		}
	}
	if made != mostAlerts {
		t.Errorf("%d were made, want %d", made, mostAlerts)
	}
	f.alert(other, "{}") // has room of its own
	if _, err := f.CreateAlert(f.ctx, store.Alert{Tenant: 999, Spec: json.RawMessage("{}")}, mostAlerts); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of no tenant: %v, want ErrNotFound", err)
	}
}

func testReceivers(t *testing.T, f *fixture, other store.TenantID) {
	r, err := f.CreateReceiver(f.ctx, store.Receiver{Tenant: f.tenant, Spec: json.RawMessage(`{"a":1}`), Author: "ann", Changed: now}, 1)
	f.ok(err)
	if _, err := f.CreateReceiver(f.ctx, store.Receiver{Tenant: f.tenant, Spec: json.RawMessage(`{}`)}, 1); !errors.Is(err, store.ErrFull) {
		t.Errorf("one too many: %v, want ErrFull", err)
	}
	r.Spec = json.RawMessage(`{"a":2}`)
	f.ok(f.UpdateReceiver(f.ctx, r))
	if got, err := f.Receiver(f.ctx, f.tenant, r.ID); err != nil || string(got.Spec) != `{"a":2}` || got.Author != "ann" {
		t.Errorf("read %+v, %v", got, err)
	}
	stolen := r
	stolen.Tenant = other
	_, e := f.Receiver(f.ctx, other, r.ID)
	for what, err := range map[string]error{"read": e, "change": f.UpdateReceiver(f.ctx, stolen), "delete": f.DeleteReceiver(f.ctx, other, r.ID)} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s another tenant's receiver: %v, want ErrNotFound", what, err)
		}
	}
	if all, err := f.Receivers(f.ctx, other); err != nil || len(all) != 0 {
		t.Errorf("the other's: %+v, %v", all, err)
	}
	f.ok(f.DeleteReceiver(f.ctx, f.tenant, r.ID))
	if all, err := f.Receivers(f.ctx, f.tenant); err != nil || len(all) != 0 {
		t.Errorf("after it was removed: %+v, %v", all, err)
	}
}

func testSilences(t *testing.T, f *fixture, other store.TenantID) {
	add := func(ends time.Time) store.Silence {
		s, err := f.CreateSilence(f.ctx, store.Silence{Tenant: f.tenant, Alert: 7, From: now, To: ends, Author: "ann", Reason: "works"}, 2)
		f.ok(err)
		return s
	}
	long, short := add(now.Add(2*time.Hour)), add(now.Add(time.Hour))
	if _, err := f.CreateSilence(f.ctx, store.Silence{Tenant: f.tenant, From: now, To: now.Add(time.Hour)}, 2); !errors.Is(err, store.ErrFull) {
		t.Errorf("one too many: %v, want ErrFull", err)
	}
	at := func(tenant store.TenantID, when time.Time) (ids []int64) {
		all, err := f.Silences(f.ctx, tenant, when)
		f.ok(err)
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		return ids
	}
	if got := at(f.tenant, now); !slices.Equal(got, []int64{short.ID, long.ID}) {
		t.Errorf("silences %v, want %d, %d", got, short.ID, long.ID)
	}
	if got := at(f.tenant, now.Add(time.Hour)); !slices.Equal(got, []int64{long.ID}) {
		t.Errorf("an hour later %v, want %d", got, long.ID)
	}
	if got := at(other, now); len(got) != 0 {
		t.Errorf("the other's: %v", got)
	}
	if err := f.EndSilence(f.ctx, other, long.ID, now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant's ended: %v, want ErrNotFound", err)
	}
	f.ok(f.EndSilence(f.ctx, f.tenant, long.ID, now.Add(time.Minute)))
	if err := f.EndSilence(f.ctx, f.tenant, long.ID, now.Add(time.Hour)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ended twice: %v, want ErrNotFound", err)
	}
	// One that is over takes no room, seen from when it is over.
	_, err := f.CreateSilence(f.ctx, store.Silence{Tenant: f.tenant, From: now.Add(time.Minute), To: now.Add(time.Hour)}, 2)
	f.ok(err)
}

func testAlertCounts(t *testing.T, f *fixture, other store.TenantID) {
	a := f.alert(f.tenant, "{}")
	count := func(at time.Time, key, data string) store.AlertCounts {
		return store.AlertCounts{Tenant: f.tenant, Alert: a.ID, Counted: 1, At: protocol.TimeOf(at), Key: key, Data: json.RawMessage(data)}
	}
	f.ok(f.PutAlertCounts(f.ctx, "one", []store.AlertCounts{count(now, "x", `1`), count(now, "y", `2`), count(now.Add(-time.Hour), "x", `3`)}))
	f.ok(f.PutAlertCounts(f.ctx, "two", []store.AlertCounts{count(now, "x", `4`)}))
	f.ok(f.PutAlertCounts(f.ctx, "one", []store.AlertCounts{count(now, "x", `5`)}))
	read := func(tenant store.TenantID, counted int64, from time.Time) string {
		all, err := f.AlertCounts(f.ctx, tenant, a.ID, counted, protocol.TimeOf(from))
		f.ok(err)
		s := ""
		for _, c := range all {
			s += c.Key + string(c.Data) + " "
		}
		return s
	}
	if got := read(f.tenant, 1, now.Add(-time.Hour)); got != "x3 x5 x4 y2 " {
		t.Errorf("counts %q", got)
	}
	if got := read(f.tenant, 1, now); got != "x5 x4 y2 " {
		t.Errorf("counts of now %q", got)
	}
	if a, b := read(other, 1, now), read(f.tenant, 2, now); a != "" || b != "" {
		t.Errorf("of another tenant %q, of what is not counted any more %q", a, b)
	}
	save := func(e store.Evaluation) {
		t.Helper()
		e.Tenant, e.Alert = f.tenant, a.ID
		_, err := f.Lease(f.ctx, lease, "me", now, time.Minute)
		f.ok(err)
		f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, e))
	}
	save(store.Evaluation{State: json.RawMessage(`{}`), Before: protocol.TimeOf(now)})
	if got := read(f.tenant, 1, now.Add(-time.Hour)); got != "x5 x4 y2 " {
		t.Errorf("after the old were forgotten %q", got)
	}
	save(store.Evaluation{})
	if got := read(f.tenant, 1, now); got != "" {
		t.Errorf("of an alert that is switched off %q", got)
	}
	f.ok(f.PutAlertCounts(f.ctx, "one", []store.AlertCounts{count(now, "x", `1`)}))
	f.ok(f.DeleteAlert(f.ctx, f.tenant, a.ID))
	f.ok(f.Maintain(f.ctx, now))
	if got := read(f.tenant, 1, now); got != "" {
		t.Errorf("of an alert that is gone %q", got)
	}
}

func testEvaluations(t *testing.T, f *fixture, other store.TenantID) {
	a := f.alert(f.tenant, "{}")
	held, err := f.Lease(f.ctx, lease, "me", now, time.Minute)
	if err != nil || !held {
		t.Fatalf("lease: %t, %v", held, err)
	}
	e := store.Evaluation{
		Tenant: f.tenant, Alert: a.ID, State: json.RawMessage(`{"n":1}`),
		Incident: &store.Incident{ID: "1-1", Tenant: f.tenant, Alert: a.ID, Started: now, Data: json.RawMessage(`{}`)},
		Notices: []store.Notice{
			{Tenant: f.tenant, Incident: "1-1", Receiver: 3, Name: "noc", Event: "firing", Body: json.RawMessage(`{"b":1}`), Created: now, Next: now},
		},
	}
	for name, err := range map[string]error{
		"somebody else": f.SaveEvaluation(f.ctx, lease, "you", now, e),
		"too late":      f.SaveEvaluation(f.ctx, lease, "me", now.Add(time.Minute), e),
	} {
		if !errors.Is(err, store.ErrLease) {
			t.Errorf("%s: %v, want ErrLease", name, err)
		}
	}
	states := func(tenant store.TenantID) string {
		all, err := f.AlertStates(f.ctx, tenant)
		f.ok(err)
		s := ""
		for _, st := range all {
			s += string(st.Data)
		}
		return s
	}
	notices, err := f.Notices(f.ctx, f.tenant, "1-1")
	f.ok(err)
	if s := states(f.tenant); s != "" || len(notices) != 0 {
		t.Errorf("what was refused left %q, %d messages", s, len(notices))
	}
	f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, e))
	f.ok(f.AckIncident(f.ctx, f.tenant, "1-1", "ann", "on it", now.Add(time.Minute)))
	if err := f.AckIncident(f.ctx, other, "1-1", "eve", "", now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant's acknowledged: %v, want ErrNotFound", err)
	}
	e.State, e.Notices = json.RawMessage(`{"n":2}`), nil
	e.Incident.Ended, e.Incident.Data = now.Add(30*time.Second), json.RawMessage(`{"over":true}`)
	f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, e))
	if s := states(f.tenant); s != `{"n":2}` || states(other) != "" {
		t.Errorf("states %q, the other's %q", s, states(other))
	}
	all, err := f.Incidents(f.ctx, f.tenant, store.IncidentQuery{ID: "1-1"})
	f.ok(err)
	if len(all) != 1 || string(all[0].Data) != `{"over":true}` || !all[0].Ended.Equal(now.Add(30*time.Second)) || all[0].AckedBy != "ann" || all[0].AckNote != "on it" || !all[0].AckedAt.Equal(now.Add(time.Minute)) {
		t.Errorf("incident %+v", all)
	}
	if err := f.AckIncident(f.ctx, f.tenant, "1-1", "bob", "", now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that is over acknowledged: %v, want ErrNotFound", err)
	}
	if all, err := f.Incidents(f.ctx, other, store.IncidentQuery{ID: "1-1"}); err != nil || len(all) != 0 {
		t.Errorf("seen by the other: %+v, %v", all, err)
	}
	if all, err := f.Notices(f.ctx, other, "1-1"); err != nil || len(all) != 0 {
		t.Errorf("messages seen by the other: %+v, %v", all, err)
	}
	f.ok(f.DeleteAlert(f.ctx, f.tenant, a.ID))
	if v, err := f.AlertVersions(f.ctx); err != nil || len(v) != 1 {
		t.Errorf("versions with a state that is left: %v, %v", v, err)
	}
	e.State, e.Incident = nil, nil
	f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, e))
	if v, err := f.AlertVersions(f.ctx); err != nil || len(v) != 0 || states(f.tenant) != "" {
		t.Errorf("versions %v, %v, state %q, want none", v, err, states(f.tenant))
	}
}

func testNotices(t *testing.T, f *fixture, _ store.TenantID) {
	_, err := f.Lease(f.ctx, lease, "me", now, time.Minute)
	f.ok(err)
	e := store.Evaluation{Tenant: f.tenant, Alert: 1, State: json.RawMessage(`{}`)}
	for i := range 3 {
		e.Notices = append(e.Notices, store.Notice{
			Tenant: f.tenant, Incident: "1-1", Receiver: int64(i), Name: "noc", Event: "firing", Body: json.RawMessage(`{"b":1}`), Created: now, Next: now.Add(time.Duration(3-i) * time.Second),
		})
	}
	f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, e))
	due := func(at time.Time, limit int) []store.Notice {
		all, err := f.DueNotices(f.ctx, at, limit)
		f.ok(err)
		return all
	}
	if n := due(now, 10); len(n) != 0 {
		t.Errorf("%d are due too early", len(n))
	}
	list := due(now.Add(2*time.Second), 10)
	if len(list) != 2 || list[0].Receiver != 2 || list[1].Receiver != 1 || string(list[0].Body) != `{"b":1}` || list[0].Name != "noc" || list[0].Event != "firing" {
		t.Fatalf("due: %+v", list)
	}
	if n := due(now.Add(time.Hour), 1); len(n) != 1 {
		t.Errorf("%d of at most 1", len(n))
	}
	done, again := list[0], list[1]
	done.Next, done.Done, done.Attempts = time.Time{}, now.Add(time.Second), []store.Attempted{{At: protocol.TimeOf(now), Result: "ok", TookMS: 12}}
	again.Next, again.Attempts = now.Add(time.Minute), []store.Attempted{{At: protocol.TimeOf(now), Result: "connection refused"}}
	f.ok(f.UpdateNotice(f.ctx, done))
	f.ok(f.UpdateNotice(f.ctx, again))
	if n := due(now.Add(30*time.Second), 10); len(n) != 1 || n[0].Receiver != 0 {
		t.Errorf("due after that: %+v", n)
	}
	all, err := f.Notices(f.ctx, f.tenant, "1-1")
	f.ok(err)
	if len(all) != 3 || !all[2].Done.Equal(now.Add(time.Second)) || !all[2].Next.IsZero() || fmt.Sprint(all[1].Attempts) != fmt.Sprint(again.Attempts) {
		t.Errorf("messages %+v", all)
	}
	done.Tenant = 999
	if err := f.UpdateNotice(f.ctx, done); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant's message: %v, want ErrNotFound", err)
	}
}

// incident stores one that began at a time and, if so, has ended.
func (f *fixture) incident(id string, alert int64, started, ended time.Time) {
	f.t.Helper()
	f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, store.Evaluation{
		Tenant: f.tenant, Alert: alert, State: json.RawMessage(`{}`),
		Incident: &store.Incident{ID: id, Tenant: f.tenant, Alert: alert, Started: started, Ended: ended, Data: json.RawMessage(`{}`)},
	}))
}

func testIncidents(t *testing.T, f *fixture, _ store.TenantID) {
	_, err := f.Lease(f.ctx, lease, "me", now, time.Minute)
	f.ok(err)
	for i := range 7 { // two at each time
		var ended time.Time
		if i%2 == 0 {
			ended = now
		}
		f.incident(fmt.Sprintf("%d-%d", 1+i%2, i), int64(1+i%2), now.Add(time.Duration(i/2)*time.Minute-time.Hour), ended)
	}
	ids := func(q store.IncidentQuery) string {
		var s []string
		for {
			page, err := f.Incidents(f.ctx, f.tenant, q)
			f.ok(err)
			for _, i := range page {
				s = append(s, i.ID)
			}
			if q.Limit == 0 || len(page) < q.Limit {
				return strings.Join(s, " ")
			}
			q.After = page[len(page)-1].Cursor()
		}
	}
	const all = "1-6 2-5 1-4 2-3 1-2 2-1 1-0"
	for q, want := range map[store.IncidentQuery]string{
		{}: all, {Limit: 1}: all, {Limit: 2}: all, {Limit: 3}: all, {Alert: 2}: "2-5 2-3 2-1", {Open: true}: "2-5 2-3 2-1", {ID: "1-2"}: "1-2", {ID: "x"}: "",
	} {
		if got := ids(q); got != want {
			t.Errorf("%+v: %s, want %s", q, got, want)
		}
	}
	for _, after := range []string{"x", "/", now.Format(time.RFC3339), "nonsense/1-1"} {
		if _, err := f.Incidents(f.ctx, f.tenant, store.IncidentQuery{After: after}); !errors.Is(err, store.ErrCursor) {
			t.Errorf("after %q: %v, want ErrCursor", after, err)
		}
	}
}

func testForgetAlerts(t *testing.T, f *fixture, _ store.TenantID) {
	_, err := f.Lease(f.ctx, lease, "me", now, time.Minute)
	f.ok(err)
	old := now.Add(-store.IncidentAge - time.Minute)
	f.incident("1-1", 1, old, old)
	f.incident("1-2", 1, old, time.Time{}) // lasts
	f.incident("1-3", 1, old, now)
	e := store.Evaluation{Tenant: f.tenant, Alert: 1, State: json.RawMessage(`{}`)}
	for _, id := range []string{"1-1", "1-2"} {
		e.Notices = append(e.Notices, store.Notice{Tenant: f.tenant, Incident: id, Event: "firing", Body: json.RawMessage(`{}`), Created: old})
	}
	f.ok(f.SaveEvaluation(f.ctx, lease, "me", now, e))
	f.ok(f.Maintain(f.ctx, now))
	all, err := f.Incidents(f.ctx, f.tenant, store.IncidentQuery{})
	f.ok(err)
	gone, err := f.Notices(f.ctx, f.tenant, "1-1")
	f.ok(err)
	stay, err := f.Notices(f.ctx, f.tenant, "1-2")
	f.ok(err)
	if len(all) != 2 || all[0].ID != "1-3" || all[1].ID != "1-2" || len(gone) != 0 || len(stay) != 1 {
		t.Errorf("left: %+v, messages %d and %d, want those of the incidents that are left", all, len(gone), len(stay))
	}
}

func testLease(t *testing.T, f *fixture, _ store.TenantID) {
	take := func(holder string, at time.Time) bool {
		t.Helper()
		got, err := f.Lease(f.ctx, lease, holder, at, time.Minute)
		f.ok(err)
		return got
	}
	for i, step := range []struct {
		holder string
		at     time.Duration
		want   bool
	}{
		{"a", 0, true},
		{"b", 30 * time.Second, false},
		{"a", 40 * time.Second, true}, // until 1:40
		{"b", 80 * time.Second, false},
		{"b", 100 * time.Second, true}, // a was silent
		{"a", 110 * time.Second, false},
	} {
		if got := take(step.holder, now.Add(step.at)); got != step.want {
			t.Errorf("step %d: %s gets it: %t, want %t", i, step.holder, got, step.want)
		}
	}
	f.ok(f.EndLease(f.ctx, lease, "a")) // has it no more
	if take("c", now.Add(111*time.Second)) {
		t.Error("who has not the lease gave it back")
	}
	f.ok(f.EndLease(f.ctx, lease, "b"))
	var wg sync.WaitGroup
	got := make([]bool, 8)
	for i := range got {
		wg.Go(func() { got[i], _ = f.Lease(f.ctx, lease, fmt.Sprint("n", i), now.Add(112*time.Second), time.Minute) })
	}
	wg.Wait()
	if n := len(slices.DeleteFunc(got, func(b bool) bool { return !b })); n != 1 {
		t.Errorf("%d of 8 at once got it, want 1", n)
	}
}

func testSensorsSeen(t *testing.T, f *fixture, other store.TenantID) {
	theirs := f.newSensor(other, 7, 2)
	see := func(s store.Sensor, at time.Time) {
		t.Helper()
		f.ok(f.PutSensorsSeen(f.ctx, []store.SensorSeen{{Tenant: s.Tenant, Sensor: s.UUID, At: at}}))
	}
	see(f.sensor, now)
	see(theirs, now.Add(time.Minute))
	see(f.sensor, now.Add(time.Hour))
	see(f.sensor, now.Add(time.Minute)) // another node, and late
	all, err := f.SensorsSeen(f.ctx, f.tenant)
	f.ok(err)
	if len(all) != 1 || all[0].Sensor != f.sensor.UUID || !all[0].At.Equal(now.Add(time.Hour)) {
		t.Errorf("seen %+v", all)
	}
}
