// Package cluster lets several hosted work as one: each announces itself and the links that it holds, knows which of the others
// live, and passes requests for a sensor to the node that holds its link, over mutually authenticated TLS. `hosted serve` runs
// a Cluster where the store is shared; hosted/internal/httpapi asks it, instead of hosted/internal/sensors, who is online.
//
// Nodes hold no state but links. Who holds which is in the store; with NATS it is also in every node's memory, so that finding a
// sensor asks no database. Packets and audio go from node to node, never through NATS (docs/adr/node-to-node.md).
//
// It is not for deciding whether a sensor may come (hosted/internal/sensors, through the store), and not for rights: whoever
// calls Client or Relay has checked that the sensor is the user's tenant's.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Times of the cluster.
const (
	beatEvery  = time.Second
	storeWait  = 2 * time.Second // for the store's answer to a question of the moment
	peerWait   = 5 * time.Second // for another node's answer to a small question
	freshLinks = time.Second     // what is remembered of the store's links
)

// Lease is how long a node may not beat before the others take it for dead.
const Lease = 5 * time.Second

// Local is this node's own end of the sensors' links.
type Local interface {
	Online(t store.TenantID) []protocol.UUID
	Client(sensor protocol.UUID) *sensorapi.Client
	Transport(sensor protocol.UUID, bulk bool) http.RoundTripper
	Alive(ctx context.Context, sensor protocol.UUID, generation uint64) bool
	Drop(sensor protocol.UUID, generation uint64)
	Disconnect(sensor protocol.UUID)
	RulesChanged()
	NewEnrolToken(ctx context.Context, t store.TenantID) (token string, expires time.Time, err error)
	Reclaim(ctx context.Context) error
}

// Config is what New needs.
type Config struct {
	Store   store.Cluster
	CA      *sensors.CA
	Name    string // of this node, for people
	Addr    string // host:port where the other nodes reach this one; "": they do not
	Version string
	NATS    *NATS // nil: nodes find sensors through the store
	Log     *slog.Logger
	Now     func() time.Time
	Metrics prometheus.Registerer // nil: not registered
	Lease   time.Duration         // 0: 5 s
}

// Cluster is one node's view of all. It is safe for use by many goroutines.
type Cluster struct {
	cfg     Config
	id      string
	log     *slog.Logger
	started time.Time
	peers   *peers
	links   *linkCache
	bus     *bus // nil without NATS
	metrics metrics
	local   Local

	mu      sync.Mutex
	nodes   map[string]*member
	read    time.Time // when the store last told the nodes
	leaving bool
	failed  bool // the last beat
}

// member is what is known of a node.
type member struct {
	store.Node
	heard time.Time // when it last was seen to live, by our clock
}

// New makes a node; Join announces it, Run keeps it alive.
func New(cfg Config) (*Cluster, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Lease == 0 {
		cfg.Lease = Lease
	}
	c := &Cluster{cfg: cfg, id: rand.Text(), log: cfg.Log, started: cfg.Now(), nodes: map[string]*member{}}
	c.peers = newPeers(cfg.CA.NodeTLS(cfg.Name))
	c.links = newLinkCache(cfg.Store, cfg.Now)
	c.metrics = newMetrics(cfg.Metrics, c)
	if cfg.NATS != nil {
		key, err := cfg.CA.Derive("announcements over NATS")
		if err != nil {
			return nil, err
		}
		c.bus = newBus(c, *cfg.NATS, key, cfg.CA.Fingerprint())
	}
	return c, nil
}

// ID names this process in the store.
func (c *Cluster) ID() string { return c.id }

// Attach gives the cluster this node's links, before Join.
func (c *Cluster) Attach(l Local) { c.local = l }

// self is this node's row.
func (c *Cluster) self() store.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return store.Node{ID: c.id, Name: c.cfg.Name, Addr: c.cfg.Addr, Version: c.cfg.Version, Started: c.started, Seen: c.cfg.Now(), Leaving: c.leaving}
}

// Join announces this node, and reads which others there are.
func (c *Cluster) Join(ctx context.Context) error {
	if err := c.cfg.Store.SaveNode(ctx, c.self()); err != nil {
		return fmt.Errorf("announce this node: %w", err)
	}
	return c.look(ctx)
}

