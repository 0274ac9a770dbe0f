package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/alert/watch"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/notify"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// outbox keeps what is sent.
type outbox struct {
	mu     sync.Mutex
	sent   []notify.Delivery
	broken bool
	noMail bool
}

func (o *outbox) HasMail() bool { return !o.noMail }

func (o *outbox) Send(_ context.Context, d notify.Delivery) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return errors.New("connection refused")
	}
	o.sent = append(o.sent, d)
	return nil
}

func newAlertWorld(t *testing.T) (*world, *outbox) {
	o := &outbox{}
	w := newWorld(t, func(c *httpapi.Config) {
		c.Watch = watch.New(watch.Config{Store: c.Store, Sender: o, Base: "https://voip.example", Now: c.Now})
	})
	return w, o
}

type object = map[string]any

// fewAnswered is a definition.
func fewAnswered(change object) object {
	spec := object{"name": "few answered", "enabled": true, "metric": "asr", "threshold": 40, "window_ms": 300_000, "where": "callee:4202*"}
	for k, v := range change {
		spec[k] = v
	}
	return spec
}

type alertView struct {
	ID       int64
	Revision int64
	Author   string
	alert.Spec
	Condition string
	State     struct {
		Phase    string
		Silenced protocol.Time
		Incident string
	}
}

func TestAlertsAreMadeChangedAndRemoved(t *testing.T) {
	w, _ := newAlertWorld(t)
	c := w.as("admin")
	var a alertView
	c.do("POST", "/alerts", fewAnswered(nil)).into(t, &a)
	if a.ID == 0 || a.Revision != 1 || a.Author != "admin" || a.By != alert.ByTenant || a.Side != alert.Below || a.Severity != protocol.SeverityWarn || a.State.Phase != "no-data" || !strings.Contains(a.Condition, "below 40 %") {
		t.Errorf("%+v", a)
	}
	path := fmt.Sprintf("/alerts/%d", a.ID)
	var b alertView
	c.do("PUT", path, fewAnswered(object{"revision": 1, "threshold": 30, "enabled": false})).into(t, &b)
	if b.Revision != 2 || b.Threshold != 30 || b.State.Phase != "off" {
		t.Errorf("%+v", b)
	}
	if got := c.do("PUT", path, fewAnswered(object{"revision": 1})); got.status != http.StatusPreconditionFailed || got.code() != "alert-changed" {
		t.Errorf("a change of an old revision: %d %s", got.status, got.body)
	}
	var all []alertView
	c.get("/alerts").into(t, &all)
	if len(all) != 1 || all[0].Revision != 2 {
		t.Errorf("%+v", all)
	}
	if got := c.do("DELETE", path, nil); got.status != http.StatusNoContent {
		t.Errorf("removed: %d %s", got.status, got.body)
	}
	if got := c.get(path); got.status != http.StatusNotFound {
		t.Errorf("after that: %d", got.status)
	}
	if n := len(w.audited(w.acme, "alert.change")); n != 2 || len(w.audited(w.acme, "alert.remove")) != 1 {
		t.Errorf("%d changes in the audit log", n)
	}
}

func TestAWrongDefinitionIsNamedByFieldAndPlace(t *testing.T) {
	w, _ := newAlertWorld(t)
	c := w.as("admin")
	for field, change := range map[string]object{
		"name": {"name": ""}, "metric": {"metric": "speed"}, "window_ms": {"window_ms": 5}, "where": {"where": "calle:1"}, "match": {"metric": "share", "match": "mos<"},
		"receivers": {"receivers": []int{77}}, "quiet": {"quiet": object{"zone": "Moon", "from": "22:00", "to": "07:00"}}, "by": {"by": "moon"},
	} {
		for _, path := range []string{"/alerts", "/alerts/preview"} {
			var body any = fewAnswered(change)
			if path == "/alerts/preview" {
				if field == "receivers" || field == "name" {
					continue // a preview has none
				}
				body = object{"alert": body}
			}
			got := c.do("POST", path, body)
			var p protocol.Problem
			got.into(t, &p)
			if got.status != http.StatusBadRequest || p.Fields["field"] != field || p.Remedy == "" {
				t.Errorf("%s %s: %d %s", path, field, got.status, got.body)
			}
			if field == "where" && (p.Fields["column"] != "1" || p.Fields["nearest"] != "caller") {
				t.Errorf("place of the condition: %s", got.body)
			}
		}
	}
	if got := c.do("POST", "/alerts", fewAnswered(object{"treshold": 1})); got.status != http.StatusBadRequest {
		t.Errorf("an unknown field: %d", got.status)
	}
}

