// Package httpapi is hosted's HTTP interface: the JSON API under /api/v1 that the GUI, voiptop and scripts use, the GUI
// itself, and /healthz and /metrics. openapi.yaml is its contract; tests hold every answer to it. `hosted serve` calls it.
//
// Every request below /api/v1 is answered for one identity (package auth) and its tenant: what another tenant owns is
// "not found", whatever its id. Errors are protocol.Problem as application/problem+json.
//
// It is not for the sensors' link, which is hosted/internal/sensors.
package httpapi

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/oidc"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/search"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Links is what the API needs of the sensors' links. Its methods answer at once.
type Links interface {
	// Online lists the sensors of a tenant that can be called now.
	Online(t store.TenantID) []protocol.UUID
	// Client calls the API of a sensor; nil while it is offline.
	Client(sensor protocol.UUID) *sensorapi.Client
	// Relay passes a request on to a sensor's API and the answer back, with Range and without storing anything. path is
	// the sensor's, e.g. "/v1/info", escaped. The answer is problem sensor-offline while it is offline.
	Relay(w http.ResponseWriter, r *http.Request, sensor protocol.UUID, path string)
	// Places names the nodes that hold the links of a tenant's sensors; "" where there is one node alone.
	Places(t store.TenantID) map[protocol.UUID]string
	// Disconnect ends the links of a sensor that was revoked.
	Disconnect(sensor protocol.UUID)
	// RulesChanged says that a tenant's rules were changed: sensors that are online get them.
	RulesChanged()
	// NewEnrolToken makes a token that lets one sensor enrol in a tenant.
	NewEnrolToken(ctx context.Context, t store.TenantID) (token string, expires time.Time, err error)
}

// Config is what New needs. Everything is required but what says otherwise.
type Config struct {
	Store   store.Store
	Auth    *auth.Service
	Links   Links
	OIDC    oidc.Providers   // let people in; none: passwords alone do
	Direct  Direct           // downloads past hosted; the zero value: they are possible, and no STUN server is named
	Gate    *relay.Gate      // of captures and audio; nil: one with the usual limits
	GUI     fs.FS            // the built GUI; without an index.html a page says how to build it
	Server  func() string    // host:port that sensors dial
	Trusted []netip.Prefix   // proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; none unless set
	Metrics http.Handler     // served at /metrics to this host; nil: not at all
	Observe func(r Observed) // told of every request when it has been answered; nil: nobody
	Watch   Watch            // keeps the alerts
	Log     *slog.Logger
	Now     func() time.Time
	// MCPWrite lets assistants change rules by POST /mcp, with a token that has the right; otherwise they only read.
	MCPWrite bool
	Ready    func(context.Context) error // why no requests should come here, for load balancers; nil: the store is asked
	Done     <-chan struct{}             // closed when the server shuts down: endless answers end; nil: never
	Proved   func(context.Context)       // told of requests whose sender is known, as soon as it is; nil: nobody
	Patience time.Duration               // with a client that sends or takes nothing, outside of streams; 0: 1 minute

	// MetricsOf are the metrics that administrators of a tenant see, by its name; nil: none.
	MetricsOf func(tenant string) http.Handler
}

// Observed is a request that has been answered.
type Observed struct {
	Route  string // the route's pattern, so that there are few
	Method string
	Status int
	Took   time.Duration
}

// maxBody bounds the bodies of requests that hosted reads itself.
const maxBody = 64 << 10

type api struct {
	Config
	live     *live[protocol.UUID, protocol.LiveCall]
	streams  *live[protocol.StreamID, protocol.LiveStream]
	views    views
	workshop *workshop // of rules
	counting *workshop // of statistics that must be exact
	// conditions are read as those of the tenant's rules.
	conditions *search.Conditions
	assistants assistants
	marks      atomic.Pointer[[]byte] // see maskKey
}

// access is who may use a route.
type access int

