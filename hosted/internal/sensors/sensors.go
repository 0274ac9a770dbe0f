// Package sensors is hosted's end of the link (docs/protocol.md): it listens on TCP 60023, enrols sensors, decides at hello
// whether one is welcome, stores the CDRs it sends, and calls the sensors' API on the connections that they dial. `hosted
// serve` runs one Service; hosted/internal/httpapi asks it who is online and relays requests through it. Which of several nodes
// holds a sensor's link, and what of its tenant's channels a sensor may use, is decided in the store, for all of them alike.
//
// It is not for users and their rights: whoever calls Client or Relay has checked that the sensor is the user's tenant's.
package sensors

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"voiptop/hosted/internal/lobby"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// Store is what the service needs of store.Store.
type Store interface {
	Tenant(ctx context.Context, id store.TenantID) (store.Tenant, error)
	CreateEnrolToken(ctx context.Context, t store.EnrolToken) error
	RedeemEnrolToken(ctx context.Context, hash [32]byte, now time.Time, s store.Sensor) (store.Sensor, error)
	Sensor(ctx context.Context, t store.TenantID, id protocol.UUID) (store.Sensor, error)
	SensorByNumber(ctx context.Context, t store.TenantID, sensorID uint16) (store.Sensor, error)
	TouchSensor(ctx context.Context, t store.TenantID, id protocol.UUID, info protocol.SensorInfo, addr string, now time.Time) error
	Cursor(ctx context.Context, t store.TenantID, sensor protocol.UUID) (store.Cursor, error)
	AppendCDRs(ctx context.Context, b store.Batch, now time.Time) (store.Cursor, error)
	AddHealth(ctx context.Context, samples []store.SensorHealth) error
	RulesAt(ctx context.Context, t store.TenantID, revision uint64) (store.RuleSet, error)
	RuleRevisions(ctx context.Context) (map[store.TenantID]uint64, error)
	UpdateSensorLink(ctx context.Context, t store.TenantID, sensor protocol.UUID, fn func(*store.SensorLink, store.LinkTotals) error) error
	UpdateSensorLinks(ctx context.Context, t store.TenantID, fn func([]store.SensorLink) error) error
	ReleaseSensorLink(ctx context.Context, l store.SensorLink, now time.Time) error
	SensorLink(ctx context.Context, t store.TenantID, sensor protocol.UUID) (store.SensorLink, error)
	SensorLinks(ctx context.Context, t store.TenantID) ([]store.SensorLink, error)
	LinkTotals(ctx context.Context) (map[store.TenantID]store.LinkTotals, error)
	Tenants(ctx context.Context) ([]store.Tenant, error)
	SensorLinksOf(ctx context.Context, node string) ([]store.SensorLink, error)
	SetSensorRules(ctx context.Context, t store.TenantID, id protocol.UUID, r store.SensorRules) error
}

// Limits bound what sensors may do. Zero fields take the default.
type Limits struct {
	Connections  int           // at a time, of all sensors that have proved themselves; 8192
	PerSensor    int           // at a time, of one sensor; 8
	Decoders     int           // batches decoded at a time; 4
	MaxSkew      time.Duration // between the clocks; 10 minutes
	TokenLife    time.Duration // of an enrolment token; 1 hour
	HelloWithin  time.Duration // of an up connection's begin; 15 s
	Recheck      time.Duration // how often it is asked whether a sensor was revoked by somebody else; 15 s
	RulePoll     time.Duration // how often it is asked whether rules were changed on another node; 500 ms
	Share        time.Duration // how often the channels of a tenant that uses many are divided anew; 2 s
	Health       time.Duration // how often sensors are asked how they are, to be kept; 1 minute
	BulkIdle     time.Duration // after which an unused bulk connection is closed; link.BulkIdle
	AnswerWithin time.Duration // the begin of an answer with a capture or audio, which may have to be decoded first; 1 minute
	KeepDays     int           // that calls are kept, for sensors to tell; 0: they are not told
	BadBuilds    []BadBuild    // that may not connect
}

// BadBuild names builds of sensord that are known to be broken. Empty fields match everything; Reason is told to the user.
type BadBuild struct {
	Version, Commit, OS, Arch string
	Reason, Remedy            string
}

