package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
)

const defaultTenant = "default"

func newTenant(db *database) *cobra.Command {
	c := &cobra.Command{Use: "tenant", Short: "Customers: add, list, set"}
	c.AddCommand(&cobra.Command{
		Use: "add NAME", Short: "Add a tenant", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := auth.CheckName("tenant", args[0]); err != nil {
				return err
			}
			return db.with(c.Context(), func(s store.Store) error {
				t, err := s.CreateTenant(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := db.recordTenant(c.Context(), s, t, auth.ActionTenantAdd, ""); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "tenant %s added; add a user with: hosted user add NAME --tenant %[1]s\n", t.Name)
				return nil
			})
		},
	}, &cobra.Command{
		Use: "list", Short: "List the tenants", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error {
				all, err := s.Tenants(c.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tCHANNELS\tSUSPENDED\tCALLS")
				for _, t := range all {
					n, err := s.CountCalls(c.Context(), t.ID)
					if err != nil {
						return err
					}
					fmt.Fprintf(w, "%s\t%d\t%t\t%d\n", t.Name, t.MaxChannels, t.Suspended, n)
				}
				return w.Flush()
			})
		},
	}, newTenantSet(db))
	return c
}

func newTenantSet(db *database) *cobra.Command {
	var channels int
	var suspended bool
	c := &cobra.Command{
		Use: "set NAME", Short: "Change a tenant's limit, suspend it or let it work again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return db.with(c.Context(), func(s store.Store) error {
				t, err := tenantByName(c.Context(), s, args[0])
				if err != nil {
					return err
				}
				if c.Flags().Changed("max-channels") {
					if channels < 1 {
						return fmt.Errorf("--max-channels %d: want at least 1", channels)
					}
					t.MaxChannels = channels
				}
				if c.Flags().Changed("suspended") {
					t.Suspended = suspended
				}
				if err := s.UpdateTenant(c.Context(), t); err != nil {
					return err
				}
				return db.recordTenant(c.Context(), s, t, auth.ActionTenantSet, fmt.Sprintf("max_channels %d, suspended %t", t.MaxChannels, t.Suspended))
			})
		},
	}
	c.Flags().IntVar(&channels, "max-channels", 0, "`N` concurrent calls whose media is analysed")
	c.Flags().BoolVar(&suspended, "suspended", false, "refuse its users and sensors")
	return c
}

func tenantByName(ctx context.Context, s store.Store, name string) (store.Tenant, error) {
	all, err := s.Tenants(ctx)
	if err != nil {
		return store.Tenant{}, err
	}
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	return store.Tenant{}, fmt.Errorf("there is no tenant %q; `hosted tenant list` shows all", name)
}

// recordTenant writes into a tenant's audit log what was done to the tenant by command.
func (d *database) recordTenant(ctx context.Context, s store.Store, t store.Tenant, action, detail string) error {
	return s.Audit(ctx, store.AuditEntry{Time: d.now(), Tenant: t.ID, User: fromConsole, Addr: fromConsole, Action: action, Object: t.Name, Detail: detail})
}
