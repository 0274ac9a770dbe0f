package sensors

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
)

// Share lets sensors in at the door of a web server that does TLS, by their ALPN names: port 443 is often the only one that a
// firewall or a proxy lets pass. Everybody else gets what server has for them. It comes before server and Serve run.
func (s *Service) Share(server *http.Server) {
	if server.TLSConfig == nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	server.TLSConfig.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.ContainsFunc(h.SupportedProtos, func(p string) bool { return slices.Contains(s.tls.NextProtos, p) }) {
			return s.tls, nil
		}
		return nil, nil // the server's own
	}
	server.Protocols = &http.Protocols{} // without it, ALPN names of our own would switch HTTP/2 off
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	for _, p := range s.tls.NextProtos {
		server.TLSNextProto[p] = func(_ *http.Server, c *tls.Conn, _ http.Handler) { s.serveGuest(c) }
	}
}

// serveGuest lives as long as a connection that another server accepted.
func (s *Service) serveGuest(c *tls.Conn) {
	if s.isLeaving() {
		return
	}
	s.cfg.Lobby.Enter(c)
	defer s.cfg.Lobby.Leave(c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stopped:
			cancel()
			c.Close()
		case <-ctx.Done():
		}
	}()
	s.servePeer(ctx, c, c)
}
