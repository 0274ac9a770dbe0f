package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// fromConsole is the address in the audit log of what is done by command.
const fromConsole = "console"

func newUser(db *database) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "People and programs that use the API: add, list, password, role, token, remove"}
	c.AddCommand(newUserAdd(db), newUserPassword(db), newUserRole(db), newUserToken(db), &cobra.Command{
		Use: "list", Short: "List the users of all tenants", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error { return listUsers(c.Context(), c.OutOrStdout(), s) })
		},
	}, &cobra.Command{
		Use: "remove NAME", Short: "Remove a user with the user's sessions and API tokens", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error { return s.DeleteUser(c.Context(), u.ID) })
		},
	})
	return c
}

// withUser opens the store for a command about one user.
func (d *database) withUser(ctx context.Context, name string, fn func(store.Store, store.User) error) error {
	return d.with(ctx, func(s store.Store) error {
		u, err := s.UserByName(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no user %q; `hosted user list` shows all", name)
		}
		if err != nil {
			return err
		}
		return fn(s, u)
	})
}

func newUserAdd(db *database) *cobra.Command {
	var tenant, role string
	var p passwordFlags
	c := &cobra.Command{
		Use: "add NAME", Short: "Add a user; the password is made and printed once, or asked for", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkName("user", args[0]); err != nil {
				return err
			}
			r, err := parseRole(role)
			if err != nil {
				return err
			}
			return db.with(c.Context(), func(s store.Store) error {
				t, err := tenantByName(c.Context(), s, tenant)
				if err != nil {
					return err
				}
				password, shown, err := p.password(c)
				if err != nil {
					return err
				}
				u := store.User{Tenant: t.ID, Name: args[0], Password: auth.HashPassword(password), Role: r, Rights: r.Rights(), Created: db.now()}
				if _, err := s.CreateUser(c.Context(), u); err != nil {
					return err
				}
				if err := db.record(c.Context(), s, u, auth.ActionUserAdd, string(r)); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "user %s (%s of tenant %s) added%s\n", u.Name, r, t.Name, shown)
				return nil
			})
		},
	}
	c.Flags().StringVar(&tenant, "tenant", defaultTenant, "the tenant that the user belongs to")
	c.Flags().StringVar(&role, "role", string(store.RoleUser), "admin, user (sees and downloads) or viewer (sees)")
	p.add(c)
	return c
}

func newUserPassword(db *database) *cobra.Command {
	var p passwordFlags
	c := &cobra.Command{
		Use: "password NAME", Short: "Set a new password, which ends the user's sessions", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				password, shown, err := p.password(c)
				if err != nil {
					return err
				}
				u.Password = auth.HashPassword(password)
				if err := s.UpdateUser(c.Context(), u); err != nil {
					return err
				}
				if err := db.record(c.Context(), s, u, auth.ActionPassword, ""); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "new password set for %s%s\n", u.Name, shown)
				return nil
			})
		},
	}
	p.add(c)
	return c
}

func newUserRole(db *database) *cobra.Command {
	return &cobra.Command{
		Use: "role NAME admin|user|viewer", Short: "Change what a user may do", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := parseRole(args[1])
			if err != nil {
				return err
			}
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				u.Role, u.Rights = r, r.Rights()
				if err := s.UpdateUser(c.Context(), u); err != nil {
					return err
				}
				return db.record(c.Context(), s, u, auth.ActionRole, string(r))
			})
		},
	}
}

func newUserToken(db *database) *cobra.Command {
	var label string
	c := &cobra.Command{
		Use: "token NAME", Short: "Print an API token that acts as the user (Authorization: Bearer TOKEN)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				id := auth.Identity{User: u.ID, Name: u.Name, Role: u.Role, Rights: u.Rights, Tenant: u.Tenant}
				token, err := auth.New(s, db.now).NewToken(c.Context(), id, label, nil, fromConsole)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), token)
				return nil
			})
		},
	}
	c.Flags().StringVar(&label, "label", "made by command", "what the token is for")
	return c
}

func listUsers(ctx context.Context, out io.Writer, s store.Store) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tTENANT\tCREATED")
	for _, t := range tenants {
		users, err := s.Users(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, u := range users {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Name, u.Role, t.Name, protocol.TimeOf(u.Created))
		}
	}
	return w.Flush()
}

// record writes an audit entry of what was done to a user by command.
func (d *database) record(ctx context.Context, s store.Store, u store.User, action, detail string) error {
	return s.Audit(ctx, store.AuditEntry{Time: d.now(), Tenant: u.Tenant, User: fromConsole, Addr: fromConsole, Action: action, Object: u.Name, Detail: detail})
}

func parseRole(s string) (store.Role, error) {
	switch r := store.Role(s); r {
	case store.RoleAdmin, store.RoleUser, store.RoleViewer:
		return r, nil
	}
	return "", fmt.Errorf("role %q: want admin, user or viewer", s)
}

// passwordFlags say where a password comes from. It is never an argument: those are in the list of processes.
type passwordFlags struct{ ask, stdin bool }

func (p *passwordFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&p.ask, "ask", false, "ask for the password on the terminal")
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from the first line of standard input")
	c.MarkFlagsMutuallyExclusive("ask", "password-stdin")
}

// password answers a password, and what is to be printed of it: all if it was made here, nothing if it was given.
func (p *passwordFlags) password(c *cobra.Command) (password, shown string, err error) {
	switch {
	case p.ask:
		password, err = askPassword(c)
	case p.stdin:
		password, err = bufio.NewReader(io.LimitReader(c.InOrStdin(), 4*auth.MaxPassword+2)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		password = strings.TrimRight(password, "\r\n")
	default:
		password = auth.NewPassword()
		return password, "\npassword, shown only this once: " + password, nil
	}
	if err == nil {
		err = auth.CheckPassword(password)
	}
	return password, "", err
}

func askPassword(c *cobra.Command) (string, error) {
	f, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", errors.New("--ask needs a terminal; use --password-stdin")
	}
	var typed [2]string
	for i, prompt := range []string{"password: ", "again: "} {
		fmt.Fprint(c.ErrOrStderr(), prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}
