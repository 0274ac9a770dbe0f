package main

import (
	"bufio"
	"cmp"
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

var console = auth.Actor{Name: fromConsole, Addr: fromConsole}

func newUser(db *database) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "People and programs that use the API"}
	c.AddCommand(newUserAdd(db), newUserPassword(db), newUserSet(db), newUserToken(db), newUserTokens(db), newUserLink(db), newUserUnlink(db), &cobra.Command{
		Use: "list", Short: "List the users of all tenants", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error { return listUsers(c.Context(), c.OutOrStdout(), s) })
		},
	}, &cobra.Command{
		Use: "remove NAME", Short: "Remove a user with the user's sessions and API tokens", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				return auth.New(s, db.now).RemoveUser(c.Context(), console, u)
			})
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
	var rights rightsFlag
	var p passwordFlags
	c := &cobra.Command{
		Use: "add NAME", Short: "Add a user; the password is made and printed once, or asked for", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := rights.value(c)
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
				u, err := auth.New(s, db.now).AddUser(c.Context(), console, auth.NewUser{
					Tenant: t.ID, Name: args[0], Role: store.Role(role), Rights: r, Password: password,
				})
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "user %s (%s of tenant %s, %s) added%s\n", u.Name, u.Role, t.Name, rightsText(u.Rights), shown)
				return nil
			})
		},
	}
	c.Flags().StringVar(&tenant, "tenant", defaultTenant, "the `TENANT` that the user belongs to")
	c.Flags().StringVar(&role, "role", string(store.RoleUser), "a `ROLE`: admin (administers users and sensors), user or viewer")
	rights.add(c)
	p.add(c)
	return c
}

func newUserSet(db *database) *cobra.Command {
	var role string
	var rights rightsFlag
	var disabled bool
	c := &cobra.Command{
		Use: "set NAME", Short: "Change a user's role and rights, disable or enable a user", Args: cobra.ExactArgs(1),
		Long: "Change a user's role and rights. A new role brings its own rights along unless\n--rights says otherwise. Who is disabled\ncannot log in, and the API tokens do nothing.",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := rights.value(c)
			if err != nil {
				return err
			}
			change := auth.Change{Rights: r}
			if c.Flags().Changed("role") {
				newRole := store.Role(role)
				change.Role = &newRole
			}
			if c.Flags().Changed("disabled") {
				change.Disabled = &disabled
			}
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				u, err := auth.New(s, db.now).ChangeUser(c.Context(), console, u, change)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "user %s is %s, %s%s\n", u.Name, u.Role, rightsText(u.Rights), disabledText(u))
				return nil
			})
		},
	}
	c.Flags().StringVar(&role, "role", "", "a `ROLE`: admin, user or viewer")
	rights.add(c)
	c.Flags().BoolVar(&disabled, "disabled", false, "the user may not log in; --disabled=false enables the user again")
	c.MarkFlagsOneRequired("role", "rights", "disabled")
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
				if _, err := auth.New(s, db.now).ChangeUser(c.Context(), console, u, auth.Change{Password: &password}); err != nil {
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

// rightsFlag is --rights, which may be given with nothing in it: no rights.
type rightsFlag struct{ words []string }

func (f *rightsFlag) add(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.words, "rights", nil, `what the user may do with calls: listen, download, rules, numbers, export, between commas; "" for none`)
}

// value is nil when the flag was not given.
func (f *rightsFlag) value(c *cobra.Command) (*store.Rights, error) {
	if !c.Flags().Changed("rights") {
		return nil, nil
	}
	r, err := store.ParseRights(f.words)
	if err != nil {
		return nil, fmt.Errorf("--rights: %w", err)
	}
	return &r, nil
}

// disabledText says what keeps a user out.
func disabledText(u store.User) string {
	if u.Disabled == "" {
		return ""
	}
	return ", disabled by the " + string(u.Disabled)
}

