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

// spot is a link that another node holds.
type spot struct {
	place
	node string
}

// teller is a node that tells its links.
type teller struct {
	seq     uint64 // of the last change that we know
	synced  bool   // all links of seq are known
	asking  bool
	pending []message // changes that came while we asked for all
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

// heard takes a beat or a change of another node.
func (b *bus) heard(msg *nats.Msg) {
	m, err := open(b.key, msg.Data)
	if err != nil || m.Node.ID == "" || m.Node.ID == b.c.ID() {
		if err != nil {
			b.c.log.Warn("announcement refused", "subject", msg.Subject, "err", err)
		}
		return
	}
	b.c.heardOf(m.Node)
	for _, p := range m.Up {
		b.c.local.Drop(p.Sensor, p.Generation)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.nodes[m.Node.ID]
	if t == nil {
		t = &teller{}
		b.nodes[m.Node.ID] = t
	}
	switch change := len(m.Up)+len(m.Down) > 0; {
	case t.asking && change && len(t.pending) < maxPending:
		t.pending = append(t.pending, m)
		return
	case t.asking:
		return
	case t.synced && change && m.Seq == t.seq+1:
		t.seq = m.Seq
		b.apply(m)
		return
	case t.synced && !change && m.Seq == t.seq:
		return
	}
	t.asking, t.synced, t.pending = true, false, nil
	b.wg.Go(func() { b.askAll(m.Node.ID) })
}

// apply takes a change. Called with b.mu held.
func (b *bus) apply(m message) {
	for _, p := range m.Up {
		if old, ok := b.where[p.Sensor]; !ok || old.Generation <= p.Generation {
			b.drop(p.Sensor)
			b.where[p.Sensor] = spot{p, m.Node.ID}
			if b.of[p.Tenant] == nil {
				b.of[p.Tenant] = map[protocol.UUID]struct{}{}
			}
			b.of[p.Tenant][p.Sensor] = struct{}{}
		}
	}
	for _, p := range m.Down {
		if old := b.where[p.Sensor]; old.node == m.Node.ID && old.Generation == p.Generation {
			b.drop(p.Sensor)
		}
	}
}

// drop forgets where a sensor is. Called with b.mu held.
func (b *bus) drop(sensor protocol.UUID) {
	old, ok := b.where[sensor]
	if !ok {
		return
	}
	delete(b.where, sensor)
	delete(b.of[old.Tenant], sensor)
	if len(b.of[old.Tenant]) == 0 {
		delete(b.of, old.Tenant)
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

// askAll asks a node for all its links. When it fails, the node's next beat begins anew.
func (b *bus) askAll(node string) {
	seq, all, err := b.fetch(node)
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.nodes[node]
	if t == nil {
		return // it died meanwhile
	}
	t.asking = false
	if err != nil {
		if b.done.Err() == nil {
			b.c.log.Debug("a node's links are not known", "node", node, "err", err)
		}
		return
	}
	for sensor, s := range b.where {
		if s.node == node {
			b.drop(sensor)
		}
	}
	b.apply(message{Node: store.Node{ID: node}, Up: all})
	t.seq, t.synced = seq, true
	for _, m := range t.pending {
		if m.Seq <= t.seq {
			continue
		}
		if m.Seq != t.seq+1 {
			t.synced = false // the next beat shows it
			break
		}
		t.seq = m.Seq
		b.apply(m)
	}
	t.pending = nil
}

// fetch gets all links of a node, and the number of the last change in them.
func (b *bus) fetch(node string) (seq uint64, all []place, err error) {
	inbox := b.conn.NewRespInbox()
	sub, err := b.conn.SubscribeSync(inbox)
	if err != nil {
		return 0, nil, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone, and with it the subscription
	data, err := seal(b.key, &message{Node: b.c.self()})
	if err != nil {
		return 0, nil, err
	}
	if err := b.conn.PublishRequest(b.subject+".list."+node, inbox, data); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(b.done, listWait)
	defer cancel()
	for part, parts := 0, 1; part < parts; part++ {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return 0, nil, err
		}
		m, err := open(b.key, msg.Data)
		if err != nil {
			return 0, nil, err
		}
		if m.Node.ID != node || m.Part != part || part > 0 && m.Seq != seq {
			return 0, nil, fmt.Errorf("part %d of %d of the links of node %s instead of part %d", m.Part, m.Parts, m.Node.ID, part)
		}
		seq, parts, all = m.Seq, m.Parts, append(all, m.Up...)
	}
	return seq, all, nil
}

// find tells where a sensor is linked; empty where that is not known.
func (b *bus) find(sensor protocol.UUID) store.SensorLink {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil || !b.conn.IsConnected() {
		return store.SensorLink{}
	}
	s, ok := b.where[sensor]
	if !ok || !b.nodes[s.node].synced {
		return store.SensorLink{}
	}
	return s.link()
}

func (s spot) link() store.SensorLink {
	return store.SensorLink{Tenant: s.Tenant, Sensor: s.Sensor, Node: s.node, Generation: s.Generation}
}

// tenant lists the links of a tenant that other nodes hold.
func (b *bus) tenant(t store.TenantID) (list []store.SensorLink) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for sensor := range b.of[t] {
		list = append(list, b.where[sensor].link())
	}
	return list
}

// complete tells whether the links of all nodes that live are known.
func (b *bus) complete() bool {
	others := b.c.others()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil || !b.conn.IsConnected() {
		return false
	}
	for _, n := range others {
		if t := b.nodes[n.ID]; t == nil || !t.synced {
			return false
		}
	}
	return true
}

// doubt forgets where a sensor is, because its node says otherwise: the store knows.
func (b *bus) doubt(sensor protocol.UUID, node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.where[sensor].node == node {
		b.drop(sensor)
	}
}

// forget drops a node that has died, with its links.
func (b *bus) forget(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.nodes, node)
	for sensor, s := range b.where {
		if s.node == node {
			b.drop(sensor)
		}
	}
}

// lost says that messages may have been lost: all nodes are asked anew.
func (b *bus) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.nodes {
		t.synced = false
	}
}
