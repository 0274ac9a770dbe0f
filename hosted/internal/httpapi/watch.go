package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
)

const (
	firstWait    = 1500 * time.Millisecond // for the sensors' first snapshots, before the viewer gets its own
	updateEvery  = 250 * time.Millisecond
	lookEvery    = time.Second      // for sensors that came online
	admitEvery   = 30 * time.Second // whether the viewer may still look
	beatEvery    = 15 * time.Second // a line without change, so that a dead connection is noticed
	writeTimeout = 30 * time.Second // of a viewer that reads nothing
	maxViewers   = 1000
	maxOfUser    = 32 // of these
)

// watch streams the running calls of all the tenant's online sensors as one: a snapshot, then what changes.
func (a *api) watch(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	leave, ok := a.live.enter(id.User)
	if !ok {
		return &protocol.Problem{
			Code: codeTooManyLive, Status: http.StatusServiceUnavailable, Title: "too many live views are open",
			Remedy: "close some, or try again later", Fields: map[string]string{protocol.FieldRetryAfter: "30"},
		}
	}
	defer leave()

	q, err := a.searchOf(r.Context(), id, onlyWhere(r.URL.Query()))
	if err != nil {
		return err
	}
	sieve := newSieve(q.Where)
	m, err := a.masker(r.Context(), id)
	if err != nil {
		return err
	}
	v := newViewer()
	joined := map[protocol.UUID]func(){}
	defer func() {
		for _, leave := range joined {
			leave()
		}
	}()
	join := func() {
		for _, s := range a.Links.Online(id.Tenant) {
			if joined[s] == nil {
				joined[s] = a.live.join(s, v)
			}
		}
	}
	join()
	ticker := time.NewTicker(updateEvery)
	defer ticker.Stop()
	for waited := time.Duration(0); v.heard() < len(joined) && waited < firstWait; waited += updateEvery {
		select {
		case <-r.Context().Done():
			return nil
		case <-ticker.C:
		}
	}
	u, _ := v.next()
	u.Snapshot = true
	sieve.apply(&u)
	maskLive(m, &u)
	if u.T == 0 {
		u.T = protocol.TimeOf(a.Now())
	}
	if r.URL.Query().Get("once") != "" {
		return writeJSON(w, u)
	}

	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not collect lines
	enc, rc := json.NewEncoder(w), http.NewResponseController(w)
	send := func(u protocol.LiveUpdate) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // the connection's own time; a test's recorder has none
		return enc.Encode(u) == nil && rc.Flush() == nil
	}
	// From here an error can only end the stream; the client asks again and is told.
	if !send(u) {
		return nil
	}
	t := u.T
	for tick := time.Duration(0); ; tick += updateEvery {
		select {
		case <-r.Context().Done():
			return nil
		case <-a.Done:
			return nil
		case <-ticker.C:
		}
		if tick%lookEvery == 0 {
			join()
		}
		if tick%admitEvery == 0 {
			if now, err := a.admit(r, member); err != nil || now.Tenant != id.Tenant || now.Rights != id.Rights {
				return nil
			}
		}
		if v.late() {
			return nil
		}
		u, changed := v.next()
		sieve.apply(&u)
		maskLive(m, &u)
		if !changed && tick%beatEvery != 0 {
			continue
		}
		t = max(t, u.T)
		u.T = t
		if !send(u) {
			return nil
		}
	}
}
