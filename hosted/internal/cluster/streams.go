package cluster

import (
	"context"

	"voiptop/hosted/internal/store"
)

// Streams counts the captures and recordings of all nodes together, for relay.Gate.
type Streams struct{ c *Cluster }

// Streams gives the count.
func (c *Cluster) Streams() Streams { return Streams{c} }

// SetStreams implements relay.Shared.
func (s Streams) SetStreams(ctx context.Context, tenant, user int64, running int) error {
	return s.c.cfg.Store.SetStreams(ctx, store.TenantID(tenant), s.c.id, user, running)
}

// Streams implements relay.Shared.
func (s Streams) Streams(ctx context.Context, tenant int64) (map[int64]int, error) {
	return s.c.cfg.Store.Streams(ctx, store.TenantID(tenant))
}
