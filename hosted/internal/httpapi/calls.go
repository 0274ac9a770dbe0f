package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	maxParameter = 256             // bytes of a query parameter
	askTimeout   = 5 * time.Second // for a sensor's answer to a small question
)

type callsAnswer struct {
	Calls    []protocol.CDR `json:"calls"`
	Next     string         `json:"next"`
	Searched protocol.Time  `json:"searched,omitzero"` // see store.CallPage
}

func (a *api) calls(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, err := a.searchOf(r.Context(), id, r.URL.Query())
	if err != nil {
		return err
	}
	page, err := a.Store.Calls(r.Context(), id.Tenant, q)
	if err != nil {
		return err
	}
	m, err := a.masker(r.Context(), id)
	if err != nil {
		return err
	}
	maskCalls(m, page.Calls)
	return writeJSON(w, callsAnswer{page.Calls, page.Next, page.Searched})
}

// maxCount is how many calls are counted; more are "more than".
const maxCount = 10_000

type countedAnswer struct {
	Calls    int           `json:"calls"`
	Complete bool          `json:"complete"`
	Searched protocol.Time `json:"searched,omitzero"`
}

// countCalls says how many calls a search finds.
func (a *api) countCalls(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, err := a.searchOf(r.Context(), id, r.URL.Query())
	if err != nil {
		return err
	}
	n, err := a.Store.CountFound(r.Context(), id.Tenant, q, maxCount)
	if err != nil {
		return err
	}
	return writeJSON(w, countedAnswer{n.Calls, n.Complete, n.Searched})
}

// searchOf reads a search with its condition, as the tenant's own rules would read it.
func (a *api) searchOf(ctx context.Context, id auth.Identity, values url.Values) (store.CallQuery, error) {
	where := values["where"]
	if len(where) > 1 {
		return store.CallQuery{}, badRequest("where", "is given twice", "join the conditions with and")
	}
	rest := maps.Clone(values)
	delete(rest, "where")
	q, err := callQuery(rest)
	if err == nil && len(where) == 1 {
		q.Where, err = a.condition(ctx, id, where[0])
	}
	if err == nil && !id.May(auth.RightNumbers) {
		q, err = withoutNumbers(q)
	}
	return q, err
}

// callQuery reads the search. A parameter that is not known is refused: a misspelt one would find everything.
func callQuery(values url.Values) (q store.CallQuery, err error) {
	for name, v := range values {
		s, err := parameter(name, v)
		if err != nil {
			return q, err
		}
		var bad error
		switch name {
		case "q":
			q.Text = s
		case "number":
			q.Number = s
		case "finding":
			q.Finding = s
		case "after":
			q.After = s
		case "group":
			if s != "" {
				if q.Group, bad = protocol.ParseUUID(s); bad == nil && q.Group.IsZero() {
					bad = errors.New("no call has it")
				}
			}
		case "from":
			q.From, bad = timeOf(s)
		case "to":
			q.To, bad = timeOf(s)
		case "sensor":
			var n uint64
			if s != "" {
				n, bad = strconv.ParseUint(s, 10, 16)
			}
			q.SensorID = uint16(n)
		case "status":
			if s != "" {
				q.Status, bad = between(s, 100, 699)
			}
		case "mos_below":
			if s != "" {
				if q.MaxMOS, bad = strconv.ParseFloat(s, 64); bad == nil && !(q.MaxMOS > 0 && q.MaxMOS <= 5) {
					bad = errors.New("out of range")
				}
			}
		case "kept":
			if s != "" {
				q.Kept, bad = strconv.ParseBool(s)
			}
		case "order":
			switch s {
			case "", "newest":
			case "oldest":
				q.Oldest = true
			default:
				bad = errors.New("unknown")
			}
		case "limit":
			if q.Limit, err = limitOf(s); err != nil {
				return q, err
			}
		default:
			return q, badRequest(name, "is no parameter of this list",
				"it has where, q, number, from, to, sensor, status, mos_below, finding, kept, group, order, limit and after")
		}
		if bad != nil {
			return q, badRequest(name, strconv.Quote(s)+" is not understood", wanted[name])
		}
	}
	if q.From != 0 && q.To != 0 && q.From >= q.To {
		return q, badRequest("from", "is not before to", "give the earlier time as from")
	}
	return q, nil
}

