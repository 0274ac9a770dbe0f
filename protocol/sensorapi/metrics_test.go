package sensorapi

import (
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"voiptop/protocol"
)

func TestMetricsAreInThePrometheusTextFormat(t *testing.T) {
	h := protocol.Health{
		Info:     protocol.SensorInfo{Version: "1.2", Arch: "arm64"},
		Counters: protocol.Counters{"sip.messages": 7, "decode.ethertype.0x88cc": 1, "sip.without-call-id": 2, protocol.CountCallsRunning: 3},
		Link:     protocol.LinkHealth{State: "up"},
	}
	w := httptest.NewRecorder()
	MetricsHandler(func() protocol.Health { return h }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		`sensord_build_info{version="1.2",arch="arm64"} 1`, "sensord_sip_messages_total 7", "sensord_decode_ethertype_0x88cc_total 1",
		"sensord_sip_without_call_id_total 2", "sensord_calls_running 3", "sensord_link_up 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	line := regexp.MustCompile(`^(# TYPE [a-zA-Z_][a-zA-Z0-9_]* (counter|gauge)|[a-zA-Z_][a-zA-Z0-9_]*(\{[^}]*\})? \d+)$`)
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if !line.MatchString(l) {
			t.Errorf("not a line of the format: %s", l)
		}
	}
}

// Counters are held to docs/counters.md where they are counted, and in fixtures.
func TestTheMetricsPageHasEveryGaugeAndNoOther(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(text, pattern string) []string {
		all := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all[m[1]] = true
		}
		return slices.Sorted(maps.Keys(all))
	}
	want := names(string(metrics(protocol.Health{})), `(?m)^# TYPE (sensord_\S+) gauge$`)
	if got := names(string(page), "(?m)^\\| `(sensord_[a-z_]+)(?:\\{[a-z,]+\\})?` \\|"); !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("docs/metrics.md has %v, sensord %v", got, want)
	}
}
