package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	"voiptop/hosted/internal/relay"
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

// fakeLinks reaches the sensors of the tests by plain HTTP instead of the link.
type fakeLinks struct {
	mu           sync.Mutex
	sensors      map[protocol.UUID]*fakeSensor
	disconnected []protocol.UUID
}

func (l *fakeLinks) find(id protocol.UUID) *fakeSensor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sensors[id]
}

func (l *fakeLinks) Online(t store.TenantID) (list []protocol.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range l.sensors {
		if s.tenant == t {
			list = append(list, id)
		}
	}
	return list
}

func (l *fakeLinks) Places(t store.TenantID) map[protocol.UUID]string {
	names := map[protocol.UUID]string{}
	for _, id := range l.Online(t) {
		names[id] = "node-1"
	}
	return names
}

func (l *fakeLinks) Client(id protocol.UUID) *sensorapi.Client {
	s := l.find(id)
	if s == nil {
		return nil
	}
	return &sensorapi.Client{HTTP: s.server.Client(), Base: s.server.URL}
}

func (l *fakeLinks) Relay(w http.ResponseWriter, r *http.Request, id protocol.UUID, path string) {
	s := l.find(id)
	if s == nil {
		sensorapi.WriteProblem(w, relay.Offline("test"))
		return
	}
	relay.Serve(w, r, s, path)
}

func (l *fakeLinks) Disconnect(id protocol.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.disconnected = append(l.disconnected, id)
	delete(l.sensors, id)
}

func (l *fakeLinks) NewEnrolToken(context.Context, store.TenantID) (string, time.Time, error) {
	return "vt1.test", time.Now().Add(time.Hour), nil
}

// fakeSensor is a sensor behind sensorapi's own handler.
type fakeSensor struct {
	uuid   protocol.UUID
	tenant store.TenantID
	number uint16
	server *httptest.Server

	mu       sync.Mutex
	calls    map[string]protocol.CDR // running ones
	captures map[string][]byte
	voices   map[string][]byte            // WAV files
	merged   map[string][]byte            // captures of groups
	refuses  map[string]*protocol.Problem // what it says of a call instead of giving anything
	breaks   map[string]bool              // captures that end too early
	live     []protocol.LiveCall
	changed  chan struct{} // closed and made anew when live changes
	watchers int
	asked    []string      // paths
	held     chan struct{} // told of who asks for registrations, and then gets none; nil: they are answered
	rules    sensorapi.Rules
	hosted   uint64 // revision of the tenant's rules
}

// RoundTrip carries relayed requests, which are for link.BaseURL, to the sensor.
func (f *fakeSensor) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.EscapedPath())
	f.mu.Unlock()
	base, err := url.Parse(f.server.URL)
	if err != nil {
		return nil, err
	}
	r.URL.Scheme, r.URL.Host = base.Scheme, base.Host
	return http.DefaultTransport.RoundTrip(r)
}

func (f *fakeSensor) setLive(calls ...protocol.LiveCall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live = calls
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeSensor) Info() protocol.SensorInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	return protocol.SensorInfo{
		UUID: f.uuid, SensorID: f.number, Name: "from the sensor", Source: "eth9", Capabilities: []string{"listen"},
		RuleRevision: f.rules.Revision, HostedRuleRevision: f.hosted,
	}
}

func (f *fakeSensor) Health() protocol.Health {
	return protocol.Health{Info: f.Info(), Running: 4, Journal: protocol.QueueState{Pending: 17}, Problems: []protocol.Problem{{Code: "clock-skew", Title: "x"}}}
}

func (f *fakeSensor) update() *protocol.LiveUpdate {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &protocol.LiveUpdate{T: 1, Snapshot: true, Calls: slices.Clone(f.live), Counters: protocol.Counters{"packets": 100}}
}

