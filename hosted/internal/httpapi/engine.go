package httpapi

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
)

// enginePrefix is how the names of the files begin that are the analysis engine in the browser: its program and the worker that runs it.
const enginePrefix = "assets/engine-"

// enginePolicy is the worker's. It may compile its program, and it may not connect to anything, load anything or start anything: what it
// reads of a user's capture can leave it only to the page. A worker has the policy of its own script, not that of the page.
const enginePolicy = "default-src 'none'; script-src 'wasm-unsafe-eval'; frame-ancestors 'none'"

// engine serves them. The program is embedded gzipped, and goes out so to whoever takes it.
func (g gui) engine(w http.ResponseWriter, r *http.Request, name string) bool {
	h := w.Header()
	switch path.Ext(name) {
	case ".js":
		h.Set("Content-Security-Policy", enginePolicy)
	case ".wasm":
		f, err := g.files.Open(name + ".gz")
		if err != nil {
			return false
		}
		defer f.Close()
		h.Set("Cache-Control", immutable)
		h.Set("Content-Type", "application/wasm")
		h.Set("Vary", "Accept-Encoding")
		sendPacked(w, r, f)
		return true
	}
	return false
}

func sendPacked(w http.ResponseWriter, r *http.Request, f fs.File) {
	h := w.Header()
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		if fi, err := f.Stat(); err == nil {
			h.Set("Content-Length", strconv.FormatInt(fi.Size(), 10))
		}
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, f) // the client is gone: nobody is left to tell
		}
		return
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "the embedded engine is damaged: "+err.Error(), http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, z)
	}
}
