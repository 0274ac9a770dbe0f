// Package uplink keeps the sensor's link to hosted: it enrols with a token when the sensor is not paired, says hello, sends
// the journal's CDRs and moves its cursor when they are acknowledged, and serves the sensor API to hosted on connections
// that it dials itself. sensord runs one Uplink. Capturing does not depend on it: when hosted is away the journal grows.
//
// It is not for the messages (protocol/link) and not for what the API answers (protocol/sensorapi).
package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/sensord/internal/journal"
)

// Config is what an uplink needs.
type Config struct {
	Servers []string // host:port, in order of preference; at least one
	// Alternatives are addresses of the same hosted: where one of Servers cannot be reached, the alternative is tried.
	Alternatives map[string]string
	Fingerprint  string // SHA-256 of hosted's CA in hexadecimal, "" trusts the CA that the sensor is paired with
	IdentityDir  string
	Token        string                     // enrols when there is no identity; may be ""
	Info         func() protocol.SensorInfo // what the sensor says of itself now
	Paired       func(protocol.UUID)        // told before each hello which sensor this is for hosted; may be nil
	Handler      http.Handler               // the sensor API
	Journal      *journal.Journal
	Limits       func(link.Limits) // told at each hello what hosted allows; may be nil
	Log          *slog.Logger      // nil: none

	Clock        func() time.Time // nil: time.Now
	Dial         link.DialFunc    // nil: the operating system's
	BatchDelay   time.Duration    // how long CDRs wait for others to go with them; 0: 1 s
	RetryMin     time.Duration    // first pause when no server can be reached; 0: 1 s
	RetryMax     time.Duration    // longest pause; 0: 1 minute
	RetryRefused time.Duration    // pause after a refusal; 0: 1 minute
}

// Uplink is safe for use by many goroutines.
type Uplink struct {
	cfg   Config
	log   *slog.Logger
	batch atomic.Int32 // CDRs in the next batch, less where connections are cut; 0: as many as hosted takes

	mu     sync.Mutex
	health protocol.LinkHealth
	said   map[string]bool // problems that were logged since the link was up last
}

// New makes an uplink; Run starts it.
func New(cfg Config) *Uplink {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&cfg.BatchDelay, time.Second}, {&cfg.RetryMin, time.Second}, {&cfg.RetryMax, time.Minute}, {&cfg.RetryRefused, time.Minute}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	u := &Uplink{cfg: cfg, log: cfg.Log, said: map[string]bool{}}
	u.health = protocol.LinkHealth{State: stateConnecting, Since: protocol.TimeOf(cfg.Clock())}
	if len(cfg.Servers) > 0 {
		u.health.Server = cfg.Servers[0]
	}
	return u
}

// The states of the link in protocol.LinkHealth.
const (
	stateConnecting = "connecting"
	stateUp         = "up"
	stateRefused    = "refused"
)

// Health tells how the link does.
func (u *Uplink) Health() protocol.LinkHealth {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.health
}

