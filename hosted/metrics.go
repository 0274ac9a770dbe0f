package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"voiptop/hosted/internal/httpapi"
	"voiptop/protocol"
)

// metrics are what /metrics shows. Names are stable; docs list them.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	maintained prometheus.Gauge
	tenants    *tenantMetrics
}

func newMetrics(now func() time.Time) *metrics {
	m := &metrics{
		tenants:  newTenantMetrics(now),
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hosted_http_requests_total", Help: "Requests answered, by route, method and status."},
			[]string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hosted_http_request_seconds", Help: "Time to answer, by route.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60},
		}, []string{"route"}),
		maintained: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hosted_retention_success_timestamp_seconds",
			Help: "When days that are over were last dropped, Unix time.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hosted_build_info", Help: "1, with the version.",
		ConstLabels: prometheus.Labels{"version": protocol.Version, "commit": protocol.Commit},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.maintained, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts a request. The method is the client's word: only the usual ones get a label of their own.
func (m *metrics) observe(r httpapi.Observed) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		r.Method = "other"
	}
	m.requests.WithLabelValues(r.Route, r.Method, strconv.Itoa(r.Status)).Inc()
	m.seconds.WithLabelValues(r.Route).Observe(r.Took.Seconds())
}
