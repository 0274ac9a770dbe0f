// Package watch keeps the alerts of all tenants: it counts the calls that sensors send and what sensors say of themselves,
// evaluates the alerts twice a minute, and delivers what they have to say. `hosted serve` runs one Service; the sensors' link tells
// it of stored calls, the HTTP API asks it for previews.
//
// Of several hosted on one database each counts what it gets, and one, which has the lease, evaluates and delivers. What an alert is
// and when it fires is package alert's business, how a message is sent package notify's.
package watch

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/notify"
	"voiptop/hosted/internal/search"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
)

// Store is what the service needs of store.Store.
type Store interface {
	store.Alerts
	search.Store
	Tenants(ctx context.Context) ([]store.Tenant, error)
	Sensors(ctx context.Context, t store.TenantID) ([]store.Sensor, error)
	Calls(ctx context.Context, t store.TenantID, q store.CallQuery) (store.CallPage, error)
	Health(ctx context.Context, t store.TenantID, sensor protocol.UUID, from, to protocol.Time) ([]store.HealthSample, error)
}

// Links are the sensors that are linked to this process, and no others: each process counts its own.
type Links interface {
	Online(t store.TenantID) []protocol.UUID
	Client(sensor protocol.UUID) *sensorapi.Client
}

// Sender makes one attempt to deliver; *notify.Sender is one.
type Sender interface {
	Send(ctx context.Context, d notify.Delivery) error
	HasMail() bool
}

// Config is what New needs.
type Config struct {
	Store   Store
	Sender  Sender
	Links   Links  // nil: there are no sensors
	Base    string // where browsers find the GUI, without a slash at its end; links in messages begin with it
	Log     *slog.Logger
	Now     func() time.Time
	Metrics prometheus.Registerer // nil: not registered
}

// Times of the service.
const (
	evaluateEvery = 30 * time.Second
	loadEvery     = 5 * time.Second // how soon all processes count for a new alert
	deliverEvery  = 2 * time.Second
	leaseFor      = 90 * time.Second
	leaseName     = "alerts"
	settle        = 2 * time.Minute // after nobody evaluated for a while: sensors come back, and send what they kept
	tenantTime    = 15 * time.Second
	tenantsAtOnce = 4
)

// joinAfter is when after a definition's change every process counts for it. Calls that ended before are counted once, from the
// store, by the process that evaluates.
const joinAfter = 3 * loadEvery

// Service is safe for use by many goroutines.
type Service struct {
	cfg        Config
	log        *slog.Logger
	node       string // of this process
	conditions *search.Conditions
	metrics    metrics

	mu      sync.RWMutex
	tenants map[store.TenantID]*tenant

	weekMu sync.Mutex
	week   map[int64]baseline // by alert

	samples sampler
	budget  budget
	since   time.Time // since when evaluation goes on without a gap; of the evaluating goroutine
	last    time.Time // when it was done last
}

// tenant is what this process counts for one. Its alerts are the enabled ones.
type tenant struct {
	version int64
	loaded  bool // false: something could not be read, and is tried again
	mu      sync.Mutex
	counts  map[int64]*counted
}

// counted is an alert that is counted for.
type counted struct {
	*alert.Tally
	from time.Time // calls that ended before are counted from the store
}

// New makes a service; Run starts it, and Stored may be called before.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		cfg: c, log: c.Log, node: rand.Text(), conditions: search.New(c.Store),
		tenants: map[store.TenantID]*tenant{}, week: map[int64]baseline{}, metrics: newMetrics(c.Metrics), budget: budget{sent: map[store.TenantID][]time.Time{}},
	}
}

// Run counts, evaluates and delivers until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var g sync.WaitGroup
	g.Go(func() {
		s.every(ctx, loadEvery, func() {
			s.load(ctx)
			s.flush(ctx)
		})
	})
	g.Go(func() { s.every(ctx, evaluateEvery, func() { s.sample(ctx); s.flush(ctx); s.evaluate(ctx) }) })
	g.Go(func() { s.every(ctx, deliverEvery, func() { s.deliver(ctx) }) })
	g.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s.flush(end)
	if err := s.cfg.Store.EndLease(end, leaseName, s.node); err != nil {
		s.log.Warn("alerts: the lease is not given back, another node takes it when it ends", "error", err)
	}
}

// every calls f at once and then again and again.
func (s *Service) every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}