func TestConditionsOfAlertsKnowTheTenantsGroups(t *testing.T) {
	w, _ := newAlertWorld(t)
	c := w.as("admin")
	if got := c.do("POST", "/alerts", fewAnswered(object{"where": "callee:@board"})); got.status != http.StatusBadRequest {
		t.Errorf("a group that is not there: %d %s", got.status, got.body)
	}
	if got := c.do("PUT", "/rules", object{"revision": 0, "text": "group board: 2000 2001\n"}); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := c.do("POST", "/alerts", fewAnswered(object{"where": "callee:@board"})); got.status != http.StatusOK {
		t.Errorf("a group of the tenant's rules: %d %s", got.status, got.body)
	}
}

func TestAPreviewLooksAtStoredCalls(t *testing.T) {
	w, _ := newAlertWorld(t)
	c := w.as("admin")
	for i := range 30 {
		w.stored(w.acme, w.s1.uuid, w.call(1, func(r *protocol.CDR) {
			r.Callee, r.Status = "420277", 503
			r.Start = protocol.TimeOf(w.now().Add(-time.Hour - time.Duration(i)*20*time.Second))
			r.End = r.Start + 1e6
		}))
		w.stored(w.other, w.theirs.uuid, w.call(1, func(r *protocol.CDR) { r.Callee, r.Status = "420288", 503 }))
	}
	var p alert.Preview
	c.do("POST", "/alerts/preview", object{"alert": fewAnswered(object{"min_calls": 5}), "days": 1}).into(t, &p)
	if len(p.Incidents) != 1 || p.Calls != 30 || p.From == 0 || !strings.HasPrefix(p.Incidents[0].Keys[0].Link, "/calls?") {
		t.Errorf("%+v", p)
	}
	c.do("POST", "/alerts/preview", object{"alert": fewAnswered(object{"where": "callee:999"}), "days": 1}).into(t, &p)
	if len(p.Incidents) != 0 || p.Calls != 0 {
		t.Errorf("of other calls: %+v", p)
	}
	if got := c.do("POST", "/alerts/preview", object{"alert": fewAnswered(nil), "days": 99}); got.status != http.StatusBadRequest {
		t.Errorf("99 days: %d", got.status)
	}
}

