package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Codes of the problems of a log-in by an OpenID provider.
const (
	CodeOIDCNotAllowed = "oidc-not-allowed" // the provider gives its user nothing here
	CodeOIDCNoUser     = "oidc-no-user"     // and hosted makes no users
	CodeOIDCNameTaken  = "oidc-name-taken"
	CodeOIDCLinked     = "oidc-already-linked"
)

// byProvider is who changes users in the audit log when a provider does.
const byProvider = "oidc"

// CodeTooManyCalls is the code of a user whose assistants ask too often.
const CodeTooManyCalls = "too-many-calls-of-tools"

// maxTools is how many questions a user's assistants may ask in five minutes.
const maxTools = 600

// maxThrottled is how many log-ins one address may begin in five minutes: each is kept in the store until it is finished.
const maxThrottled = 60

// Grant is what a provider's groups give somebody in a tenant.
type Grant struct {
	Tenant store.Tenant
	Role   store.Role
	Rights store.Rights
}

// Vouched is what an OpenID provider says of who logs in. Issuer and Subject are who it is; Name is only what a new user is
// called.
type Vouched struct {
	Issuer, Subject string
	Name            string
	Grants          []Grant        // at most one of each tenant, the preferred one first
	Want            store.TenantID // the tenant that the log-in is for; 0: the first of Grants
	Create          bool           // somebody who has no user gets one
	// Covers tells of which tenants the provider may speak: users of others are not its own, whatever it says of them. nil: of all.
	Covers func(store.TenantID) bool
}

// ThrottleTools counts a call of an assistant's tool. Problem too-many-calls.
func (s *Service) ThrottleTools(user int64) error {
	if wait := s.limits.take(fmt.Sprint("m ", user), maxTools); wait > 0 {
		seconds := fmt.Sprint(int(wait/time.Second) + 1)
		return &protocol.Problem{
			Code: CodeTooManyCalls, Status: http.StatusTooManyRequests, Title: "too many questions in five minutes",
			Remedy: "wait " + seconds + " s", Fields: map[string]string{protocol.FieldRetryAfter: seconds},
		}
	}
	return nil
}

// Throttle counts an attempt of an address that costs the store or a provider something. Problem too-many-logins.
func (s *Service) Throttle(addr string) error {
	if wait := s.limits.take("t "+network(addr), maxThrottled); wait > 0 {
		return tooMany(wait)
	}
	return nil
}

// Suspicious is Throttle for what costs only if it fails: failed counts a failure, err says that it may not be tried.
func (s *Service) Suspicious(addr string) (failed func(), err error) {
	key := "s " + network(addr)
	if wait := s.limits.look(key, maxThrottled, 0); wait > 0 {
		return nil, tooMany(wait)
	}
	return func() { s.limits.take(key, maxThrottled) }, nil
}

// LoginVouched opens a session for whom a provider vouches. What the provider says of the subject's users counts at once in all
// tenants: role and rights of those that it answers for are as Grants say, and whom it gives nothing is disabled. A user whom
// hosted alone answers for and who is linked to the subject keeps role and rights. The errors are problems.
func (s *Service) LoginVouched(ctx context.Context, v Vouched, from From) (token string, id Identity, err error) {
	links, err := s.store.LinksOf(ctx, v.Issuer, v.Subject)
	if err != nil {
		return "", id, err
	}
	users := map[store.TenantID]store.User{}
	for _, l := range links {
		if v.Covers != nil && !v.Covers(l.Tenant) {
			continue
		}
		u, err := s.store.User(ctx, l.User)
		if err != nil {
			return "", id, err
		}
		if u, err = s.vouch(ctx, v, u, from); err != nil {
			return "", id, err
		}
		users[l.Tenant] = u
	}
	u, err := s.choose(ctx, v, users, from)
	if err == nil {
		id, err = s.identity(ctx, u)
	}
	if err != nil {
		return "", id, s.refused(ctx, v, u, from, err)
	}
	if err := s.auditVouched(ctx, u, from, ActionLogin, v); err != nil {
		return "", id, err
	}
	token, err = s.open(ctx, u, from, WayOIDC)
	id.Session, id.Way = sessionID(hashOf(token)), WayOIDC
	return token, id, err
}

// refused writes down a log-in that came to nothing, and answers why.
func (s *Service) refused(ctx context.Context, v Vouched, u store.User, from From, err error) error {
	var p *protocol.Problem
	if !errors.As(err, &p) {
		return err
	}
	if u.Tenant == 0 && len(v.Grants) > 0 {
		u.Tenant = v.Grants[0].Tenant.ID
	}
	if u.Name == "" {
		u.Name = v.Name
	}
	if e := s.auditVouched(ctx, u, from, ActionLoginFailed, v); e != nil {
		return e
	}
	return err
}

