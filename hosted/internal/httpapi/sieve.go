package httpapi

import (
	"net/url"

	"voiptop/protocol"
	"voiptop/rules"
)

// sieve lets through what a viewer's condition holds for. A running call may begin to match, and cease to.
type sieve struct {
	where rules.Expr
	shown map[protocol.UUID]struct{} // calls that the viewer has
}

func newSieve(where rules.Expr) *sieve {
	return &sieve{where, map[protocol.UUID]struct{}{}}
}

// apply takes out of an update what does not concern the viewer.
func (s *sieve) apply(u *protocol.LiveUpdate) {
	if s.where.IsZero() {
		return
	}
	var gone []protocol.UUID
	for _, id := range u.Gone {
		if _, ok := s.shown[id]; ok {
			delete(s.shown, id)
			gone = append(gone, id)
		}
	}
	kept := u.Calls[:0]
	for i := range u.Calls {
		c := &u.Calls[i]
		_, shown := s.shown[c.ID]
		switch matches := s.where.Match(rules.LiveCall(c)); {
		case matches:
			s.shown[c.ID] = struct{}{}
			kept = append(kept, *c)
		case shown:
			delete(s.shown, c.ID)
			gone = append(gone, c.ID)
		}
	}
	u.Calls, u.Gone = kept, gone
}

// onlyWhere is the condition among other parameters.
func onlyWhere(values url.Values) url.Values {
	if v, ok := values["where"]; ok {
		return url.Values{"where": v}
	}
	return nil
}
