package sensors

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// rig is a hosted's end of the link, with a real store and real TLS on loopback.
type rig struct {
	counted atomic.Uint64 // calls that were told of as stored
	t       testing.TB
	store   *tenantStore
	ca      *CA
	svc     *Service
	addr    string
	tenant  store.TenantID
	ahead   atomic.Int64 // of the clock, nanoseconds
	end     func()       // Serve's context
}

// tenantStore can suspend tenants, for which store.Store has no method.
type tenantStore struct {
	*sqlite.Store
	suspended atomic.Bool
}

func (s *tenantStore) Tenant(ctx context.Context, id store.TenantID) (store.Tenant, error) {
	t, err := s.Store.Tenant(ctx, id)
	t.Suspended = t.Suspended || s.suspended.Load()
	return t, err
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

func newRig(t testing.TB, limits Limits) *rig {
	t.Helper()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "hosted.db"), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r := &rig{t: t, store: &tenantStore{Store: db}}
	if r.ca, err = LoadCA(ctx, db, r.now); err != nil {
		t.Fatal(err)
	}
	r.tenant = r.newTenant("Acme")
	r.svc = New(Config{
		Store: r.store, CA: r.ca, Limits: limits, Clock: r.now, Log: testLog(t),
		Stored: func(_ store.TenantID, calls []protocol.CDR) { r.counted.Add(uint64(len(calls))) },
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	r.end = stop
	done := make(chan error, 1)
	go func() { done <- r.svc.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Serve does not end")
		}
	})
	return r
}

// testLog shows what is logged when the test is verbose.
func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *rig) newTenant(name string) store.TenantID {
	r.t.Helper()
	t, err := r.store.CreateTenant(r.t.Context(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	return t.ID
}

func (r *rig) token(tenant store.TenantID) link.Token {
	r.t.Helper()
	text, _, err := r.svc.NewEnrolToken(r.t.Context(), tenant)
	if err != nil {
		r.t.Fatal(err)
	}
	k, err := link.ParseToken(text)
	if err != nil {
		r.t.Fatal(err)
	}
	return k
}

func (r *rig) info(number uint16, boot string) protocol.SensorInfo {
	return protocol.SensorInfo{SensorID: number, Name: "pbx-" + boot, Version: "1.0", Commit: "abc", OS: "linux", Arch: "arm64", BootID: boot, Clock: protocol.TimeOf(r.now())}
}

func (r *rig) enrolment(tenant store.TenantID, number uint16) link.Enrolment {
	return link.Enrolment{Server: r.addr, Token: r.token(tenant), Dir: r.t.TempDir(), Info: r.info(number, "boot"), Now: r.now}
}

func (r *rig) enrol(tenant store.TenantID, number uint16) *link.Identity {
	r.t.Helper()
	id, err := link.Enrol(r.t.Context(), r.enrolment(tenant, number))
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *rig) dialer(id *link.Identity) *link.Dialer {
	return &link.Dialer{Identity: id, Trust: link.Trust{CA: id.CA}, Now: r.now}
}

// hello says hello once and closes.
func (r *rig) hello(id *link.Identity, info protocol.SensorInfo) error {
	c, err := link.Connect(r.t.Context(), r.dialer(id), r.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Hello(r.t.Context(), link.Hello{Info: info})
	return err
}

// sensor is a sensor's end of the link, as simple as it can be.
type sensor struct {
	r      *rig
	id     *link.Identity
	up     *link.Client
	answer *link.HelloAnswer
	cancel context.CancelFunc
	wg     sync.WaitGroup
	bulks  atomic.Int32 // bulk connections dialled
}

// online connects a sensor and waits until hosted can call it.
func (r *rig) online(id *link.Identity, info protocol.SensorInfo, api http.Handler) (*sensor, error) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &sensor{r: r, id: id, cancel: cancel}
	var err error
	if s.up, err = link.Connect(ctx, r.dialer(id), r.addr); err != nil {
		cancel()
		return nil, err
	}
	r.t.Cleanup(s.stop)
	if s.answer, err = s.up.Hello(ctx, link.Hello{Info: info}); err != nil {
		return nil, err
	}
	m := http.NewServeMux()
	m.HandleFunc("GET "+link.PathSession, func(w http.ResponseWriter, _ *http.Request) {
		link.WriteMessage(w, link.Session{Session: s.answer.Session})
	})
	m.HandleFunc("POST "+link.PathOpenBulk, func(w http.ResponseWriter, _ *http.Request) {
		s.bulks.Add(1)
		s.serve(ctx, link.ALPNBulk, m)
		w.WriteHeader(http.StatusAccepted)
	})
	if api != nil {
		m.Handle("/", api)
	}
	s.serve(ctx, link.ALPNDown, m)
	r.eventually("the sensor is online", func() bool { return r.svc.Client(id.UUID) != nil })
	return s, nil
}

func (s *sensor) serve(ctx context.Context, alpn string, h http.Handler) {
	s.wg.Go(func() {
		c, err := s.r.dialer(s.id).Dial(ctx, s.r.addr, alpn)
		if err != nil {
			return
		}
		_ = link.ServeConn(ctx, c, h) // ends when the test does
	})
}

func (s *sensor) stop() {
	s.cancel()
	s.up.Close()
	s.wg.Wait()
}

// gone tells whether hosted has closed the up connection.
func (s *sensor) gone() bool {
	select {
	case <-s.up.Done():
		return true
	default:
		return false
	}
}

func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// batch encodes calls first, first+1, ... .
func batch(t *testing.T, epoch, first, lost uint64, n int) []byte {
	t.Helper()
	b := &link.Batch{Epoch: epoch, First: first, Lost: lost}
	for i := range uint64(n) {
		b.CDRs = append(b.CDRs, record(t, cdr(first+i)))
	}
	return encode(t, b)
}

func encode(t *testing.T, b *link.Batch) []byte {
	t.Helper()
	body, err := link.EncodeBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func record(t *testing.T, c protocol.CDR) cbor.RawMessage {
	t.Helper()
	b, err := link.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cdr is call number n of a sensor.
func cdr(n uint64) protocol.CDR {
	c := protocol.CDR{CallID: "call-" + time.Duration(n).String(), Caller: "1001", Callee: "1002", Start: protocol.TimeOf(time.Now()) - protocol.Time(n)}
	c.ID[0], c.ID[6], c.ID[8] = 1, 0x70, 0x80
	for i := range 6 {
		c.ID[15-i] = byte(n >> (8 * i))
	}
	return c
}

func (r *rig) stored(t store.TenantID) uint64 {
	r.t.Helper()
	n, err := r.store.CountCalls(r.t.Context(), t)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// wantProblem checks the code of a problem and gives the problem.
func wantProblem(t *testing.T, err error, code string) *protocol.Problem {
	t.Helper()
	var p *protocol.Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want problem %s", err, code)
	}
	if p.Code != code {
		t.Fatalf("got problem %v, want code %s", p, code)
	}
	return p
}

func drainBody(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}