const (
	public    access = iota
	member           // every user of the tenant
	listen           // who has the right to listen
	download         // who has the right to have packets
	editRules        // who has the right to change rules
	exports          // who has the right to take records along
	manage           // administrators
)

// handler answers a request for an identity; the zero identity on public routes. An error is answered as a problem.
type handler func(w http.ResponseWriter, r *http.Request, id auth.Identity) error

type route struct {
	path    string
	methods map[string]method
}

type method struct {
	access access
	handle handler
}

func (a *api) routes() []route {
	const calls, sensors = "/calls/{id}", "/sensors/{uuid}"
	relay := method{member, a.relay}
	return []route{
		{"/session", map[string]method{"POST": {public, a.login}, "GET": {member, a.session}, "DELETE": {public, a.logout}}},
		{"/session/password", map[string]method{"PUT": {member, a.changePassword}}},
		{"/session/links", map[string]method{"GET": {member, a.links}, "POST": {member, a.link}, "DELETE": {member, a.unlink}}},
		{"/oidc", map[string]method{"GET": {public, a.provider}}},
		{"/oidc/login", map[string]method{"GET": {public, a.providerLogin}}},
		{"/oidc/callback", map[string]method{"GET": {public, a.providerCallback}}},
		{"/oidc/logout", map[string]method{"POST": {public, a.providerLogout}}},
		{"/oidc/{provider}/login", map[string]method{"GET": {public, a.providerLogin}}},
		{"/oidc/{provider}/callback", map[string]method{"GET": {public, a.providerCallback}}},
		{"/oidc/{provider}/logout", map[string]method{"POST": {public, a.providerLogout}}},
		{"/sessions", map[string]method{"GET": {member, a.sessions}, "DELETE": {member, a.endOtherSessions}}},
		{"/sessions/{session}", map[string]method{"DELETE": {member, a.endSession}}},
		{"/tokens", map[string]method{"GET": {member, a.tokens}, "POST": {member, a.newToken}}},
		{"/tokens/{token}", map[string]method{"DELETE": {member, a.removeToken}}},
		{"/calls", map[string]method{"GET": {member, a.calls}}},
		{"/calls/count", map[string]method{"GET": {member, a.countCalls}}},
		{"/calls.csv", map[string]method{"GET": {exports, a.export(asCSV)}}},
		{"/calls.ndjson", map[string]method{"GET": {exports, a.export(asNDJSON)}}},
		{"/searches", map[string]method{"GET": {member, a.searches}, "POST": {member, a.saveSearch}}},
		{"/searches/check", map[string]method{"GET": {member, a.checkCondition}}},
		{"/searches/fields", map[string]method{"GET": {member, a.conditionFields}}},
		{"/searches/{search}", map[string]method{"PUT": {member, a.saveSearch}, "DELETE": {member, a.removeSearch}}},
		{calls, map[string]method{"GET": {member, a.call}}},
		{calls + "/capture", map[string]method{"GET": {download, a.capture}}},
		{calls + "/messages", map[string]method{"GET": {download, a.ofCall(messages)}}},
		{calls + "/audio", map[string]method{"GET": {listen, a.ofCall(voice)}}},
		{calls + "/audio/peaks", map[string]method{"GET": {listen, a.ofCall(waveform)}}},
		{calls + "/audio/spectrogram", map[string]method{"GET": {listen, a.ofCall(spectrogram)}}},
		{"/direct", map[string]method{"GET": {member, a.howDirect}}},
		{calls + "/capture/direct", map[string]method{"POST": {download, a.directly(packets, download)}}},
		{calls + "/audio/direct", map[string]method{"POST": {listen, a.directly(voice, listen)}}},
		{"/captures", map[string]method{"GET": {download, a.captures}}},
		{"/live", map[string]method{"GET": {member, a.watch}}},
		{"/live/streams", map[string]method{"GET": {member, a.watchStreams}}},
		{"/stats", map[string]method{"GET": {member, a.stats}}},
		{"/usage", map[string]method{"GET": {member, a.usage}}},
		{"/sensors", map[string]method{"GET": {member, a.sensors}}},
		{"/sensors/tokens", map[string]method{"POST": {manage, a.newEnrolToken}}},
		{sensors, map[string]method{"GET": {member, a.oneSensor}, "DELETE": {manage, a.revoke}}},
		{sensors + "/health", map[string]method{"GET": {member, a.sensorHealth}}},
		{sensors + "/api/{rest:.*}", map[string]method{"GET": relay, "PUT": {editRules, a.relay}}},
		{"/rules", map[string]method{"GET": {member, a.rules}, "PUT": {editRules, a.setRules}}},
		{"/rules/check", map[string]method{"POST": {editRules, a.checkRules}}},
		{"/rules/fields", map[string]method{"GET": {member, a.ruleFields}}},
		{"/rules/history", map[string]method{"GET": {member, a.ruleHistory}}},
		{"/rules/history/{revision}", map[string]method{"GET": {member, a.rulesAt}}},
		{"/alerts", map[string]method{"GET": {member, a.alerts}, "POST": {editRules, a.newAlert}}},
		{"/alerts/options", map[string]method{"GET": {member, a.alertOptions}}},
		{"/alerts/preview", map[string]method{"POST": {editRules, a.previewAlert}}},
		{"/alerts/firing", map[string]method{"GET": {member, a.firing}}},
		{"/alerts/history", map[string]method{"GET": {member, a.incidents}}},
		{"/alerts/history/{incident}", map[string]method{"GET": {member, a.incident}}},
		{"/alerts/history/{incident}/acknowledgement", map[string]method{"PUT": {member, a.acknowledge}}},
		{"/alerts/receivers", map[string]method{"GET": {member, a.receivers}, "POST": {editRules, a.saveReceiver}}},
		{"/alerts/receivers/{receiver}", map[string]method{"PUT": {editRules, a.saveReceiver}, "DELETE": {editRules, a.removeReceiver}}},
		{"/alerts/receivers/{receiver}/test", map[string]method{"POST": {editRules, a.testReceiver}}},
		{"/alerts/{alert}", map[string]method{"GET": {member, a.alert}, "PUT": {editRules, a.setAlert}, "DELETE": {editRules, a.removeAlert}}},
		{"/alerts/{alert}/test", map[string]method{"POST": {editRules, a.testAlert}}},
		{"/silences", map[string]method{"GET": {member, a.silences}, "POST": {member, a.newSilence}}},
		{"/silences/{silence}", map[string]method{"DELETE": {member, a.endSilence}}},
		{"/users", map[string]method{"GET": {manage, a.users}, "POST": {manage, a.addUser}}},
		{"/users/{name}", map[string]method{"PUT": {manage, a.setUser}, "DELETE": {manage, a.removeUser}}},
		{"/audit", map[string]method{"GET": {manage, a.audit}}},
		{"/version", map[string]method{"GET": {public, a.version}}},
		{"/openapi.yaml", map[string]method{"GET": {public, a.openapi}}},
	}
}

