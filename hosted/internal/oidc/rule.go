package oidc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
)

// Rule says what a group of the provider gives in a tenant.
type Rule struct {
	Group  string // "*" is everybody whom the provider lets in
	Tenant string
	Role   store.Role
	Rights store.Rights
}

// ParseRule reads GROUP=TENANT:ROLE[:RIGHTS]; the group may hold = and :, as directories' names do. Without RIGHTS they are
// those of the role; an empty list is none.
func ParseRule(s string) (r Rule, err error) {
	const want = "want GROUP=TENANT:ROLE or GROUP=TENANT:ROLE:RIGHT,RIGHT"
	i := strings.LastIndexByte(s, '=')
	if i < 1 {
		return r, fmt.Errorf("grant %q: %s", s, want)
	}
	p := strings.Split(s[i+1:], ":")
	if len(p) != 2 && len(p) != 3 || p[0] == "" {
		return r, fmt.Errorf("grant %q: %s", s, want)
	}
	r = Rule{Group: s[:i], Tenant: p[0], Role: store.Role(p[1])}
	if !r.Role.Valid() {
		return r, fmt.Errorf("grant %q: role %q: want admin, user or viewer", s, p[1])
	}
	r.Rights = r.Role.Rights()
	if len(p) == 3 {
		var words []string
		if p[2] != "" {
			words = strings.Split(p[2], ",")
		}
		if r.Rights, err = store.ParseRights(words); err != nil {
			return r, fmt.Errorf("grant %q: %w", s, err)
		}
	}
	return r, nil
}

// grants is what groups give: of each tenant the first rule that holds, in the order of the rules. Tenants that are not there
// give nothing.
func (s *Service) grants(ctx context.Context, groups []string) ([]auth.Grant, error) {
	all, err := s.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var out []auth.Grant
	for _, r := range s.Grants {
		if r.Group != "*" && !slices.Contains(groups, r.Group) {
			continue
		}
		i := slices.IndexFunc(all, func(t store.Tenant) bool { return t.Name == r.Tenant })
		if i < 0 {
			s.Log.Warn("a grant names a tenant that is not there", "provider", s.Name, "tenant", r.Tenant, "group", r.Group)
			continue
		}
		if !slices.ContainsFunc(out, func(g auth.Grant) bool { return g.Tenant.ID == all[i].ID }) {
			out = append(out, auth.Grant{Tenant: all[i], Role: r.Role, Rights: r.Rights})
		}
	}
	return out, nil
}

// claimed finds a claim by its name or, where a name has dots, inside objects.
func claimed(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	for i := range name {
		if name[i] != '.' {
			continue
		}
		if inner, ok := claims[name[:i]].(map[string]any); ok {
			if v := claimed(inner, name[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// maxGroups bounds what is compared with the rules.
const maxGroups = 5000

// words are the texts of a claim that is a text or a list of them.
func words(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v[:min(len(v), maxGroups)] {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
