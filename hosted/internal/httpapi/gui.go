package httpapi

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
)

const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>hosted</title>
<h1>The pages are not built</h1>
<p>This program was compiled without them. Run <code>make build</code> and start it again.
<p>The API works: <a href="/api/v1/openapi.yaml">/api/v1/openapi.yaml</a>.
</html>
`

// immutable is for files whose name holds a hash of their content.
const immutable = "public, max-age=31536000, immutable"

// gui serves the built pages. A path without a file extension is one of the pages' own addresses: index.html shows it.
type gui struct {
	files  fs.FS
	serve  http.Handler
	answer func(http.ResponseWriter, *http.Request, error) // with a problem
}

func (a *api) newGUI(files fs.FS) http.Handler { return gui{files, http.FileServerFS(files), a.answer} }

func (g gui) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if strings.HasPrefix(name, enginePrefix) && g.engine(w, r, name) {
		return
	}
	if fi, err := fs.Stat(g.files, name); err == nil && fi.Mode().IsRegular() && name != "index.html" && !hidden(name) {
		if strings.HasPrefix(name, "assets/") { // their names hold a hash of their content
			w.Header().Set("Cache-Control", immutable)
		}
		g.serve.ServeHTTP(w, r)
		return
	}
	if path.Ext(name) != "" && name != "index.html" {
		g.answer(w, r, notFound("there is no /"+name))
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page, err := fs.ReadFile(g.files, "index.html")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		page = []byte(notBuilt)
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(page) // the client is gone: nobody is left to tell
	}
}

// hidden reports whether a part of the path begins with a dot.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }
