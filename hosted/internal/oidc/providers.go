package oidc

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"voiptop/hosted/internal/store"
)

// Providers are those that people may log in through, in the order that the log-in page shows. One with an empty ID is the
// service's own; the others are bound to the tenants that their grants name.
type Providers []*Service

// Get finds a provider by its ID, nil if there is none.
func (p Providers) Get(id string) *Service {
	i := slices.IndexFunc(p, func(s *Service) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return p[i]
}

// Shown are those that the log-in page names to everybody.
func (p Providers) Shown() (list []*Service) {
	for _, s := range p {
		if !s.Hidden {
			list = append(list, s)
		}
	}
	return list
}

var providerID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// reserved are names that stand where an ID does in paths.
var reserved = []string{"login", "callback", "logout"}

// Check says what is wrong with the providers together.
func (p Providers) Check() error {
	seen := map[string]bool{}
	for _, s := range p {
		switch {
		case s.ID != "" && (!providerID.MatchString(s.ID) || slices.Contains(reserved, s.ID)):
			return fmt.Errorf("provider %q: want an id of 1 to 32 of a-z, 0-9 and -, and none of %s", s.ID, strings.Join(reserved, ", "))
		case seen[s.ID]:
			return fmt.Errorf("provider %q is there twice", s.ID)
		}
		seen[s.ID] = true
	}
	return nil
}

// path is where something of the provider is, below the API. Each provider has a redirect URI of its own, so that what one of them
// answers is never taken for another's (RFC 9700 section 4.4).
func (c *Config) path(what string) string {
	if c.ID == "" {
		return prefix + what
	}
	return prefix + c.ID + "/" + what
}

const prefix = "/api/v1/oidc/"

// LoginPath is where a browser begins.
func (s *Service) LoginPath() string { return s.path("login") }

// option names a setting as whoever configures the provider does.
func (c *Config) option(name string) string {
	if c.ID == "" {
		return "--oidc-" + name
	}
	switch name {
	case "grant":
		return "grants"
	case "ca":
		return "ca_file"
	}
	return strings.ReplaceAll(name, "-", "_")
}

// covers answers which tenants the provider may speak of; nil is all.
func (s *Service) covers(ctx context.Context) (func(store.TenantID) bool, error) {
	if s.ID == "" {
		return nil, nil
	}
	all, err := s.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	bound := map[store.TenantID]bool{}
	for _, t := range all {
		if slices.ContainsFunc(s.Grants, func(r Rule) bool { return r.Tenant == t.Name }) {
			bound[t.ID] = true
		}
	}
	return func(t store.TenantID) bool { return bound[t] }, nil
}