// parameter is the one value that a parameter may have.
func parameter(name string, values []string) (string, error) {
	switch s := values[0]; {
	case len(values) > 1:
		return "", badRequest(name, "is given twice", "give it once")
	case len(s) > maxParameter:
		return "", badRequest(name, "is longer than "+strconv.Itoa(maxParameter)+" bytes", "")
	default:
		return s, nil
	}
}

// wanted says how a parameter is written.
var wanted = map[string]string{
	"from": "give an RFC 3339 time, e.g. 2026-11-22T10:00:00Z", "to": "give an RFC 3339 time, e.g. 2026-11-22T10:00:00Z",
	"sensor": "give an id_sensor, 1 to 65535", "status": "give a SIP status, 100 to 699", "mos_below": "give a MOS above 0, at most 5",
	"kept": "give 1 or 0", "group": "give the group_id of a call", "order": "give newest or oldest",
}

func timeOf(s string) (protocol.Time, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, err
	}
	return protocol.TimeOf(t), nil
}

func between(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < low || n > high) {
		err = errors.New("out of range")
	}
	return n, err
}

func limitOf(s string) (int, error) {
	if s == "" {
		return defaultLimit, nil
	}
	n, err := between(s, 1, maxLimit)
	if err != nil {
		return 0, badRequest("limit", strconv.Quote(s)+" is not understood", "give a number from 1 to "+strconv.Itoa(maxLimit))
	}
	return n, nil
}

// call answers with a stored call or, if there is none, with a running one that an online sensor knows.
func (a *api) call(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	c, _, err := a.findCall(r, id)
	if err != nil {
		return err
	}
	m, err := a.masker(r.Context(), id)
	if err != nil {
		return err
	}
	if m != nil {
		c = m.CDR(c)
	}
	return writeJSON(w, c)
}

// findCall looks a call up by its id or Call-ID. sensor is set if it was not stored yet and came from there.
func (a *api) findCall(r *http.Request, id auth.Identity) (c *protocol.CDR, sensor protocol.UUID, err error) {
	name, err := url.PathUnescape(mux.Vars(r)["id"])
	if err != nil || name == "" || len(name) > maxParameter {
		return nil, sensor, notFound("there is no such call")
	}
	stored, err := a.storedCall(r.Context(), id.Tenant, name)
	if err == nil {
		return &stored, sensor, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, sensor, err
	}
	if c, sensor = a.runningCall(r.Context(), id.Tenant, name); c != nil {
		return c, sensor, nil
	}
	return nil, sensor, notFound("there is no call " + name)
}

func (a *api) storedCall(ctx context.Context, t store.TenantID, name string) (protocol.CDR, error) {
	if id, err := protocol.ParseUUID(name); err == nil {
		return a.Store.Call(ctx, t, id)
	}
	page, err := a.Store.Calls(ctx, t, store.CallQuery{CallID: name, Limit: 10})
	if err != nil {
		return protocol.CDR{}, err
	}
	for i := range page.Calls {
		if page.Calls[i].CallID == name { // the store compares the first part of a very long one
			return a.Store.Call(ctx, t, page.Calls[i].ID)
		}
	}
	return protocol.CDR{}, store.ErrNotFound
}

// runningCall asks all online sensors at once, and takes the first that knows the call.
func (a *api) runningCall(ctx context.Context, t store.TenantID, name string) (*protocol.CDR, protocol.UUID) {
	type found struct {
		call   *protocol.CDR
		sensor protocol.UUID
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	sensors := a.Links.Online(t)
	answers := make(chan found, len(sensors))
	for _, s := range sensors {
		go func() {
			f := found{sensor: s}
			if client := a.Links.Client(s); client != nil {
				if c, err := client.Call(ctx, name); err == nil { // an error is a no: another may know the call
					f.call = c
				}
			}
			answers <- f
		}()
	}
	for range sensors {
		if f := <-answers; f.call != nil {
			return f.call, f.sensor
		}
	}
	return nil, protocol.UUID{}
}
