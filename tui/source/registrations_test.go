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

func TestAFleetTellsOfTheRequestsOfAllItsSensorsNewestFirst(t *testing.T) {
	one, two := protocol.UUID{1}, protocol.UUID{2}
	m := http.NewServeMux()
	m.HandleFunc("GET /api/v1/sensors", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode([]source.SensorStatus{{UUID: one, Name: "one", Online: true}, {UUID: two, Name: "two", Online: true}})
	})
	m.HandleFunc("GET /api/v1/sensors/{uuid}/api/transactions", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("limit") != "3" {
			t.Errorf("asked for %s", r.URL)
		}
		list := []protocol.Transaction{{Method: "OPTIONS", Last: 40}, {Method: "OPTIONS", Last: 10}}
		if r.PathValue("uuid") == two.String() {
			list = []protocol.Transaction{{Method: "REGISTER", Last: 30}, {Method: "REGISTER", Last: 20}}
		}
		json.NewEncoder(w).Encode(list)
	})
	srv := httptest.NewServer(m)
	defer srv.Close()
	h, err := source.NewHosted(srv.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	list, err := h.Requests(t.Context(), 3)
	if err != nil || len(list) != 3 || list[0].Last != 40 || list[1].Last != 30 || list[2].Last != 20 {
		t.Errorf("%v, %+v", err, list)
	}
}

func TestAFileHasTheRequestsOutsideOfCalls(t *testing.T) {
	f, err := source.NewFile([]string{"../../fixtures/pcap/registers/in.pcap"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := f.Requests(t.Context(), 4)
	if err != nil || len(list) != 4 || list[0].Method != "REGISTER" || list[0].Status != 403 || list[3].Status != 200 {
		t.Errorf("%v, %+v", err, list)
	}
}