func newUserLink(db *database) *cobra.Command {
	var issuer, subject string
	c := &cobra.Command{
		Use: "link NAME", Short: "Let a user log in as a subject of the OpenID provider", Args: cobra.ExactArgs(1),
		Long: "Let a user, who keeps password, role and rights, log in as a subject of the\nOpenID provider too. People do it themselves on the page Account.",
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				if err := auth.New(s, db.now).Link(c.Context(), console, u.ID, issuer, subject, nil); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "user %s is linked to %s of %s\n", u.Name, subject, issuer)
				return nil
			})
		},
	}
	c.Flags().StringVar(&issuer, "issuer", "", "`URL` of the provider, as --oidc-issuer has it")
	c.Flags().StringVar(&subject, "subject", "", "the claim `SUB` of whom the provider lets in")
	_ = c.MarkFlagRequired("issuer") // the flag is there
	_ = c.MarkFlagRequired("subject")
	return c
}

func newUserUnlink(db *database) *cobra.Command {
	return &cobra.Command{
		Use: "unlink NAME", Short: "Take a user's links to the OpenID provider away", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				return auth.New(s, db.now).Unlink(c.Context(), console, u)
			})
		},
	}
}

func rightsText(r store.Rights) string {
	if r == 0 {
		return "no rights"
	}
	return "rights " + r.String()
}

func newUserToken(db *database) *cobra.Command {
	var w auth.TokenWish
	var days int
	var scope string
	var rights rightsFlag
	c := &cobra.Command{
		Use: "token NAME", Short: "Print an API token that acts as the user", Args: cobra.ExactArgs(1),
		Long: "Print an API token that acts as the user (Authorization: Bearer TOKEN).\n--rights narrows it: it may do only that, and administers nothing. --scope mcp\nmakes it good for assistants at /mcp and nowhere else.",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := rights.value(c)
			if err != nil {
				return err
			}
			if w.Rights, w.Scope = r, store.TokenScope(scope); days != 0 {
				w.Expires = db.now().AddDate(0, 0, days)
			}
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				id := auth.Identity{User: u.ID, Name: u.Name, Role: u.Role, Rights: u.Rights, Tenant: u.Tenant}
				token, err := auth.New(s, db.now).NewToken(c.Context(), id, w, fromConsole)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), token)
				return nil
			})
		},
	}
	c.Flags().StringVar(&w.Label, "label", "made by command", "`WORDS` about what the token is for")
	c.Flags().StringVar(&scope, "scope", "", "mcp: good for assistants at /mcp only")
	c.Flags().IntVar(&days, "expires-days", 0, "it ends after so many `DAYS`; 0: never")
	rights.add(c)
	return c
}

func newUserTokens(db *database) *cobra.Command {
	var remove string
	c := &cobra.Command{
		Use: "tokens NAME", Short: "List a user's API tokens; --remove ID ends one", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.withUser(c.Context(), args[0], func(s store.Store, u store.User) error {
				if remove != "" {
					return auth.New(s, db.now).RemoveToken(c.Context(), console, u, remove)
				}
				list, err := s.APITokens(c.Context(), u.ID)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tLABEL\tRIGHTS\tSCOPE\tCREATED\tEXPIRES\tUSED")
				for _, t := range list {
					rights := "the user's"
					if t.Narrow {
						rights = cmp.Or(t.Rights.String(), "-")
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", auth.TokenID(t), t.Label, rights, cmp.Or(string(t.Scope), "-"),
						protocol.TimeOf(t.Created), protocol.TimeOf(t.Expires), protocol.TimeOf(t.Used))
				}
				return w.Flush()
			})
		},
	}
	c.Flags().StringVar(&remove, "remove", "", "the `ID` of a token that is to end")
	return c
}

func listUsers(ctx context.Context, out io.Writer, s store.Store) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tRIGHTS\tTENANT\tCREATED\tSTATE")
	for _, t := range tenants {
		users, err := s.Users(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, u := range users {
			state := "-"
			if !u.Vouched.IsZero() {
				state = "OpenID"
			}
			if u.Disabled != "" {
				state = "disabled by the " + string(u.Disabled)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", u.Name, u.Role, cmp.Or(u.Rights.String(), "-"), t.Name, protocol.TimeOf(u.Created), state)
		}
	}
	return w.Flush()
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
