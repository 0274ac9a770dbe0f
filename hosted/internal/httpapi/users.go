package httpapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type accountAnswer struct {
	Name     string           `json:"name"`
	Role     store.Role       `json:"role"`
	Rights   store.Rights     `json:"rights"`
	Created  protocol.Time    `json:"created"`
	Disabled store.DisabledBy `json:"disabled"`           // by whom; "": the user may log in
	Vouched  protocol.Time    `json:"vouched"`            // when an OpenID provider last answered for the user; null: hosted alone does
	Password string           `json:"password,omitempty"` // that was made for a new user, shown only once
}

func accountOf(u store.User) accountAnswer {
	return accountAnswer{Name: u.Name, Role: u.Role, Rights: u.Rights, Disabled: u.Disabled, Vouched: protocol.TimeOf(u.Vouched), Created: protocol.TimeOf(u.Created)}
}

// users lists the tenant's users by name.
func (a *api) users(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	list, err := a.Store.Users(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	out := make([]accountAnswer, len(list))
	for i, u := range list {
		out[i] = accountOf(u)
	}
	return writeJSON(w, out)
}

// addUser makes a user of the tenant, with the password that is given or one that is made and answered.
func (a *api) addUser(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	in := struct {
		Name     string        `json:"name"`
		Role     store.Role    `json:"role"`
		Rights   *store.Rights `json:"rights"`
		Password string        `json:"password"`
	}{Role: store.RoleUser}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	made := ""
	if in.Password == "" {
		made = auth.NewPassword()
		in.Password = made
	}
	u, err := a.Auth.AddUser(r.Context(), a.actor(r, id), auth.NewUser{
		Tenant: id.Tenant, Name: in.Name, Role: in.Role, Rights: in.Rights, Password: in.Password,
	})
	if err != nil {
		return err
	}
	out := accountOf(u)
	out.Password = made
	return writeJSON(w, out)
}

// setUser changes what of a user is given.
func (a *api) setUser(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct {
		Role     *store.Role   `json:"role"`
		Rights   *store.Rights `json:"rights"`
		Password *string       `json:"password"`
		Disabled *bool         `json:"disabled"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	u, err := a.userOf(r, id)
	if err != nil {
		return err
	}
	change := auth.Change{Role: in.Role, Rights: in.Rights, Password: in.Password, Disabled: in.Disabled}
	if u, err = a.Auth.ChangeUser(r.Context(), a.actor(r, id), u, change); err != nil {
		return err
	}
	return writeJSON(w, accountOf(u))
}

func (a *api) removeUser(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	u, err := a.userOf(r, id)
	if err != nil {
		return err
	}
	if err := a.Auth.RemoveUser(r.Context(), a.actor(r, id), u); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// userOf finds the user that the path names, if it is the tenant's.
func (a *api) userOf(r *http.Request, id auth.Identity) (store.User, error) {
	none := notFound("there is no such user")
	name, err := url.PathUnescape(mux.Vars(r)["name"])
	if err != nil || auth.CheckName("user", name) != nil {
		return store.User{}, none
	}
	u, err := a.Store.UserByName(r.Context(), name)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.Tenant != id.Tenant {
		return store.User{}, none
	}
	return u, err
}

func (a *api) actor(r *http.Request, id auth.Identity) auth.Actor {
	return auth.Actor{Name: id.Name, Addr: a.clientAddr(r)}
}
