package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// maxLabel bounds the label of a token, in characters.
const maxLabel = 100

func (a *api) newToken(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct {
		Label   string           `json:"label"`
		Rights  *store.Rights    `json:"rights"`
		Scope   store.TokenScope `json:"scope"`
		Expires protocol.Time    `json:"expires"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(in.Label); n == 0 || n > maxLabel || strings.ContainsFunc(in.Label, unicode.IsControl) {
		return badRequest("label", "must have 1 to "+strconv.Itoa(maxLabel)+" characters, and no control characters", "say what the token is for")
	}
	wish := auth.TokenWish{Label: in.Label, Rights: in.Rights, Scope: in.Scope, Expires: in.Expires.Std()}
	token, err := a.Auth.NewToken(r.Context(), id, wish, a.clientAddr(r))
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"token": token})
}

type tokenAnswer struct {
	ID      string           `json:"id"`
	Label   string           `json:"label"`
	Rights  *store.Rights    `json:"rights"` // that it was narrowed to; null: all that its user may do
	Scope   store.TokenScope `json:"scope"`
	Created protocol.Time    `json:"created"`
	Expires protocol.Time    `json:"expires"` // null: never
	Used    protocol.Time    `json:"used"`    // to five minutes; null: never
}

// tokens lists the tokens of who asks, newest first.
func (a *api) tokens(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	list, err := a.Store.APITokens(r.Context(), id.User)
	if err != nil {
		return err
	}
	out := make([]tokenAnswer, len(list))
	for i, t := range list {
		out[i] = tokenAnswer{ID: auth.TokenID(t), Label: t.Label, Scope: t.Scope, Created: protocol.TimeOf(t.Created), Expires: protocol.TimeOf(t.Expires), Used: protocol.TimeOf(t.Used)}
		if t.Narrow {
			out[i].Rights = &t.Rights
		}
	}
	return writeJSON(w, out)
}

// narrowed is the problem of a token that would administer tokens.
func narrowed() error {
	return &protocol.Problem{
		Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "a token that was narrowed to rights administers no tokens and no sessions",
		Remedy: "log in, or use one that was not narrowed",
	}
}

// removeToken ends a token of who asks.
func (a *api) removeToken(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	u := store.User{ID: id.User, Tenant: id.Tenant, Name: id.Name}
	if err := a.Auth.RemoveToken(r.Context(), a.actor(r, id), u, mux.Vars(r)["token"]); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