func TestReceiversNeverShowTheirSecrets(t *testing.T) {
	w, o := newAlertWorld(t)
	c := w.as("admin")
	const secret, key = "https://hooks.example/T0/B1/s3cr3t", "0123456789abcdef"
	var r struct {
		ID       int64
		URL, Key string
	}
	got := c.do("POST", "/alerts/receivers", object{"name": "noc", "kind": "webhook", "url": secret, "key": key})
	got.into(t, &r)
	if r.URL != "https://hooks.example/********" || r.Key != alert.Mask {
		t.Errorf("%+v", r)
	}
	path := fmt.Sprintf("/alerts/receivers/%d", r.ID)
	// A change of the name leaves the secrets as they are.
	c.do("PUT", path, object{"name": "noc 2", "kind": "webhook", "url": r.URL, "key": r.Key})
	var test struct{ Name, Error string }
	c.do("POST", path+"/test", object{}).into(t, &test)
	if test.Name != "noc 2" || test.Error != "" || len(o.sent) != 1 || o.sent[0].Receiver.URL != secret || o.sent[0].Receiver.Key != key || o.sent[0].Message.Event != alert.EventTest {
		t.Errorf("test %+v of %+v", test, o.sent)
	}
	o.broken = true
	c.do("POST", path+"/test", object{}).into(t, &test)
	if test.Error != "connection refused" {
		t.Errorf("%+v", test)
	}
	var a alertView
	c.do("POST", "/alerts", fewAnswered(object{"receivers": []int64{r.ID}})).into(t, &a)
	var tests []object
	c.do("POST", fmt.Sprintf("/alerts/%d/test", a.ID), object{}).into(t, &tests)
	if len(tests) != 1 || tests[0]["error"] != "connection refused" {
		t.Errorf("%+v", tests)
	}
	if got := c.do("DELETE", path, nil); got.status != http.StatusConflict || got.code() != "in-use" {
		t.Errorf("removed while an alert tells it: %d %s", got.status, got.body)
	}
	c.do("DELETE", fmt.Sprintf("/alerts/%d", a.ID), nil)
	if got := c.do("DELETE", path, nil); got.status != http.StatusNoContent {
		t.Errorf("removed: %d %s", got.status, got.body)
	}
	log, err := w.store.AuditLog(t.Context(), w.acme, store.AuditQuery{Limit: 100})
	w.ok(err)
	for _, e := range log {
		if s := fmt.Sprint(e); strings.Contains(s, "s3cr3t") || strings.Contains(s, key) {
			t.Errorf("the audit log tells a secret: %s", s)
		}
	}
	if len(w.audited(w.acme, "receiver.change")) != 2 || len(w.audited(w.acme, "alert.test")) != 3 {
		t.Errorf("audit log %+v", log)
	}
	for name, body := range map[string]object{"a URL of mail": {"name": "x", "kind": "mail", "url": secret}, "no scheme": {"name": "x", "kind": "slack", "url": "s3cr3t"}} {
		if got := c.do("POST", "/alerts/receivers", body); got.status != http.StatusBadRequest || strings.Contains(string(got.body), "s3cr3t") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	o.noMail = true
	if got := c.do("POST", "/alerts/receivers", object{"name": "x", "kind": "mail", "addresses": []string{"a@example.org"}}); got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "--smtp") {
		t.Errorf("mail without a server: %d %s", got.status, got.body)
	}
}

// incident stores one that lasts, as an evaluation does.
func (w *world) incident(t store.TenantID, id string) {
	w.t.Helper()
	_, err := w.store.Lease(w.t.Context(), "alerts", "test", w.now(), time.Minute)
	w.ok(err)
	data := fmt.Sprintf(`{"id":%q,"alert":1,"name":"few answered","severity":"bad","started":%q,"ended":null,"end":"","keys":[{"key":"","label":"","started":%[2]q,"ended":null,"value":1,"worst":1,"last":1,"calls":9,"first":null,"latest":null,"link":"/calls?where=x"}],"more":0,"told":null,"silenced":false,"quiet":false,"told_keys":0}`,
		id, protocol.TimeOf(w.now()))
	w.ok(w.store.SaveEvaluation(w.t.Context(), "alerts", "test", w.now(), store.Evaluation{
		Tenant: t, Alert: 1, State: []byte(`{}`), Incident: &store.Incident{ID: id, Tenant: t, Alert: 1, Started: w.now(), Data: []byte(data)},
		Notices: []store.Notice{{
			Tenant: t, Incident: id, Receiver: 1, Name: "noc", Event: "firing", Body: []byte(`{"secret":"in the body"}`), Created: w.now(), Next: w.now(),
			Attempts: []store.Attempted{{At: protocol.TimeOf(w.now()), Result: "refused", TookMS: 3}},
		}},
	}))
}

