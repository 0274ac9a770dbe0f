package auth

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// TokenWish is a token to be made.
type TokenWish struct {
	Label   string
	Rights  *store.Rights // narrow it; nil: it may do all that its user may, and grows and shrinks with the user
	Scope   store.TokenScope
	Expires time.Time // zero: never
}

// NewToken makes an API token that acts as a user until it is removed or expires. Only its hash is stored. A right that id has
// not is problem forbidden, and so is a token that is good for more than the one that id asks with: no token can do more than
// who made it.
func (s *Service) NewToken(ctx context.Context, id Identity, w TokenWish, addr string) (string, error) {
	if w.Rights == nil && id.Narrow {
		w.Rights = &id.Rights
	}
	token := tokenPrefix + newSecret()
	now := s.now()
	t := store.APIToken{Hash: hashOf(token), User: id.User, Label: w.Label, Scope: w.Scope, Created: now, Expires: w.Expires}
	var detail []string
	switch {
	case !w.Scope.Valid():
		return "", badField("scope", fmt.Errorf("scope %q: want mcp or nothing", w.Scope))
	case id.Token != "" && (id.Scope != store.ScopeAPI || !id.Ends.IsZero() && (w.Expires.IsZero() || w.Expires.After(id.Ends))):
		return "", &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "a token makes no token that outlives or exceeds it", Remedy: "log in",
		}
	case !w.Expires.IsZero() && !w.Expires.After(now):
		return "", badField("expires", fmt.Errorf("expires %s: want a time to come", protocol.TimeOf(w.Expires)))
	}
	if w.Rights != nil {
		if !id.May(*w.Rights) {
			return "", &protocol.Problem{
				Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "a token cannot have a right that " + id.Name + " has not",
				Detail: "asked for " + w.Rights.String() + ", has " + id.Rights.String(), Remedy: "ask for fewer rights",
			}
		}
		t.Narrow, t.Rights, detail = true, *w.Rights, append(detail, "rights "+w.Rights.String())
	}
	if w.Scope != store.ScopeAPI {
		detail = append(detail, "scope "+string(w.Scope))
	}
	if !w.Expires.IsZero() {
		detail = append(detail, "expires "+protocol.TimeOf(w.Expires).String())
	}
	if err := s.store.CreateAPIToken(ctx, t); err != nil {
		return "", err
	}
	return token, s.store.Audit(ctx, store.AuditEntry{
		Time: now, Tenant: id.Tenant, User: id.Name, Addr: addr, Action: ActionToken, Object: w.Label, Detail: strings.Join(detail, ", "),
	})
}

// TokenID names a token to people, without telling it.
func TokenID(t store.APIToken) string { return hex.EncodeToString(t.Hash[:8]) }

// RemoveToken ends a token of a user's, at once. Problem not-found: the user has none of that id.
func (s *Service) RemoveToken(ctx context.Context, by Actor, u store.User, tokenID string) error {
	all, err := s.store.APITokens(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, t := range all {
		if TokenID(t) != tokenID {
			continue
		}
		if err := s.store.DeleteAPIToken(ctx, u.ID, t.Hash); err != nil {
			return err
		}
		return s.store.Audit(ctx, store.AuditEntry{
			Time: s.now(), Tenant: u.Tenant, User: by.Name, Addr: by.Addr, Action: ActionTokenRemove, Object: t.Label, Detail: tokenID,
		})
	}
	return &protocol.Problem{
		Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: fmt.Sprintf("%s has no token %q", u.Name, tokenID),
		Remedy: "list the tokens: it may have been removed already",
	}
}
