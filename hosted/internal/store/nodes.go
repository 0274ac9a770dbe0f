package store

import (
	"context"
	"time"

	"voiptop/protocol"
)

// Node is a running hosted. Several share one database; the rows of those that died are removed by the others.
type Node struct {
	ID      string // of the process, new at each start
	Name    string // for people
	Addr    string // host:port where the other nodes reach it; "": nowhere
	Version string
	Started time.Time
	Seen    time.Time // by its own clock
	Beat    uint64    // counts up while it lives: others tell by it, whatever their clocks say
	Leaving bool      // it takes no new work
}

// SensorLink says which node holds a sensor's link, or held it last.
type SensorLink struct {
	Tenant     TenantID
	Sensor     protocol.UUID
	Node       string    // Node.ID; "": none
	Generation uint64    // counts up with each link of the sensor: of two that claim to be it, the higher is
	Boot       string    // the sensor's process
	Addr       string    // where the link comes from
	Since      time.Time // when it came or, without a Node, went
	Boots      []byte    // what hosted/internal/sensors remembers to find copied disks
	Granted    int       // channels that are set aside for the sensor
	Used       int       // channels that it had in use when it was last asked
}

// LinkTotals are sums over a tenant's sensors.
type LinkTotals struct {
	Linked  int // sensors with a link
	Granted int // channels set aside
}

// Cluster is what nodes know of each other through the store they share.
type Cluster interface {
	// SaveNode adds a node, or replaces what is said of it.
	SaveNode(ctx context.Context, n Node) error
	// BeatNode counts a node's Beat up. ErrNotFound: the others took it for dead and removed it.
	BeatNode(ctx context.Context, id string, now time.Time, leaving bool) error
	Nodes(ctx context.Context) ([]Node, error)
	// SensorLinkCounts is how many sensors are linked to each node.
	SensorLinkCounts(ctx context.Context) (map[string]int, error)
	// RemoveNode forgets a node: its links are nobody's, its streams are over.
	RemoveNode(ctx context.Context, id string, now time.Time) error

	SensorLink(ctx context.Context, t TenantID, sensor protocol.UUID) (SensorLink, error)
	// SensorLinks lists a tenant's sensors that have a link.
	SensorLinks(ctx context.Context, t TenantID) ([]SensorLink, error)
	// LinkTotals sums up the links of each tenant that has any.
	LinkTotals(ctx context.Context) (map[TenantID]LinkTotals, error)
	// FindSensorLink is SensorLink for who does not know the tenant. A store that is divided by tenants has to look everywhere.
	FindSensorLink(ctx context.Context, sensor protocol.UUID) (SensorLink, error)
	// SensorLinksOf lists the links of a node, of all tenants.
	SensorLinksOf(ctx context.Context, node string) ([]SensorLink, error)
	// UpdateSensorLink has fn change a sensor's link in a transaction that locks it. One that never was is empty but for its
	// names. An error of fn changes nothing and is passed on.
	UpdateSensorLink(ctx context.Context, t TenantID, sensor protocol.UUID, fn func(l *SensorLink, all LinkTotals) error) error
	// UpdateSensorLinks is UpdateSensorLink of all of a tenant's links that are, or have channels set aside.
	UpdateSensorLinks(ctx context.Context, t TenantID, fn func([]SensorLink) error) error
	// ReleaseSensorLink says that a link of a sensor has ended, unless there is a newer one.
	ReleaseSensorLink(ctx context.Context, l SensorLink, now time.Time) error

	// SetStreams says how many captures and recordings of a user are on their way through a node.
	SetStreams(ctx context.Context, t TenantID, node string, user int64, running int) error
	// Streams is how many are, by user, through all nodes together.
	Streams(ctx context.Context, t TenantID) (map[int64]int, error)
}
