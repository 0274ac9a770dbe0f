package watch

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	leader      prometheus.Gauge
	firing      prometheus.Gauge
	took        prometheus.Histogram
	evaluations *prometheus.CounterVec // by result: ok, failed
	messages    *prometheus.CounterVec // by kind of receiver and result: ok, failed, given-up, bounded
	failures    *prometheus.CounterVec // by what failed
	late        prometheus.Counter
	overflow    prometheus.Counter
	silent      prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	f := promauto.With(r)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return metrics{
		leader: gauge("hosted_alerts_leader", "1 on the node that evaluates alerts and delivers messages."),
		firing: gauge("hosted_alerts_firing", "Alerts that fire, of all tenants."),
		took: f.NewHistogram(prometheus.HistogramOpts{
			Name: "hosted_alerts_evaluation_seconds", Help: "Time to evaluate the alerts of all tenants once.", Buckets: []float64{.01, .05, .2, 1, 5, 30},
		}),
		evaluations: vec("hosted_alerts_evaluations_total", "Evaluations of single alerts by result.", "result"),
		messages:    vec("hosted_alerts_messages_total", "Attempts to deliver a message by kind of receiver and result; bounded: not tried, the tenant had too many.", "kind", "result"),
		failures:    vec("hosted_alerts_failures_total", "What could not be done, by what it was.", "what"),
		late:        counter("hosted_alerts_late_calls_total", "Calls that were not counted for an alert, because they had ended before its window."),
		overflow:    counter("hosted_alerts_overflow_calls_total", "Calls that were not counted for an alert, because of too many addresses."),
		silent:      counter("hosted_alerts_silent_sensors_total", "Sensors that were linked and did not say how they are."),
	}
}