// Run keeps the link up until ctx ends. Nothing that hosted does or refuses ends it: it says so once and tries again.
func (u *Uplink) Run(ctx context.Context) error {
	pause := u.cfg.RetryMin
	for next := 0; ctx.Err() == nil; {
		server, began := u.cfg.Servers[next%len(u.cfg.Servers)], u.cfg.Clock()
		wasUp, err := u.visit(ctx, server)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errAgain) {
			continue
		}
		next++
		if errors.Is(err, errMoved) {
			u.leaves(server)
			u.sleep(ctx, jitter(u.cfg.RetryMin/2), false) // not all sensors of a node at once
			continue
		}
		p := problemOf(err)
		u.failed(server, p, wasUp)
		switch {
		case refused(p):
			next = 0
			u.sleep(ctx, jitter(u.cfg.RetryRefused), true)
		case wasUp || next%len(u.cfg.Servers) == 0: // lost, or all of them were tried
			next = 0
			if wasUp && u.cfg.Clock().Sub(began) > u.cfg.RetryMax {
				pause = u.cfg.RetryMin
			}
			u.sleep(ctx, jitter(pause), false)
			pause = min(2*pause, u.cfg.RetryMax)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.setState(stateConnecting)
	return nil
}

// visit is one attempt and, when it succeeds, the life of the link to one server. It answers why it ended. What is wrong
// with an alternative where there is no hosted is not worth telling.
func (u *Uplink) visit(ctx context.Context, server string) (wasUp bool, err error) {
	wasUp, err = u.visitAt(ctx, server)
	other := u.cfg.Alternatives[server]
	if wasUp || other == "" || ctx.Err() != nil || errors.Is(err, errAgain) || problemOf(err).Code != protocol.CodeServerUnreachable {
		return wasUp, err
	}
	up, otherErr := u.visitAt(ctx, other)
	if !up && !errors.Is(otherErr, errAgain) {
		switch problemOf(otherErr).Code {
		case protocol.CodeServerUnreachable, protocol.CodeServerUntrusted, protocol.CodeProtocolUnsupported:
			u.mu.Lock()
			u.health.Server = server
			u.mu.Unlock()
			return false, err
		}
	}
	return up, otherErr
}

func (u *Uplink) visitAt(ctx context.Context, server string) (wasUp bool, err error) {
	u.mu.Lock()
	u.health.Server = server
	u.mu.Unlock()
	id, err := u.identity(ctx, server)
	if err != nil {
		return false, err
	}
	s := &session{u: u, server: server, id: id, moved: make(chan struct{})}
	if s.trust, err = u.trusted(id); err != nil {
		return false, err
	}
	if s.up, err = link.Connect(ctx, s.dialer(), server); err != nil {
		return false, err
	}
	defer s.up.Close()
	if !u.cfg.Clock().Before(id.RenewAt()) {
		if err := s.renew(ctx); err != nil {
			return false, err
		}
		if u.cfg.Clock().Before(s.identity().RenewAt()) {
			return false, errAgain // the connection shows the old certificate
		}
		// The new one is old too by this clock, which is wrong: hello says so.
	}
	return s.run(ctx)
}

// errAgain asks for another attempt at once.
var errAgain = errors.New("again")

// errMoved ends a link that hosted wants at another of its nodes.
var errMoved = errors.New("hosted asks the sensor to go to another node")

// leaves notes that the link ended as hosted wished.
func (u *Uplink) leaves(server string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.setState(stateConnecting)
	u.health.Reconnects++
	u.log.Info("hosted's node stops, going to another; capturing goes on", "server", server)
}

// identity loads the identity, or enrols when there is none and a token.
func (u *Uplink) identity(ctx context.Context, server string) (*link.Identity, error) {
	id, err := link.LoadIdentity(u.cfg.IdentityDir)
	var p *protocol.Problem
	if err == nil || u.cfg.Token == "" || !errors.As(err, &p) || p.Code != protocol.CodeNotPaired {
		return id, err
	}
	token, err := link.ParseToken(u.cfg.Token)
	if err != nil {
		return nil, &protocol.Problem{Code: protocol.CodeUnknownToken, Title: "cloud_token cannot be used", Detail: err.Error()}
	}
	id, err = link.Enrol(ctx, link.Enrolment{Server: server, Token: token, Dir: u.cfg.IdentityDir, Info: u.cfg.Info(), Net: u.cfg.Dial, Now: u.cfg.Clock})
	if err != nil {
		return nil, err
	}
	u.log.Info("paired with hosted", "server", server, "tenant", id.Link.Tenant, "uuid", id.UUID.String(), "id_sensor", id.Link.SensorID)
	return id, nil
}

func (u *Uplink) trusted(id *link.Identity) (link.Trust, error) {
	t := link.Trust{CA: id.CA}
	if u.cfg.Fingerprint == "" {
		return t, nil
	}
	var err error
	if t.Fingerprint, err = link.ParseFingerprint(u.cfg.Fingerprint); err != nil {
		return t, &protocol.Problem{Code: protocol.CodeServerUntrusted, Title: "server_fingerprint cannot be used", Detail: err.Error()}
	}
	return t, nil
}

// setState notes a state and since when. Called with u.mu held.
func (u *Uplink) setState(s string) {
	if u.health.State != s {
		u.health.State, u.health.Since = s, protocol.TimeOf(u.cfg.Clock())
	}
}

// wentUp notes a successful hello.
func (u *Uplink) wentUp(server string, id *link.Identity, a *link.HelloAnswer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.setState(stateUp)
	u.health.LastError = nil
	u.health.CertExpires = protocol.TimeOf(id.Cert.NotAfter)
	u.said = map[string]bool{}
	u.log.Info("link is up", "server", server, "tenant", a.Tenant, "uuid", a.UUID.String(), "hosted", a.Server, "protocol", a.Version)
}

// failed notes why there is no link, and says it once until it is up again or the reason is another.
func (u *Uplink) failed(server string, p *protocol.Problem, wasUp bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.health.LastError = p
	state, level := stateConnecting, slog.LevelWarn
	if refused(p) {
		state, level = stateRefused, slog.LevelError
	}
	u.setState(state)
	if wasUp {
		u.health.Reconnects++
	}
	key := server + " " + p.Code
	if u.said[key] {
		return
	}
	u.said[key] = true
	msg := "no link to hosted; capturing goes on, calls wait in the journal"
	if wasUp {
		msg = "link to hosted is lost; capturing goes on, calls wait in the journal"
	}
	u.log.Log(context.Background(), level, msg, "server", server, "code", p.Code, "reason", p.Title, "detail", p.Detail, "remedy", p.Remedy)
}

// problemOf gives every error a code.
func problemOf(err error) *protocol.Problem {
	var p *protocol.Problem
	if errors.As(err, &p) {
		return p
	}
	return &protocol.Problem{Code: protocol.CodeServerUnreachable, Title: "the link to hosted failed", Detail: err.Error()}
}

// refused tells whether somebody must do something before it can work: there is no hurry to try again.
func refused(p *protocol.Problem) bool {
	switch p.Code {
	case protocol.CodeServerUnreachable, protocol.CodeInternal, protocol.CodeSequenceGap:
		return false
	}
	return true
}

// sleep waits for d. With watch it returns early when the identity changes, so that `voipmon pair` works at once.
func (u *Uplink) sleep(ctx context.Context, d time.Duration, watch bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	before := u.identityStamp()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			return
		case <-look.C:
			if watch && u.identityStamp() != before {
				return
			}
		}
	}
}

func (u *Uplink) identityStamp() string {
	st, err := os.Stat(filepath.Join(u.cfg.IdentityDir, link.CertFile))
	if err != nil {
		return ""
	}
	return fmt.Sprint(st.ModTime(), st.Size())
}
