package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// CodeElsewhere is the code of the problem of a sensor that is linked to a node which cannot be reached from here.
const CodeElsewhere = "sensor-elsewhere"

// Online lists the sensors of a tenant that are linked to any node.
func (c *Cluster) Online(t store.TenantID) []protocol.UUID {
	all := c.elsewhere(t)
	for _, id := range c.local.Online(t) {
		all[id] = store.Node{}
	}
	return slices.Collect(maps.Keys(all))
}

// Places names the nodes that hold the links of a tenant's sensors.
func (c *Cluster) Places(t store.TenantID) map[protocol.UUID]string {
	names := map[protocol.UUID]string{}
	for id, n := range c.elsewhere(t) {
		names[id] = n.Name
	}
	for _, id := range c.local.Online(t) {
		names[id] = c.cfg.Name
	}
	return names
}

// Client calls the API of a sensor, wherever it is linked; nil while it is offline. Where it is linked to a node that cannot be
// reached, each call fails with problem sensor-elsewhere.
func (c *Cluster) Client(sensor protocol.UUID) *sensorapi.Client {
	if x := c.local.Client(sensor); x != nil {
		return x
	}
	if _, _, ok := c.find(context.Background(), sensor); !ok {
		return nil
	}
	return &sensorapi.Client{HTTP: &http.Client{Transport: &remote{c: c, sensor: sensor}}, Base: link.BaseURL, MaxAnswer: sensors.MaxAnswer}
}

// Relay passes a request on to a sensor's API, by way of the node that holds its link, and the answer back.
func (c *Cluster) Relay(w http.ResponseWriter, r *http.Request, sensor protocol.UUID, path string) {
	rt := c.local.Transport(sensor, relay.Bulk(path))
	if rt == nil {
		rt = &remote{c: c, sensor: sensor, bulk: relay.Bulk(path)}
	}
	relay.Serve(w, r, rt, path)
}

// Disconnect ends the link of a sensor that was revoked, wherever it is.
func (c *Cluster) Disconnect(sensor protocol.UUID) {
	c.local.Disconnect(sensor)
	n, l, ok := c.find(context.Background(), sensor)
	if !ok || n.Addr == "" {
		return // the node that holds it sees it when it asks the store again
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), peerWait)
		defer cancel()
		if _, err := c.peers.ask(ctx, n, sensor, "disconnect", l.Generation); err != nil {
			c.log.Warn("a node is not told that a sensor was revoked", "node", n.Name, "sensor", sensor.String(), "err", err)
		}
	}()
}

// RulesChanged says that a tenant's rules were changed: its sensors get them, on all nodes.
func (c *Cluster) RulesChanged() {
	c.local.RulesChanged()
	if c.bus != nil {
		c.bus.rulesChanged()
	}
}

// NewEnrolToken makes a token that lets one sensor enrol in a tenant.
func (c *Cluster) NewEnrolToken(ctx context.Context, t store.TenantID) (token string, expires time.Time, err error) {
	return c.local.NewEnrolToken(ctx, t)
}

// Alive implements sensors.Cluster.
func (c *Cluster) Alive(ctx context.Context, l store.SensorLink) bool {
	n, ok := c.nodeOrLook(ctx, l.Node)
	if !ok || n.Addr == "" {
		return false // who cannot be asked cannot hold a sensor against one that is here
	}
	ctx, cancel := context.WithTimeout(ctx, peerWait)
	defer cancel()
	alive, err := c.peers.ask(ctx, n, l.Sensor, "alive", l.Generation)
	if err != nil {
		c.log.Warn("a node does not say whether it holds a sensor", "node", n.Name, "sensor", l.Sensor.String(), "err", err)
	}
	return alive
}

// Linked implements sensors.Cluster.
func (c *Cluster) Linked(l, before store.SensorLink) {
	c.links.forget(l.Sensor)
	if c.bus != nil {
		c.bus.linked(l)
	}
	if before.Node == "" || before.Node == c.id {
		return
	}
	n, ok := c.node(before.Node)
	if !ok || n.Addr == "" {
		return
	}
	go func() { // with NATS it hears of it as well; it may be gone, then it makes no difference
		ctx, cancel := context.WithTimeout(context.Background(), peerWait)
		defer cancel()
		if _, err := c.peers.ask(ctx, n, l.Sensor, "drop", l.Generation); err != nil {
			c.log.Debug("a node is not told that a sensor has left it", "node", n.Name, "sensor", l.Sensor.String(), "err", err)
		}
	}()
}

// Unlinked implements sensors.Cluster.
func (c *Cluster) Unlinked(l store.SensorLink) {
	c.links.forget(l.Sensor)
	if c.bus != nil {
		c.bus.unlinked(l)
	}
}

// remote carries requests for a sensor to the node that holds its link.
type remote struct {
	c      *Cluster
	sensor protocol.UUID
	bulk   bool
}

// maxAgain bounds the body of a request that may have to be sent to a second node.
const maxAgain = 4 << 20

// RoundTrip implements http.RoundTripper. A sensor may have moved since it was found: then it is looked for once more.
func (x *remote) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil && r.Body != http.NoBody {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxAgain+1)); err != nil {
			return nil, err
		}
		r.Body.Close()
		if len(body) > maxAgain {
			return nil, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusRequestEntityTooLarge, Title: fmt.Sprintf("a request to a sensor has at most %d bytes", maxAgain)}
		}
	}
	for again := false; ; again = true {
		r := r.Clone(r.Context())
		r.Body, r.GetBody, r.ContentLength = http.NoBody, nil, 0
		if body != nil {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		if again { // it may be here by now
			if rt := x.c.local.Transport(x.sensor, x.bulk); rt != nil {
				return rt.RoundTrip(r)
			}
		}
		n, _, ok := x.c.find(r.Context(), x.sensor)
		if !ok {
			return nil, relay.Offline("there is no connection from it")
		}
		if n.Addr == "" {
			return nil, elsewhere(n)
		}
		res, err := x.c.peers.relay(r, n, x.sensor, x.bulk)
		x.c.metrics.relayed(err, res)
		if err == nil && res.StatusCode == http.StatusMisdirectedRequest {
			res.Body.Close()
			res, err = nil, fmt.Errorf("node %s does not hold it any more", n.Name)
		}
		if err == nil || r.Context().Err() != nil {
			return res, err
		}
		x.c.links.forget(x.sensor)
		if x.c.bus != nil {
			x.c.bus.doubt(n.ID)
		}
		if again {
			return nil, relay.Offline("its node does not answer: " + err.Error())
		}
	}
}

// elsewhere is the problem of a sensor whose node cannot be reached.
func elsewhere(n store.Node) *protocol.Problem {
	return &protocol.Problem{
		Code: CodeElsewhere, Status: http.StatusServiceUnavailable, Title: "the sensor is linked to another node of hosted, " + n.Name,
		Detail: "that node says no address where other nodes reach it", Remedy: "ask node " + n.Name + ", or start it with --node-listen",
		Fields: map[string]string{"node": n.Name, protocol.FieldRetryAfter: relay.RetryOffline},
	}
}
