package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// linkCache remembers for a moment what the store says of links, so that a page that shows a tenant's sensors asks once.
type linkCache struct {
	store store.Cluster
	now   func() time.Time

	mu      sync.Mutex
	sensors map[protocol.UUID]seen[store.SensorLink]
	tenants map[store.TenantID]seen[[]store.SensorLink]
}

type seen[T any] struct {
	v  T
	at time.Time
}

func newLinkCache(s store.Cluster, now func() time.Time) *linkCache {
	c := &linkCache{store: s, now: now}
	c.clear()
	return c
}

func (c *linkCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sensors, c.tenants = map[protocol.UUID]seen[store.SensorLink]{}, map[store.TenantID]seen[[]store.SensorLink]{}
}

// forget makes the next question about a sensor go to the store.
func (c *linkCache) forget(sensor protocol.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sensors, sensor)
	clear(c.tenants)
}

// sweep drops what is too old to be used.
func (c *linkCache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for k, v := range c.sensors {
		if now.Sub(v.at) > freshLinks {
			delete(c.sensors, k)
		}
	}
	for k, v := range c.tenants {
		if now.Sub(v.at) > freshLinks {
			delete(c.tenants, k)
		}
	}
}

// sensor finds a sensor's link; one that has none is empty.
func (c *linkCache) sensor(ctx context.Context, id protocol.UUID) (store.SensorLink, error) {
	c.mu.Lock()
	v, ok := c.sensors[id]
	c.mu.Unlock()
	if ok && c.now().Sub(v.at) <= freshLinks {
		return v.v, nil
	}
	l, err := c.store.FindSensorLink(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return l, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sensors[id] = seen[store.SensorLink]{l, c.now()}
	return l, nil
}

// tenant lists a tenant's links.
func (c *linkCache) tenant(ctx context.Context, t store.TenantID) ([]store.SensorLink, error) {
	c.mu.Lock()
	v, ok := c.tenants[t]
	c.mu.Unlock()
	if ok && c.now().Sub(v.at) <= freshLinks/2 {
		return v.v, nil
	}
	list, err := c.store.SensorLinks(ctx, t)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.tenants[t] = seen[[]store.SensorLink]{list, now}
	for _, l := range list {
		c.sensors[l.Sensor] = seen[store.SensorLink]{l, now}
	}
	return list, nil
}

// find tells which other node holds a sensor's link.
func (c *Cluster) find(ctx context.Context, sensor protocol.UUID) (store.Node, store.SensorLink, bool) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	var l store.SensorLink
	if c.bus != nil {
		l = c.bus.find(sensor)
	}
	if l.Node == "" {
		var err error
		if l, err = c.links.sensor(ctx, sensor); err != nil {
			c.log.Warn("who holds a sensor's link cannot be asked", "sensor", sensor.String(), "err", err)
			return store.Node{}, l, false
		}
	}
	if l.Node == "" || l.Node == c.id {
		return store.Node{}, l, false
	}
	n, ok := c.nodeOrLook(ctx, l.Node)
	return n, l, ok
}

// elsewhere lists the links of a tenant that other nodes hold.
func (c *Cluster) elsewhere(t store.TenantID) map[protocol.UUID]store.Node {
	ctx, cancel := context.WithTimeout(context.Background(), storeWait)
	defer cancel()
	var list []store.SensorLink
	if c.bus != nil && c.bus.complete() {
		list = c.bus.tenant(t)
	} else {
		var err error
		if list, err = c.links.tenant(ctx, t); err != nil {
			c.log.Warn("who holds a tenant's links cannot be asked", "tenant", t, "err", err)
		}
	}
	found := map[protocol.UUID]store.Node{}
	for _, l := range list {
		if l.Node == c.id {
			continue
		}
		if n, ok := c.nodeOrLook(ctx, l.Node); ok {
			found[l.Sensor] = n
		}
	}
	return found
}

// nodeOrLook gives a node that lives, and asks the store for one that came a moment ago.
func (c *Cluster) nodeOrLook(ctx context.Context, id string) (store.Node, bool) {
	n, ok := c.node(id)
	c.mu.Lock()
	_, known := c.nodes[id]
	soon := c.cfg.Now().Sub(c.read) > beatEvery/10
	c.mu.Unlock()
	if ok || known || !soon || c.look(ctx) != nil {
		return n, ok
	}
	return c.node(id)
}
