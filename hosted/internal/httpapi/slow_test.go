package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/hosted/internal/httpapi"
)

// hasty serves a world that waits for nobody, and tells of connections that end.
func hasty(t *testing.T) (addr string, ended <-chan struct{}) {
	var c httpapi.Config
	newWorld(t, func(x *httpapi.Config) { x.Patience = 300 * time.Millisecond; c = *x })
	closed := make(chan struct{}, 100)
	srv := httptest.NewUnstartedServer(httpapi.New(c))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String(), closed
}

func TestWhoSendsNoBodyLosesTheConnection(t *testing.T) {
	for name, head := range map[string]string{
		"a log-in":                      "POST /api/v1/session HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000",
		"a body of another type":        "POST /api/v1/session HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1000",
		"chunks that do not come":       "POST /api/v1/session HTTP/1.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked",
		"a body that nobody asked for":  "GET /api/v1/version HTTP/1.1\r\nContent-Length: 1000",
		"a large one":                   "GET /api/v1/version HTTP/1.1\r\nContent-Length: 1000000000",
		"a page with a body":            "GET /calls HTTP/1.1\r\nContent-Length: 1000",
		"a route that reads none":       "DELETE /api/v1/session HTTP/1.1\r\nContent-Length: 1000",
		"nobody's log-out":              "POST /api/v1/oidc/logout HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000",
		"a method that a page does not": "PUT /calls HTTP/1.1\r\nContent-Length: 1000",
		"an assistant":                  "POST /mcp HTTP/1.1\r\nAuthorization: Bearer vtu_x\r\nContent-Length: 1000",
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := hasty(t)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s\r\nHost: x\r\n\r\n", head)
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if b, err := io.ReadAll(conn); err != nil {
				t.Errorf("the connection stays: %v after %q", err, b)
			}
		})
	}
}

func TestASlowBodyThatComesInTimeIsTaken(t *testing.T) {
	w := newWorld(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	w.ok(err)
	defer conn.Close()
	body := fmt.Sprintf(`{"name":"user","password":%q}`, password)
	fmt.Fprintf(conn, "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
	time.Sleep(100 * time.Millisecond)
	fmt.Fprint(conn, body[10:])
	r := bufio.NewReader(conn)
	for _, again := range []bool{false, true} { // the connection goes on
		if again {
			fmt.Fprint(conn, "GET /api/v1/version HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
		}
		res, err := http.ReadResponse(r, nil)
		w.ok(err)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s", res.Status)
		}
		_, err = io.Copy(io.Discard, res.Body)
		w.ok(err)
	}
}

func TestWhoReadsNoAnswerLosesTheConnection(t *testing.T) {
	addr, ended := hasty(t)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	go func() {
		for err == nil { // until the server goes: more than any buffer between holds
			_, err = fmt.Fprint(conn, "GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the connection stays")
	}
}

func TestOnlyWhoIsKnownIsToldOf(t *testing.T) {
	var known atomic.Int32
	w := newWorld(t, func(c *httpapi.Config) { c.Proved = func(context.Context) { known.Add(1) } })
	w.anonymous().get("/calls")
	w.anonymous().get("/version")
	c := w.anonymous()
	c.header.Set("Authorization", "Bearer vtu_x")
	c.get("/calls")
	c.do("POST", "/session", map[string]string{"name": "user", "password": "wrong"})
	if n := known.Load(); n != 0 {
		t.Errorf("%d strangers are taken for known", n)
	}
	user := w.as("user")
	user.get("/calls")
	user.get("/audit") // known, and refused
	if n := known.Load(); n != 2 {
		t.Errorf("told of %d requests, want 2", n)
	}
}
