package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Watch is what the API needs of package watch.
type Watch interface {
	// Counter reads a stored definition.
	Counter(ctx context.Context, t store.TenantID, a store.Alert) (*alert.Counter, error)
	// Reader reads a tenant's conditions.
	Reader(ctx context.Context, t store.TenantID) alert.Reader
	Preview(ctx context.Context, t store.TenantID, spec alert.Spec, from, to time.Time) (alert.Preview, error)
	// Test tells a receiver that this is a test; an error says why it could not.
	Test(ctx context.Context, c *alert.Counter, t store.TenantID, tenant string, id int64, to alert.Receiver) error
	// HasMail reports whether mail can be sent.
	HasMail() bool
}

// Codes of the problems of alerts.
const (
	codeAlertChanged = "alert-changed"
	codeInUse        = "in-use"
	codeFull         = "too-many"
)

// Actions in the audit log.
const (
	actionAlert    = "alert.change"
	actionAlertEnd = "alert.remove"
	actionTest     = "alert.test"
	actionAck      = "alert.acknowledge"
	actionReceiver = "receiver.change"
	actionRemoved  = "receiver.remove"
	actionSilence  = "silence.add"
	actionUnmuted  = "silence.end"
)

type alertAnswer struct {
	ID        int64         `json:"id"`
	Revision  int64         `json:"revision"`
	Author    string        `json:"author"`
	Changed   protocol.Time `json:"changed"`
	Condition string        `json:"condition"` // in words
	Problem   string        `json:"problem"`   // why it cannot be evaluated, "": it can
	State     stateAnswer   `json:"state"`
	alert.Spec
}

type stateAnswer struct {
	Phase     alert.Phase   `json:"phase"` // of the worst key; off
	Evaluated protocol.Time `json:"evaluated"`
	Incident  string        `json:"incident"`
	Since     protocol.Time `json:"since"` // of the incident
	Silenced  protocol.Time `json:"silenced"`
	Keys      []keyAnswer   `json:"keys"` // the worst first
	More      int           `json:"more"`
	Points    []alert.Point `json:"points"`
}

type keyAnswer struct {
	Key string `json:"key"`
	alert.KeyState
}

// maxKeysShown bounds the keys of an alert in an answer.
const maxKeysShown = 20

const phaseOff alert.Phase = "off"

// alerts lists the tenant's alerts and how they stand.
func (a *api) alerts(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	all, err := a.Store.Alerts(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	out := make([]alertAnswer, len(all))
	if err := a.describeAlerts(r.Context(), id, all, out); err != nil {
		return err
	}
	return writeJSON(w, out)
}

func (a *api) describeAlerts(ctx context.Context, id auth.Identity, all []store.Alert, out []alertAnswer) error {
	states, err := a.Store.AlertStates(ctx, id.Tenant)
	if err != nil {
		return err
	}
	byAlert := map[int64]json.RawMessage{}
	for _, s := range states {
		byAlert[s.Alert] = s.Data
	}
	silences, err := a.Store.Silences(ctx, id.Tenant, a.Now())
	if err != nil {
		return err
	}
	for i, x := range all {
		out[i] = alertAnswer{ID: x.ID, Revision: x.Revision, Author: x.Author, Changed: protocol.TimeOf(x.Changed)}
		if err := json.Unmarshal(x.Spec, &out[i].Spec); err != nil {
			return fmt.Errorf("alert %d: %w", x.ID, err)
		}
		var st alert.State
		if data := byAlert[x.ID]; data != nil {
			if err := json.Unmarshal(data, &st); err != nil {
				return fmt.Errorf("state of alert %d: %w", x.ID, err)
			}
		}
		if c, err := a.Watch.Counter(ctx, id.Tenant, x); err != nil {
			out[i].Problem = err.Error()
		} else {
			out[i].Condition = c.Describe()
		}
		out[i].State = stateOf(x, &st)
		for _, s := range silences {
			if (s.Alert == 0 || s.Alert == x.ID) && !a.Now().Before(s.From) {
				out[i].State.Silenced = max(out[i].State.Silenced, protocol.TimeOf(s.To))
			}
		}
	}
	return nil
}

func stateOf(x store.Alert, st *alert.State) stateAnswer {
	s := stateAnswer{Phase: st.Phase(), Evaluated: st.Evaluated, Keys: []keyAnswer{}, Points: append([]alert.Point{}, st.Points...)}
	if !x.Enabled {
		s.Phase = phaseOff
		return s
	}
	if st.Incident != nil {
		s.Incident, s.Since = st.Incident.ID, st.Incident.Started
	}
	rank := map[alert.Phase]int{alert.Firing: 0, alert.Pending: 1, alert.OK: 2, alert.NoData: 3}
	keys := slices.SortedFunc(maps.Keys(st.Keys), func(a, b string) int {
		if d := rank[st.Keys[a].Phase] - rank[st.Keys[b].Phase]; d != 0 {
			return d
		}
		if len(a) != len(b) { // numbers of sensors in their order
			return len(a) - len(b)
		}
		return map[bool]int{true: -1, false: 1}[a < b]
	})
	for i, k := range keys {
		if i == maxKeysShown {
			s.More = len(keys) - i
			break
		}
		s.Keys = append(s.Keys, keyAnswer{k, *st.Keys[k]})
	}
	return s
}

// alertOf finds the alert that the path names.
func (a *api) alertOf(r *http.Request, id auth.Identity) (store.Alert, error) {
	n, err := pathNumber(r, "alert")
	if err != nil {
		return store.Alert{}, err
	}
	x, err := a.Store.Alert(r.Context(), id.Tenant, n)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("there is no such alert")
	}
	return x, err
}

