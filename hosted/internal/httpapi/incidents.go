package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type incidentAnswer struct {
	alert.Incident
	AckedBy string         `json:"acknowledged_by"`
	AckedAt protocol.Time  `json:"acknowledged"`
	AckNote string         `json:"acknowledged_note"`
	Notices []noticeAnswer `json:"messages,omitempty"` // of a single incident
}

type noticeAnswer struct {
	Receiver string            `json:"receiver"`
	Event    string            `json:"event"`
	Created  protocol.Time     `json:"created"`
	Done     protocol.Time     `json:"delivered"`
	Next     protocol.Time     `json:"next"` // when it is tried again
	Attempts []store.Attempted `json:"attempts"`
}

type incidentsAnswer struct {
	Incidents []incidentAnswer `json:"incidents"`
	Next      string           `json:"next"`
}

func incidentOf(x store.Incident) (incidentAnswer, error) {
	out := incidentAnswer{AckedBy: x.AckedBy, AckedAt: protocol.TimeOf(x.AckedAt), AckNote: x.AckNote}
	if err := json.Unmarshal(x.Data, &out.Incident); err != nil {
		return out, fmt.Errorf("incident %s: %w", x.ID, err)
	}
	return out, nil
}

// incidents lists when alerts fired, newest first.
func (a *api) incidents(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, err := incidentQuery(r.URL.Query())
	if err != nil {
		return err
	}
	all, err := a.Store.Incidents(r.Context(), id.Tenant, q)
	if err != nil {
		return err
	}
	out := incidentsAnswer{Incidents: make([]incidentAnswer, len(all))}
	for i, x := range all {
		if out.Incidents[i], err = incidentOf(x); err != nil {
			return err
		}
	}
	if len(all) == q.Limit {
		out.Next = all[len(all)-1].Cursor()
	}
	return writeJSON(w, out)
}

func incidentQuery(values url.Values) (q store.IncidentQuery, err error) {
	q.Limit = defaultLimit
	for name, v := range values {
		s, err := parameter(name, v)
		if err != nil {
			return q, err
		}
		var bad error
		switch name {
		case "alert":
			if s != "" {
				if q.Alert, bad = strconv.ParseInt(s, 10, 64); bad == nil && q.Alert < 1 {
					bad = errors.New("out of range")
				}
			}
		case "open":
			if s != "" {
				q.Open, bad = strconv.ParseBool(s)
			}
		case "after":
			q.After = s
		case "limit":
			if q.Limit, err = limitOf(s); err != nil {
				return q, err
			}
		default:
			return q, badRequest(name, "is no parameter of this list", "it has alert, open, limit and after")
		}
		if bad != nil {
			return q, badRequest(name, strconv.Quote(s)+" is not understood", map[string]string{"alert": "give the id of an alert", "open": "give 1 or 0"}[name])
		}
	}
	return q, nil
}

func (a *api) incidentByPath(r *http.Request, id auth.Identity) (store.Incident, error) {
	name, err := url.PathUnescape(mux.Vars(r)["incident"])
	if err != nil || name == "" || len(name) > maxParameter {
		return store.Incident{}, notFound("there is no such incident")
	}
	all, err := a.Store.Incidents(r.Context(), id.Tenant, store.IncidentQuery{ID: name, Limit: 1})
	if err != nil {
		return store.Incident{}, err
	}
	if len(all) == 0 {
		return store.Incident{}, notFound("there is no such incident, or it is longer ago than hosted keeps them")
	}
	return all[0], nil
}

// incident answers one with the messages about it and what became of each.
func (a *api) incident(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, err := a.incidentByPath(r, id)
	if err != nil {
		return err
	}
	out, err := incidentOf(x)
	if err != nil {
		return err
	}
	notices, err := a.Store.Notices(r.Context(), id.Tenant, x.ID)
	if err != nil {
		return err
	}
	out.Notices = make([]noticeAnswer, len(notices))
	for i, n := range notices {
		out.Notices[i] = noticeAnswer{n.Name, n.Event, protocol.TimeOf(n.Created), protocol.TimeOf(n.Done), protocol.TimeOf(n.Next), append([]store.Attempted{}, n.Attempts...)}
	}
	return writeJSON(w, out)
}

// maxReason bounds what people write about a silence or an acknowledgement, in characters.
const maxReason = 200

func checkReason(field, text string) error {
	if utf8.RuneCountInString(text) > maxReason {
		return badRequest(field, "is too long", fmt.Sprintf("give up to %d characters", maxReason))
	}
	return nil
}