// Prefix is what the routes of the API begin with.
const Prefix = "/api/v1"

// New gives the handler of all that hosted serves.
func New(c Config) http.Handler {
	if c.Gate == nil {
		c.Gate = relay.NewGate(relay.Limits{}, nil)
	}
	if c.Patience == 0 {
		c.Patience = time.Minute
	}
	a := &api{Config: c, live: newLive(c.Links, liveCalls()), streams: newLive(c.Links, liveStreams()), workshop: newWorkshop(ruleWorks), counting: newWorkshop(exactWorks), conditions: search.New(c.Store)}
	m := mux.NewRouter().UseEncodedPath().SkipClean(true) // a path is what it is: no redirect to another
	for _, rt := range a.routes() {
		m.Path(Prefix + rt.path).Handler(a.endpoint(rt))
	}
	m.PathPrefix("/api").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.answer(w, r, &protocol.Problem{
			Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "the API has no " + r.URL.Path,
			Remedy: "see " + Prefix + "/openapi.yaml",
		})
	})
	m.Path("/mcp").Handler(a.observed("/mcp", http.HandlerFunc(a.mcp)))
	m.Path("/healthz").Handler(a.observed("/healthz", a.toRead(http.HandlerFunc(a.healthz))))
	m.Path("/metrics").Handler(a.toRead(http.HandlerFunc(a.metrics)))
	m.PathPrefix("/").Handler(a.observed("gui", a.toRead(a.newGUI(c.GUI))))
	return a.hasten(a.secure(m))
}

