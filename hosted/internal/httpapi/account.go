package httpapi

import (
	"net/http"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// changePassword changes the password of who asks. The browser gets a new session; all others of the user end.
func (a *api) changePassword(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct {
		Current  string `json:"current"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	token, err := a.Auth.ChangeOwnPassword(r.Context(), id, in.Current, in.Password, a.from(r))
	if err != nil {
		return err
	}
	auth.SetCookie(w, r, token)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type openSessionAnswer struct {
	ID      string        `json:"id"`
	Current bool          `json:"current"` // the request came with it
	Way     auth.Way      `json:"way"`
	Addr    string        `json:"addr"`
	Agent   string        `json:"agent"` // what the browser called itself at the log-in
	Created protocol.Time `json:"created"`
	Seen    protocol.Time `json:"seen"`
	Expires protocol.Time `json:"expires"`
}

// sessions lists the sessions of who asks, the one used last first.
func (a *api) sessions(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	list, err := a.Auth.Sessions(r.Context(), id.User)
	if err != nil {
		return err
	}
	out := make([]openSessionAnswer, len(list))
	for i, s := range list {
		out[i] = openSessionAnswer{
			ID: s.ID, Current: s.ID == id.Session, Way: s.Way, Addr: s.Addr, Agent: s.Agent,
			Created: protocol.TimeOf(s.Created), Seen: protocol.TimeOf(s.Seen), Expires: protocol.TimeOf(s.Expires),
		}
	}
	return writeJSON(w, out)
}

// endSession ends a session of who asks.
func (a *api) endSession(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	u := store.User{ID: id.User, Tenant: id.Tenant, Name: id.Name}
	if err := a.Auth.EndSession(r.Context(), a.actor(r, id), u, mux.Vars(r)["session"]); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endOtherSessions ends all sessions of who asks but the one that is asked with.
func (a *api) endOtherSessions(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	u := store.User{ID: id.User, Tenant: id.Tenant, Name: id.Name}
	if err := a.Auth.EndOtherSessions(r, a.actor(r, id), u); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
