package sensors

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// session is a sensor's link from hello to the end of its up connection. Down and bulk connections belong to it.
type session struct {
	sensor store.Sensor // as hello found it
	token  []byte
	up     *peer
	since  time.Time

	link store.SensorLink // as it was claimed

	bulkIdle, answerWithin time.Duration
	rules                  sessionRules
	share                  sessionShare
	running, over          atomic.Int64 // calls, as the sensor said last; and those that have no channel

	mu       sync.Mutex
	ended    bool
	down     *http.ClientConn // nil until the sensor has dialled it
	big      *http.ClientConn // bulk, nil while there is none
	bigUsers int              // requests on it
	bigWait  chan struct{}    // closed when a bulk connection has come, or will not; nil when none is asked for
	idle     *time.Timer
}

// begin registers the session of a connection that said hello. The older one of the same sensor ends.
func (s *Service) begin(p *peer, sensor store.Sensor, l store.SensorLink, token []byte) error {
	x := &session{sensor: sensor, link: l, token: token, up: p, since: s.cfg.Clock(), bulkIdle: s.cfg.Limits.BulkIdle, answerWithin: s.cfg.Limits.AnswerWithin}
	x.rules.known, x.rules.stored = sensor.Info.HostedRuleRevision, sensor.Rules
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != nil {
		return helloTwice()
	}
	select {
	case <-p.Done():
		return errors.New("connection ended during hello")
	default:
	}
	if !s.makeRoom(p) {
		return problem(protocol.CodeInternal, http.StatusServiceUnavailable, "hosted has as many connections of sensors as it can", "", "ask its operator; the sensor tries again")
	}
	p.session = x
	s.mu.Lock()
	old := s.sessions[sensor.UUID]
	s.sessions[sensor.UUID] = x
	s.mu.Unlock()
	if old != nil {
		go old.up.Close() // TLS says good-bye to a peer that may be gone: do not wait for it
	}
	s.log.Info("sensor online", "sensor", sensor.UUID.String(), "name", sensor.Info.Name, "id_sensor", sensor.SensorID, "addr", p.addr, "version", sensor.Info.Version)
	return nil
}

// greeted tells whether hello was said on a connection.
func (p *peer) greeted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session != nil
}

func helloTwice() error {
	return problem(protocol.CodeBadRequest, http.StatusBadRequest, "hello was said already on this connection", "", "")
}

// ended takes down what belonged to a session whose up connection is closed.
func (s *Service) ended(x *session) {
	s.mu.Lock()
	if s.sessions[x.sensor.UUID] == x {
		delete(s.sessions, x.sensor.UUID)
	}
	s.mu.Unlock()
	x.mu.Lock()
	x.ended = true
	down, big := x.down, x.big
	x.mu.Unlock()
	for _, c := range []*http.ClientConn{down, big} {
		if c != nil {
			c.Close()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.unclaim(ctx, x.link)
	s.log.Info("sensor offline", "sensor", x.sensor.UUID.String(), "name", x.sensor.Info.Name, "addr", x.up.addr, "was_online", s.cfg.Clock().Sub(x.since).Round(time.Second))
	if err := s.cfg.Store.TouchSensor(ctx, x.sensor.Tenant, x.sensor.UUID, x.sensor.Info, x.up.addr, s.cfg.Clock()); err != nil {
		s.log.Warn("last_seen not stored", "sensor", x.sensor.UUID.String(), "err", err)
	}
}

// serveReverse takes a down or bulk connection: it asks the sensor which session it belongs to and stays until its end.
func (s *Service) serveReverse(ctx context.Context, p *peer) error {
	sensor, err := s.welcome(ctx, p.Peer(), false)
	if err != nil {
		return err
	}
	if !s.seat(sensor.UUID) {
		return fmt.Errorf("sensor %s has %d connections already", sensor.UUID, s.cfg.Limits.PerSensor)
	}
	defer s.release(sensor.UUID)
	if !s.makeRoom(p) {
		return errors.New("too many connections of sensors")
	}
	cc, err := link.NewClientConn(ctx, p.Conn)
	if err != nil {
		return err
	}
	defer cc.Close()
	token, err := askSession(ctx, cc, link.DialTimeout)
	if err != nil {
		return err
	}
	s.mu.Lock()
	x := s.sessions[sensor.UUID]
	s.mu.Unlock()
	if x == nil || subtle.ConstantTimeCompare(token, x.token) != 1 {
		return errors.New("it belongs to no session")
	}
	if !x.attach(p, cc) {
		return nil // the session ended meanwhile
	}
	defer x.detach(cc)
	s.RulesChanged() // the sensor can be called: it may need rules
	s.shareSoon()
	select {
	case <-p.Done():
	case <-ctx.Done():
	}
	return nil
}

// seat counts a connection of a sensor, unless it has too many.
func (s *Service) seat(id protocol.UUID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.perPeer[id] >= s.cfg.Limits.PerSensor {
		s.metrics.dropped.WithLabelValues("too-many-of-one-sensor").Inc()
		return false
	}
	s.perPeer[id]++
	return true
}

func (s *Service) release(id protocol.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.perPeer[id]--; s.perPeer[id] == 0 {
		delete(s.perPeer, id)
	}
}

// askSession asks the sensor on a reverse connection which hello it belongs to.
func askSession(ctx context.Context, cc *http.ClientConn, within time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.BaseURL+link.PathSession, nil)
	if err != nil {
		return nil, err
	}
	res, err := cc.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the session: %w", err)
	}
	defer res.Body.Close()
	var m link.Session
	if err := link.ReadMessage(res.Body, link.MaxMessage, &m); err != nil {
		return nil, fmt.Errorf("ask for the session: %w", err)
	}
	return m.Session, nil
}

// attach makes a reverse connection the session's; one that it replaces is closed.
func (x *session) attach(p *peer, cc *http.ClientConn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return false
	}
	old := &x.down
	if p.ALPN() == link.ALPNBulk {
		old, x.bigUsers = &x.big, 0
		if x.bigWait != nil {
			close(x.bigWait)
			x.bigWait = nil
		}
	}
	if *old != nil {
		go (*old).Close()
	}
	*old = cc
	if p.ALPN() == link.ALPNBulk {
		x.closeWhenIdle(cc)
	}
	return true
}

func (x *session) detach(cc *http.ClientConn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.down == cc {
		x.down = nil
	}
	if x.big == cc {
		x.big, x.bigUsers = nil, 0
	}
}

// callable tells whether hosted can call the sensor.
func (x *session) callable() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.down != nil && x.down.Err() == nil
}

// alive asks the sensor for a sign of life.
func (x *session) alive(ctx context.Context) bool {
	x.mu.Lock()
	cc := x.down
	x.mu.Unlock()
	if cc == nil {
		return false
	}
	_, err := askSession(ctx, cc, aliveCheck)
	return err == nil
}

// small carries requests on the down connection.
func (x *session) small() http.RoundTripper { return roundTrip(x.smallRoundTrip) }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (x *session) smallRoundTrip(r *http.Request) (*http.Response, error) {
	x.mu.Lock()
	cc := x.down
	x.mu.Unlock()
	if cc == nil {
		return nil, relay.Offline("its connection ended")
	}
	return cc.RoundTrip(r)
}
