package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/notify"
	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// TestMain stores and reads a call before the first bubble: what the store's packages make once, and keep, belongs to none.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "watch")
	if err == nil {
		err = warmUp(dir)
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func warmUp(dir string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "x.db"), sqlstore.Options{Now: time.Now})
	if err != nil {
		return err
	}
	defer s.Close()
	tenant, err := s.CreateTenant(ctx, "x")
	if err != nil {
		return err
	}
	hash := [32]byte{1}
	if err := s.CreateEnrolToken(ctx, store.EnrolToken{Hash: hash, Tenant: tenant.ID, Created: time.Now(), Expires: time.Now().Add(time.Hour)}); err != nil {
		return err
	}
	sensor, err := s.RedeemEnrolToken(ctx, hash, time.Now(), store.Sensor{UUID: protocol.UUID{1}, SensorID: 1, KeyHash: hash})
	if err != nil {
		return err
	}
	call := protocol.CDR{ID: protocol.UUID{1, 6: 0x70}, Start: protocol.TimeOf(time.Now()), End: protocol.TimeOf(time.Now())}
	if _, err := s.AppendCDRs(ctx, store.Batch{Tenant: tenant.ID, Sensor: sensor.UUID, Epoch: 1, CDRs: []protocol.CDR{call}}, time.Now()); err != nil {
		return err
	}
	_, err = s.Call(ctx, tenant.ID, call.ID)
	return err
}

// rig is a tenant with a sensor and a receiver, on a real store, in a bubble whose time goes by at once.
type rig struct {
	*testing.T
	store  store.Store
	tenant store.Tenant
	sensor store.Sensor
	noc    int64 // receiver
	sent   *sent
	log    *lockedBuffer
	next   uint64
	made   int
}

const hookURL = "https://hooks.example/T0/secret-path"

// inBubble runs a test with a rig.
func inBubble(t *testing.T, fn func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlstore.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := &rig{T: t, store: s, sent: &sent{}, log: &lockedBuffer{}}
		r.tenant, err = s.CreateTenant(t.Context(), "acme")
		r.ok(err)
		r.sensor = r.enrol(3, "pbx")
		spec, err := json.Marshal(alert.Receiver{Name: "noc", Kind: alert.KindWebhook, URL: hookURL, Key: "0123456789abcdef"})
		r.ok(err)
		rec, err := s.CreateReceiver(t.Context(), store.Receiver{Tenant: r.tenant.ID, Spec: spec, Changed: time.Now()}, alert.MaxReceivers)
		r.ok(err)
		r.noc = rec.ID
		fn(r)
		if text := r.log.String(); strings.Contains(text, "secret-path") || strings.Contains(text, "0123456789abcdef") {
			t.Errorf("the log tells a secret:\n%s", text)
		}
	})
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) enrol(number uint16, name string) store.Sensor {
	r.Helper()
	hash := [32]byte{byte(number), 1}
	r.ok(r.store.CreateEnrolToken(r.Context(), store.EnrolToken{Hash: hash, Tenant: r.tenant.ID, Created: time.Now(), Expires: time.Now().Add(time.Hour)}))
	s, err := r.store.RedeemEnrolToken(r.Context(), hash, time.Now(), store.Sensor{UUID: protocol.UUID{byte(number)}, SensorID: number, KeyHash: hash, Info: protocol.SensorInfo{Name: name, SensorID: number}})
	r.ok(err)
	return s
}

// alert stores a definition that tells the receiver.
func (r *rig) alert(change func(*alert.Spec)) store.Alert {
	r.Helper()
	s := alert.Spec{Name: "few answered", Enabled: true, Metric: alert.ASR, Threshold: 40, WindowMS: 300_000, MinCalls: 5, Receivers: []int64{r.noc}}
	if change != nil {
		change(&s)
	}
	s.Defaults()
	r.ok(s.Check())
	data, err := json.Marshal(s)
	r.ok(err)
	a, err := r.store.CreateAlert(r.Context(), store.Alert{Tenant: r.tenant.ID, Spec: data, Enabled: s.Enabled, Author: "ann", Changed: time.Now()}, alert.MaxAlerts)
	r.ok(err)
	return a
}

