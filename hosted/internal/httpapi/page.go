package httpapi

import (
	"bytes"
	"encoding/json"
	"html/template"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"voiptop/protocol"
)

const typeProblem = "application/problem+json"

// wantsPage reports whether a person follows a link: then a problem is answered in words, not in JSON. A browser that opens a
// page names text/html before everything else; scripts, and the GUI's own requests, do not.
func wantsPage(r *http.Request) bool {
	page, data := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if v, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		switch kind {
		case "text/html":
			page = max(page, q)
		case "*/*", "application/*", "application/json", typeProblem:
			data = max(data, q)
		}
	}
	return page > data
}

var problemPage = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 36rem; margin: 12vh auto; padding: 0 1rem }
h1 { font-size: 1.4rem }
h1::first-letter { text-transform: uppercase }
footer { margin-top: 2rem; opacity: .7; font-size: .9rem }
</style>
<h1>{{.Title}}</h1>
{{with .Detail}}<p>{{.}}</p>{{end}}
{{with .Remedy}}<p>What to do: {{.}}.</p>{{end}}
{{with .Retry}}<p><a href="">Try again</a>, best after {{.}} s.</p>{{end}}
<p><a href="/">To the calls</a></p>
<footer>{{.Code}} ({{.Status}})</footer>
</html>
`))

// writePage answers with a problem in words, where sensorapi.WriteProblem answers in JSON.
func writePage(w http.ResponseWriter, p *protocol.Problem) {
	h := w.Header()
	for _, k := range []string{"Content-Length", "Content-Disposition", "Accept-Ranges", "Etag", "Last-Modified"} {
		h.Del(k)
	}
	if v := p.Fields[protocol.FieldRetryAfter]; v != "" {
		h.Set("Retry-After", v)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_ = problemPage.Execute(w, struct { // the client is gone: nobody is left to tell
		*protocol.Problem
		Retry string
	}{p, h.Get("Retry-After")})
}

// worded turns a problem that comes from a sensor into a page. Everything else goes through as it is.
type worded struct {
	http.ResponseWriter
	status int
	held   *bytes.Buffer // the problem; nil if it is none
}

// maxHeld bounds a sensor's problem.
const maxHeld = 64 << 10

// WriteHeader implements http.ResponseWriter.
func (p *worded) WriteHeader(status int) {
	if p.status != 0 || status < 200 {
		p.ResponseWriter.WriteHeader(status)
		return
	}
	p.status = status
	if t, _, _ := mime.ParseMediaType(p.Header().Get("Content-Type")); status >= 400 && t == typeProblem {
		p.held = &bytes.Buffer{}
		return
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *worded) Write(b []byte) (int, error) {
	if p.held == nil {
		return p.ResponseWriter.Write(b)
	}
	p.held.Write(b[:min(len(b), maxHeld-p.held.Len())])
	return len(b), nil
}

// FlushError is what http.ResponseController calls.
func (p *worded) FlushError() error {
	if p.held != nil {
		return nil // nothing has been said yet
	}
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (p *worded) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// finish writes the page, if there was a problem.
func (p *worded) finish() {
	if p.held == nil {
		return
	}
	problem := &protocol.Problem{}
	if json.Unmarshal(p.held.Bytes(), problem) != nil || problem.Title == "" {
		problem = &protocol.Problem{Code: protocol.CodeInternal, Title: "the sensor did not say what is wrong"}
	}
	problem.Status = p.status
	writePage(p.ResponseWriter, problem)
}