func TestAnIncidentIsAcknowledgedByWhoIsOnDuty(t *testing.T) {
	w, _ := newAlertWorld(t)
	w.incident(w.acme, "1-1")
	user := w.as("user") // has not the right rules
	var fires struct {
		Firing, New int
		Severity    string
	}
	user.get("/alerts/firing").into(t, &fires)
	if fires.Firing != 1 || fires.New != 1 || fires.Severity != "bad" {
		t.Errorf("%+v", fires)
	}
	var i struct {
		By       string `json:"acknowledged_by"`
		Note     string `json:"acknowledged_note"`
		Messages []struct{ Receiver string }
	}
	user.do("PUT", "/alerts/history/1-1/acknowledgement", object{"note": "on it"}).into(t, &i)
	if i.By != "user" || i.Note != "on it" || len(i.Messages) != 1 || i.Messages[0].Receiver != "noc" {
		t.Errorf("%+v", i)
	}
	user.get("/alerts/firing").into(t, &fires)
	if fires.Firing != 1 || fires.New != 0 {
		t.Errorf("%+v", fires)
	}
	if got := w.as("viewer").do("PUT", "/alerts/history/1-1/acknowledgement", object{}); got.status != http.StatusForbidden {
		t.Errorf("a viewer: %d", got.status)
	}
	var page struct {
		Incidents []struct{ ID string }
		Next      string
	}
	user.get("/alerts/history?open=1&limit=1").into(t, &page)
	if len(page.Incidents) != 1 || page.Next == "" {
		t.Errorf("%+v", page)
	}
	user.get("/alerts/history?limit=1&after="+strings.ReplaceAll(page.Next, "/", "%2F")).into(t, &page)
	if len(page.Incidents) != 0 || page.Next != "" {
		t.Errorf("%+v", page)
	}
	for _, q := range []string{"alert=x", "open=maybe", "after=x", "limit=0", "nonsense=1"} {
		if got := user.get("/alerts/history?" + q); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", q, got.status)
		}
	}
	if len(w.audited(w.acme, "alert.acknowledge")) != 1 {
		t.Error("it is not in the audit log")
	}
}

