package auth

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Way says how a session was opened.
type Way string

// The ways to log in.
const (
	WayPassword Way = "password"
	WayOIDC     Way = "oidc"
)

const (
	vouchedLife = 12 * time.Hour // of a session that an OpenID provider vouched for: then it is asked again
	maxAgent    = 200            // bytes of what a browser calls itself
)

// session is what is stored of a browser's session, below the hash of its token.
type session struct {
	User    int64     `json:"user"`
	Stamp   []byte    `json:"stamp"` // of the password it was opened with: a new one ends all sessions
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Addr    string    `json:"addr,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Way     Way       `json:"way,omitempty"`
}

// ends is when the session is over however much it is used.
func (d session) ends() time.Time {
	if d.Way == WayOIDC {
		return d.Created.Add(vouchedLife)
	}
	return d.Created.Add(sessionLife)
}

func (d session) expires() time.Time {
	end, idle := d.ends(), d.Seen.Add(sessionIdle)
	if idle.Before(end) {
		return idle
	}
	return end
}

// open begins a session of a user.
func (s *Service) open(ctx context.Context, u store.User, from From, way Way) (token string, err error) {
	token = newSecret()
	return token, s.save(ctx, hashOf(token), session{
		User: u.ID, Stamp: stamp(u), Created: s.now(), Seen: s.now(), Addr: from.Addr, Agent: clip(from.Agent, maxAgent), Way: way,
	})
}

// clip cuts a text that anybody may have written.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

func (s *Service) save(ctx context.Context, hash [32]byte, d session) error {
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	return s.store.SaveSession(ctx, store.Session{Hash: hash, User: d.User, Data: b, Expires: d.expires()})
}

func readSession(r store.Session) (d session, err error) {
	if err = json.Unmarshal(r.Data, &d); err != nil {
		err = fmt.Errorf("read session: %w", err)
	}
	d.Way = cmp.Or(d.Way, WayPassword) // of those that were opened before there was another
	return d, err
}

// sessionID names a session to people, without telling its token.
func sessionID(hash [32]byte) string { return hex.EncodeToString(hash[:8]) }

func (s *Service) bySession(ctx context.Context, token string) (Identity, error) {
	hash := hashOf(token)
	d, u, err := s.session(ctx, hash)
	if err != nil {
		return Identity{}, err
	}
	id, err := s.identity(ctx, u)
	if err != nil {
		return id, err
	}
	id.Session, id.Way, id.Ends = sessionID(hash), d.Way, d.ends()
	if now := s.now(); now.Sub(d.Seen) >= renewAfter {
		d.Seen = now
		err = s.save(ctx, hash, d)
	}
	return id, err
}

// session reads a session that is not over, and whose it is.
func (s *Service) session(ctx context.Context, hash [32]byte) (d session, u store.User, err error) {
	r, err := s.store.Session(ctx, hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.User == 0 {
		return d, u, unauthorized("the session has ended")
	}
	if err != nil {
		return d, u, err
	}
	if d, err = readSession(r); err != nil {
		return d, u, err
	}
	if !s.now().Before(d.expires()) {
		return d, u, unauthorized("the session has ended")
	}
	if u, err = s.user(ctx, d.User); err != nil {
		return d, u, err
	}
	if !bytes.Equal(d.Stamp, stamp(u)) {
		return d, u, unauthorized("the session has ended: the password was changed")
	}
	return d, u, nil
}

// Logout ends the session of a request, if it has one.
func (s *Service) Logout(r *http.Request, addr string) error {
	token := cookieToken(r)
	if token == "" {
		return nil
	}
	if id, err := s.bySession(r.Context(), token); err == nil {
		if err := s.audit(r.Context(), id.Tenant, id.Name, addr, ActionLogout); err != nil {
			return err
		}
	}
	return s.store.DeleteSession(r.Context(), hashOf(token))
}

// OpenSession is a session as its user sees it.
type OpenSession struct {
	ID            string
	Addr, Agent   string // of the log-in; "" of one from before hosted kept them
	Way           Way
	Created, Seen time.Time // Seen to renewAfter
	Expires       time.Time // unless it is used
}

// Sessions lists the sessions of a user that are not over, the one used last first.
func (s *Service) Sessions(ctx context.Context, user int64) ([]OpenSession, error) {
	rows, err := s.store.Sessions(ctx, user)
	if err != nil {
		return nil, err
	}
	u, err := s.user(ctx, user)
	if err != nil {
		return nil, err
	}
	list := []OpenSession{}
	for _, r := range rows {
		d, err := readSession(r)
		if err != nil {
			return nil, err
		}
		if s.now().Before(d.expires()) && bytes.Equal(d.Stamp, stamp(u)) {
			list = append(list, OpenSession{sessionID(r.Hash), d.Addr, d.Agent, d.Way, d.Created, d.Seen, d.expires()})
		}
	}
	slices.SortFunc(list, func(a, b OpenSession) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// EndSession ends one of a user's sessions. Problem not-found: the user has none of that id.
func (s *Service) EndSession(ctx context.Context, by Actor, u store.User, id string) error {
	rows, err := s.store.Sessions(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if sessionID(r.Hash) == id {
			if err := s.store.DeleteSession(ctx, r.Hash); err != nil {
				return err
			}
			return s.auditUser(ctx, by, u, ActionSessionEnd, id)
		}
	}
	return &protocol.Problem{
		Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: fmt.Sprintf("%s has no session %q", u.Name, id),
		Remedy: "list the sessions: it may have ended already",
	}
}

// EndOtherSessions ends all sessions of a user but the one of the request.
func (s *Service) EndOtherSessions(r *http.Request, by Actor, u store.User) error {
	var except [32]byte
	if token := cookieToken(r); token != "" {
		except = hashOf(token)
	}
	if err := s.store.DeleteSessions(r.Context(), u.ID, except); err != nil {
		return err
	}
	return s.auditUser(r.Context(), by, u, ActionSessionEnd, "all others")
}
