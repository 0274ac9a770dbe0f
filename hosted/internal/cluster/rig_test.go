package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/internal/store/postgres/pgtest"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

var database *pgtest.Server

func TestMain(m *testing.M) {
	os.Exit(pgtest.Run(func(s *pgtest.Server) int {
		database = s
		return m.Run()
	}))
}

// rig is a database that nodes share.
type rig struct {
	t      testing.TB
	db     string
	ca     *sensors.CA
	store  *postgres.Store
	tenant store.TenantID
	ahead  atomic.Int64 // of the clock, nanoseconds
	ids    map[uint16]*link.Identity
	early  func(protocol.UUID) // called when a sensor has said hello and cannot be called yet; nil: not
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

func newRig(t testing.TB) *rig {
	t.Helper()
	database.Skip(t)
	r := &rig{t: t, db: database.Database(t), ids: map[uint16]*link.Identity{}}
	r.store = r.open()
	tenant, err := r.store.CreateTenant(t.Context(), "acme")
	r.ok(err)
	r.tenant = tenant.ID
	r.ca, err = sensors.LoadCA(t.Context(), r.store, r.now)
	r.ok(err)
	return r
}

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) open() *postgres.Store {
	r.t.Helper()
	s, err := postgres.Open(r.t.Context(), r.db, sqlstore.Options{})
	r.ok(err)
	r.t.Cleanup(func() { s.Close() })
	return s
}

// node is one hosted, without its web side.
type node struct {
	*Cluster
	r     *rig
	store *postgres.Store
	svc   *sensors.Service
	addr  string // that sensors dial
	stop  func() // in order
	die   func() // as a crash would: nobody hears of it
}

// testLog shows what is logged when the test is verbose.
func testLog(t testing.TB, name string) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", name)
}

// node starts a node; change may change what it is told.
func (r *rig) node(name string, change func(*Config)) *node {
	r.t.Helper()
	n := &node{r: r, store: r.open()}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	peers, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	c := Config{Store: n.store, CA: r.ca, Name: name, Addr: peers.Addr().String(), Version: "1", Log: testLog(r.t, name), Now: r.now}
	if change != nil {
		change(&c)
	}
	n.Cluster, err = New(c)
	r.ok(err)
	n.svc = sensors.New(sensors.Config{Store: n.store, CA: r.ca, Log: c.Log, Clock: r.now, Node: n.ID(), Cluster: n.Cluster, Limits: sensors.Limits{Recheck: time.Second}})
	n.Attach(n.svc)
	r.ok(n.Join(r.t.Context()))
	n.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for what, f := range map[string]func() error{
		"sensors": func() error { return n.svc.Serve(ctx, ln) },
		"peers":   func() error { return n.Serve(ctx, peers) },
		"cluster": func() error { return n.Run(ctx) },
	} {
		wg.Go(func() {
			if err := f(); err != nil {
				r.t.Errorf("%s of node %s: %v", what, name, err)
			}
		})
	}
	n.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	n.die = func() {
		r.ok(n.store.Close()) // what it would say at its end does not arrive
		n.stop()
	}
	r.t.Cleanup(n.stop)
	return n
}

func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// nats runs a NATS server at an address, "" for any, and answers the address.
func (r *rig) nats(port int) (*natsserver.Server, int) {
	r.t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	r.ok(err)
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		r.t.Fatal("NATS does not start")
	}
	r.t.Cleanup(s.Shutdown)
	return s, s.Addr().(*net.TCPAddr).Port
}

func withNATS(port int) func(*Config) {
	return func(c *Config) { c.NATS = &NATS{URLs: fmt.Sprintf("nats://127.0.0.1:%d", port)} }
}

// identity enrols a sensor, once for each number.
func (r *rig) identity(at *node, number uint16) *link.Identity {
	r.t.Helper()
	if id := r.ids[number]; id != nil {
		return id
	}
	text, _, err := at.NewEnrolToken(r.t.Context(), r.tenant)
	r.ok(err)
	token, err := link.ParseToken(text)
	r.ok(err)
	id, err := link.Enrol(r.t.Context(), link.Enrolment{Server: at.addr, Token: token, Dir: r.t.TempDir(), Info: r.info(number, "boot"), Now: r.now})
	r.ok(err)
	r.ids[number] = id
	return id
}

func (r *rig) info(number uint16, boot string) protocol.SensorInfo {
	return protocol.SensorInfo{SensorID: number, Name: fmt.Sprint("pbx-", number), Version: "1.0", BootID: boot, Clock: protocol.TimeOf(r.now())}
}

// sensor is a sensor's end of the link, as simple as it can be.
type sensor struct {
	id     protocol.UUID
	up     *link.Client
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// comes links a sensor to a node. api answers what it is asked.
func (r *rig) comes(at *node, number uint16, boot string, api http.Handler) (*sensor, error) {
	r.t.Helper()
	id := r.identity(at, number)
	ctx, cancel := context.WithCancel(context.Background())
	s := &sensor{id: id.UUID, cancel: cancel}
	dialer := &link.Dialer{Identity: id, Trust: link.Trust{CA: id.CA}, Now: r.now}
	var err error
	if s.up, err = link.Connect(ctx, dialer, at.addr); err != nil {
		cancel()
		return nil, err
	}
	r.t.Cleanup(s.stop)
	answer, err := s.up.Hello(ctx, link.Hello{Info: r.info(number, boot)})
	if err != nil {
		s.stop()
		return nil, err
	}
	if r.early != nil {
		r.early(id.UUID)
	}
	m := http.NewServeMux()
	m.HandleFunc("GET "+link.PathSession, func(w http.ResponseWriter, _ *http.Request) {
		link.WriteMessage(w, link.Session{Session: answer.Session})
	})
	serve := func(alpn string) {
		s.wg.Go(func() {
			c, err := dialer.Dial(ctx, at.addr, alpn)
			if err == nil {
				_ = link.ServeConn(ctx, c, m) // ends when the sensor does
			}
		})
	}
	m.HandleFunc("POST "+link.PathOpenBulk, func(w http.ResponseWriter, _ *http.Request) {
		serve(link.ALPNBulk)
		w.WriteHeader(http.StatusAccepted)
	})
	if api != nil {
		m.Handle("/", api)
	}
	serve(link.ALPNDown)
	r.eventually("the sensor can be called", func() bool { return at.svc.Client(id.UUID) != nil })
	return s, nil
}

func (r *rig) must(s *sensor, err error) *sensor {
	r.t.Helper()
	r.ok(err)
	return s
}

func (s *sensor) stop() {
	s.cancel()
	s.up.Close()
	s.wg.Wait()
}

// gone tells whether hosted has closed the link.
func (s *sensor) gone() bool {
	select {
	case <-s.up.Done():
		return true
	default:
		return false
	}
}

// names answers GET /v1/info with a name.
func names(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":%q}`, name)
	})
}

// asks asks a sensor through a node for its name.
func (n *node) asks(id protocol.UUID) (string, error) {
	client := n.Client(id)
	if client == nil {
		return "", fmt.Errorf("offline")
	}
	ctx, cancel := context.WithTimeout(n.r.t.Context(), 5*time.Second)
	defer cancel()
	info, err := client.Info(ctx)
	return info.Name, err
}

// sees waits until a node shows a sensor at the node of that name, "" for offline.
func (n *node) sees(id protocol.UUID, at string) {
	n.r.t.Helper()
	n.r.eventually(fmt.Sprintf("node %s sees the sensor at %q", n.cfg.Name, at), func() bool {
		return n.Places(n.r.tenant)[id] == at && (n.Client(id) == nil) == (at == "")
	})
}
