package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/cluster"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/protocol"
)

// natsEnv keeps a password in NATS' address out of the list of processes.
const natsEnv = "HOSTED_NATS"

// nodeFlags are the options of a hosted that is one of several (docs/scaling.md).
type nodeFlags struct {
	name, listen, addr string
	nats               cluster.NATS
	drain, wait        time.Duration
}

func (f *nodeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.name, "node-name", "", "`NAME` of this node where several share a PostgreSQL (this host's name)")
	c.Flags().StringVar(&f.listen, "node-listen", "", "`HOST:PORT` where the other nodes reach this one, with hosted's own certificates")
	c.Flags().StringVar(&f.addr, "node-addr", "", "`HOST:PORT` of --node-listen as the other nodes see it")
	c.Flags().StringVar(&f.nats.URLs, "nats", "", "`URLS` of NATS servers that announce who holds which sensor: nats://HOST:4222, tls://..., with commas; else $"+natsEnv)
	c.Flags().StringVar(&f.nats.Credentials, "nats-creds", "", "`FILE` with the credentials for NATS (JWT and key)")
	c.Flags().StringVar(&f.nats.CA, "nats-ca", "", "`FILE` of CA certificates (PEM) that NATS' may come from")
	c.Flags().StringVar(&f.nats.Cert, "nats-cert", "", "certificate `FILE` (PEM) to show NATS; with --nats-key")
	c.Flags().StringVar(&f.nats.Key, "nats-key", "", "key `FILE` (PEM) of --nats-cert")
	c.Flags().DurationVar(&f.drain, "drain", 10*time.Second, "how long downloads may go on after SIGTERM")
	c.Flags().DurationVar(&f.wait, "stop-wait", 0, "how long to go on serving after SIGTERM, with /healthz at 503, so that a load balancer notices")
	c.MarkFlagsRequiredTogether("nats-cert", "nats-key")
}

// node is this process as one of several, and what it listens on for the others.
type node struct {
	*cluster.Cluster // nil where the store is not shared
	listener         net.Listener
}

// node makes this process one of several, if the store may be shared.
func (f *nodeFlags) node(s *service, ca *sensors.CA, m *metrics) (n node, err error) {
	if f.nats.URLs == "" {
		f.nats.URLs = os.Getenv(natsEnv)
	}
	if f.drain < 0 || f.wait < 0 {
		return n, errors.New("--drain and --stop-wait: want a time that is not negative")
	}
	if _, ok := s.store.(*postgres.Store); !ok {
		if f.nats.URLs != "" || f.listen != "" {
			return n, errors.New("--nats and --node-listen: several nodes need a store that they share: --db postgres://USER:PASSWORD@HOST/NAME")
		}
		return n, nil
	}
	if f.nats.URLs != "" && f.listen == "" {
		return n, errors.New("--nats needs --node-listen: NATS says which node holds a sensor, the requests go from node to node")
	}
	if f.name == "" {
		if f.name, err = os.Hostname(); err != nil {
			return n, fmt.Errorf("--node-name is not set, and this host has no name: %w", err)
		}
	}
	c := cluster.Config{Store: s.store, CA: ca, Name: f.name, Version: protocol.Version, Log: s.log, Now: s.now, Metrics: m.registry}
	if f.listen != "" {
		if n.listener, err = listen("--node-listen", f.listen); err != nil {
			return n, err
		}
		c.Addr = publicName(f.addr, n.listener.Addr().String())
	}
	if f.nats.URLs != "" {
		if err := checkServers(f.nats.URLs); err != nil {
			return n, err
		}
		c.NATS = &f.nats
	}
	n.Cluster, err = cluster.New(c)
	return n, err
}

// checkServers says what is wrong with a list of NATS servers without repeating it: it may hold a password.
func checkServers(list string) error {
	for i, s := range strings.Split(list, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" {
			return fmt.Errorf("--nats: server %d of the list cannot be read: want nats://HOST:4222 or tls://HOST:4222, with USER:PASSWORD@ before HOST if need be", i+1)
		}
	}
	return nil
}

// id names this process to the others; "" where there are none.
func (n node) id() string {
	if n.Cluster == nil {
		return ""
	}
	return n.ID()
}

// others is what the sensors' service needs of the other nodes.
func (n node) others() sensors.Cluster {
	if n.Cluster == nil {
		return nil
	}
	return n.Cluster
}

// links is where sensors are found: on all nodes, or here.
func (n node) links(here *sensors.Service) httpapi.Links {
	if n.Cluster == nil {
		return here
	}
	n.Attach(here)
	return n.Cluster
}

// gate bounds the downloads of all nodes, or of this one.
func (n node) gate(l relay.Limits, m *metrics) *relay.Gate {
	if n.Cluster == nil {
		return relay.NewGate(l, m.registry)
	}
	return relay.NewSharedGate(l, n.Streams(), m.registry)
}

// run keeps the node alive for the others, and answers them, until ctx ends.
func (n node) run(ctx context.Context, start func(func() error)) {
	if n.Cluster == nil {
		return
	}
	start(func() error { return n.Run(ctx) })
	if n.listener == nil {
		return
	}
	start(func() error {
		if err := n.Serve(ctx, n.listener); err != nil {
			return fmt.Errorf("other nodes: %w", err)
		}
		return nil
	})
}

func newNodes(db *database) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "nodes", Short: "List the nodes that share the database", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return db.with(c.Context(), func(s store.Store) error {
				list, err := s.Nodes(c.Context())
				if err != nil {
					return err
				}
				linked, err := s.SensorLinkCounts(c.Context())
				if err != nil {
					return err
				}
				return printNodes(c.OutOrStdout(), list, linked, db.now(), asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return c
}

func printNodes(out io.Writer, list []store.Node, linked map[string]int, now time.Time, asJSON bool) error {
	type row struct {
		Name    string        `json:"name"`
		ID      string        `json:"id"`
		State   string        `json:"state"`
		Addr    string        `json:"addr"`
		Version string        `json:"version"`
		Sensors int           `json:"sensors"`
		Started protocol.Time `json:"started"`
		Seen    protocol.Time `json:"seen"`
	}
	rows := []row{}
	for _, n := range list {
		state := "up"
		switch {
		case now.Sub(n.Seen) > 2*cluster.Lease: // by the node's clock: only a hint
			state = "silent"
		case n.Leaving:
			state = "leaving"
		}
		rows = append(rows, row{n.Name, n.ID, state, n.Addr, n.Version, linked[n.ID], protocol.TimeOf(n.Started), protocol.TimeOf(n.Seen)})
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATE\tSENSORS\tADDRESS\tVERSION\tSTARTED\tID")
	for _, r := range rows {
		addr := r.Addr
		if addr == "" {
			addr = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.Name, r.State, r.Sensors, addr, r.Version, r.Started, r.ID)
	}
	return w.Flush()
}