func pathNumber(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(mux.Vars(r)[name], 10, 64)
	if err != nil || n < 1 {
		return 0, notFound("there is no such " + name)
	}
	return n, nil
}

func (a *api) alert(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, err := a.alertOf(r, id)
	if err != nil {
		return err
	}
	return a.answerAlert(w, r, id, x)
}

func (a *api) answerAlert(w http.ResponseWriter, r *http.Request, id auth.Identity, x store.Alert) error {
	out := make([]alertAnswer, 1)
	if err := a.describeAlerts(r.Context(), id, []store.Alert{x}, out); err != nil {
		return err
	}
	return writeJSON(w, out[0])
}

// newAlert stores a definition.
func (a *api) newAlert(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var spec alert.Spec
	if err := readJSON(w, r, &spec); err != nil {
		return err
	}
	x := store.Alert{Tenant: id.Tenant}
	if err := a.checkAlert(r.Context(), id, &spec, &x); err != nil {
		return err
	}
	x, err := a.Store.CreateAlert(r.Context(), x, alert.MaxAlerts)
	if errors.Is(err, store.ErrFull) {
		return full("alerts", alert.MaxAlerts)
	}
	if err != nil {
		return err
	}
	if err := a.record(r, id, actionAlert, alertObject(x.ID, spec.Name), 0, "new: "+alertDetail(x, spec)); err != nil {
		return err
	}
	return a.answerAlert(w, r, id, x)
}

func alertObject(id int64, name string) string { return fmt.Sprintf("%d %s", id, name) }

func alertDetail(x store.Alert, s alert.Spec) string {
	state := "off"
	if x.Enabled {
		state = "on"
	}
	return fmt.Sprintf("%s, %s %s %g, where %q, revision %d", state, s.Metric, s.Side, s.Threshold, s.Where, x.Revision)
}

func full(what string, most int) error {
	return &protocol.Problem{Code: codeFull, Status: http.StatusConflict, Title: fmt.Sprintf("there are %d %s already", most, what), Remedy: "remove one that nobody needs"}
}

// mayWatch is the problem of an alert that asks who called, of who may not see that: when it fires would tell.
func (a *api) mayWatch(ctx context.Context, id auth.Identity, spec *alert.Spec) error {
	if err := a.mayCount(ctx, id, spec.Where); err != nil {
		return err
	}
	return a.mayCount(ctx, id, spec.Match)
}

// checkAlert fills in a definition and checks it, its conditions and its receivers.
func (a *api) checkAlert(ctx context.Context, id auth.Identity, spec *alert.Spec, x *store.Alert) error {
	spec.Defaults()
	if err := a.mayCount(ctx, id, spec.Where); err != nil {
		return err
	}
	if _, err := alert.NewCounter(x.ID, *spec, a.Watch.Reader(ctx, id.Tenant)); err != nil {
		return alertProblem(err)
	}
	if err := a.mayWatch(ctx, id, spec); err != nil {
		return err
	}
	for _, n := range spec.Receivers {
		if _, err := a.Store.Receiver(ctx, id.Tenant, n); errors.Is(err, store.ErrNotFound) {
			return badRequest("receivers", fmt.Sprintf("has %d, and there is no such receiver", n), "GET /alerts/receivers lists them")
		} else if err != nil {
			return err
		}
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return badRequest("body", "cannot be stored: "+err.Error(), "give numbers")
	}
	x.Spec, x.Enabled, x.Author, x.Changed = data, spec.Enabled, id.Name, a.Now()
	return nil
}

// alertProblem says which field of a definition is wrong; of a condition also where.
func alertProblem(err error) error {
	var e *alert.Error
	if !errors.As(err, &e) {
		return err
	}
	p := badRequest(e.Field, e.Text, e.Remedy)
	var cause *protocol.Problem
	if errors.As(e.Cause, &cause) {
		p.Title, p.Detail = e.Field+": "+cause.Title, cause.Detail
		for k, v := range cause.Fields {
			p.Fields[k] = v
		}
	}
	return p
}

