package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"voiptop/hosted/internal/oidc"
)

// providerEntry is a provider in the file of --oidc-providers; the options of the same names say what they mean.
type providerEntry struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Hidden      bool     `json:"hidden"`
	Issuer      string   `json:"issuer"`
	ClientID    string   `json:"client_id"`
	SecretFile  string   `json:"secret_file"` // like ca_file relative to the file that names it
	SecretEnv   string   `json:"secret_env"`
	Grants      []string `json:"grants"`
	Create      bool     `json:"create"`
	GroupsClaim string   `json:"groups_claim"`
	NameClaim   string   `json:"name_claim"`
	Scopes      []string `json:"scopes"`
	CAFile      string   `json:"ca_file"`
}

// readProviders reads the file of providers; what is common to all is in base.
func readProviders(path string, base oidc.Config) (oidc.Providers, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--oidc-providers: %w", err)
	}
	var file struct {
		Providers []providerEntry `json:"providers"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("--oidc-providers %s: line %d: %w", path, 1+bytes.Count(b[:min(int64(len(b)), offset(d, err))], []byte("\n")), err)
	}
	if len(file.Providers) == 0 {
		return nil, fmt.Errorf(`--oidc-providers %s: want {"providers": [{"id": ...}, ...]}, found none`, path)
	}
	var all oidc.Providers
	for i := range file.Providers {
		e := &file.Providers[i]
		c, err := e.config(filepath.Dir(path), base)
		var s *oidc.Service
		if err == nil {
			s, err = oidc.New(c)
		}
		if err != nil {
			return nil, fmt.Errorf("--oidc-providers %s: provider %q: %w", path, e.ID, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// offset is where reading stopped.
func offset(d *json.Decoder, err error) int64 {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset
	case errors.As(err, &kind):
		return kind.Offset
	}
	return d.InputOffset()
}

func (e *providerEntry) config(dir string, c oidc.Config) (oidc.Config, error) {
	c.ID, c.Name, c.Hidden, c.Issuer, c.ClientID, c.Create = e.ID, e.Name, e.Hidden, e.Issuer, e.ClientID, e.Create
	c.Groups, c.NameFrom, c.Scopes = e.GroupsClaim, e.NameClaim, e.Scopes
	if e.ID == "" {
		return c, errors.New("id: want a name of a-z, 0-9 and -, which is part of the redirect URI")
	}
	for _, g := range e.Grants {
		r, err := oidc.ParseRule(g)
		if err != nil {
			return c, err
		}
		c.Grants = append(c.Grants, r)
	}
	read := func(key, name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
		return b, err
	}
	switch {
	case e.SecretFile != "" && e.SecretEnv != "":
		return c, errors.New("secret_file and secret_env: one of them, please")
	case e.SecretFile != "":
		b, err := read("secret_file", e.SecretFile)
		if err != nil {
			return c, err
		}
		c.Secret = string(bytes.TrimSpace(b))
	case e.SecretEnv != "":
		if c.Secret = os.Getenv(e.SecretEnv); c.Secret == "" {
			return c, fmt.Errorf("secret_env: the variable %s is not set", e.SecretEnv)
		}
	}
	if e.CAFile != "" {
		var err error
		if c.CA, err = read("ca_file", e.CAFile); err != nil {
			return c, err
		}
	}
	return c, nil
}
