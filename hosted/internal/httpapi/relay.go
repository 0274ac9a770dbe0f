package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// capture streams the kept packets of a call from its sensor to the client.
func (a *api) capture(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	c, sensor, err := a.findCall(r, id)
	if err != nil {
		return err
	}
	if !sensor.IsZero() {
		return a.relayCapture(w, r, id, sensor, c.ID.String())
	}
	if c.Capture.Kept == "" || c.Capture.Kept == protocol.KeepNone {
		return notKept(c)
	}
	s, err := a.Store.SensorByNumber(r.Context(), id.Tenant, c.SensorID)
	if errors.Is(err, store.ErrNotFound) {
		return &protocol.Problem{
			Code: protocol.CodeCaptureExpired, Status: http.StatusGone,
			Title: "the call's packets are gone with their sensor", Detail: "no sensor of the tenant has the call's id_sensor any more",
		}
	}
	if err != nil {
		return err
	}
	if a.Links.Client(s.UUID) == nil {
		return offline(s)
	}
	return a.relayCapture(w, r, id, s.UUID, c.ID.String())
}

func notKept(c *protocol.CDR) error {
	p := &protocol.Problem{
		Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "the call's packets were not kept",
		Detail: "no capture rule matched the call", Remedy: "a capture rule that matches such calls keeps the next ones",
	}
	if c.Rule != "" {
		p.Detail = "the rule " + c.Rule + " decided not to keep them"
		p.Fields = map[string]string{"rule": c.Rule}
	}
	return p
}

// relayCapture passes packets on, and writes down who had them: before the first byte, so that nobody has packets
// unseen, and how many bytes it were after the last.
func (a *api) relayCapture(w http.ResponseWriter, r *http.Request, id auth.Identity, sensor protocol.UUID, call string) error {
	path := "/v1/calls/" + url.PathEscape(call) + "/capture"
	if r.Method == http.MethodHead {
		a.Links.Relay(w, r, sensor, path)
		return nil
	}
	if err := a.record(r, id, auth.ActionCaptureOpen, call, 0, r.Header.Get("Range")); err != nil {
		return err
	}
	c := &countingWriter{ResponseWriter: w}
	defer func() { // the reverse proxy panics with http.ErrAbortHandler when the stream breaks
		if c.code()/100 != 2 {
			return
		}
		if err := a.record(r.WithContext(context.WithoutCancel(r.Context())), id, auth.ActionCapture, call, c.bytes, r.Header.Get("Range")); err != nil {
			a.Log.Error("audit of a download failed", "user", id.Name, "call", call, "bytes", c.bytes, "error", err)
		}
	}()
	a.Links.Relay(c, r, sensor, path)
	return nil
}

// maxRules bounds a rule file on its way to a sensor.
const maxRules = 4 << 20

// relay passes a request on to the API of a sensor: reading for all, packets and rules by right.
func (a *api) relay(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, err := a.sensor(r, id)
	if err != nil {
		return err
	}
	if a.Links.Client(s.UUID) == nil {
		return offline(s)
	}
	rest := mux.Vars(r)["rest"] // escaped as it came
	parts := strings.Split(rest, "/")
	for i := range parts {
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return badRequest("path", "is not escaped well", "")
		}
	}
	switch {
	case r.Method == http.MethodPut && rest == "rules":
		r.Body = http.MaxBytesReader(w, r.Body, maxRules)
		c := &countingWriter{ResponseWriter: w}
		a.Links.Relay(c, r, s.UUID, "/v1/rules")
		if c.code()/100 == 2 {
			return a.record(r, id, auth.ActionRules, s.UUID.String(), 0, "")
		}
		return nil
	case r.Method == http.MethodPut:
		return notFound("the sensor API has no PUT /v1/" + rest)
	case len(parts) == 3 && parts[0] == "calls" && segment(parts[1]) && parts[2] == "capture":
		if !id.May(auth.RightDownload) {
			return lacks(id, auth.RightDownload)
		}
		return a.relayCapture(w, r, id, s.UUID, parts[1])
	}
	if !readable(parts) {
		return notFound("the sensor API has no GET /v1/" + rest)
	}
	a.Links.Relay(w, r, s.UUID, "/v1/"+rest)
	return nil
}

// readable lists what every user may read of a sensor. What the sensor API gains later is not open by itself.
func readable(parts []string) bool {
	switch parts[0] {
	case "info", "health", "live", "registrations", "transactions", "rules":
		return len(parts) == 1
	case "calls":
		return len(parts) == 1 || len(parts) == 2 && segment(parts[1])
	}
	return false
}

// segment reports whether a part of a path names something, and does not lead elsewhere.
func segment(s string) bool { return s != "" && s != "." && s != ".." }

// sensor finds the sensor that the path names, if it is the tenant's.
func (a *api) sensor(r *http.Request, id auth.Identity) (store.Sensor, error) {
	uuid, err := protocol.ParseUUID(mux.Vars(r)["uuid"])
	if err != nil {
		return store.Sensor{}, notFound("there is no such sensor")
	}
	s, err := a.Store.Sensor(r.Context(), uuid)
	if errors.Is(err, store.ErrNotFound) || err == nil && s.Tenant != id.Tenant {
		return store.Sensor{}, notFound("there is no such sensor")
	}
	return s, err
}