func (s *Service) auditVouched(ctx context.Context, u store.User, from From, action string, v Vouched) error {
	return s.store.Audit(ctx, store.AuditEntry{
		Time: s.now(), Tenant: u.Tenant, User: u.Name, Addr: from.Addr, Action: action, Detail: "by " + v.Issuer + ", subject " + v.Subject,
	})
}

func (v Vouched) grant(t store.TenantID) (Grant, bool) {
	i := slices.IndexFunc(v.Grants, func(g Grant) bool { return g.Tenant.ID == t })
	if i < 0 {
		return Grant{}, false
	}
	return v.Grants[i], true
}

// vouch makes of a user what the provider says, if it answers for the user.
func (s *Service) vouch(ctx context.Context, v Vouched, u store.User, from From) (store.User, error) {
	if u.Vouched.IsZero() {
		return u, nil
	}
	by, before := Actor{byProvider, from.Addr}, u
	g, ok := v.grant(u.Tenant)
	switch {
	case ok:
		u.Role, u.Rights, u.Vouched = g.Role, g.Rights, s.now()
		if u.Disabled == store.DisabledByProvider {
			u.Disabled = ""
		}
	case u.Disabled == "":
		u.Disabled = store.DisabledByProvider
	}
	if u == before {
		return u, nil
	}
	if err := s.store.Vouch(ctx, u); err != nil {
		return u, err
	}
	if u.Disabled != before.Disabled {
		action := ActionEnable
		if u.Disabled != "" {
			action = ActionDisable
			if err := s.store.DeleteSessions(ctx, u.ID, [32]byte{}); err != nil {
				return u, err
			}
		}
		if err := s.auditUser(ctx, by, u, action, "the provider's groups"); err != nil {
			return u, err
		}
	}
	if powers(u) != powers(before) {
		return u, s.auditUser(ctx, by, u, ActionRole, powers(u))
	}
	return u, nil
}

// choose finds or makes the user that logs in.
func (s *Service) choose(ctx context.Context, v Vouched, users map[store.TenantID]store.User, from From) (store.User, error) {
	want := v.Want
	if want == 0 && len(v.Grants) > 0 {
		want = v.Grants[0].Tenant.ID
	}
	if want == 0 { // no group counts: a user who was linked by hand may still come in
		for _, t := range slices.Sorted(maps.Keys(users)) {
			if want == 0 || users[t].Vouched.IsZero() && !users[want].Vouched.IsZero() {
				want = t
			}
		}
	}
	u, known := users[want]
	g, granted := v.grant(want)
	switch {
	case known && (granted || u.Vouched.IsZero()):
		return u, nil
	case known && u.Disabled == store.DisabledByAdmin:
		return u, disabled(u)
	case !granted:
		return u, &protocol.Problem{
			Code: CodeOIDCNotAllowed, Status: http.StatusForbidden, Title: "your OpenID provider gives you no access here",
			Remedy: "ask whoever administers your groups there",
		}
	case !v.Create:
		return u, &protocol.Problem{
			Code: CodeOIDCNoUser, Status: http.StatusForbidden, Title: "there is no user here that is linked to you",
			Remedy: "log in with name and password and link the user on the page Account, or ask an administrator of " + g.Tenant.Name,
		}
	}
	return s.create(ctx, v, g, users, from)
}

// create makes the user of a subject in a tenant.
func (s *Service) create(ctx context.Context, v Vouched, g Grant, users map[store.TenantID]store.User, from From) (store.User, error) {
	name := v.Name
	for _, u := range users {
		if u.Name == name { // the subject's own, in another tenant
			name += "@" + g.Tenant.Name
			break
		}
	}
	if err := badField("name", CheckName("user", name)); err != nil {
		return store.User{}, err
	}
	made := store.User{Tenant: g.Tenant.ID, Name: name, Role: g.Role, Rights: g.Rights, Vouched: s.now(), Created: s.now()}
	u, err := s.store.CreateUser(ctx, made)
	if errors.Is(err, store.ErrExists) && v.Covers != nil { // what others are called in other tenants is not the provider's fault
		var holder store.User
		if holder, err = s.store.UserByName(ctx, name); err == nil && v.Covers(holder.Tenant) {
			err = store.ErrExists
		} else if err == nil {
			name += "@" + g.Tenant.Name
			made.Name = name
			u, err = s.store.CreateUser(ctx, made)
		}
	}
	if errors.Is(err, store.ErrExists) {
		return store.User{Tenant: g.Tenant.ID, Name: name}, &protocol.Problem{
			Code: CodeOIDCNameTaken, Status: http.StatusConflict, Title: fmt.Sprintf("there is a user %q already who is not linked to you", name),
			Remedy: "if that is you, log in with the password and link the user on the page Account; otherwise ask an administrator of " + g.Tenant.Name,
		}
	}
	if err != nil {
		return u, err
	}
	if err := s.store.CreateLink(ctx, store.Link{Issuer: v.Issuer, Subject: v.Subject, Tenant: u.Tenant, User: u.ID, Created: s.now()}); err != nil {
		return u, errors.Join(err, s.store.DeleteUser(ctx, u.ID))
	}
	return u, s.auditUser(ctx, Actor{byProvider, from.Addr}, u, ActionUserAdd, powers(u)+", subject "+v.Subject)
}