// setAlert replaces a definition.
func (a *api) setAlert(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, err := a.alertOf(r, id)
	if err != nil {
		return err
	}
	var in struct {
		Revision int64 `json:"revision"`
		alert.Spec
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := a.checkAlert(r.Context(), id, &in.Spec, &x); err != nil {
		return err
	}
	current := x.Revision
	x.Revision = in.Revision
	x, err = a.Store.UpdateAlert(r.Context(), x)
	if errors.Is(err, store.ErrStale) {
		return &protocol.Problem{
			Code: codeAlertChanged, Status: http.StatusPreconditionFailed, Title: "somebody else has changed the alert meanwhile",
			Remedy: "look at it as it is now, and change that", Fields: map[string]string{"revision": strconv.FormatInt(current, 10)},
		}
	}
	if err != nil {
		return err
	}
	if err := a.record(r, id, actionAlert, alertObject(x.ID, in.Name), 0, alertDetail(x, in.Spec)); err != nil {
		return err
	}
	return a.answerAlert(w, r, id, x)
}

func (a *api) removeAlert(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, err := a.alertOf(r, id)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteAlert(r.Context(), id.Tenant, x.ID); err != nil {
		return err
	}
	var spec alert.Spec
	_ = json.Unmarshal(x.Spec, &spec) // for its name only
	if err := a.record(r, id, actionAlertEnd, alertObject(x.ID, spec.Name), 0, ""); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Bounds of a preview.
const (
	previewDays    = 7
	maxPreviewDays = 31
)

// previewAlert says what a definition would have done.
func (a *api) previewAlert(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct {
		Spec alert.Spec `json:"alert"`
		Days int        `json:"days"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Days == 0 {
		in.Days = previewDays
	}
	if in.Days < 1 || in.Days > maxPreviewDays {
		return badRequest("days", strconv.Itoa(in.Days)+" is out of range", fmt.Sprintf("give 1 to %d", maxPreviewDays))
	}
	if in.Spec.Name == "" {
		in.Spec.Name = "preview"
	}
	in.Spec.Defaults()
	if err := a.mayWatch(r.Context(), id, &in.Spec); err != nil {
		return err
	}
	leave, err := a.workshop.enter(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	defer leave()
	to := a.Now()
	p, err := a.Watch.Preview(r.Context(), id.Tenant, in.Spec, to.AddDate(0, 0, -in.Days), to)
	if err != nil {
		return alertProblem(err)
	}
	return writeJSON(w, p)
}

type testAnswer struct {
	Receiver int64  `json:"receiver"`
	Name     string `json:"name"`
	Error    string `json:"error"` // "": it was delivered
}

// testAlert tells the receivers of an alert that this is a test.
func (a *api) testAlert(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, err := a.alertOf(r, id)
	if err != nil {
		return err
	}
	c, err := a.Watch.Counter(r.Context(), id.Tenant, x)
	if err != nil {
		return alertProblem(err)
	}
	out := []testAnswer{}
	for _, n := range c.Spec.Receivers {
		rec, to, err := a.readReceiver(r.Context(), id, n)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out = append(out, a.test(r, id, c, rec.ID, to))
	}
	return writeJSON(w, out)
}

func (a *api) test(r *http.Request, id auth.Identity, c *alert.Counter, n int64, to alert.Receiver) testAnswer {
	t := testAnswer{Receiver: n, Name: to.Name}
	detail := "delivered"
	if err := a.Watch.Test(r.Context(), c, id.Tenant, id.TenantName, n, to); err != nil {
		t.Error, detail = err.Error(), err.Error()
	}
	if err := a.record(r, id, actionTest, alertObject(n, to.Name), 0, detail); err != nil {
		a.Log.Error("a test message is not in the audit log", "error", err)
	}
	return t
}

type optionsAnswer struct {
	Metrics   []metricAnswer `json:"metrics"`
	Templates []alert.Spec   `json:"templates"`
	Mail      bool           `json:"mail"` // can be sent
	MayChange bool           `json:"may_change"`
	MayAnswer bool           `json:"may_answer"` // acknowledge and silence
}

type metricAnswer struct {
	alert.MetricInfo
	By []alert.By `json:"by"`
}

// alertOptions says what an alert may be about.
func (a *api) alertOptions(w http.ResponseWriter, _ *http.Request, id auth.Identity) error {
	out := optionsAnswer{Templates: alert.Templates(), Mail: a.Watch.HasMail(), MayChange: id.May(auth.RightRules), MayAnswer: mayAnswer(id)}
	for _, m := range alert.Metrics() {
		out.Metrics = append(out.Metrics, metricAnswer{m, m.By()})
	}
	return writeJSON(w, out)
}

// mayAnswer reports whether somebody may acknowledge and silence: who may change alerts, and who is on duty, which is everybody
// but viewers and narrowed tokens.
func mayAnswer(id auth.Identity) bool {
	return id.May(auth.RightRules) || id.Role != store.RoleViewer && !id.Narrow
}
