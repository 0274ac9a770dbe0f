package relay

import (
	"maps"
	"net/http"
)

// answer is what httputil.ReverseProxy writes a sensor's answer to. The proxy would pass on early hints (1xx) with all headers that
// the sensor gives them, would then take away what the caller has set, and would pass on trailers. Here it has headers of its
// own, and those of the answer itself, which filter has seen, are all that leaves them.
type answer struct {
	http.ResponseWriter
	head http.Header
	said bool
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.head }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status < 200 || a.said {
		return
	}
	a.said = true
	a.head.Del("Trailer")
	maps.Copy(a.ResponseWriter.Header(), a.head)
	a.head = http.Header{} // what comes later, trailers, goes nowhere
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
