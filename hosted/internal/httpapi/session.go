package httpapi

import (
	"net/http"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
)

type userAnswer struct {
	User userInfo `json:"user"`
}

type userInfo struct {
	Name   string       `json:"name"`
	Role   store.Role   `json:"role"`
	Rights store.Rights `json:"rights"`
	Tenant string       `json:"tenant"`
	Way    auth.Way     `json:"way,omitempty"` // how the session was opened; left out for a token
	// Managed says that an OpenID provider decides what the user may do.
	Managed bool `json:"managed,omitempty"`
}

// from is where a request comes from, for sessions.
func (a *api) from(r *http.Request) auth.From {
	return auth.From{Addr: a.clientAddr(r), Agent: r.UserAgent()}
}

func sessionOf(id auth.Identity) userAnswer {
	return userAnswer{userInfo{Name: id.Name, Role: id.Role, Rights: id.Rights, Tenant: id.TenantName, Way: id.Way, Managed: id.Managed}}
}

func (a *api) login(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	var in struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	token, id, err := a.Auth.Login(r.Context(), in.Name, in.Password, a.from(r))
	if err != nil {
		return err
	}
	auth.SetCookie(w, r, token)
	return writeJSON(w, sessionOf(id))
}

func (a *api) session(w http.ResponseWriter, _ *http.Request, id auth.Identity) error {
	return writeJSON(w, sessionOf(id))
}

func (a *api) logout(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	if err := a.Auth.Logout(r, a.clientAddr(r)); err != nil {
		return err
	}
	auth.SetCookie(w, r, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
