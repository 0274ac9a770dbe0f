package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tlsPipe gives both ends of a TLS connection over a pipe, and what makes the pipe swallow everything.
func tlsPipe(t *testing.T) (client, server *Conn, swallow func()) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{ServerName}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	hole := make(chan struct{})
	ts := tls.Server(&holed{Conn: b, hole: hole}, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{ALPNDown}})
	tc := tls.Client(&holed{Conn: a, hole: hole}, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPNDown}, MinVersion: tls.VersionTLS13})
	done := make(chan error, 1)
	go func() { done <- ts.Handshake() }()
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return NewConn(tc), NewConn(ts), sync.OnceFunc(func() { close(hole) })
}

// holed is a connection into a hole, once that is open: what is written vanishes, nothing is read.
type holed struct {
	net.Conn
	hole chan struct{}
}

func (h *holed) open() bool {
	select {
	case <-h.hole:
		return true
	default:
		return false
	}
}

func (h *holed) Write(b []byte) (int, error) {
	if h.open() {
		return len(b), nil
	}
	return h.Conn.Write(b)
}

func TestHalfOpenConnectionIsNoticedOnBothSidesWithin45Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, swallow := tlsPipe(t)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go func() {
			_ = ServeConn(ctx, server, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }))
		}()
		cc, err := NewClientConn(ctx, client)
		if err != nil {
			t.Fatal(err)
		}
		ask := func() {
			t.Helper()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, BaseURL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := cc.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(res.Body); err != nil || string(b) != "hi" {
				t.Fatalf("%q, %v", b, err)
			}
		}
		ask()
		time.Sleep(10 * time.Minute) // silence, but for the pings
		ask()
		swallow()
		at := time.Now()
		for name, c := range map[string]*Conn{"sensor": server, "hosted": client} {
			select {
			case <-c.Done():
				if d := time.Since(at); d > 45*time.Second {
					t.Errorf("%s noticed after %s", name, d)
				}
			case <-time.After(2 * time.Minute):
				t.Errorf("%s does not notice", name)
			}
		}
	})
}

func TestServedConnectionEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := tlsPipe(t)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- ServeConn(ctx, server, http.NotFoundHandler()) }()
		cc, err := NewClientConn(ctx, client)
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		<-client.Done()
		if cc.Err() == nil {
			t.Error("the client does not know")
		}
	})
}