func (f *fakeSensor) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	f.mu.Lock()
	f.watchers++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.watchers--
		f.mu.Unlock()
	}()
	for {
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		if err := emit(f.update()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (f *fakeSensor) Snapshot(context.Context) (*protocol.LiveUpdate, error) { return f.update(), nil }

func (f *fakeSensor) Calls(context.Context, int, protocol.UUID) ([]protocol.CDR, error) {
	return nil, nil
}

func (f *fakeSensor) Call(_ context.Context, id string) (*protocol.CDR, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.ID.String() == id || c.CallID == id {
			return &c, nil
		}
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no such call"}
}

func (f *fakeSensor) Capture(_ context.Context, id string) (*sensorapi.CaptureFile, error) {
	return f.file(f.captures, id)
}

func (f *fakeSensor) CaptureGroup(_ context.Context, id string) (*sensorapi.CaptureFile, error) {
	return f.file(f.merged, id)
}

// captured is when the files of all sensors were made, and what the tag of a file begins with.
var captured = time.Unix(1_700_000_000, 0)

func (f *fakeSensor) file(of map[string][]byte, id string) (*sensorapi.CaptureFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.refuses[id]; p != nil {
		return nil, p
	}
	b, ok := of[id]
	if !ok {
		return nil, &protocol.Problem{Code: protocol.CodeCaptureExpired, Status: http.StatusGone, Title: "the call's packets have expired"}
	}
	c := &sensorapi.CaptureFile{Name: "x.pcapng", Size: int64(len(b)), ModTime: captured, Tag: "tag-" + id, ReadSeekCloser: seeker{bytes.NewReader(b)}}
	if f.breaks[id] {
		c.ReadSeekCloser = broken{c.ReadSeekCloser, len(b) / 2}
	}
	return c, nil
}

// broken is a file that cannot be read to its end.
type broken struct {
	io.ReadSeekCloser
	good int // bytes
}

func (b broken) Read(p []byte) (int, error) {
	at, err := b.Seek(0, io.SeekCurrent)
	if left := b.good - int(at); err == nil && left > 0 {
		return b.ReadSeekCloser.Read(p[:min(len(p), left)])
	}
	return 0, errors.New("disk fault")
}

type seeker struct{ *bytes.Reader }

func (seeker) Close() error { return nil }

func (f *fakeSensor) Registrations(ctx context.Context) ([]protocol.Registration, error) {
	f.mu.Lock()
	held := f.held
	f.mu.Unlock()
	if held != nil {
		held <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	now := protocol.TimeOf(time.Now())
	return []protocol.Registration{{
		SensorID: 1, State: protocol.Registered, AOR: "1001@example.org", Contact: "sip:1001@192.0.2.1", Src: "192.0.2.1:5060", Dst: "192.0.2.2:5060",
		Transport: "udp", Since: now, Refresh: now, Until: now + 1, Attempt: now, Status: 200, Reason: "OK", RTTMS: new(float64),
	}}, nil
}

func (f *fakeSensor) Transactions(_ context.Context, limit int) ([]protocol.Transaction, error) {
	now := protocol.TimeOf(time.Now())
	return []protocol.Transaction{{
		Method: "OPTIONS", CallID: "ping", SensorID: 1, Contacts: []string{}, Src: "192.0.2.1:5060", Dst: "192.0.2.2:5060", Transport: "udp",
		First: now, Last: now, Attempts: 7, End: protocol.TransactionTimeout, Count: 1, Findings: []protocol.Finding{},
	}}[:min(limit, 1)], nil
}

func (f *fakeSensor) Rules() sensorapi.Rules {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rules
}

func (f *fakeSensor) SetRules(_ context.Context, r sensorapi.Rules) (sensorapi.Rules, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(r.Text, "wrong") {
		return r, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "line 1"}
	}
	f.rules = sensorapi.Rules{Revision: f.rules.Revision + 1, Text: r.Text}
	return f.rules, nil
}

// trusting makes the tests' own host a trusted proxy.
func trusting(c *httpapi.Config) { c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