func TestSilencesAreBoundedInTime(t *testing.T) {
	w, _ := newAlertWorld(t)
	c := w.as("user")
	var a alertView
	w.as("admin").do("POST", "/alerts", fewAnswered(nil)).into(t, &a)
	at := func(d time.Duration) string { return w.now().Add(d).Format(time.RFC3339) }
	var s struct {
		ID     int64
		Author string
		Alert  int64
	}
	c.do("POST", "/silences", object{"alert": a.ID, "to": at(time.Hour), "reason": "works"}).into(t, &s)
	if s.Author != "user" || s.Alert != a.ID {
		t.Errorf("%+v", s)
	}
	c.get(fmt.Sprintf("/alerts/%d", a.ID)).into(t, &a)
	if a.State.Silenced == 0 {
		t.Errorf("the alert does not show its silence: %+v", a.State)
	}
	for name, body := range map[string]object{
		"no end": {}, "in the past": {"to": at(-time.Hour)}, "for ever": {"to": at(100 * 24 * time.Hour)}, "backwards": {"from": at(2 * time.Hour), "to": at(time.Hour)},
		"no such alert": {"alert": 999, "to": at(time.Hour)}, "a long reason": {"to": at(time.Hour), "reason": strings.Repeat("x", 201)},
	} {
		if got := c.do("POST", "/silences", body); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	path := fmt.Sprintf("/silences/%d", s.ID)
	if got := w.as("eve").do("DELETE", path, nil); got.status != http.StatusNotFound {
		t.Errorf("another tenant's: %d", got.status)
	}
	if got := c.do("DELETE", path, nil); got.status != http.StatusNoContent {
		t.Errorf("%d %s", got.status, got.body)
	}
	var all []object
	c.get("/silences").into(t, &all)
	if len(all) != 0 {
		t.Errorf("%+v", all)
	}
	if got := w.as("viewer").do("POST", "/silences", object{"to": at(time.Hour)}); got.status != http.StatusForbidden {
		t.Errorf("a viewer: %d", got.status)
	}
}

func TestAnotherTenantsAlertsAreNotThere(t *testing.T) {
	w, _ := newAlertWorld(t)
	c, eve := w.as("admin"), w.as("eve")
	var a alertView
	c.do("POST", "/alerts", fewAnswered(nil)).into(t, &a)
	var r struct{ ID int64 }
	c.do("POST", "/alerts/receivers", object{"name": "noc", "kind": "slack", "url": "https://hooks.example/x"}).into(t, &r)
	w.incident(w.acme, "1-1")
	for _, path := range []string{"/alerts", "/alerts/receivers", "/silences"} {
		var list []object
		eve.get(path).into(t, &list)
		if len(list) != 0 {
			t.Errorf("%s: %+v", path, list)
		}
	}
	one, receiver := fmt.Sprintf("/alerts/%d", a.ID), fmt.Sprintf("/alerts/receivers/%d", r.ID)
	for _, req := range []struct {
		method, path string
		body         any
	}{
		{"GET", one, nil},
		{"PUT", one, fewAnswered(object{"revision": 1})},
		{"DELETE", one, nil},
		{"POST", one + "/test", object{}},
		{"PUT", receiver, object{"name": "x", "kind": "slack", "url": "https://x.example"}},
		{"DELETE", receiver, nil},
		{"POST", receiver + "/test", object{}},
		{"GET", "/alerts/history/1-1", nil},
		{"PUT", "/alerts/history/1-1/acknowledgement", object{}},
	} {
		if got := eve.do(req.method, req.path, req.body); got.status != http.StatusNotFound {
			t.Errorf("%s %s: %d %s", req.method, req.path, got.status, got.body)
		}
	}
	if got := eve.do("POST", "/alerts", fewAnswered(object{"receivers": []int64{r.ID}})); got.status != http.StatusBadRequest {
		t.Errorf("an alert that tells another tenant's receiver: %d", got.status)
	}
	var fires struct{ Firing int }
	eve.get("/alerts/firing").into(t, &fires)
	if fires.Firing != 0 {
		t.Errorf("%+v", fires)
	}
}

func TestWhoHasNotTheRightRulesChangesNoAlert(t *testing.T) {
	w, _ := newAlertWorld(t)
	var a alertView
	w.as("admin").do("POST", "/alerts", fewAnswered(nil)).into(t, &a)
	c := w.as("user")
	one := fmt.Sprintf("/alerts/%d", a.ID)
	for _, req := range [][2]string{{"POST", "/alerts"}, {"PUT", one}, {"DELETE", one}, {"POST", one + "/test"}, {"POST", "/alerts/preview"}, {"POST", "/alerts/receivers"}, {"PUT", "/alerts/receivers/1"}, {"DELETE", "/alerts/receivers/1"}, {"POST", "/alerts/receivers/1/test"}} {
		if got := c.do(req[0], req[1], object{}); got.status != http.StatusForbidden {
			t.Errorf("%s %s: %d", req[0], req[1], got.status)
		}
	}
	var o struct {
		MayChange bool `json:"may_change"`
		MayAnswer bool `json:"may_answer"`
		Templates []alert.Spec
	}
	c.get("/alerts/options").into(t, &o)
	if o.MayChange || !o.MayAnswer || len(o.Templates) == 0 || slices.ContainsFunc(o.Templates, func(s alert.Spec) bool { return s.Enabled }) {
		t.Errorf("%+v", o)
	}
}

func TestWhoMayNotSeeNumbersFindsNoneOutByAlerts(t *testing.T) {
	w, _ := newAlertWorld(t)
	_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: "masked", Password: passwordHash, Role: store.RoleUser, Rights: store.RightRules, Created: w.now()})
	w.ok(err)
	c := w.as("masked")
	for _, change := range []object{{"where": "callee:4202*"}, {"where": "", "metric": "share", "match": "caller:420277"}} {
		for path, body := range map[string]any{"/alerts": fewAnswered(change), "/alerts/preview": object{"alert": fewAnswered(change)}} {
			if got := c.do("POST", path, body); got.status != http.StatusForbidden {
				t.Errorf("%s %v: %d %s", path, change, got.status, got.body)
			}
		}
	}
	if got := c.do("POST", "/alerts", fewAnswered(object{"where": "src:10.0.0.0/8"})); got.status != http.StatusOK {
		t.Errorf("a condition without numbers: %d %s", got.status, got.body)
	}
}

func TestThereIsRoomForAHundredAlerts(t *testing.T) {
	w, _ := newAlertWorld(t)
	c := w.as("admin")
	for range alert.MaxAlerts {
		_, err := w.store.CreateAlert(t.Context(), store.Alert{Tenant: w.acme, Spec: []byte(`{"name":"x","metric":"asr"}`), Changed: w.now()}, alert.MaxAlerts)
		w.ok(err)
	}
	if got := c.do("POST", "/alerts", fewAnswered(nil)); got.status != http.StatusConflict || got.code() != "too-many" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
