package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
)

func newAlert(db *database) *cobra.Command {
	var firing bool
	list := &cobra.Command{
		Use: "list", Short: "List the alerts of all tenants and how they stand", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error { return listAlerts(c.Context(), c.OutOrStdout(), s, firing) })
		},
	}
	list.Flags().BoolVar(&firing, "firing", false, "only those that fire")
	c := &cobra.Command{Use: "alert", Short: "Alerts: list (they are made in the GUI and by the API)"}
	c.AddCommand(list)
	return c
}

func listAlerts(ctx context.Context, out io.Writer, s store.Store, firing bool) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TENANT\tSTATE\tALERT\tSINCE\tSEEN TO BY")
	for _, t := range tenants {
		if err := listTenantsAlerts(ctx, w, s, t, firing); err != nil {
			return err
		}
	}
	return w.Flush()
}

func listTenantsAlerts(ctx context.Context, w io.Writer, s store.Store, t store.Tenant, firing bool) error {
	alerts, err := s.Alerts(ctx, t.ID)
	if err != nil {
		return err
	}
	states, err := s.AlertStates(ctx, t.ID)
	if err != nil {
		return err
	}
	open, err := s.Incidents(ctx, t.ID, store.IncidentQuery{Open: true, Limit: 1000})
	if err != nil {
		return err
	}
	seenTo := map[string]string{}
	for _, i := range open {
		seenTo[i.ID] = i.AckedBy
	}
	byAlert := map[int64]alert.State{}
	for _, st := range states {
		var v alert.State
		if err := json.Unmarshal(st.Data, &v); err != nil {
			return fmt.Errorf("state of alert %d: %w", st.Alert, err)
		}
		byAlert[st.Alert] = v
	}
	for _, a := range alerts {
		var spec alert.Spec
		if err := json.Unmarshal(a.Spec, &spec); err != nil {
			return fmt.Errorf("alert %d: %w", a.ID, err)
		}
		st := byAlert[a.ID]
		if firing && st.Incident == nil {
			continue
		}
		phase, since, by := string(st.Phase()), "-", "-"
		if !a.Enabled {
			phase = "off"
		}
		if i := st.Incident; i != nil {
			since, by = i.Started.String(), cmp.Or(seenTo[i.ID], "-")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, phase, spec.Name, since, by)
	}
	return nil
}