// failed logs what went wrong, unless the service ends.
func (s *Service) failed(ctx context.Context, what string, err error, args ...any) {
	if err == nil || ctx.Err() != nil {
		return
	}
	s.metrics.failures.WithLabelValues(what).Inc()
	s.log.Error("alerts: "+what+" failed", append(args, "error", err)...)
}

// Stored counts calls that were stored now for the first time. It answers at once.
func (s *Service) Stored(id store.TenantID, calls []protocol.CDR) {
	s.mu.RLock()
	t := s.tenants[id]
	s.mu.RUnlock()
	if t == nil {
		return
	}
	now := s.cfg.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.counts {
		late, overflow := c.Late, c.Overflow
		for i := range calls {
			if end := calls[i].End; end == 0 || !end.Std().Before(c.from) {
				c.Call(&calls[i], now)
			}
		}
		s.metrics.late.Add(float64(c.Late - late))
		s.metrics.overflow.Add(float64(c.Overflow - overflow))
	}
}

// load learns of new and changed alerts.
func (s *Service) load(ctx context.Context) {
	versions, err := s.versions(ctx)
	if err != nil {
		s.failed(ctx, "load", err)
		return
	}
	for id, v := range versions {
		s.mu.RLock()
		t := s.tenants[id]
		s.mu.RUnlock()
		if t != nil && t.version == v && t.loaded {
			continue
		}
		if err := s.loadTenant(ctx, id, v); err != nil {
			s.failed(ctx, "load", err, "tenant", id)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.tenants {
		if _, ok := versions[id]; !ok {
			delete(s.tenants, id)
		}
	}
}

// versions says for each tenant that has alerts what they, and the groups that their conditions may name, are at.
func (s *Service) versions(ctx context.Context) (map[store.TenantID]int64, error) {
	versions, err := s.cfg.Store.AlertVersions(ctx)
	if err != nil || len(versions) == 0 {
		return versions, err
	}
	all, err := s.cfg.Store.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if v, ok := versions[t.ID]; ok {
			versions[t.ID] = v<<20 ^ int64(t.RuleRevision)
			if t.Suspended {
				delete(versions, t.ID)
			}
		}
	}
	return versions, nil
}

func (s *Service) loadTenant(ctx context.Context, id store.TenantID, version int64) error {
	alerts, err := s.cfg.Store.Alerts(ctx, id)
	if err != nil {
		return err
	}
	t := &tenant{version: version, loaded: true, counts: map[int64]*counted{}}
	for _, a := range alerts {
		if !a.Enabled {
			continue
		}
		c, err := s.Counter(ctx, id, a)
		if err != nil { // a group that its condition names is gone
			s.failed(ctx, "read", err, "tenant", id, "alert", a.ID)
			t.loaded = false
			continue
		}
		t.counts[a.ID] = &counted{alert.NewTally(c), a.Changed.Add(joinAfter)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.tenants[id]; old != nil {
		old.mu.Lock()
		defer old.mu.Unlock()
		for id, c := range old.counts {
			if n := t.counts[id]; n != nil && n.Key == c.Key { // goes on
				c.Counter = n.Counter
				t.counts[id] = c
			}
		}
	}
	s.tenants[id] = t
	return nil
}

// Counter reads a stored definition.
func (s *Service) Counter(ctx context.Context, t store.TenantID, a store.Alert) (*alert.Counter, error) {
	spec, err := decode[alert.Spec](a.Spec)
	if err != nil {
		return nil, err
	}
	return alert.NewCounter(a.ID, spec, s.Reader(ctx, t))
}

// Reader reads a tenant's conditions.
func (s *Service) Reader(ctx context.Context, t store.TenantID) alert.Reader {
	return func(text string) (rules.Expr, error) { return s.conditions.Read(ctx, t, text) }
}

// flush stores what was counted since it was last stored.
func (s *Service) flush(ctx context.Context) {
	s.mu.RLock()
	tenants := make(map[store.TenantID]*tenant, len(s.tenants))
	for id, t := range s.tenants {
		tenants[id] = t
	}
	s.mu.RUnlock()
	now := s.cfg.Now()
	for id, t := range tenants {
		var rows []store.AlertCounts
		t.mu.Lock()
		for _, c := range t.counts {
			rows = append(rows, encodeSlots(id, c.Counter, c.Changed())...)
			c.Forget(now)
		}
		t.mu.Unlock()
		if len(rows) == 0 {
			continue
		}
		if err := s.cfg.Store.PutAlertCounts(ctx, s.node, rows); err != nil {
			s.failed(ctx, "store counts", err, "tenant", id) // the next time a slot changes it is stored whole
		}
	}
}
