package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type auditAnswer struct {
	ID     string        `json:"id"` // a text: it may grow beyond what a browser counts exactly
	Time   protocol.Time `json:"time"`
	User   string        `json:"user"`
	Addr   string        `json:"addr"`
	Action string        `json:"action"`
	Object string        `json:"object"`
	Bytes  int64         `json:"bytes"`
	Detail string        `json:"detail"`
}

// audit lists what was done in the tenant, newest first.
func (a *api) audit(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, err := auditQuery(r.URL.Query())
	if err != nil {
		return err
	}
	log, err := a.Store.AuditLog(r.Context(), id.Tenant, q)
	if err != nil {
		return err
	}
	out := make([]auditAnswer, len(log))
	for i, e := range log {
		out[i] = auditAnswer{strconv.FormatInt(e.ID, 10), protocol.TimeOf(e.Time), e.User, e.Addr, e.Action, e.Object, e.Bytes, e.Detail}
	}
	return writeJSON(w, out)
}

// auditQuery reads the filter. A parameter that is not known is refused: a misspelt one would show everything.
func auditQuery(values url.Values) (q store.AuditQuery, err error) {
	for name, v := range values {
		s, err := parameter(name, v)
		if err != nil {
			return q, err
		}
		var at protocol.Time
		var bad error
		switch name {
		case "user":
			q.User = s
		case "action":
			q.Action = s
		case "after":
			if s != "" {
				if q.After, bad = strconv.ParseInt(s, 10, 64); bad == nil && q.After < 1 {
					bad = errors.New("out of range")
				}
			}
		case "from":
			if at, bad = timeOf(s); at != 0 {
				q.From = at.Std()
			}
		case "to":
			if at, bad = timeOf(s); at != 0 {
				q.To = at.Std()
			}
		case "limit":
			if q.Limit, err = limitOf(s); err != nil {
				return q, err
			}
		default:
			return q, badRequest(name, "is no parameter of this list", "it has user, action, from, to, limit and after")
		}
		if bad != nil {
			return q, badRequest(name, strconv.Quote(s)+" is not understood", auditWanted[name])
		}
	}
	return q, nil
}

// auditWanted says how a parameter is written.
var auditWanted = map[string]string{"from": wanted["from"], "to": wanted["to"], "after": "give the id of the last entry of the page before"}

// record writes an audit entry of what id does.
func (a *api) record(r *http.Request, id auth.Identity, action, object string, bytes int64, detail string) error {
	return a.Store.Audit(r.Context(), store.AuditEntry{
		Time: a.Now(), Tenant: id.Tenant, User: id.Name, Addr: a.clientAddr(r),
		Action: action, Object: object, Bytes: bytes, Detail: detail,
	})
}
