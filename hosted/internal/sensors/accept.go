package sensors

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// peer is a connection of a sensor, or of somebody who wants to enrol.
type peer struct {
	*link.Conn
	addr string   // where it comes from, for people
	door net.Conn // as the lobby knows it

	counted atomic.Bool // see makeRoom

	mu      sync.Mutex
	session *session // after hello
}

// peerKey finds the *peer in a request's context.
type peerKey struct{}

// accept takes connections until ctx ends.
func (s *Service) accept(ctx context.Context, ln net.Listener) error {
	for pause := time.Duration(0); ; {
		c, err := ln.Accept()
		switch {
		case ctx.Err() != nil || s.isLeaving():
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("listen for sensors: %w", err)
		case err != nil: // out of descriptors, most likely: some will be free again
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Error("accept a sensor", "err", err, "pause", pause)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		s.cfg.Lobby.Enter(c)
		s.closers.Go(func() {
			defer s.cfg.Lobby.Leave(c)
			unwatch := context.AfterFunc(ctx, func() { c.Close() })
			defer unwatch()
			s.serveConn(ctx, c)
		})
	}
}

// serveConn lives as long as the connection.
func (s *Service) serveConn(ctx context.Context, raw net.Conn) {
	defer raw.Close()
	// Deadlines are the operating system's time, not the service's clock. A failure to set one shows at the next read.
	_ = raw.SetDeadline(time.Now().Add(link.DialTimeout))
	first := &firstBytes{Conn: raw}
	if hint := first.peek(); hint != "" {
		s.metrics.dropped.WithLabelValues("not-tls").Inc()
		answerStranger(raw, hint)
		return
	}
	c := tls.Server(first, s.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		s.metrics.dropped.WithLabelValues("handshake").Inc()
		s.log.Debug("TLS handshake failed", "addr", raw.RemoteAddr().String(), "err", err)
		return
	}
	_ = raw.SetDeadline(time.Time{})
	s.servePeer(ctx, c, raw)
}

// servePeer lives as long as the connection, whose handshake is done.
func (s *Service) servePeer(ctx context.Context, c *tls.Conn, door net.Conn) {
	conn := &peer{Conn: link.NewConn(c), addr: c.RemoteAddr().String(), door: door}
	defer conn.Close()
	defer s.leaveRoom(conn)
	s.metrics.accepted.WithLabelValues(conn.ALPN()).Inc()
	switch conn.ALPN() {
	case link.ALPNUp:
		s.serveUp(conn)
	case link.ALPNDown, link.ALPNBulk:
		if err := s.serveReverse(ctx, conn); err != nil {
			s.log.Info("reverse connection refused", "addr", conn.addr, "kind", conn.ALPN(), "err", err)
		}
	default:
		s.metrics.dropped.WithLabelValues("not-a-sensor").Inc()
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		b := make([]byte, 1024)
		_, _ = c.Read(b) // an HTTP client wants to have spoken first
		answerStranger(c, "HTTP")
	}
}

// makeRoom counts a connection as that of a sensor, which has proved itself, unless there are too many: those who have not, however
// many, take no room from it.
func (s *Service) makeRoom(p *peer) bool {
	select {
	case s.conns <- struct{}{}:
		p.counted.Store(true)
		s.cfg.Lobby.Leave(p.door)
		return true
	default:
		s.metrics.dropped.WithLabelValues("too-many-connections").Inc()
		return false
	}
}

func (s *Service) leaveRoom(p *peer) {
	if p.counted.Swap(false) {
		<-s.conns
	}
}

// serveUp gives the connection to the HTTP server and waits for its end.
func (s *Service) serveUp(p *peer) {
	late := time.AfterFunc(s.cfg.Limits.HelloWithin, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.session == nil {
			p.Close()
		}
	})
	defer late.Stop()
	s.upConns.Give(p)
	<-p.Done()
	p.mu.Lock()
	x := p.session
	p.mu.Unlock()
	if x != nil {
		s.ended(x)
	}
}

// tlsConfig asks for the sensor's certificate and leaves judging it to hello, which can say what is wrong with it.
func (s *Service) tlsConfig() *tls.Config {
	base := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{link.ALPNUp, link.ALPNDown, link.ALPNBulk},
		ClientAuth:     tls.RequestClientCert,
		GetCertificate: s.cfg.CA.Server,
		Time:           s.cfg.Clock,
		// A ticket would outlive a revocation.
		SessionTicketsDisabled: true,
	}
	stranger := base.Clone()
	stranger.MinVersion, stranger.NextProtos, stranger.ClientAuth = tls.VersionTLS12, []string{"http/1.1"}, tls.NoClientCert
	base.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.ContainsFunc(h.SupportedProtos, func(p string) bool { return slices.Contains(base.NextProtos, p) }) {
			return nil, nil // base
		}
		if len(h.SupportedProtos) > 0 && !slices.Contains(h.SupportedProtos, "http/1.1") {
			only := stranger.Clone()
			only.NextProtos = nil
			return only, nil
		}
		return stranger, nil
	}
	return base
}

// firstBytes looks at what a connection begins with and gives it back to the reader.
type firstBytes struct {
	net.Conn
	buf []byte
}

// peek says what speaks there if it is not TLS: "HTTP" or "something else".
func (f *firstBytes) peek() string {
	b := make([]byte, 8)
	n := 0
	for n == 0 || (b[0] != 0x16 && n < 4) {
		m, err := f.Conn.Read(b[n:])
		if n += m; err != nil {
			break
		}
	}
	f.buf = b[:n]
	if n > 0 && b[0] == 0x16 { // a TLS record of type handshake (RFC 8446 section 5.1)
		return ""
	}
	for _, m := range []string{"GET ", "POST", "HEAD", "PUT ", "OPTI", "PRI ", "CONN"} {
		if bytes.HasPrefix(f.buf, []byte(m)) {
			return "HTTP"
		}
	}
	return "something else"
}

// Read implements net.Conn.
func (f *firstBytes) Read(b []byte) (int, error) {
	if len(f.buf) > 0 {
		n := copy(b, f.buf)
		f.buf = f.buf[n:]
		return n, nil
	}
	return f.Conn.Read(b)
}

// answerStranger tells who is at the wrong door where it is.
func answerStranger(c net.Conn, speaks string) {
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	text := fmt.Sprintf("This is the port where sensors connect to hosted: TLS 1.3, ALPN %s. Set server_destination of a sensord to it; "+
		"the web page is on another port (hosted serve --http). (%s)\n", link.ALPNUp, protocol.CodeBadRequest)
	if speaks == "HTTP" {
		text = fmt.Sprintf("HTTP/1.1 421 Misdirected Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
	}
	_, _ = c.Write([]byte(text)) // nobody is left to tell
}
