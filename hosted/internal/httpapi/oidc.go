package httpapi

import (
	"net/http"
	"strings"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/oidc"
	"voiptop/protocol"
)

const (
	flowCookie = "oidc" // binds a log-in at the provider to the browser that began it
	flowTime   = 10 * time.Minute
)

type providerAnswer struct {
	Enabled   bool   `json:"enabled"`
	Name      string `json:"name"`
	Available bool   `json:"available"` // it answers
	Logout    string `json:"logout"`    // where its own session is ended, ""
}

// provider says whether people may log in through an OpenID provider, for the log-in page.
func (a *api) provider(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	if a.OIDC == nil {
		return writeJSON(w, providerAnswer{})
	}
	s := a.OIDC.Status(r.Context())
	return writeJSON(w, providerAnswer{true, s.Name, s.Available, s.Logout})
}

func (a *api) needProvider() error {
	if a.OIDC != nil {
		return nil
	}
	return &protocol.Problem{
		Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "this service has no OpenID provider", Remedy: "log in with name and password",
	}
}

// providerLogin sends the browser to the provider.
func (a *api) providerLogin(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	if err := a.needProvider(); err != nil {
		return err
	}
	q := r.URL.Query()
	to, browser, err := a.OIDC.Begin(r.Context(), oidc.Wish{Next: localPath(q.Get("next")), Tenant: q.Get("tenant")}, a.clientAddr(r))
	if err != nil {
		return err
	}
	a.setFlow(w, r, browser)
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// localPath lets a log-in lead nowhere but into this site.
func localPath(next string) string {
	if len(next) > maxParameter || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(next, "/login") {
		return "/calls"
	}
	return next
}

// setFlow gives the browser what it must bring back; "" takes it away. Lax: it comes back from the provider's site.
func (a *api) setFlow(w http.ResponseWriter, r *http.Request, browser string) {
	c := &http.Cookie{
		Name: auth.CookieName(r, flowCookie), Value: browser, Path: "/", HttpOnly: true, Secure: a.byTLS(r),
		SameSite: http.SameSiteLaxMode, MaxAge: int(flowTime / time.Second),
	}
	if browser == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// providerCallback is where the provider sends the browser back to.
func (a *api) providerCallback(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	if err := a.needProvider(); err != nil {
		return err
	}
	browser := ""
	if c, err := r.Cookie(auth.CookieName(r, flowCookie)); err == nil {
		browser = c.Value
	}
	a.setFlow(w, r, "")
	done, err := a.OIDC.End(r.Context(), r.URL.Query(), browser, a.from(r))
	if err != nil {
		return err
	}
	if done.Session != "" {
		auth.SetCookie(w, r, done.Session)
	}
	http.Redirect(w, r, done.Next, http.StatusFound)
	return nil
}

// providerLogout is called by the provider when it has logged somebody out.
func (a *api) providerLogout(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	if err := a.needProvider(); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := a.OIDC.Logout(r.Context(), r.PostFormValue("logout_token"), a.clientAddr(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

type linkAnswer struct {
	Issuer  string        `json:"issuer"`
	Subject string        `json:"subject"`
	Created protocol.Time `json:"created"`
}

// links lists the provider's subjects that are linked to who asks.
func (a *api) links(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	list, err := a.Store.Links(r.Context(), id.User)
	if err != nil {
		return err
	}
	out := make([]linkAnswer, len(list))
	for i, l := range list {
		out[i] = linkAnswer{l.Issuer, l.Subject, protocol.TimeOf(l.Created)}
	}
	return writeJSON(w, out)
}

// link begins to link who asks, who must know the password, to whoever logs in at the provider now in this browser.
func (a *api) link(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := a.needProvider(); err != nil {
		return err
	}
	var in struct {
		Current string `json:"current"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	u, err := a.Auth.CheckOwnPassword(r.Context(), id, in.Current, a.from(r))
	if err != nil {
		return err
	}
	to, browser, err := a.OIDC.Begin(r.Context(), oidc.Wish{Next: "/account", Link: u.ID, By: u.Name}, a.clientAddr(r))
	if err != nil {
		return err
	}
	a.setFlow(w, r, browser)
	return writeJSON(w, map[string]string{"url": to})
}

// unlink takes the links of who asks away.
func (a *api) unlink(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if id.Narrow {
		return narrowed()
	}
	u, err := a.Store.User(r.Context(), id.User)
	if err == nil {
		err = a.Auth.Unlink(r.Context(), a.actor(r, id), u)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
