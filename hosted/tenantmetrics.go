package main

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	tenantLabel  = "tenant"
	maxTenants   = 500              // that have a label of their own, those that are oldest; the others are "other" together
	otherTenants = "*other*"        // no tenant's name has a star
	tenantsFor   = 10 * time.Second // their names and limits are asked for again after that
	tenantsAsk   = 3 * time.Second
)

// tenantMetrics are the figures of /metrics by tenant, of this node. They are for who runs the service: a tenant's administrator
// is shown the tenant's own.
type tenantMetrics struct {
	now     func() time.Time
	tenants func(context.Context) ([]store.Tenant, error)
	uses    func() map[store.TenantID]sensors.Use

	mu     sync.Mutex
	stored map[store.TenantID]*storedCalls
	known  []store.Tenant
	asked  time.Time
}

// storedCalls counts what sensors have sent since this node started.
type storedCalls struct{ calls, over float64 }

var (
	tenantOnly  = []string{tenantLabel}
	tenantLimit = prometheus.NewDesc("hosted_tenant_channels_limit", "Channels that a tenant has, 0: no limit.", tenantOnly, nil)
	tenantCalls = prometheus.NewDesc("hosted_tenant_calls_running", "Calls that run at a tenant's sensors on this node, at most a minute old.", tenantOnly, nil)
	tenantOver  = prometheus.NewDesc("hosted_tenant_calls_over_limit", "Of these, calls beyond the tenant's channels, without media.", tenantOnly, nil)
	tenantLinks = prometheus.NewDesc("hosted_tenant_sensors_online", "A tenant's sensors whose link is up, on this node.", tenantOnly, nil)
	tenantCDRs  = prometheus.NewDesc("hosted_tenant_cdrs_total", "CDRs of a tenant that this node has stored.", tenantOnly, nil)
	tenantMarks = prometheus.NewDesc("hosted_tenant_cdrs_over_limit_total", "Of these, those that are marked over_limit.", tenantOnly, nil)
)

func newTenantMetrics(now func() time.Time) *tenantMetrics {
	return &tenantMetrics{now: now, stored: map[store.TenantID]*storedCalls{}}
}

// count counts calls that were stored.
func (m *tenantMetrics) count(t store.TenantID, calls []protocol.CDR) {
	over := 0
	for i := range calls {
		if calls[i].OverLimit {
			over++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stored[t]
	if s == nil {
		s = &storedCalls{}
		m.stored[t] = s
	}
	s.calls += float64(len(calls))
	s.over += float64(over)
}

// Describe implements prometheus.Collector.
func (m *tenantMetrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tenantLimit, tenantCalls, tenantOver, tenantLinks, tenantCDRs, tenantMarks} {
		c <- d
	}
}

// Collect implements prometheus.Collector. While the store does not answer, the tenants are those that were known before.
func (m *tenantMetrics) Collect(c chan<- prometheus.Metric) { m.collect(c, "") }

// collect gives the figures of one tenant, or of all.
func (m *tenantMetrics) collect(c chan<- prometheus.Metric, only string) {
	uses := m.uses()
	m.mu.Lock()
	defer m.mu.Unlock()
	type row struct {
		limit, running, over, links float64
		stored                      storedCalls
	}
	rows := map[string]*row{}
	for i, t := range m.list() {
		name := t.Name
		if only != "" && name != only {
			continue
		}
		if i >= maxTenants && only == "" {
			name = otherTenants
		}
		r := rows[name]
		if r == nil {
			r = &row{}
			rows[name] = r
		}
		u := uses[t.ID]
		r.limit, r.running, r.over, r.links = r.limit+float64(t.MaxChannels), r.running+float64(u.Running), r.over+float64(u.OverLimit), r.links+float64(u.Sensors)
		if s := m.stored[t.ID]; s != nil {
			r.stored.calls, r.stored.over = r.stored.calls+s.calls, r.stored.over+s.over
		}
	}
	for name, r := range rows {
		for _, v := range []struct {
			d     *prometheus.Desc
			kind  prometheus.ValueType
			value float64
		}{
			{tenantLimit, prometheus.GaugeValue, r.limit},
			{tenantCalls, prometheus.GaugeValue, r.running},
			{tenantOver, prometheus.GaugeValue, r.over},
			{tenantLinks, prometheus.GaugeValue, r.links},
			{tenantCDRs, prometheus.CounterValue, r.stored.calls},
			{tenantMarks, prometheus.CounterValue, r.stored.over},
		} {
			c <- prometheus.MustNewConstMetric(v.d, v.kind, v.value, name)
		}
	}
}

// list is the tenants, oldest first; the mutex is held.
func (m *tenantMetrics) list() []store.Tenant {
	if now := m.now(); m.asked.IsZero() || now.Sub(m.asked) >= tenantsFor {
		m.asked = now
		ctx, cancel := context.WithTimeout(context.Background(), tenantsAsk)
		defer cancel()
		if all, err := m.tenants(ctx); err == nil {
			slices.SortFunc(all, func(a, b store.Tenant) int { return int(a.ID - b.ID) })
			m.known = all
		}
	}
	return m.known
}

// ownMetrics are those of one tenant.
type ownMetrics struct {
	*tenantMetrics
	tenant string
}

// Collect implements prometheus.Collector.
func (m ownMetrics) Collect(c chan<- prometheus.Metric) { m.collect(c, m.tenant) }

// handler serves all metrics, to who runs the service.
func (m *metrics) handler() http.Handler { return m.with(m.tenants) }

// of serves the metrics to a tenant's administrator: of the tenants, that one's.
func (m *metrics) of(tenant string) http.Handler { return m.with(ownMetrics{m.tenants, tenant}) }

func (m *metrics) with(tenants prometheus.Collector) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(tenants)
	return promhttp.HandlerFor(prometheus.Gatherers{m.registry, r}, promhttp.HandlerOpts{})
}
