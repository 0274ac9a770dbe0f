// Package relay passes a request on to a sensor's API and the sensor's answer back to the browser: a reverse proxy, so that
// Range, cancellation and back-pressure work as HTTP defines them, and nothing is stored. hosted/internal/sensors calls
// Serve with the connection to the sensor. For hosted/internal/httpapi there is beside it what streams of packets and audio
// need: a Gate that bounds and counts them, a Stream that cuts off a browser which takes nothing, and an Archive of many captures.
//
// It is not for rights and not for the audit log: the caller has decided that the request may pass, and has written it
// down. A sensor's answer is not trusted by the browser's origin: of its headers only those in passed get through, neither
// hints before it nor trailers behind it, and no content type that a browser would run.
package relay

import (
	"context"
	"errors"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// RetryOffline is how soon, in seconds, a sensor that is offline may be asked for again.
const RetryOffline = "10"

// asked are the headers of a request that reach the sensor: neither cookie nor token does.
var asked = []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "Accept", "Content-Type"}

// passed are the headers of a sensor's answer that reach the browser.
var passed = []string{
	"Content-Type", "Content-Length", "Content-Range", "Content-Disposition", "Accept-Ranges", "Last-Modified", "Etag", "Retry-After", "Date",
	sensorapi.HeaderAudioStart, sensorapi.HeaderAudioMissing,
}

// types are the content types that reach the browser.
var types = map[string]bool{
	"application/json": true, "application/problem+json": true, "application/x-ndjson": true,
	"application/vnd.tcpdump.pcap": true, "audio/wav": true, "application/zip": true,
	"multipart/byteranges": true, "image/png": true,
}

// Offline is the problem of a sensor that cannot be reached now.
func Offline(detail string) *protocol.Problem {
	return &protocol.Problem{
		Code: protocol.CodeSensorOffline, Status: http.StatusServiceUnavailable, Title: "the sensor is offline", Detail: detail,
		Remedy: "packets stay on the sensor until its retention removes them: try again when it is online, or run `voipmon doctor` there",
		Fields: map[string]string{protocol.FieldRetryAfter: RetryOffline},
	}
}

// Why is why a sensor could not be asked, in words for whoever asked.
func Why(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it is connected, and did not answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "its connection ended"
	}
	return err.Error()
}

// Bulk tells whether a path of the sensor API (escaped) answers with much, so that it belongs on a connection of its own: what
// is below a call's capture and audio.
func Bulk(path string) bool {
	p := strings.Split(path, "/") // "", "v1", "calls", id, ...
	return len(p) > 4 && p[2] == "calls" && (p[4] == "capture" || p[4] == "audio") && p[len(p)-1] != "direct"
}

// Serve passes r on through rt, to path (escaped, without query) of the sensor's API. Like httputil.ReverseProxy it panics
// with http.ErrAbortHandler when the stream breaks after it began, so that the browser sees a broken download.
func Serve(w http.ResponseWriter, r *http.Request, rt http.RoundTripper, path string) {
	target, err := url.Parse(link.BaseURL + path)
	if err != nil {
		sensorapi.WriteProblem(w, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "path cannot be passed on to a sensor", Detail: err.Error()})
		return
	}
	target.RawQuery = r.URL.RawQuery
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL, p.Out.Host = target, target.Host
			h := http.Header{}
			for _, k := range asked {
				if v := p.In.Header.Values(k); v != nil {
					h[k] = v
				}
			}
			p.Out.Header = h
		},
		Transport:      rt,
		ModifyResponse: filter,
		ErrorHandler:   failed,
		BufferPool:     &buffers,
		ErrorLog:       log.New(io.Discard, "", 0), // a download that breaks is the caller's to log
	}
	proxy.ServeHTTP(&answer{ResponseWriter: w, head: http.Header{}}, r)
}

// filter leaves of a sensor's answer what a browser may have.
func filter(res *http.Response) error {
	if !believed(res.StatusCode) {
		return Offline("it answered " + res.Status)
	}
	h := http.Header{}
	for _, k := range passed {
		if v := res.Header.Values(k); len(v) > 0 {
			h[k] = v[:1]
		}
	}
	if t, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || !types[t] {
		h.Set("Content-Type", "application/octet-stream")
	}
	if v := res.Header.Values(sensorapi.HeaderAudioMissing); len(v) > 1 { // of both sides
		h[sensorapi.HeaderAudioMissing] = v[:2]
	}
	if v := h.Get("Content-Disposition"); v != "" {
		h.Set("Content-Disposition", disposition(v))
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	res.Header = h
	return nil
}

// believed tells whether a status is a sensor's to give: it sends nobody elsewhere and logs nobody out of hosted.
func believed(status int) bool {
	switch status {
	case http.StatusNotModified:
		return true
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return false
	}
	return status >= 200 && status < 300 || status >= 400 && status < 600
}

// disposition keeps the file name that a sensor offers if it is one of what sensors have: not a program's.
func disposition(s string) string {
	kind, params, err := mime.ParseMediaType(s)
	name := path.Base(params["filename"])
	switch path.Ext(name) {
	case ".pcapng", ".pcap", ".wav", ".png", ".zip":
	default:
		name = ""
	}
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '"' }
	if err != nil || name == "" || strings.ContainsFunc(name, odd) || kind != "inline" && kind != "attachment" {
		return "attachment"
	}
	return mime.FormatMediaType(kind, map[string]string{"filename": name})
}

// failed answers when there is no answer of the sensor's.
func failed(w http.ResponseWriter, r *http.Request, err error) {
	var p *protocol.Problem
	switch {
	case r.Context().Err() != nil && errors.Is(err, context.Canceled): // the browser went
		w.WriteHeader(http.StatusBadGateway)
	case errors.As(err, &p):
		sensorapi.WriteProblem(w, p)
	default:
		sensorapi.WriteProblem(w, Offline(Why(err)))
	}
}

// buffers is what ReverseProxy copies with, one for each running download.
var buffers = pool{sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}}

type pool struct{ p sync.Pool }

func (p *pool) Get() []byte  { return *p.p.Get().(*[]byte) }
func (p *pool) Put(b []byte) { p.p.Put(&b) }
