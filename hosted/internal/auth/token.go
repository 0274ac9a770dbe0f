package auth

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// NewToken makes an API token that acts as a user until it is removed. Only its hash is stored. rights narrow it; nil: it
// may do all that id may, and grows and shrinks with the user. A right that id has not is problem forbidden: no token
// can do more than who made it.
func (s *Service) NewToken(ctx context.Context, id Identity, label string, rights *store.Rights, addr string) (string, error) {
	if rights == nil && id.Narrow {
		rights = &id.Rights
	}
	token := tokenPrefix + newSecret()
	now := s.now()
	t := store.APIToken{Hash: hashOf(token), User: id.User, Label: label, Created: now}
	detail := ""
	if rights != nil {
		if !id.May(*rights) {
			return "", &protocol.Problem{
				Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "a token cannot have a right that " + id.Name + " has not",
				Detail: "asked for " + rights.String() + ", has " + id.Rights.String(), Remedy: "ask for fewer rights",
			}
		}
		t.Narrow, t.Rights, detail = true, *rights, "rights "+rights.String()
	}
	if err := s.store.CreateAPIToken(ctx, t); err != nil {
		return "", err
	}
	return token, s.store.Audit(ctx, store.AuditEntry{
		Time: now, Tenant: id.Tenant, User: id.Name, Addr: addr, Action: ActionToken, Object: label, Detail: detail,
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
