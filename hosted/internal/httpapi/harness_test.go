package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// password is what all users of the tests have; its hash is made once.
const password = "correct horse"

var (
	passwordHash = auth.HashPassword(password)
	contract     = loadContract()
)

func loadContract() routers.Router {
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		panic(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err == nil {
		err = doc.Validate(context.Background())
	}
	if err != nil {
		panic(err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	for _, t := range []string{"application/vnd.tcpdump.pcap", "application/yaml", "application/zip", "text/csv", "application/x-ndjson", "audio/wav", "image/png", "text/html"} {
		openapi3filter.RegisterBodyDecoder(t, openapi3filter.FileBodyDecoder)
	}
	return r
}

// world is a service with two tenants, seen from outside over HTTP.
//
// acme has the users admin, user and viewer and the sensors 1 (online), 2 (online) and 3 (offline); other has the user
// eve, an administrator, and one online sensor 1.
type world struct {
	t      *testing.T
	store  store.Store
	links  *fakeLinks
	url    string
	stop   func() // tells the API that the server shuts down
	acme   store.TenantID
	other  store.TenantID
	s1, s2 *fakeSensor
	s3     protocol.UUID // offline
	theirs *fakeSensor
	next   map[protocol.UUID]uint64
	made   int

	mu    sync.Mutex
	clock time.Time
}

func newWorld(t *testing.T, change ...func(*httpapi.Config)) *world {
	w := &world{t: t, next: map[protocol.UUID]uint64{}, clock: time.Now().UTC().Truncate(time.Second)}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlstore.Options{Now: w.now})
	w.ok(err)
	t.Cleanup(func() { s.Close() })
	w.store = s
	w.links = &fakeLinks{sensors: map[protocol.UUID]*fakeSensor{}}
	w.acme, w.other = w.tenant("acme"), w.tenant("other")
	w.user(w.acme, "admin", store.RoleAdmin)
	w.user(w.acme, "user", store.RoleUser)
	w.user(w.acme, "viewer", store.RoleViewer)
	w.user(w.other, "eve", store.RoleAdmin)
	w.s1, w.s2, w.theirs = w.online(w.acme, 1), w.online(w.acme, 2), w.online(w.other, 1)
	w.s3 = w.enrol(w.acme, 3)

	done := make(chan struct{})
	c := httpapi.Config{
		Store: s, Auth: auth.New(s, w.now), Links: w.links, GUI: builtGUI, Server: func() string { return "hosted.example.com:60023" },
		Log: slog.New(slog.DiscardHandler), Now: w.now, Done: done,
	}
	for _, f := range change {
		f(&c)
	}
	server := httptest.NewServer(httpapi.New(c))
	t.Cleanup(server.Close)
	w.stop = sync.OnceFunc(func() { close(done) })
	t.Cleanup(w.stop)
	w.url = server.URL
	return w
}

var builtGUI fs.FS = fstest.MapFS{
	"index.html":         {Data: []byte("<!doctype html><title>Calls</title>")},
	"assets/app-1234.js": {Data: []byte("let x")},
	".keep":              {Data: []byte("secret")},
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tenant(name string) store.TenantID {
	tn, err := w.store.CreateTenant(w.t.Context(), name)
	w.ok(err)
	return tn.ID
}

func (w *world) user(t store.TenantID, name string, role store.Role) {
	_, err := w.store.CreateUser(w.t.Context(), store.User{Tenant: t, Name: name, Password: passwordHash, Role: role, Rights: role.Rights(), Created: w.now()})
	w.ok(err)
}

func (w *world) enrol(t store.TenantID, number uint16) protocol.UUID {
	w.made++
	hash := [32]byte{byte(w.made)}
	w.ok(w.store.CreateEnrolToken(w.t.Context(), store.EnrolToken{Hash: hash, Tenant: t, Expires: w.now().Add(time.Hour)}))
	s, err := w.store.RedeemEnrolToken(w.t.Context(), hash, w.now(), store.Sensor{
		UUID: protocol.UUID{0xaa, byte(w.made)}, SensorID: number, KeyHash: hash, Info: protocol.SensorInfo{Name: fmt.Sprintf("pbx%d", number), SensorID: number},
	})
	w.ok(err)
	return s.UUID
}

// online enrols a sensor that can be called.
func (w *world) online(t store.TenantID, number uint16) *fakeSensor {
	f := &fakeSensor{uuid: w.enrol(t, number), tenant: t, number: number, calls: map[string]protocol.CDR{}, captures: map[string][]byte{}, voices: map[string][]byte{}, merged: map[string][]byte{}, refuses: map[string]*protocol.Problem{}, breaks: map[string]bool{}, changed: make(chan struct{})}
	f.server = httptest.NewServer(sensorapi.NewHandler(f))
	w.t.Cleanup(f.server.Close)
	w.links.mu.Lock()
	defer w.links.mu.Unlock()
	w.links.sensors[f.uuid] = f
	return f
}

// call makes a CDR of a sensor.
func (w *world) call(number uint16, change func(*protocol.CDR)) protocol.CDR {
	w.made++
	c := protocol.CDR{
		Start: protocol.TimeOf(w.now().Add(-time.Minute)), End: protocol.TimeOf(w.now()), SensorID: number,
		CallID: fmt.Sprintf("%d/a b@pbx", w.made),
	}
	ms := c.Start.Std().UnixMilli()
	for i := range 6 {
		c.ID[i] = byte(ms >> (40 - 8*i))
	}
	c.ID[6], c.ID[14], c.ID[15] = 0x70, byte(w.made>>8), byte(w.made)
	if change != nil {
		change(&c)
	}
	return c
}

// stored stores CDRs as the batch of a sensor.
func (w *world) stored(t store.TenantID, sensor protocol.UUID, calls ...protocol.CDR) {
	w.t.Helper()
	cur, err := w.store.AppendCDRs(w.t.Context(), store.Batch{Tenant: t, Sensor: sensor, Epoch: 1, First: w.next[sensor], CDRs: calls}, w.now())
	w.ok(err)
	w.next[sensor] = cur.Next
}

// audited lists the actions in a tenant's audit log that are as given, newest first.
func (w *world) audited(t store.TenantID, action string) []store.AuditEntry {
	w.t.Helper()
	log, err := w.store.AuditLog(w.t.Context(), t, store.AuditQuery{Limit: 1000})
	w.ok(err)
	return slices.DeleteFunc(log, func(e store.AuditEntry) bool { return e.Action != action })
}

// client asks as somebody, and holds every answer to the contract.
type client struct {
	w      *world
	http   *http.Client
	header http.Header
}

func (w *world) anonymous() *client {
	jar, err := cookiejar.New(nil)
	w.ok(err)
	return &client{w: w, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}, header: http.Header{}}
}

func (w *world) as(name string) *client {
	w.t.Helper()
	c := w.anonymous()
	if a := c.do("POST", "/session", map[string]string{"name": name, "password": password}); a.status != http.StatusOK {
		w.t.Fatalf("login of %s: %d %s", name, a.status, a.body)
	}
	return c
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is the code of a problem, or the status as text.
func (a answer) code() string {
	var p protocol.Problem
	if json.Unmarshal(a.body, &p) == nil && p.Code != "" {
		return p.Code
	}
	return fmt.Sprint(a.status)
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("answer %d %s: %v", a.status, a.body, err)
	}
}

func (c *client) get(path string) answer { c.w.t.Helper(); return c.do("GET", path, nil) }

// do sends a request below /api/v1 and checks the answer against openapi.yaml.
func (c *client) do(method, path string, body any) answer {
	c.w.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		c.w.ok(err)
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.w.t.Context(), method, c.w.url+httpapi.Prefix+path, in)
	c.w.ok(err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.header {
		req.Header[k] = v
	}
	a := c.send(req)
	c.check(req, a)
	return a
}

func (c *client) send(req *http.Request) answer {
	c.w.t.Helper()
	res, err := c.http.Do(req)
	c.w.ok(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	c.w.ok(err)
	return answer{res.StatusCode, res.Header, b}
}

func (c *client) check(req *http.Request, a answer) {
	c.w.t.Helper()
	route, params, err := contract.FindRoute(req)
	if err != nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			c.w.t.Errorf("%s %s is answered with %d and not in openapi.yaml: %v", req.Method, req.URL, a.status, err)
		}
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header, Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	in.SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		c.w.t.Errorf("%s %s: answer %d is not as openapi.yaml says: %v\n%s", req.Method, req.URL, a.status, err, a.body)
	}
}

// captured is when the files of all sensors were made, and what the tag of a file begins with.
var captured = time.Unix(1_700_000_000, 0)

// trusting makes the tests' own host a trusted proxy.
func trusting(c *httpapi.Config) { c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
