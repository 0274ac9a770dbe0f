package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
	"voiptop/protocol/mask"
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
	q, err := a.searchOf(r.Context(), id, onlyWhere(r.URL.Query()))
	if err != nil {
		return err
	}
	sieve := newSieve(q.Where)
	m, err := a.masker(r.Context(), id)
	if err != nil {
		return err
	}
	return watch(a, w, r, id, a.live, func(c change[protocol.UUID, protocol.LiveCall]) any {
		u := protocol.LiveUpdate{T: c.t, Snapshot: c.all, Calls: c.rows, Gone: c.gone, Counters: c.counters}
		sieve.apply(&u)
		maskLive(m, &u)
		return u
	})
}

// watchStreams streams the RTP streams of the running calls likewise.
func (a *api) watchStreams(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	m, err := a.masker(r.Context(), id)
	if err != nil {
		return err
	}
	return watch(a, w, r, id, a.streams, func(c change[protocol.StreamID, protocol.LiveStream]) any {
		u := protocol.StreamUpdate{T: c.t, Snapshot: c.all, Streams: c.rows, Gone: c.gone, Total: int(c.counters[countStreams])}
		maskStreams(m, &u)
		return u
	})
}

// maskStreams masks an update; what its rows point to is shared, and stays as it is.
func maskStreams(m *mask.Masker, u *protocol.StreamUpdate) {
	if m == nil {
		return
	}
	for i := range u.Streams {
		if u.Streams[i].About != nil {
			u.Streams[i].About = m.Stream(u.Streams[i].About)
		}
	}
}

// watch streams what l watches at the tenant's online sensors, in the form that line makes.
func watch[K comparable, V any](a *api, w http.ResponseWriter, r *http.Request, id auth.Identity, l *live[K, V], line func(change[K, V]) any) error {
	leave, ok := a.views.enter(id.User)
	if !ok {
		return &protocol.Problem{
			Code: codeTooManyLive, Status: http.StatusServiceUnavailable, Title: "too many live views are open",
			Remedy: "close some, or try again later", Fields: map[string]string{protocol.FieldRetryAfter: "30"},
		}
	}
	defer leave()
	v := l.viewer()
	joined := map[protocol.UUID]func(){}
	defer func() {
		for _, leave := range joined {
			leave()
		}
	}()
	join := func() {
		for _, s := range a.Links.Online(id.Tenant) {
			if joined[s] == nil {
				joined[s] = l.join(s, v)
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
	c, _ := v.next()
	c.all = true
	if c.t == 0 {
		c.t = protocol.TimeOf(a.Now())
	}
	if r.URL.Query().Get("once") != "" {
		return writeJSON(w, line(c))
	}

	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not collect lines
	enc, rc := json.NewEncoder(w), http.NewResponseController(w)
	send := func(c change[K, V]) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // the connection's own time; a test's recorder has none
		return enc.Encode(line(c)) == nil && rc.Flush() == nil
	}
	// From here an error can only end the stream; the client asks again and is told.
	if !send(c) {
		return nil
	}
	t := c.t
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
		c, changed := v.next()
		if !changed && tick%beatEvery != 0 {
			continue
		}
		t = max(t, c.t)
		c.t = t
		if !send(c) {
			return nil
		}
	}
}
