package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/notify"
)

// smtpPasswordEnv keeps the mail server's password out of the list of processes.
const smtpPasswordEnv = "HOSTED_SMTP_PASSWORD"

// alertFlags are the options of what alerts send (docs/alerts.md).
type alertFlags struct {
	smtp         notify.SMTP
	security     string
	passwordFile string
	private      []string
}

func (f *alertFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.smtp.Addr, "smtp", "", "mail server at `HOST:PORT` that alerts are mailed through; with --smtp-from")
	c.Flags().StringVar(&f.smtp.From, "smtp-from", "", "sender of mail: an `ADDRESS`, or Name <address>")
	c.Flags().StringVar(&f.security, "smtp-tls", string(notify.StartTLS), "`MODE`: starttls, tls (from the first byte, port 465) or none (a server on this machine)")
	c.Flags().StringVar(&f.smtp.User, "smtp-user", "", "log in to the mail server as `NAME`; the password is in $"+smtpPasswordEnv)
	c.Flags().StringVar(&f.passwordFile, "smtp-password-file", "", "`FILE` with that password, in place of the variable")
	c.Flags().StringSliceVar(&f.private, "alert-private-networks", nil, "`NETWORKS` (CIDR) that are not the internet's and that webhooks may go to all the same")
	c.MarkFlagsRequiredTogether("smtp", "smtp-from")
}

// sender says what is wrong with the options.
func (f *alertFlags) sender(s *service) (*notify.Sender, error) {
	c := notify.Config{Now: s.now}
	for _, p := range f.private {
		network, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, fmt.Errorf("--alert-private-networks %q: want a network like 10.0.0.0/8", p)
		}
		c.Private = append(c.Private, network)
	}
	m := f.smtp
	if m.Addr == "" {
		return notify.New(c), nil
	}
	m.Security = notify.Security(f.security)
	m.Password = os.Getenv(smtpPasswordEnv)
	if f.passwordFile != "" {
		if m.Password != "" {
			return nil, errors.New("--smtp-password-file and $" + smtpPasswordEnv + ": one of them, please")
		}
		b, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("--smtp-password-file: %w", err)
		}
		m.Password = string(bytes.TrimSpace(b))
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	if m.User != "" && m.Password == "" {
		return nil, errors.New("--smtp-user: its password is missing, in $" + smtpPasswordEnv + " or --smtp-password-file")
	}
	c.SMTP = &m
	return notify.New(c), nil
}

// guiURL is where browsers find the GUI, for links in messages: --public-url, or else the address that is listened on.
func (s *service) guiURL() string {
	if u := s.oidc.config.URL; u != "" {
		return strings.TrimSuffix(u, "/")
	}
	return s.scheme() + "://" + publicName("", s.web.Addr().String())
}
