package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Serve answers other nodes on ln until ctx ends: it passes their requests on to the sensors that are linked here, and never to
// a further node.
func (c *Cluster) Serve(ctx context.Context, ln net.Listener) error {
	t := c.cfg.CA.NodeTLS(c.cfg.Name)
	t.NextProtos = []string{"h2"}
	srv := &http.Server{
		Handler: http.HandlerFunc(c.serve), TLSConfig: t, Protocols: onlyHTTP2(), HTTP2: http2Config(),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * idleConn, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	unwatch := context.AfterFunc(ctx, func() { srv.Close() })
	defer unwatch()
	if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serve answers one request: prefix, a UUID, and what is wanted.
func (c *Cluster) serve(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	id, what, _ := strings.Cut(rest, "/")
	sensor, err := protocol.ParseUUID(id)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	path := "/" + what
	ofSensor := strings.HasPrefix(path, "/v1/")
	if r.Method == http.MethodPost && !ofSensor {
		c.serveAsk(w, r, sensor, what)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost:
	default:
		ofSensor = false
	}
	if !ofSensor {
		http.NotFound(w, r)
		return
	}
	rt := c.local.Transport(sensor, relay.Bulk(path))
	if rt == nil {
		sensorapi.WriteProblem(w, &protocol.Problem{
			Code: protocol.CodeSensorOffline, Status: http.StatusMisdirectedRequest, Title: "the sensor is not linked to node " + c.cfg.Name,
		})
		return
	}
	relay.Serve(w, r, rt, path)
}

// serveAsk answers what is asked of the node itself.
func (c *Cluster) serveAsk(w http.ResponseWriter, r *http.Request, sensor protocol.UUID, what string) {
	generation, err := strconv.ParseUint(r.URL.Query().Get("generation"), 10, 64)
	if err != nil {
		http.Error(w, "generation: want a number", http.StatusBadRequest)
		return
	}
	status := http.StatusNoContent
	switch what {
	case "alive":
		if !c.local.Alive(r.Context(), sensor, generation) {
			status = http.StatusNotFound
		}
	case "drop":
		c.local.Drop(sensor, generation)
	case "disconnect":
		c.local.Disconnect(sensor)
	default:
		status = http.StatusNotFound
	}
	w.WriteHeader(status)
}
