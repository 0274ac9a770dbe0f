package sensors

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	accepted *prometheus.CounterVec // by kind of connection
	dropped  *prometheus.CounterVec // connections, by reason
	hellos   *prometheus.CounterVec // by "ok" or problem code
	enrolled *prometheus.CounterVec // by "ok" or problem code
	batches  *prometheus.CounterVec // by "ok" or problem code
	cdrs     prometheus.Counter
	lost     prometheus.Counter
	rules    *prometheus.CounterVec // "ok", "refused", "unsupported", "not-delivered"
}

func newMetrics(r prometheus.Registerer, online func() float64) metrics {
	f := promauto.With(r)
	vec := func(name, help, label string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "hosted_sensors_online", Help: "Sensors whose link is up."}, online)
	return metrics{
		accepted: vec("hosted_link_connections_total", "Connections of sensors by kind.", "alpn"),
		dropped:  vec("hosted_link_dropped_total", "Connections that were no sensor's, by reason.", "reason"),
		hellos:   vec("hosted_link_hellos_total", "Hellos by result.", "result"),
		enrolled: vec("hosted_link_enrolments_total", "Enrolments by result.", "result"),
		batches:  vec("hosted_link_batches_total", "Batches of CDRs by result.", "result"),
		rules:    vec("hosted_link_rules_total", "Deliveries of rules to sensors by result.", "result"),
		cdrs:     f.NewCounter(prometheus.CounterOpts{Name: "hosted_link_cdrs_total", Help: "CDRs received, repeated ones included."}),
		lost:     f.NewCounter(prometheus.CounterOpts{Name: "hosted_link_cdrs_lost_total", Help: "CDRs that sensors report as lost before they were sent."}),
	}
}
