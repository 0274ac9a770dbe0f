package source_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

func TestAFleetTellsWhatItsSensorsKnowAndWhichDidNotAnswer(t *testing.T) {
	one, two, off := protocol.UUID{1}, protocol.UUID{2}, protocol.UUID{3}
	m := http.NewServeMux()
	m.HandleFunc("GET /api/v1/sensors", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode([]source.SensorStatus{{UUID: one, Name: "one", Online: true}, {UUID: two, Name: "two", Online: true}, {UUID: off, Name: "off"}})
	})
	m.HandleFunc("GET /api/v1/sensors/{uuid}/api/registrations", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("uuid") {
		case one.String():
			json.NewEncoder(w).Encode([]protocol.Registration{{AOR: "b"}, {AOR: "a"}})
		case two.String():
			sensorapi.WriteProblem(w, &protocol.Problem{Code: protocol.CodeSensorOffline, Status: http.StatusServiceUnavailable, Title: "the sensor has gone"})
		default:
			t.Errorf("%s was asked", r.PathValue("uuid"))
		}
	})
	srv := httptest.NewServer(m)
	defer srv.Close()
	h, err := source.NewHosted(srv.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	list, err := h.Registrations(t.Context())
	if len(list) != 2 || list[0].AOR != "a" {
		t.Errorf("got %+v", list)
	}
	if err == nil || !strings.Contains(err.Error(), "sensor two") || code(err) != protocol.CodeSensorOffline {
		t.Errorf("the error is %v", err)
	}
}
