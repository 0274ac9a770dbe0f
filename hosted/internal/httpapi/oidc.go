package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/oidc"
	"voiptop/protocol"
)

const (
	flowCookie = "oidc" // binds a log-in at the provider to the browser that began it
	flowTime   = 10 * time.Minute
)

// providersAnswer is the first provider, and all.
type providersAnswer struct {
	Enabled   bool             `json:"enabled"`
	Name      string           `json:"name"`
	Available bool             `json:"available"`
	Logout    string           `json:"logout"`
	Providers []providerAnswer `json:"providers"`
}

type providerAnswer struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Available bool   `json:"available"` // it answers
	Login     string `json:"login"`     // where a browser begins
	Logout    string `json:"logout"`    // where its own session is ended, ""
}

// provider says through which OpenID providers people may log in, for the log-in page. Which others there are is nobody's business
// who does not know their names.
func (a *api) provider(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	list := a.OIDC.Shown()
	if id := r.URL.Query().Get("provider"); id != "" {
		if list = nil; a.OIDC.Get(id) != nil {
			list = []*oidc.Service{a.OIDC.Get(id)}
		}
	}
	out := providersAnswer{Enabled: len(list) > 0, Providers: make([]providerAnswer, len(list))}
	var asked sync.WaitGroup // at once: one that does not answer takes its time
	for i, p := range list {
		asked.Go(func() {
			s := p.Status(r.Context())
			out.Providers[i] = providerAnswer{p.ID, s.Name, s.Available, p.LoginPath(), s.Logout}
		})
	}
	asked.Wait()
	if out.Enabled {
		first := out.Providers[0]
		out.Name, out.Available, out.Logout = first.Name, first.Available, first.Logout
	}
	return writeJSON(w, out)
}

// providerOf is the provider that the path names: without a name the service's own or, for a log-in, the first that is shown.
func (a *api) providerOf(r *http.Request) (*oidc.Service, error) {
	return a.providerNamed(mux.Vars(r)["provider"])
}

func (a *api) providerNamed(id string) (*oidc.Service, error) {
	p := a.OIDC.Get(id)
	if shown := a.OIDC.Shown(); p == nil && id == "" && len(shown) > 0 {
		p = shown[0]
	}
	if p == nil {
		return nil, &protocol.Problem{
			Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "this service has no such OpenID provider", Remedy: "log in with name and password",
		}
	}
	return p, nil
}

// providerLogin sends the browser to the provider.
func (a *api) providerLogin(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	p, err := a.providerOf(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	to, browser, err := p.Begin(r.Context(), oidc.Wish{Next: localPath(q.Get("next")), Tenant: q.Get("tenant")}, a.clientAddr(r))
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
	p, err := a.providerOf(r)
	if err != nil {
		return err
	}
	browser := ""
	if c, err := r.Cookie(auth.CookieName(r, flowCookie)); err == nil {
		browser = c.Value
	}
	a.setFlow(w, r, "")
	done, err := p.End(r.Context(), r.URL.Query(), browser, a.from(r))
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
	p, err := a.providerOf(r)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := p.Logout(r.Context(), r.PostFormValue("logout_token"), a.clientAddr(r)); err != nil {
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
	var in struct {
		Current  string `json:"current"`
		Provider string `json:"provider"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	p, err := a.providerNamed(in.Provider)
	if err != nil {
		return err
	}
	u, err := a.Auth.CheckOwnPassword(r.Context(), id, in.Current, a.from(r))
	if err != nil {
		return err
	}
	to, browser, err := p.Begin(r.Context(), oidc.Wish{Next: "/account", Link: u.ID, By: u.Name}, a.clientAddr(r))
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