// Config is what New needs.
type Config struct {
	Store   Store
	CA      *CA
	Limits  Limits
	Log     *slog.Logger          // nil: none
	Clock   func() time.Time      // required
	Node    string                // store.Node.ID of this hosted; made up unless set
	Cluster Cluster               // nil: there are no other nodes
	Metrics prometheus.Registerer // nil: not registered
	Lobby   *lobby.Lobby          // of those who have not proved themselves; nil: one of 1024 for the link alone
	// Stored is told of calls that were stored now, and not before; it answers at once and keeps none of them. nil: nobody is.
	Stored func(t store.TenantID, calls []protocol.CDR)
}

// Service is safe for use by many goroutines.
type Service struct {
	cfg      Config
	log      *slog.Logger
	tls      *tls.Config
	metrics  metrics
	decoders chan struct{}
	conns    chan struct{}
	upConns  *link.Listener
	up       *http.Server
	rules    ruleDelivery
	closers  sync.WaitGroup // what must end before Serve does
	stopped  chan struct{}  // closed when Serve's context ends
	shareNow chan struct{}  // of one: divide channels now
	leaving  chan struct{}  // closed by Leave
	leave    sync.Once

	mu       sync.Mutex
	sessions map[protocol.UUID]*session
	perPeer  map[protocol.UUID]int // connections of each sensor
}

// ownLobby is the room of a lobby that no other server shares.
const ownLobby = 1024

// maxRequests is how many requests a sensor may have running on its up connection; it needs two.
const maxRequests = 16

// New makes a service; Serve starts it.
func New(cfg Config) *Service {
	l := &cfg.Limits
	setDefault(&l.Connections, 8192)
	setDefault(&l.PerSensor, 8)
	setDefault(&l.Decoders, 4)
	setDefault(&l.MaxSkew, 10*time.Minute)
	setDefault(&l.TokenLife, time.Hour)
	setDefault(&l.HelloWithin, 15*time.Second)
	setDefault(&l.Recheck, 15*time.Second)
	setDefault(&l.RulePoll, 500*time.Millisecond)
	setDefault(&l.Share, shareEvery)
	setDefault(&l.Health, time.Minute)
	setDefault(&l.BulkIdle, link.BulkIdle)
	setDefault(&l.AnswerWithin, time.Minute)
	setDefault(&cfg.Node, rand.Text())
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		cfg: cfg, log: cfg.Log,
		decoders: make(chan struct{}, l.Decoders),
		conns:    make(chan struct{}, l.Connections),
		upConns:  link.NewListener(),
		stopped:  make(chan struct{}),
		rules:    ruleDelivery{kick: make(chan struct{}, 1), running: map[store.TenantID]int{}, texts: map[store.TenantID]*ruleText{}},
		shareNow: make(chan struct{}, 1),
		leaving:  make(chan struct{}),
		sessions: map[protocol.UUID]*session{},
		perPeer:  map[protocol.UUID]int{},
	}
	s.tls = s.tlsConfig()
	s.metrics = newMetrics(cfg.Metrics, s.countOnline)
	if cfg.Lobby == nil {
		s.cfg.Lobby = lobby.New(ownLobby, func() { s.metrics.dropped.WithLabelValues("too-many-strangers").Inc() })
	}
	s.up = link.NewServer(s.routes())
	s.up.HTTP2.MaxConcurrentStreams = maxRequests
	s.up.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, peerKey{}, c)
	}
	return s
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Serve accepts sensors on ln until ctx ends, and returns when all that it started has ended.
func (s *Service) Serve(ctx context.Context, ln net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	s.up.BaseContext = func(net.Listener) context.Context { return ctx }
	go func() { served <- s.up.Serve(s.upConns) }()
	s.closers.Go(func() { s.recheck(ctx) })
	s.closers.Go(func() { s.watchRules(ctx) })
	s.closers.Go(func() { s.sampleHealth(ctx) })
	s.closers.Go(func() { s.divideChannels(ctx) })
	s.closers.Go(func() { // no new ones when this node leaves, whose links it still has
		select {
		case <-ctx.Done():
		case <-s.leaving:
			ln.Close()
		}
	})
	unwatch := context.AfterFunc(ctx, func() { close(s.stopped); ln.Close() })
	defer unwatch()
	err := s.accept(ctx, ln)
	if s.isLeaving() {
		<-ctx.Done()
		err = nil
	}

	stop()
	ln.Close()
	s.up.Close()
	s.upConns.Close()
	s.closers.Wait()
	if e := <-served; err == nil && !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, net.ErrClosed) {
		err = e
	}
	return err
}

