package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/conf"
	"voiptop/sensord/internal/direct"
)

// ask offers a direct transfer over the link.
func ask(h http.Handler, path string) *httptest.ResponseRecorder {
	b, _ := json.Marshal(sensorapi.DirectOffer{SDP: "v=0\r\n"})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(b)))
	return w
}

func TestTheOwnerDecidesOnDirectDownloads(t *testing.T) {
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	for text, want := range map[string]struct{ capture, audio string }{ // the key that forbids it; "": the offer is looked at
		"":                      {"direct_download", "direct_download"},
		"direct_download = no":  {"direct_download", "direct_download"},
		"direct_download = lan": {}, "direct_download = yes": {},
		"direct_download = yes\ncloud_download = no": {capture: "cloud_download"},
		"direct_download = yes\ncloud_listen = no":   {audio: "cloud_listen"},
	} {
		c, err := conf.Parse("c", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		service := newDirect(c, slog.New(slog.DiscardHandler))
		h := overLink(c, nil, nil, directly{service: service}, api)
		for path, key := range map[string]string{"/v1/calls/x/capture/direct": want.capture, "/v1/calls/x/audio/direct": want.audio} {
			w := ask(h, path)
			p := problemOf(sensorapi.ReadProblem(w.Result()))
			if key != "" && (w.Code != http.StatusForbidden || p.Code != protocol.CodeSwitchedOff || p.Fields["key"] != key) || key == "" && p.Code != protocol.CodeBadRequest {
				t.Errorf("%q, %s: %d %+v", text, path, w.Code, p)
			}
		}
		if has := slices.Contains(capabilities(c), "direct"); has != (service != nil) {
			t.Errorf("%q: capabilities %v", text, capabilities(c))
		}
	}
	if w := ask(sensorapi.NewHandler(sensor{}), "/v1/calls/x/capture/direct"); w.Code != http.StatusNotFound {
		t.Errorf("at the sensor's socket: %d", w.Code)
	}
}

func TestADirectTransferOfNothingThatThereIsIsRefused(t *testing.T) {
	d := directly{}
	for path, open := range map[string]func(*http.Request) (*direct.File, error){"capture?group=2": d.capture, "audio?side=left": d.audio} {
		_, err := open(httptest.NewRequest(http.MethodPost, "/v1/calls/x/"+path, nil))
		if p := (*protocol.Problem)(nil); !errors.As(err, &p) || p.Code != protocol.CodeBadRequest {
			t.Errorf("%s: %v", path, err)
		}
	}
}
