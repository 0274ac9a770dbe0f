package main

import (
	"context"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"voiptop/hosted/internal/lobby"
)

// maxStrangers is how many connections there may be, of browsers and sensors together, whose peers have not proved who they are.
const maxStrangers = 4096

// newLobby makes the room for them.
func newLobby(r prometheus.Registerer) *lobby.Lobby {
	full := promauto.With(r).NewCounter(prometheus.CounterOpts{
		Name: "hosted_strangers_dropped_total", Help: "Connections that were closed because too many were open whose peers had not proved who they are.",
	})
	return lobby.New(maxStrangers, full.Inc)
}

// connKey finds a request's connection in its context.
type connKey struct{}

// watchDoor lets a web server's connections wait in the lobby, but while a request runs on them that somebody with a session or a
// token has sent; see proved.
func watchDoor(s *http.Server, l *lobby.Lobby) {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	s.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew, http.StateIdle:
			l.Enter(c)
		case http.StateClosed, http.StateHijacked:
			l.Leave(c)
		case http.StateActive: // anybody can begin a request
		}
	}
}

// proved is told of each request whose sender is known.
func proved(l *lobby.Lobby) func(context.Context) {
	return func(ctx context.Context) {
		if c, ok := ctx.Value(connKey{}).(net.Conn); ok {
			l.Leave(c)
		}
	}
}
