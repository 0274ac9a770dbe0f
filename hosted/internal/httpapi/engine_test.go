package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"voiptop/hosted/internal/httpapi"
)

// withEngine is a built GUI with a program that is embedded gzipped, and its worker.
func withEngine(t *testing.T, program []byte) fstest.MapFS {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"index.html":                 {Data: []byte("<!doctype html><title>Calls</title>")},
		"assets/engine-Ab12.wasm.gz": {Data: b.Bytes()},
		"assets/engine-Cd34.js":      {Data: []byte("onmessage = null")},
		"assets/engine-bad.wasm.gz":  {Data: []byte("no gzip")},
		"assets/enginepage-Ef56.js":  {Data: []byte("let page")},
	}
}

func TestTheEngineGoesOutPackedToWhoTakesIt(t *testing.T) {
	program := bytes.Repeat([]byte("\x00asm"), 5000)
	files := withEngine(t, program)
	w := newWorld(t, func(c *httpapi.Config) { c.GUI = files })
	plain := http.Client{Transport: &http.Transport{DisableCompression: true}}
	for _, tt := range []struct {
		method, accept string
		packed         bool
	}{
		{"GET", "gzip, deflate, br, zstd", true},
		{"HEAD", "gzip", true},
		{"GET", "", false},
		{"HEAD", "", false},
	} {
		req, err := http.NewRequest(tt.method, w.url+"/assets/engine-Ab12.wasm", nil)
		w.ok(err)
		if tt.accept != "" {
			req.Header.Set("Accept-Encoding", tt.accept)
		}
		res, err := plain.Do(req)
		w.ok(err)
		body, err := io.ReadAll(res.Body)
		w.ok(err)
		w.ok(res.Body.Close())
		h := res.Header
		if res.StatusCode != http.StatusOK || h.Get("Content-Type") != "application/wasm" || h.Get("Vary") != "Accept-Encoding" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("%s %q: %d %v", tt.method, tt.accept, res.StatusCode, h)
		}
		if packed := h.Get("Content-Encoding") == "gzip"; packed != tt.packed {
			t.Errorf("%s %q: Content-Encoding %q", tt.method, tt.accept, h.Get("Content-Encoding"))
		}
		want := program
		if tt.packed {
			want = files["assets/engine-Ab12.wasm.gz"].Data
			if h.Get("Content-Length") != strconv.Itoa(len(want)) {
				t.Errorf("%s: Content-Length %q of %d", tt.method, h.Get("Content-Length"), len(want))
			}
		}
		if tt.method == "HEAD" {
			want = []byte{}
		}
		if !bytes.Equal(body, want) {
			t.Errorf("%s %q: %d bytes, want %d", tt.method, tt.accept, len(body), len(want))
		}
	}
}

// The page's own policy forbids WebAssembly; the worker's allows it, and forbids everything else.
func TestTheEnginesWorkerMayCompileAndNotConnect(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.GUI = withEngine(t, []byte("x")) })
	policy := func(path string) map[string]string {
		req, err := http.NewRequest("GET", w.url+path, nil)
		w.ok(err)
		a := w.anonymous().send(req)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		out := map[string]string{}
		for d := range strings.SplitSeq(a.header.Get("Content-Security-Policy"), ";") {
			name, sources, _ := strings.Cut(strings.TrimSpace(d), " ")
			out[name] = sources
		}
		return out
	}
	worker := policy("/assets/engine-Cd34.js")
	if worker["default-src"] != "'none'" || worker["script-src"] != "'wasm-unsafe-eval'" || len(worker) != 3 {
		t.Errorf("the worker's policy is %v", worker)
	}
	for _, path := range []string{"/open", "/", "/assets/enginepage-Ef56.js"} {
		if p := policy(path); strings.Contains(p["script-src"], "eval") || p["script-src"] != "'self'" || p["connect-src"] != "'self'" {
			t.Errorf("the policy of %s is %v", path, p)
		}
	}
}

func TestAnEngineThatIsNotThereIsNotFound(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.GUI = withEngine(t, []byte("x")) })
	for path, want := range map[string]int{
		"/assets/engine-Zz99.wasm": http.StatusNotFound, "/assets/engine-Zz99.js": http.StatusNotFound, "/assets/engine-bad.wasm": http.StatusInternalServerError,
	} {
		req, err := http.NewRequest("GET", w.url+path, nil)
		w.ok(err)
		req.Header.Set("Accept-Encoding", "identity")
		if a := w.anonymous().send(req); a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
}