// Online lists the sensors of a tenant that can be called now.
func (s *Service) Online(t store.TenantID) []protocol.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []protocol.UUID
	for id, x := range s.sessions {
		if x.sensor.Tenant == t && x.callable() {
			list = append(list, id)
		}
	}
	return list
}

func (s *Service) countOnline() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(len(s.sessions))
}

// session gives the live session of a sensor that can be called, nil when there is none.
func (s *Service) session(sensor protocol.UUID) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.sessions[sensor]; x != nil && x.callable() {
		return x
	}
	return nil
}

// Client calls the API of a sensor on its connection for small requests; nil while the sensor is offline.
func (s *Service) Client(sensor protocol.UUID) *sensorapi.Client {
	x := s.session(sensor)
	if x == nil {
		return nil
	}
	return clientOf(x)
}

// MaxAnswer bounds what hosted takes from a sensor into memory at a time. A sensor is its tenant's, and may be anybody's.
const MaxAnswer = 16 << 20

// clientOf calls the API of the sensor at the other end of a session.
func clientOf(x *session) *sensorapi.Client {
	return &sensorapi.Client{HTTP: &http.Client{Transport: x.small()}, Base: link.BaseURL, MaxAnswer: MaxAnswer}
}

// Transport carries requests to a sensor; nil while it is offline. Captures and audio go on the sensor's bulk connection, so that
// they do not hold up what is small.
func (s *Service) Transport(sensor protocol.UUID, bulk bool) http.RoundTripper {
	switch x := s.session(sensor); {
	case x == nil:
		return nil
	case bulk:
		return x.bulk()
	default:
		return x.small()
	}
}

// Relay passes a request on to a sensor's API and the answer back; path is the sensor's, escaped.
func (s *Service) Relay(w http.ResponseWriter, r *http.Request, sensor protocol.UUID, path string) {
	rt := s.Transport(sensor, relay.Bulk(path))
	if rt == nil {
		sensorapi.WriteProblem(w, relay.Offline("there is no connection from it"))
		return
	}
	relay.Serve(w, r, rt, path)
}

// Places names the nodes that hold the links of a tenant's sensors. There is this one alone, and it needs no name.
func (s *Service) Places(t store.TenantID) map[protocol.UUID]string {
	names := map[protocol.UUID]string{}
	for _, id := range s.Online(t) {
		names[id] = ""
	}
	return names
}

// Disconnect ends the links of a sensor, as its revocation demands.
func (s *Service) Disconnect(sensor protocol.UUID) {
	s.mu.Lock()
	x := s.sessions[sensor]
	s.mu.Unlock()
	if x != nil {
		x.up.Close() // all else follows
	}
}

// NewEnrolToken makes a token that lets one sensor enrol in a tenant.
func (s *Service) NewEnrolToken(ctx context.Context, t store.TenantID) (token string, expires time.Time, err error) {
	k, now := link.NewToken(s.cfg.CA.Fingerprint()), s.cfg.Clock()
	expires = now.Add(s.cfg.Limits.TokenLife)
	err = s.cfg.Store.CreateEnrolToken(ctx, store.EnrolToken{Hash: k.Hash(), Tenant: t, Created: now, Expires: expires})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("new enrolment token: %w", err)
	}
	return k.Text(), expires, nil
}

// live lists the sessions of now.
func (s *Service) live() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.sessions))
}

// every does something after each d, and at once whenever wake says so, until ctx ends.
func every(ctx context.Context, d time.Duration, wake <-chan struct{}, do func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-wake:
		}
		do()
	}
}

// recheck ends the links of sensors that somebody revoked, or whose tenant was suspended, in another process.
func (s *Service) recheck(ctx context.Context) {
	every(ctx, s.cfg.Limits.Recheck, nil, func() {
		if err := s.Reclaim(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("links are not compared with the store", "err", err)
		}
		for _, x := range s.live() {
			var p *protocol.Problem
			if _, err := s.welcome(ctx, x.up.Peer(), true); errors.As(err, &p) {
				s.log.Info("sensor disconnected", "sensor", x.sensor.UUID.String(), "code", p.Code)
				x.up.Close()
			}
		}
	})
}
