package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"voiptop/hosted/internal/httpapi"
)

func TestTheGUIIsServedAndItsOwnAddressesShowIt(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path string
		status       int
		body, cache  string
	}{
		{"GET", "/", 200, "Calls", "no-cache"},
		{"GET", "/index.html", 200, "Calls", "no-cache"},
		{"GET", "/calls/0192-x", 200, "Calls", "no-cache"},
		{"GET", "/sensors?x=1", 200, "Calls", "no-cache"},
		{"GET", "/assets/app-1234.js", 200, "let x", "immutable"},
		{"GET", "/assets/app-0000.js", 404, "", ""},
		{"GET", "/assets/", 200, "Calls", "no-cache"},
		{"GET", "/.keep", 404, "", ""},
		{"GET", "/..%2f..%2fetc%2fpasswd.txt", 404, "", ""},
		{"HEAD", "/", 200, "", "no-cache"},
		{"POST", "/", 405, "", ""},
	} {
		req, err := http.NewRequest(tt.method, w.url+tt.path, nil)
		w.ok(err)
		a := w.anonymous().send(req)
		if a.status != tt.status || !strings.Contains(string(a.body), tt.body) || !strings.Contains(a.header.Get("Cache-Control"), tt.cache) {
			t.Errorf("%s %s: %d %q, cache %q", tt.method, tt.path, a.status, a.body, a.header.Get("Cache-Control"))
		}
		if strings.Contains(string(a.body), "secret") {
			t.Errorf("%s shows a hidden file", tt.path)
		}
	}
}

func TestWithoutABuiltGUIAPageSaysHowToBuildIt(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.GUI = fstest.MapFS{".keep": {}} })
	req, err := http.NewRequest("GET", w.url+"/calls", nil)
	w.ok(err)
	if a := w.anonymous().send(req); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "make build") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.as("admin").get("/calls"); a.status != http.StatusOK {
		t.Errorf("the API: %d", a.status)
	}
}
