package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"voiptop/hosted/internal/lobby"
)

// A flood of connections that are silent, or have half of a request said, ends neither who is known nor who comes from elsewhere.
func TestAFloodOfBrowsersEndsNothingButItself(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			const room = 50
			l := lobby.New(room, nil)
			known := proved(l)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					known(r.Context())
				}
				fmt.Fprintln(w, "begin")
				_ = http.NewResponseController(w).Flush()
				if r.URL.Path == "/stream" {
					select {
					case <-r.Context().Done():
					case <-time.After(time.Minute):
					}
				}
			}))
			srv.EnableHTTP2 = proto == "HTTP/2.0"
			watchDoor(srv.Config, l)
			srv.StartTLS()
			defer srv.Close()
			get := func(client *http.Client, path, token string) (*http.Response, error) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if token != "" {
					req.Header.Set("Authorization", token)
				}
				return client.Do(req)
			}
			stream, err := get(srv.Client(), "/stream", "Bearer x") // from where the flood comes
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
			if stream.Proto != proto {
				t.Fatalf("it speaks %s", stream.Proto)
			}
			for i := range 3 * room {
				c, err := net.Dial("tcp", srv.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if i%3 == 0 {
					tc := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
					if tc.HandshakeContext(t.Context()) == nil {
						_, _ = io.WriteString(tc, "GET / HTTP/1.1\r\nHost:") // it may be closed already
					}
				}
			}
			transport := srv.Client().Transport.(*http.Transport).Clone()
			transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}).DialContext
			elsewhere := &http.Client{Transport: transport}
			defer elsewhere.CloseIdleConnections()
			for range 3 {
				res, err := get(elsewhere, "/", "")
				if err != nil {
					t.Fatalf("another browser: %v", err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if n := l.Len(); n > room {
				t.Errorf("%d strangers are in", n)
			}
			ended := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, stream.Body); ended <- err }()
			select {
			case err := <-ended:
				t.Errorf("the stream of who is known ended: %v", err)
			case <-time.After(200 * time.Millisecond):
			}
		})
	}
}
