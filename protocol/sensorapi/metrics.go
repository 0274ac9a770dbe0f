package sensorapi

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"voiptop/protocol"
)

// MetricsHandler writes what a sensor counts in the Prometheus text format 0.0.4: each counter of docs/counters.md as
// sensord_NAME_total, its dots and dashes as underscores, and the state of calls, link, journal and spool as gauges.
func MetricsHandler(health func() protocol.Health) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(metrics(health())) // the client is gone: nobody is left to tell
	})
}

func metrics(h protocol.Health) []byte {
	var b bytes.Buffer
	gauge := func(name string, v uint64) {
		fmt.Fprintf(&b, "# TYPE sensord_%s gauge\nsensord_%s %d\n", name, name, v)
	}
	fmt.Fprintf(&b, "# TYPE sensord_build_info gauge\nsensord_build_info{version=%q,arch=%q} 1\n", h.Info.Version, h.Info.Arch)
	gauge("calls_running", h.Counters[protocol.CountCallsRunning])
	up := uint64(0)
	if h.Link.State == "up" {
		up = 1
	}
	gauge("link_up", up)
	gauge("journal_pending", h.Journal.Pending)
	gauge("journal_bytes", h.Journal.Bytes)
	gauge("spool_files", h.Spool.Files)
	gauge("spool_bytes", h.Spool.Bytes)
	gauge("spool_free_bytes", h.Spool.Free)
	gauge("spool_held_calls", h.Spool.HeldCalls)
	gauge("spool_held_bytes", h.Spool.HeldBytes)
	gauge("problems", uint64(len(h.Problems)))
	for _, name := range slices.Sorted(maps.Keys(h.Counters)) {
		if name == protocol.CountCallsRunning {
			continue // the gauge above
		}
		m := "sensord_" + metricName(name) + "_total"
		fmt.Fprintf(&b, "# TYPE %s counter\n%s %d\n", m, m, h.Counters[name])
	}
	return b.Bytes()
}

// metricName keeps the characters that a Prometheus metric name may have.
func metricName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
}
