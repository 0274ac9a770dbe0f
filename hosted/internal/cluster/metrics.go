package cluster

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct{ relays *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer, c *Cluster) metrics {
	f := promauto.With(r)
	f.NewGauge(prometheus.GaugeOpts{
		Name: "hosted_node_info", Help: "1, with the node's name and the id of its process.",
		ConstLabels: prometheus.Labels{"node": c.cfg.Name, "id": c.id},
	}).Set(1)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "hosted_nodes", Help: "Nodes that live, this one included."}, func() float64 {
		return float64(len(c.others()) + 1)
	})
	if c.cfg.NATS != nil {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "hosted_nats_connected", Help: "1 while NATS is connected, else nodes find sensors through the store."}, func() float64 {
			if c.bus.connected() {
				return 1
			}
			return 0
		})
	}
	return metrics{relays: f.NewCounterVec(prometheus.CounterOpts{
		Name: "hosted_node_relays_total", Help: "Requests that were passed on to the node that holds the sensor's link, by result.",
	}, []string{"result"})}
}

// relayed counts a request that was passed on: ok, moved (the sensor is not there any more), or failed.
func (m metrics) relayed(err error, res *http.Response) {
	result := "ok"
	switch {
	case err != nil:
		result = "failed"
	case res.StatusCode == http.StatusMisdirectedRequest:
		result = "moved"
	}
	m.relays.WithLabelValues(result).Inc()
}