// change stores another definition of an alert.
func (r *rig) change(a store.Alert, change func(*alert.Spec)) store.Alert {
	r.Helper()
	s, err := decode[alert.Spec](a.Spec)
	r.ok(err)
	change(&s)
	a.Spec, err = json.Marshal(s)
	r.ok(err)
	a.Enabled, a.Changed = s.Enabled, time.Now()
	a, err = r.store.UpdateAlert(r.Context(), a)
	r.ok(err)
	return a
}

// node is a running service.
type node struct {
	*Service
	stop func()
}

func (r *rig) start(links Links) *node {
	ctx, cancel := context.WithCancel(context.Background())
	s := New(Config{
		Store: r.store, Sender: r.sent, Links: links, Base: "https://voip.example", Now: time.Now, Metrics: prometheus.NewRegistry(),
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return &node{s, sync.OnceFunc(func() { cancel(); <-done })}
}

// calls stores calls that ended at a time, as sensors' link does.
func (r *rig) calls(n *node, end time.Time, count int, answered bool) {
	r.Helper()
	all := make([]protocol.CDR, count)
	for i := range all {
		r.made++
		c := protocol.CDR{Start: protocol.TimeOf(end.Add(-20 * time.Second)), End: protocol.TimeOf(end), SensorID: 3, CallID: fmt.Sprint(r.made), Src: "192.0.2.1:5060", Status: 503, EndCause: protocol.EndRejected}
		c.ID = protocol.UUID{1: byte(r.made >> 16), 2: byte(r.made >> 8), 3: byte(r.made), 6: 0x70}
		if answered {
			ms := int64(15_000)
			c.ConnectMS, c.Status, c.EndCause = &ms, 200, protocol.EndBye
		}
		all[i] = c
	}
	_, err := r.store.AppendCDRs(r.Context(), store.Batch{Tenant: r.tenant.ID, Sensor: r.sensor.UUID, Epoch: 1, First: r.next, CDRs: all}, time.Now())
	r.ok(err)
	r.next += uint64(count)
	if n != nil {
		n.Stored(r.tenant.ID, all)
	}
}

// traffic has calls end for a while, ten a minute.
func (r *rig) traffic(n *node, d time.Duration, answered bool) {
	r.Helper()
	for range d / (30 * time.Second) {
		r.calls(n, time.Now(), 5, answered)
		time.Sleep(30 * time.Second)
	}
}

func (r *rig) incidents() []alert.Incident {
	r.Helper()
	all, err := r.store.Incidents(r.Context(), r.tenant.ID, store.IncidentQuery{})
	r.ok(err)
	out := make([]alert.Incident, len(all))
	for i, x := range all {
		out[i], err = decode[alert.Incident](x.Data)
		r.ok(err)
	}
	return out
}

// told wants the messages that were delivered since the last time.
func (r *rig) told(want ...alert.Event) {
	r.Helper()
	if got := r.sent.take(); !slices.Equal(got, want) {
		r.Errorf("told %q, want %q; log:\n%s", got, want, r.log)
	}
}

// sent is a receiver's side.
type sent struct {
	mu     sync.Mutex
	events []alert.Event
	all    []notify.Delivery
	tries  int
	broken bool
}

func (s *sent) HasMail() bool { return true }

func (s *sent) Send(_ context.Context, d notify.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.broken {
		return errors.New("connection refused")
	}
	s.events = append(s.events, d.Message.Event)
	s.all = append(s.all, d)
	return nil
}

func (s *sent) take() []alert.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.events
	s.events = nil
	return e
}

func (s *sent) last() notify.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[len(s.all)-1]
}

func (s *sent) breaks(b bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.tries = b, 0
}

// noLinks has sensors that are there and cannot be asked.
type noLinks struct {
	mu     sync.Mutex
	online []protocol.UUID
}

func (l *noLinks) Online(store.TenantID) []protocol.UUID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.online
}

func (l *noLinks) set(ids ...protocol.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.online = ids
}

func (l *noLinks) Client(protocol.UUID) *sensorapi.Client { return nil }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
