package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

func newSensor(db *database) *cobra.Command {
	c := &cobra.Command{Use: "sensor", Short: "Sensors: add, list, revoke"}
	c.AddCommand(newSensorAdd(db), &cobra.Command{
		Use: "list", Short: "List the sensors of all tenants", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error { return listSensors(c.Context(), c.OutOrStdout(), s) })
		},
	}, &cobra.Command{
		Use: "revoke UUID", Short: "Refuse a sensor from now on; its number is free again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := protocol.ParseUUID(args[0])
			if err != nil {
				return fmt.Errorf("%w; `hosted sensor list` shows all", err)
			}
			return db.with(c.Context(), func(s store.Store) error {
				sensor, err := sensorByUUID(c.Context(), s, id)
				if err != nil {
					return err
				}
				if err := s.RevokeSensor(c.Context(), sensor.Tenant, id); err != nil {
					return err
				}
				return s.Audit(c.Context(), store.AuditEntry{
					Time: db.now(), Tenant: sensor.Tenant, User: fromConsole, Addr: fromConsole,
					Action: auth.ActionRevoke, Object: id.String(), Detail: sensor.Info.Name,
				})
			})
		},
	})
	return c
}

func newSensorAdd(db *database) *cobra.Command {
	var tenant, public string
	c := &cobra.Command{
		Use: "add", Short: "Print a token that lets one sensor enrol, within the hour", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error {
				t, err := tenantByName(c.Context(), s, tenant)
				if err != nil {
					return err
				}
				ca, err := sensors.LoadCA(c.Context(), s, db.now)
				if err != nil {
					return err
				}
				token, expires, err := sensors.New(sensors.Config{Store: s, CA: ca, Clock: db.now}).NewEnrolToken(c.Context(), t.ID)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), token)
				fmt.Fprintf(c.ErrOrStderr(), "valid once, until %s; on the sensor's machine: voipmon pair --server %s --token TOKEN\n",
					protocol.TimeOf(expires), publicName(public, fmt.Sprintf(":%d", link.Port)))
				return s.Audit(c.Context(), store.AuditEntry{Time: db.now(), Tenant: t.ID, User: fromConsole, Addr: fromConsole, Action: auth.ActionEnrolToken})
			})
		},
	}
	c.Flags().StringVar(&tenant, "tenant", defaultTenant, "the `TENANT` that the sensor will belong to")
	c.Flags().StringVar(&public, "public-name", "", "`HOST:PORT` that sensors dial")
	return c
}

// sensorByUUID finds a sensor whose tenant was not said.
func sensorByUUID(ctx context.Context, s store.Store, id protocol.UUID) (store.Sensor, error) {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return store.Sensor{}, err
	}
	for _, t := range tenants {
		sensor, err := s.Sensor(ctx, t.ID, id)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return sensor, err
		}
	}
	return store.Sensor{}, fmt.Errorf("sensor %s: %w; `hosted sensor list` shows all", id, store.ErrNotFound)
}

func listSensors(ctx context.Context, out io.Writer, s store.Store) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID_SENSOR\tNAME\tTENANT\tUUID\tVERSION\tLAST SEEN\tCDRS\tREVOKED")
	for _, t := range tenants {
		list, err := s.Sensors(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, n := range list {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%t\n", n.SensorID, n.Info.Name, t.Name, n.UUID, n.Info.Version,
				protocol.TimeOf(n.LastSeen), n.CDRs, n.Revoked)
		}
	}
	return w.Flush()
}
