package uplink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// session is the life of the link between a hello and the end of its connection.
type session struct {
	u      *Uplink
	server string
	trust  link.Trust
	up     *link.Client
	token  []byte // HelloAnswer.Session
	bulk   atomic.Int32
	moved  chan struct{} // closed when hosted says that the sensor is to go to another node
	move   sync.Once

	mu sync.Mutex
	id *link.Identity // replaced at renewal
}

func (s *session) identity() *link.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

func (s *session) dialer() *link.Dialer {
	return &link.Dialer{Identity: s.identity(), Trust: s.trust, Net: s.u.cfg.Dial, Now: s.u.cfg.Clock}
}

// run says hello and works until the connection, hosted or ctx ends it.
func (s *session) run(ctx context.Context) (wasUp bool, err error) {
	id := s.identity()
	if s.u.cfg.Paired != nil {
		s.u.cfg.Paired(id.UUID)
	}
	info := s.u.cfg.Info()
	info.UUID, info.Clock = id.UUID, protocol.TimeOf(s.u.cfg.Clock())
	a, err := s.up.Hello(ctx, link.Hello{Info: info})
	if err != nil {
		return false, err
	}
	s.token = a.Session
	at, err := s.u.cfg.Journal.Resume(a.Cursor.Epoch, a.Cursor.Next)
	if err != nil {
		return false, err
	}
	if s.u.cfg.Limits != nil {
		s.u.cfg.Limits(a.Limits)
	}
	s.u.wentUp(s.server, id, a)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { // when the connection goes, all go
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.up.Done():
			return errors.New("hosted closed the connection, or the network lost it")
		}
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.moved:
			return errMoved
		}
	})
	g.Go(func() error { return s.send(ctx, a, at) })
	g.Go(func() error { return s.serveDown(ctx, g) })
	g.Go(func() error { return s.renewInTime(ctx) })
	return true, g.Wait()
}

// serveDown keeps a connection open on which hosted calls the sensor.
func (s *session) serveDown(ctx context.Context, g *errgroup.Group) error {
	h := s.handler(ctx, g)
	for pause := s.u.cfg.RetryMin; ; {
		began := s.u.cfg.Clock()
		err := s.serve(ctx, link.ALPNDown, h)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.u.log.Debug("down connection ended", "err", err)
		if s.u.cfg.Clock().Sub(began) > s.u.cfg.RetryMax {
			pause = s.u.cfg.RetryMin
		}
		s.u.sleep(ctx, jitter(pause), false)
		pause = min(2*pause, s.u.cfg.RetryMax)
	}
}

// serve dials one connection and answers what hosted asks on it until it ends.
func (s *session) serve(ctx context.Context, alpn string, h http.Handler) error {
	conn, err := s.dialer().Dial(ctx, s.server, alpn)
	if err != nil {
		return err
	}
	return link.ServeConn(ctx, conn, h)
}

// maxBulk is how many bulk connections hosted may ask for at a time.
const maxBulk = 2

// handler is the sensor API with what the link itself needs beside it.
func (s *session) handler(ctx context.Context, g *errgroup.Group) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET "+link.PathSession, func(w http.ResponseWriter, _ *http.Request) {
		link.WriteMessage(w, link.Session{Session: s.token})
	})
	m.HandleFunc("POST "+link.PathOpenBulk, func(w http.ResponseWriter, _ *http.Request) {
		if s.bulk.Add(1) > maxBulk {
			s.bulk.Add(-1)
			link.WriteProblem(w, &protocol.Problem{
				Code: protocol.CodeBadRequest, Status: http.StatusTooManyRequests,
				Title: fmt.Sprintf("%d bulk connections are open already", maxBulk),
			})
			return
		}
		g.Go(func() error {
			defer s.bulk.Add(-1)
			if err := s.serve(ctx, link.ALPNBulk, m); err != nil && ctx.Err() == nil {
				s.u.log.Warn("bulk connection for captures failed", "server", s.server, "err", err)
			}
			return nil
		})
		w.WriteHeader(http.StatusAccepted)
	})
	m.HandleFunc("POST "+link.PathMove, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		_ = http.NewResponseController(w).Flush() // before the connection goes; if it has gone, it makes no difference
		s.move.Do(func() { close(s.moved) })
	})
	if s.u.cfg.Handler != nil {
		m.Handle("/", s.u.cfg.Handler)
	}
	return m
}

// renewInTime renews the certificate when two thirds of its life are over, and tries again each hour if that fails.
func (s *session) renewInTime(ctx context.Context) error {
	for {
		wait := max(time.Second, s.identity().RenewAt().Sub(s.u.cfg.Clock()))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(wait, time.Hour)): // in steps, because the clock may be set meanwhile
		}
		if s.u.cfg.Clock().Before(s.identity().RenewAt()) {
			continue
		}
		if err := s.renew(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.u.log.Warn("certificate not renewed, trying again in an hour", "expires", s.identity().Cert.NotAfter, "err", err)
			s.u.sleep(ctx, jitter(time.Hour), false)
		}
	}
}

func (s *session) renew(ctx context.Context) error {
	a, err := s.up.Renew(ctx, s.identity())
	if err != nil {
		return fmt.Errorf("renew certificate: %w", err)
	}
	id, err := s.identity().Renewed(a)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.id = id
	s.mu.Unlock()
	s.u.mu.Lock()
	s.u.health.CertExpires = protocol.TimeOf(id.Cert.NotAfter)
	s.u.mu.Unlock()
	s.u.log.Info("certificate renewed", "expires", id.Cert.NotAfter)
	return nil
}

// jitter spreads a pause over 50..150 %, so that sensors do not come back all at once.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d+1)
}
