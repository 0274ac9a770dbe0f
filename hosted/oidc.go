package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/oidc"
)

// oidcSecretEnv keeps the client's secret out of the list of processes.
const oidcSecretEnv = "HOSTED_OIDC_SECRET"

// oidcFlags are the options of log-in through an OpenID provider (docs/oidc.md).
type oidcFlags struct {
	config             oidc.Config
	secretFile, caFile string
	file               string // of providers that are bound to tenants
	grants             []string
}

func (f *oidcFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.config.URL, "public-url", "", "`URL` of the GUI as browsers see it, https://voip.example, for links in messages; needed for OpenID providers")
	c.Flags().StringVar(&f.config.Issuer, "oidc-issuer", "", "`URL` of an OpenID provider that people may log in through")
	c.Flags().StringVar(&f.config.ClientID, "oidc-client-id", "", "the `ID` that the provider knows this service as; its secret is in $"+oidcSecretEnv)
	c.Flags().StringVar(&f.secretFile, "oidc-secret-file", "", "`FILE` with the client's secret, in place of the variable")
	c.Flags().StringVar(&f.config.Name, "oidc-name", "", "`NAME` of the provider on the log-in page (the host of its URL)")
	c.Flags().StringArrayVar(&f.grants, "oidc-grant", nil, "`GRANT`, what a group gives: GROUP=TENANT:ROLE[:RIGHTS]; repeated, the first counts; * is everybody")
	c.Flags().BoolVar(&f.config.Create, "oidc-create", false, "whoever a grant lets in and who has no user gets one")
	c.Flags().StringVar(&f.config.Groups, "oidc-groups-claim", "groups", "`CLAIM` with the groups; dots lead into objects")
	c.Flags().StringVar(&f.config.NameFrom, "oidc-name-claim", "preferred_username", "`CLAIM` that a new user is called by")
	c.Flags().StringSliceVar(&f.config.Scopes, "oidc-scopes", []string{"openid", "profile", "email"}, "`SCOPES` that are asked for")
	c.Flags().StringVar(&f.caFile, "oidc-ca", "", "`FILE` of CA certificates (PEM) that the provider's may come from, beside the system's")
	c.Flags().StringVar(&f.file, "oidc-providers", "", "`FILE` of providers that are bound to tenants (JSON, docs/oidc.md)")
	c.MarkFlagsRequiredTogether("oidc-issuer", "oidc-client-id", "oidc-grant")
}

// services are the service's provider, if there is one, and those of the file.
func (f *oidcFlags) services(s *service, a *auth.Service) (oidc.Providers, error) {
	var all oidc.Providers
	own, err := f.service(s, a)
	if own != nil {
		all = append(all, own)
	}
	if err == nil && f.file != "" {
		var bound oidc.Providers
		bound, err = readProviders(f.file, oidc.Config{URL: f.config.URL, Auth: a, Tenants: s.store.Tenants, Log: s.log, Now: s.now})
		all = append(all, bound...)
	}
	if err == nil {
		err = all.Check()
	}
	return all, err
}

// service is the provider of the options, nil without one.
func (f *oidcFlags) service(s *service, a *auth.Service) (*oidc.Service, error) {
	c := f.config
	if c.Issuer == "" {
		return nil, nil
	}
	for _, g := range f.grants {
		r, err := oidc.ParseRule(g)
		if err != nil {
			return nil, fmt.Errorf("--oidc-%w", err)
		}
		c.Grants = append(c.Grants, r)
	}
	c.Secret = os.Getenv(oidcSecretEnv)
	if f.secretFile != "" {
		if c.Secret != "" {
			return nil, errors.New("--oidc-secret-file and $" + oidcSecretEnv + ": one of them, please")
		}
		b, err := os.ReadFile(f.secretFile)
		if err != nil {
			return nil, fmt.Errorf("--oidc-secret-file: %w", err)
		}
		c.Secret = string(bytes.TrimSpace(b))
	}
	if f.caFile != "" {
		var err error
		if c.CA, err = os.ReadFile(f.caFile); err != nil {
			return nil, fmt.Errorf("--oidc-ca: %w", err)
		}
	}
	c.Auth, c.Tenants, c.Log, c.Now = a, s.store.Tenants, s.log, s.now
	return oidc.New(c)
}
