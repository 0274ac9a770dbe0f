package cluster

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// NATS says how to connect to it.
type NATS struct {
	URLs        string // nats://... or tls://..., a list with commas
	Credentials string // file with a JWT and its key; "": none
	CA          string // file with the CA of the servers' certificates; "": the system's
	Cert, Key   string // files with a certificate to show; "": none
}

// bus announces this node's links over NATS and remembers those of the other nodes. What it carries is small, and may be lost:
// changes are numbered, and who has missed one asks for all. Without a connection, nodes find sensors through the store.
type bus struct {
	c       *Cluster
	cfg     NATS
	key     []byte
	subject string // what ours begin with
	conn    *nats.Conn
	done    context.Context // ends with Run
	wg      sync.WaitGroup

	mu    sync.Mutex
	seq   uint64 // of the last change of ours
	ours  map[protocol.UUID]place
	nodes map[string]*teller
	where map[protocol.UUID]spot
	of    map[store.TenantID]map[protocol.UUID]struct{}
}

// Times and bounds of the bus.
const (
	listWait   = 10 * time.Second // for all parts of a list
	maxPending = 10000            // changes that wait for a list
	reconnect  = time.Second
)

func newBus(c *Cluster, cfg NATS, key []byte, ca [32]byte) *bus {
	return &bus{
		c: c, cfg: cfg, key: key, subject: "voipmon.hosted." + hex.EncodeToString(ca[:8]),
		ours: map[protocol.UUID]place{}, nodes: map[string]*teller{}, where: map[protocol.UUID]spot{}, of: map[store.TenantID]map[protocol.UUID]struct{}{},
	}
}

// start connects. A server that is not there yet is no error: it is tried again for ever, and the store serves meanwhile.
func (b *bus) start(ctx context.Context) error {
	b.done = ctx
	log := b.c.log
	options := []nats.Option{
		nats.Name("hosted " + b.c.cfg.Name), nats.MaxReconnects(-1), nats.ReconnectWait(reconnect), nats.RetryOnFailedConnect(true),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.NoEcho(),
		nats.ConnectHandler(func(n *nats.Conn) { log.Info("NATS is connected", "server", n.ConnectedUrlRedacted()) }),
		nats.ReconnectHandler(func(n *nats.Conn) { log.Info("NATS is connected again", "server", n.ConnectedUrlRedacted()) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if ctx.Err() == nil {
				log.Warn("NATS is away; nodes find sensors through the store", "err", err)
			}
			b.lost()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			log.Warn("NATS", "err", err)
			b.lost() // something was not delivered
		}),
	}
	if b.cfg.Credentials != "" {
		options = append(options, nats.UserCredentials(b.cfg.Credentials))
	}
	if b.cfg.CA != "" {
		options = append(options, nats.RootCAs(b.cfg.CA))
	}
	if b.cfg.Cert != "" {
		options = append(options, nats.ClientCert(b.cfg.Cert, b.cfg.Key))
	}
	conn, err := nats.Connect(b.cfg.URLs, options...)
	if err != nil {
		return fmt.Errorf("--nats: %w", err)
	}
	b.mu.Lock()
	b.conn = conn
	b.mu.Unlock()
	for subject, f := range map[string]nats.MsgHandler{
		b.subject + ".node":             b.heard,
		b.subject + ".rules":            func(*nats.Msg) { b.c.local.RulesChanged() },
		b.subject + ".list." + b.c.ID(): b.list,
	} {
		if _, err := conn.Subscribe(subject, f); err != nil {
			return fmt.Errorf("--nats: subscribe to %s: %w", subject, err)
		}
	}
	b.beat()
	return nil
}

func (b *bus) stop() {
	b.conn.Close()
	b.wg.Wait()
}

func (b *bus) connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conn != nil && b.conn.IsConnected()
}

// publish sends a message, or not: the next one shows that something is missing. Called with b.mu held, so that changes go in
// their order.
func (b *bus) publish(subject string, m *message) {
	if b.conn == nil {
		return
	}
	data, err := seal(b.key, m)
	if err == nil {
		err = b.conn.Publish(subject, data)
	}
	if err != nil && b.done.Err() == nil {
		b.c.log.Debug("announcement not sent", "err", err)
	}
}

// beat says that this node lives, and how far its changes are.
func (b *bus) beat() {
	self := b.c.self()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish(b.subject+".node", &message{Node: self, Seq: b.seq})
}

// linked announces a link that is here now.
func (b *bus) linked(l store.SensorLink) {
	self := b.c.self()
	b.mu.Lock()
	defer b.mu.Unlock()
	p := place{l.Tenant, l.Sensor, l.Generation}
	b.seq++
	if l.Node != "" { // else nobody has it, and who had it lets go
		b.ours[l.Sensor] = p
	}
	b.drop(l.Sensor)
	b.publish(b.subject+".node", &message{Node: self, Seq: b.seq, Up: []place{p}})
	if l.Node == "" {
		b.seq++
		b.publish(b.subject+".node", &message{Node: self, Seq: b.seq, Down: []place{p}})
	}
}

// unlinked announces that a link has ended.
func (b *bus) unlinked(l store.SensorLink) {
	self := b.c.self()
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.ours[l.Sensor]; p.Generation == l.Generation {
		delete(b.ours, l.Sensor)
	}
	b.seq++
	b.publish(b.subject+".node", &message{Node: self, Seq: b.seq, Down: []place{{l.Tenant, l.Sensor, l.Generation}}})
}

func (b *bus) rulesChanged() {
	self := b.c.self()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish(b.subject+".rules", &message{Node: self, Seq: b.seq})
}

// lost says that messages may have been lost: all nodes are asked anew.
func (b *bus) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.nodes {
		t.synced = false
	}
}

// list answers a node that wants to know all links of this one.
func (b *bus) list(msg *nats.Msg) {
	if _, err := open(b.key, msg.Data); err != nil || msg.Reply == "" {
		return
	}
	self := b.c.self()
	b.mu.Lock()
	defer b.mu.Unlock()
	m := &message{Node: self, Seq: b.seq, Parts: max(1, (len(b.ours)+partSize-1)/partSize)}
	for _, p := range b.ours {
		if m.Up = append(m.Up, p); len(m.Up) == partSize {
			b.publish(msg.Reply, m)
			m.Up, m.Part = nil, m.Part+1
		}
	}
	if m.Part < m.Parts {
		b.publish(msg.Reply, m)
	}
}
