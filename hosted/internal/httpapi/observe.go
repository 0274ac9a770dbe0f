package httpapi

import (
	"context"
	_ "embed"
	"errors"
	"net/http"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
)

//go:embed openapi.yaml
var openapiYAML []byte

func (a *api) openapi(w http.ResponseWriter, _ *http.Request, _ auth.Identity) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openapiYAML) // the client is gone: nobody is left to tell
	return nil
}

func (a *api) version(w http.ResponseWriter, _ *http.Request, _ auth.Identity) error {
	return writeJSON(w, map[string]string{"version": protocol.Version, "commit": protocol.Commit})
}

// healthz says whether hosted is ready for requests: "ok", or 503 and why not, for a load balancer.
func (a *api) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := a.ready(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(err.Error() + "\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// ready asks Ready, or else the store.
func (a *api) ready(ctx context.Context) error {
	if a.Ready != nil {
		return a.Ready(ctx)
	}
	if err := a.Store.Ping(ctx); err != nil {
		a.Log.Error("store does not answer", "error", err)
		return errors.New("the store does not answer")
	}
	return nil
}

// metrics are for this host, and for administrators without what is of other tenants. A request that a proxy passed on is not from this host.
func (a *api) metrics(w http.ResponseWriter, r *http.Request) {
	if a.Metrics == nil {
		a.answer(w, r, notFound("there are no metrics"))
		return
	}
	local := peer(r).IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == "" && r.Header.Get("Via") == ""
	if local {
		a.Metrics.ServeHTTP(w, r)
		return
	}
	id, err := a.admit(r, manage)
	if err == nil && a.MetricsOf == nil {
		err = notFound("metrics are shown to who asks on the service's own host")
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.MetricsOf(id.TenantName).ServeHTTP(w, r)
}

// observed tells Observe of every answer.
func (a *api) observed(route string, next http.Handler) http.Handler {
	if a.Observe == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := a.Now()
		c := &countingWriter{ResponseWriter: w}
		defer func() {
			a.Observe(Observed{Route: route, Method: r.Method, Status: c.code(), Took: a.Now().Sub(begin)})
		}()
		next.ServeHTTP(c, r)
	})
}

// countingWriter knows the status and the size of an answer.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *countingWriter) code() int {
	if c.status == 0 {
		return http.StatusOK
	}
	return c.status
}

func (c *countingWriter) WriteHeader(status int) {
	if c.status == 0 && status >= 200 { // 1xx are not the answer
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
