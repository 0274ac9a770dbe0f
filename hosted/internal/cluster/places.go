package cluster

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

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

// doubt says that a node does not have a sensor that it announced: until all its links were asked for again, the store knows.
func (b *bus) doubt(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.nodes[node]; t != nil {
		t.synced = false
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