// Link links a user whom hosted answers for to a provider's subject: from then on the user may log in either way. by is who
// does it; covers is as of Vouched. The errors are problems: oidc-already-linked, managed-by-provider, oidc-not-allowed.
func (s *Service) Link(ctx context.Context, by Actor, user int64, issuer, subject string, covers func(store.TenantID) bool) error {
	u, err := s.user(ctx, user)
	if err != nil {
		return err
	}
	if covers != nil && !covers(u.Tenant) {
		return &protocol.Problem{
			Code: CodeOIDCNotAllowed, Status: http.StatusForbidden, Title: "this OpenID provider is of another tenant", Remedy: "link the user to one of your tenant's",
		}
	}
	if !u.Vouched.IsZero() {
		return managed(u)
	}
	err = s.store.CreateLink(ctx, store.Link{Issuer: issuer, Subject: subject, Tenant: u.Tenant, User: u.ID, Created: s.now()})
	if errors.Is(err, store.ErrExists) {
		return &protocol.Problem{
			Code: CodeOIDCLinked, Status: http.StatusConflict, Title: "the OpenID provider's user is linked already, to a user of this tenant",
			Remedy: "unlink that one first",
		}
	}
	if err != nil {
		return err
	}
	return s.auditUser(ctx, by, u, ActionLink, issuer+", subject "+subject)
}

// Unlink takes all links of a user away, and ends sessions that were opened by one. Problem managed-by-provider: the user has
// no other way in.
func (s *Service) Unlink(ctx context.Context, by Actor, u store.User) error {
	if !u.Vouched.IsZero() {
		return managed(u)
	}
	if err := s.store.DeleteLinks(ctx, u.ID); err != nil {
		return err
	}
	if err := s.endVouched(ctx, u); err != nil {
		return err
	}
	return s.auditUser(ctx, by, u, ActionUnlink, "")
}

// EndVouched ends the sessions that a provider vouched for, of all users of a subject: it has logged them out. covers is as of
// Vouched.
func (s *Service) EndVouched(ctx context.Context, issuer, subject string, covers func(store.TenantID) bool) error {
	links, err := s.store.LinksOf(ctx, issuer, subject)
	for _, l := range links {
		if covers != nil && !covers(l.Tenant) {
			continue
		}
		u, e := s.store.User(ctx, l.User)
		if e == nil {
			e = s.endVouched(ctx, u)
		}
		if e == nil {
			e = s.auditUser(ctx, Actor{Name: byProvider}, u, ActionSessionEnd, "logged out at the provider")
		}
		err = errors.Join(err, e)
	}
	return err
}

func (s *Service) endVouched(ctx context.Context, u store.User) error {
	rows, err := s.store.Sessions(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d, err := readSession(r)
		if err == nil && d.Way == WayOIDC {
			err = s.store.DeleteSession(ctx, r.Hash)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func managed(u store.User) error {
	return &protocol.Problem{
		Code: CodeManaged, Status: http.StatusConflict, Title: "the OpenID provider says what " + u.Name + " may do",
		Remedy: "change the user's groups there; it counts from the next log-in",
	}
}

// NewFlow keeps what a log-in that is under way needs when it comes back, below a secret, for a time.
func (s *Service) NewFlow(ctx context.Context, secret string, data []byte, life time.Duration) error {
	return s.store.SaveSession(ctx, store.Session{Hash: hashOf(flowPrefix + secret), Data: data, Expires: s.now().Add(life)})
}

// TakeFlow answers what NewFlow keeps, once. store.ErrNotFound: there is none, or its time is over.
func (s *Service) TakeFlow(ctx context.Context, secret string) ([]byte, error) {
	r, err := s.store.TakeSession(ctx, hashOf(flowPrefix+secret))
	if err == nil && !s.now().Before(r.Expires) {
		err = fmt.Errorf("log-in: %w", store.ErrNotFound)
	}
	return r.Data, err
}

// flowPrefix keeps the secrets of log-ins apart from those of sessions.
const flowPrefix = "flow:"
