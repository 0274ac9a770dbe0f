package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Conn is one connection of the link after its TLS handshake. HTTP/2 runs on it as on a plain connection: TLS is ours,
// its ALPN name is not "h2".
type Conn struct {
	net.Conn // a *tls.Conn, hidden so that net/http does not take it for its own
	state    tls.ConnectionState
	once     sync.Once
	done     chan struct{}
	err      error
}

// NewConn takes over c, whose handshake is done.
func NewConn(c *tls.Conn) *Conn {
	return &Conn{Conn: c, state: c.ConnectionState(), done: make(chan struct{})}
}

// ALPN is the kind of the connection.
func (c *Conn) ALPN() string { return c.state.NegotiatedProtocol }

// Peer is the other side's certificate, nil if it showed none.
func (c *Conn) Peer() *x509.Certificate {
	if len(c.state.PeerCertificates) == 0 {
		return nil
	}
	return c.state.PeerCertificates[0]
}

// Done is closed when the connection is.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.err = c.Conn.Close()
		close(c.done)
	})
	return c.err
}

// maxStreams is how many requests may run on a connection at a time. The connection's window has room for as many readers
// that stand still: they do not stop the others.
const maxStreams = 256

// maxHead bounds the header fields of a request or an answer, in bytes.
const maxHead = 16 << 10

// http2Config holds the bounds and the liveness of HTTP/2, the same on both sides.
func http2Config() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReadFrameSize:              copySize,
		MaxReceiveBufferPerStream:     StreamBuffer,
		MaxReceiveBufferPerConnection: (maxStreams + 1) * StreamBuffer,
		SendPingTimeout:               PingAfter,
		PingTimeout:                   PingTimeout,
		WriteByteTimeout:              WriteTimeout,
	}
}

func http2Only() *http.Protocols {
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true) // as net/http sees it: the connection it is given is encrypted already
	return p
}

// NewServer gives a server for connections of the link: HTTP/2 only, bounded, with pings. Serve it with a Listener.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		Protocols:         http2Only(),
		HTTP2:             http2Config(),
		ReadHeaderTimeout: DialTimeout,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          log.New(io.Discard, "", 0), // a peer's mistakes; the callers count and log connections
	}
}

// copySize is how much of a file goes into one write and one frame. Each costs HTTP/2 a few turns between goroutines: with the
// 16 KiB frames and 32 KiB copies that are usual a capture goes half as fast.
const copySize = 64 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// largeWriter is a ResponseWriter that copies by copySize: io.Copy and http.ServeContent use its ReadFrom.
type largeWriter struct{ http.ResponseWriter }

// ReadFrom implements io.ReaderFrom.
func (w largeWriter) ReadFrom(r io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w.ResponseWriter}, r, buf[:])
}

// Unwrap lets http.ResponseController reach the connection.
func (w largeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// NewClientConn makes c an HTTP/2 client connection. c is closed when it ends.
func NewClientConn(ctx context.Context, c *Conn) (*http.ClientConn, error) {
	t := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return c, nil },
		Protocols:          http2Only(),
		HTTP2:              http2Config(),
		DisableCompression: true,
		// The peer may be anybody's sensor; the default is 10 MB.
		MaxResponseHeaderBytes: maxHead,
	}
	cc, err := t.NewClientConn(ctx, "http", "peer:80")
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("start HTTP/2: %w", err)
	}
	return cc, nil
}

// BaseURL is what requests on a client connection begin with; the host means nothing.
const BaseURL = "http://peer"

// Listener hands connections that somebody else accepted to an http.Server.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewListener makes an open listener.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Give hands c over, or closes it when the listener is closed.
func (l *Listener) Give(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.done:
		c.Close()
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return linkAddr{} }

type linkAddr struct{}

func (linkAddr) Network() string { return "link" }
func (linkAddr) String() string  { return "link" }

// ServeConn serves h on one connection until it ends or ctx does.
func ServeConn(ctx context.Context, c *Conn, h http.Handler) error {
	l, srv := NewListener(), NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(largeWriter{w}, r)
	}))
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	l.Give(c)
	select {
	case <-c.Done():
	case <-ctx.Done():
	}
	srv.Close()
	c.Close()
	l.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return context.Cause(ctx)
}
