package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

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
	asked    []string      // paths with their parameters
	held     chan struct{} // told of who asks for registrations, and then gets none; nil: they are answered
	rules    sensorapi.Rules
	hosted   uint64 // revision of the tenant's rules
}

// RoundTrip carries relayed requests, which are for link.BaseURL, to the sensor.
func (f *fakeSensor) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.RequestURI())
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