// acknowledge notes that somebody sees to an incident: it is not repeated any more.
func (a *api) acknowledge(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if !mayAnswer(id) {
		return lacks(id, auth.RightRules)
	}
	x, err := a.incidentByPath(r, id)
	if err != nil {
		return err
	}
	var in struct {
		Note string `json:"note"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := checkReason("note", in.Note); err != nil {
		return err
	}
	err = a.Store.AckIncident(r.Context(), id.Tenant, x.ID, id.Name, in.Note, a.Now())
	if errors.Is(err, store.ErrNotFound) {
		return &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusConflict, Title: "the incident is over", Remedy: "there is nothing to acknowledge any more"}
	}
	if err != nil {
		return err
	}
	if err := a.record(r, id, actionAck, x.ID, 0, in.Note); err != nil {
		return err
	}
	return a.incident(w, r, id)
}

type firingAnswer struct {
	Firing   int               `json:"firing"`
	Severity protocol.Severity `json:"severity"` // the worst of them, "" if none fires
	New      int               `json:"new"`      // that nobody has acknowledged
}

// firing is what the page's head shows: cheap, asked for often.
func (a *api) firing(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	open, err := a.Store.Incidents(r.Context(), id.Tenant, store.IncidentQuery{Open: true, Limit: maxLimit})
	if err != nil {
		return err
	}
	out := firingAnswer{Firing: len(open)}
	rank := map[protocol.Severity]int{protocol.SeverityInfo: 1, protocol.SeverityWarn: 2, protocol.SeverityBad: 3}
	for _, x := range open {
		i, err := incidentOf(x)
		if err != nil {
			return err
		}
		if rank[i.Severity] > rank[out.Severity] {
			out.Severity = i.Severity
		}
		if x.AckedBy == "" {
			out.New++
		}
	}
	return writeJSON(w, out)
}

type silenceAnswer struct {
	ID     int64         `json:"id"`
	Alert  int64         `json:"alert"` // 0: all
	From   protocol.Time `json:"from"`
	To     protocol.Time `json:"to"`
	Author string        `json:"author"`
	Reason string        `json:"reason"`
}

func silenceOf(s store.Silence) silenceAnswer {
	return silenceAnswer{s.ID, s.Alert, protocol.TimeOf(s.From), protocol.TimeOf(s.To), s.Author, s.Reason}
}

func (a *api) silences(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	all, err := a.Store.Silences(r.Context(), id.Tenant, a.Now())
	if err != nil {
		return err
	}
	out := make([]silenceAnswer, len(all))
	for i, s := range all {
		out[i] = silenceOf(s)
	}
	return writeJSON(w, out)
}

// maxSilence bounds a silence: who wants to hear of an alert never again switches it off.
const maxSilence = 60 * 24 * time.Hour

func (a *api) newSilence(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if !mayAnswer(id) {
		return lacks(id, auth.RightRules)
	}
	var in struct {
		Alert  int64     `json:"alert"`
		From   time.Time `json:"from"`
		To     time.Time `json:"to"`
		Reason string    `json:"reason"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	now := a.Now()
	if in.From.IsZero() {
		in.From = now
	}
	if !in.To.After(in.From) || !in.To.After(now) || in.To.Sub(in.From) > maxSilence || in.From.After(now.Add(maxSilence)) {
		return badRequest("to", "is not after now and from, or too far away", "give an RFC 3339 time within 60 days")
	}
	if err := checkReason("reason", in.Reason); err != nil {
		return err
	}
	if in.Alert != 0 {
		if _, err := a.Store.Alert(r.Context(), id.Tenant, in.Alert); errors.Is(err, store.ErrNotFound) {
			return badRequest("alert", "does not exist", "give the id of an alert, or 0 for all")
		} else if err != nil {
			return err
		}
	}
	s, err := a.Store.CreateSilence(r.Context(), store.Silence{Tenant: id.Tenant, Alert: in.Alert, From: in.From, To: in.To, Author: id.Name, Reason: in.Reason}, alert.MaxSilences)
	if errors.Is(err, store.ErrFull) {
		return full("silences", alert.MaxSilences)
	}
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("until %s, %s", protocol.TimeOf(s.To), in.Reason)
	if err := a.record(r, id, actionSilence, silenced(s.Alert), 0, detail); err != nil {
		return err
	}
	return writeJSON(w, silenceOf(s))
}

func silenced(alert int64) string {
	if alert == 0 {
		return "all alerts"
	}
	return "alert " + strconv.FormatInt(alert, 10)
}

func (a *api) endSilence(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if !mayAnswer(id) {
		return lacks(id, auth.RightRules)
	}
	n, err := pathNumber(r, "silence")
	if err != nil {
		return err
	}
	err = a.Store.EndSilence(r.Context(), id.Tenant, n, a.Now())
	if errors.Is(err, store.ErrNotFound) {
		return notFound("there is no such silence, or it is over")
	}
	if err != nil {
		return err
	}
	if err := a.record(r, id, actionUnmuted, strconv.FormatInt(n, 10), 0, ""); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