// toRead lets GET and HEAD through.
func (a *api) toRead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			a.answer(w, r, notAllowed(w, r, []string{http.MethodGet, http.MethodHead}))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endpoint serves the methods of one path.
func (a *api) endpoint(rt route) http.Handler {
	var allow []string
	for name := range rt.methods {
		allow = append(allow, name)
		if name == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	return a.observed(rt.path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Method
		if name == http.MethodHead {
			name = http.MethodGet
		}
		m, ok := rt.methods[name]
		if !ok {
			a.answer(w, r, notAllowed(w, r, allow))
			return
		}
		id, err := a.admit(r, m.access)
		if err == nil {
			err = m.handle(w, r, id)
		}
		if err != nil {
			a.answer(w, r, err)
		}
	}))
}

// admit says who asks, if the route is open to them.
func (a *api) admit(r *http.Request, need access) (auth.Identity, error) {
	if need == public {
		return auth.Identity{}, nil
	}
	id, err := a.identify(r)
	if err != nil {
		return id, err
	}
	if id.Scope != store.ScopeAPI {
		return id, outOfScope(id)
	}
	if right := needed[need]; !id.May(right) {
		return id, lacks(id, right)
	}
	if need == manage && !id.MayManage() {
		return id, forbidden(id)
	}
	return id, nil
}

// identify says who asks.
func (a *api) identify(r *http.Request) (auth.Identity, error) {
	id, err := a.Auth.Identify(r)
	if err == nil && a.Proved != nil {
		a.Proved(r.Context())
	}
	return id, err
}

// needed is what an access asks for; none is not listed. Packets hold numbers.
var needed = map[access]auth.Right{listen: auth.RightListen, download: auth.RightDownload | auth.RightNumbers, editRules: auth.RightRules, exports: auth.RightExport}

// lacks is the problem of who has not a right.
func lacks(id auth.Identity, right auth.Right) error {
	right &^= id.Rights
	p := &protocol.Problem{
		Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: id.Name + " has not the right " + right.String(),
		Remedy: "ask an administrator of " + id.TenantName + " for it", Fields: map[string]string{"right": right.String()},
	}
	if id.Narrow {
		p.Title = "this API token of " + id.Name + " has not the right " + right.String()
		p.Remedy = "use a token with that right; " + id.Name + " may make one, if " + id.Name + " has it"
	}
	return p
}

// outOfScope is the problem of a token that is good elsewhere.
func outOfScope(id auth.Identity) error {
	return &protocol.Problem{
		Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "this API token of " + id.Name + " is for assistants only",
		Remedy: "use it at /mcp, or another token here", Fields: map[string]string{"scope": string(id.Scope)},
	}
}

func forbidden(id auth.Identity) error {
	if id.Narrow {
		return &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden,
			Title: "an API token that is narrowed to rights administers nothing", Remedy: "log in, or use a token without rights of its own",
		}
	}
	return &protocol.Problem{
		Code: protocol.CodeForbidden, Status: http.StatusForbidden,
		Title: "the role " + string(id.Role) + " may not do this", Remedy: "ask an administrator of " + id.TenantName,
	}
}
