package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

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
	case len(parts) > 2 && parts[0] == "calls" && segment(parts[1]):
		x, ok := assetAt(strings.Join(parts[2:], "/"))
		if !ok {
			break
		}
		if !id.May(x.right) {
			return lacks(id, x.right)
		}
		return a.stream(w, r, id, wish{asset: x, sensor: s.UUID, call: parts[1]})
	}
	if !readable(parts) {
		return notFound("the sensor API has no GET /v1/" + rest)
	}
	if tellsNumbers(parts[0]) && !id.May(auth.RightNumbers) {
		return lacks(id, auth.RightNumbers)
	}
	a.Links.Relay(w, r, s.UUID, "/v1/"+rest)
	return nil
}

// tellsNumbers lists what holds numbers: a sensor's answer is passed on as it comes, and so not masked.
func tellsNumbers(what string) bool {
	switch what {
	case "calls", "live", "registrations", "transactions":
		return true
	}
	return false
}

// readable lists what every user may read of a sensor. What the sensor API gains later is not open by itself.
func readable(parts []string) bool {
	switch parts[0] {
	case "info", "health", "registrations", "transactions", "rules":
		return len(parts) == 1
	case "live":
		return len(parts) == 1 || len(parts) == 2 && parts[1] == "streams"
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
	s, err := a.Store.Sensor(r.Context(), id.Tenant, uuid)
	if errors.Is(err, store.ErrNotFound) {
		return store.Sensor{}, notFound("there is no such sensor")
	}
	return s, err
}