// Run keeps this node alive for the others, and notices when they die, until ctx ends. Then it takes this node out.
func (c *Cluster) Run(ctx context.Context) error {
	if c.bus != nil {
		if err := c.bus.start(ctx); err != nil {
			return err
		}
		defer c.bus.stop()
	}
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerWait)
			defer cancel()
			if err := c.cfg.Store.RemoveNode(end, c.id, c.cfg.Now()); err != nil {
				c.log.Warn("this node is not taken out of the store; the others will", "err", err)
			}
			c.peers.close()
			return nil
		case <-t.C:
		}
		err := c.beat(ctx)
		if ctx.Err() != nil {
			continue
		}
		c.mu.Lock()
		fresh := err != nil && !c.failed
		c.failed = err != nil
		c.mu.Unlock()
		if fresh {
			c.log.Error("this node cannot be kept alive in the store", "err", err)
		}
		c.links.sweep()
	}
}

// beat says that this node lives, and looks which others do.
func (c *Cluster) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Lease)
	defer cancel()
	if c.bus != nil {
		c.bus.beat()
	}
	me := c.self()
	err := c.cfg.Store.BeatNode(ctx, c.id, me.Seen, me.Leaving)
	if errors.Is(err, store.ErrNotFound) { // the others took us for dead: the store did not hear of us for too long
		c.log.Warn("this node was taken for dead, it comes back")
		if err = c.cfg.Store.SaveNode(ctx, me); err == nil {
			err = c.local.Reclaim(ctx)
		}
	}
	if err != nil {
		return err
	}
	return c.look(ctx)
}

// look reads the nodes, and takes those out that have died. Whether one lives is told by its beat counting up, so that clocks
// need not agree.
func (c *Cluster) look(ctx context.Context) error {
	list, err := c.cfg.Store.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range c.judge(list) {
		c.log.Warn("a node is dead", "node", n.Name, "id", n.ID)
		if err := c.cfg.Store.RemoveNode(ctx, n.ID, c.cfg.Now()); err != nil {
			return err
		}
		c.forget(n.ID)
	}
	return nil
}

// judge takes what the store says of the nodes, and answers which of them are dead.
func (c *Cluster) judge(list []store.Node) (dead []store.Node) {
	now := c.cfg.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	blind := now.Sub(c.read) > c.cfg.Lease/2 // we did not look: they may have beaten meanwhile
	c.read = now
	there := map[string]bool{}
	for _, n := range list {
		there[n.ID] = true
		m := c.nodes[n.ID]
		switch {
		case n.ID == c.id:
			c.nodes[n.ID] = &member{n, now}
		case m == nil:
			c.nodes[n.ID] = &member{n, now}
			c.log.Info("a node is there", "node", n.Name, "id", n.ID, "addr", n.Addr)
		case m.Beat != n.Beat || blind:
			m.Node, m.heard = n, now
		case now.Sub(m.heard) > c.cfg.Lease:
			dead = append(dead, n)
		}
	}
	for id, m := range c.nodes {
		if !there[id] && (id == c.id || now.Sub(m.heard) > c.cfg.Lease) {
			delete(c.nodes, id)
		} else if !there[id] && m.Beat > 0 {
			delete(c.nodes, id) // it went, or another node took it out
		}
	}
	return dead
}

// heardOf notes that another node said something, with NATS.
func (c *Cluster) heardOf(n store.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.nodes[n.ID]
	if m == nil {
		m = &member{Node: n}
		c.nodes[n.ID] = m
	}
	m.heard, m.Leaving = c.cfg.Now(), n.Leaving
}

// forget drops what is known of a node that has died.
func (c *Cluster) forget(id string) {
	c.mu.Lock()
	delete(c.nodes, id)
	c.mu.Unlock()
	c.links.clear()
	if c.bus != nil {
		c.bus.forget(id)
	}
}

// node gives a node that lives.
func (c *Cluster) node(id string) (store.Node, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.nodes[id]
	if m == nil || c.cfg.Now().Sub(m.heard) > c.cfg.Lease {
		return store.Node{}, false
	}
	return m.Node, true
}

// others lists the other nodes that live.
func (c *Cluster) others() []store.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []store.Node
	for id, m := range c.nodes {
		if id != c.id && c.cfg.Now().Sub(m.heard) <= c.cfg.Lease {
			list = append(list, m.Node)
		}
	}
	return list
}

// Leave says that this node takes no new work.
func (c *Cluster) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
}
