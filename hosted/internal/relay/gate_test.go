package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"voiptop/protocol"
)

func enter(t *testing.T, g *Gate, tenant, user int64) *Stream {
	t.Helper()
	s, err := g.Enter(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), KindCapture, tenant, user)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheGateBoundsStreamsOfAUserAndOfATenant(t *testing.T) {
	reg := prometheus.NewRegistry()
	g := NewGate(Limits{PerUser: 2, PerTenant: 3}, reg)
	refused := func(tenant, user int64, whose string) {
		t.Helper()
		_, err := g.Enter(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), KindAudio, tenant, user)
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != CodeTooManyDownloads || p.Status != http.StatusTooManyRequests || p.Fields["limit"] != whose {
			t.Errorf("user %d of tenant %d: %v, want the limit of the %s", user, tenant, err, whose)
		}
	}
	first := enter(t, g, 1, 10)
	enter(t, g, 1, 10)
	refused(1, 10, "user")
	third := enter(t, g, 1, 11)
	refused(1, 11, "tenant")
	enter(t, g, 2, 20) // another tenant has its own
	first.Done()
	enter(t, g, 1, 10)
	third.Done()
	if len(g.byUser) != 2 || len(g.byTenant) != 2 {
		t.Errorf("users %v and tenants %v are remembered", g.byUser, g.byTenant)
	}
	counted(t, reg, `hosted_streams_refused_total{limit="user"} 1`, `hosted_streams_refused_total{limit="tenant"} 1`)
}

// nodes counts streams of several gates, as the store does.
type nodes struct {
	mu   sync.Mutex
	all  map[string]map[int64]int // by node and user; of one tenant
	fail error
}

type oneNode struct {
	*nodes
	name string
}

func (n oneNode) SetStreams(_ context.Context, _, user int64, running int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[n.name] == nil {
		n.all[n.name] = map[int64]int{}
	}
	n.all[n.name][user] = running
	return n.fail
}

func (n oneNode) Streams(context.Context, int64) (map[int64]int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sum := map[int64]int{}
	for _, node := range n.all {
		for user, running := range node {
			sum[user] += running
		}
	}
	return sum, n.fail
}

func TestTheLimitsHoldForAllNodesTogether(t *testing.T) {
	all := &nodes{all: map[string]map[int64]int{}}
	a, b := NewSharedGate(Limits{PerUser: 2, PerTenant: 3}, oneNode{all, "a"}, nil), NewSharedGate(Limits{PerUser: 2, PerTenant: 3}, oneNode{all, "b"}, nil)
	refused := func(g *Gate, user int64, whose string) {
		t.Helper()
		_, err := g.Enter(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), KindAudio, 1, user)
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != CodeTooManyDownloads || p.Fields["limit"] != whose {
			t.Errorf("user %d: %v, want the limit of the %s", user, err, whose)
		}
	}
	heard := func(want string) { // what has ended, and what was refused
		t.Helper()
		eventually(t, "all hear of "+want, func() bool {
			n, _ := oneNode{all, "b"}.Streams(t.Context(), 1)
			return fmt.Sprint(n[10], n[11], n[12]) == want
		})
	}
	first := enter(t, a, 1, 10)
	enter(t, b, 1, 10)
	refused(a, 10, "user")
	heard("2 0 0")
	refused(b, 10, "user")
	heard("2 0 0")
	enter(t, b, 1, 11)
	refused(a, 12, "tenant")
	heard("2 1 0")
	first.Done()
	heard("1 1 0")
	enter(t, b, 1, 10)

	// Many at once at both: never more than the limit, and nothing is left over.
	all = &nodes{all: map[string]map[int64]int{}}
	gates := []*Gate{NewSharedGate(Limits{PerUser: 5, PerTenant: 5}, oneNode{all, "a"}, nil), NewSharedGate(Limits{PerUser: 5, PerTenant: 5}, oneNode{all, "b"}, nil)}
	var running, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			s, err := gates[i%2].Enter(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), KindAudio, 1, 1)
			if err != nil {
				return
			}
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Millisecond)
			running.Add(-1)
			s.Done()
		})
	}
	wg.Wait()
	if most.Load() > 5 || most.Load() == 0 {
		t.Errorf("%d ran at a time", most.Load())
	}
	eventually(t, "none is counted any more", func() bool {
		n, _ := oneNode{all, "a"}.Streams(t.Context(), 1)
		return n[1] == 0
	})
	all.fail = errors.New("no answer")
	if _, err := gates[0].Enter(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), KindAudio, 1, 1); !errors.Is(err, all.fail) {
		t.Errorf("without the others' counts: %v", err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestStreamsAreCountedByHowTheyEnded(t *testing.T) {
	reg := prometheus.NewRegistry()
	g := NewGate(Limits{}, reg)
	serve := func(answer func(w http.ResponseWriter)) {
		s := enter(t, g, 1, 1)
		answer(s)
		s.Done()
	}
	serve(func(w http.ResponseWriter) { _, _ = w.Write([]byte("12345")) })
	serve(func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotModified) })
	serve(func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone); _, _ = w.Write([]byte("problem")) })
	serve(func(http.ResponseWriter) {})
	serve(func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10"); _, _ = w.Write([]byte("123")) })
	broken := enter(t, g, 1, 1)
	_, _ = broken.Write(nil)
	broken.Break()
	broken.Done()
	counted(t, reg,
		`hosted_streams_total{kind="capture",result="complete"} 2`, `hosted_streams_total{kind="capture",result="problem"} 2`,
		`hosted_streams_total{kind="capture",result="broken"} 2`, `hosted_stream_bytes_total{kind="capture"} 8`, `hosted_streams_running{kind="capture"} 0`)
}

// counted checks lines of the metrics.
func counted(t *testing.T, reg *prometheus.Registry, want ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range want {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no %s in\n%s", line, w.Body)
		}
	}
}

// browsers opens a server whose answers have no end, with small buffers in the kernel, and gives what asks it.
func browsers(t *testing.T, stalled time.Duration, h2 bool) (client *http.Client, url string, ended chan *Stream, reg *prometheus.Registry) {
	t.Helper()
	reg = prometheus.NewRegistry()
	g := NewGate(Limits{Stalled: stalled}, reg)
	ended = make(chan *Stream, 10)
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := g.Enter(w, r, KindCapture, 1, 1)
		if err != nil {
			t.Error(err)
			return
		}
		for b := make([]byte, 256<<10); err == nil; {
			_, err = s.Write(b)
		}
		s.Done()
		ended <- s
	}))
	web.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if tc, ok := c.(*net.TCPConn); ok && state == http.StateNew {
			_ = tc.SetWriteBuffer(16 << 10)
		}
	}
	dial := func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			_ = c.(*net.TCPConn).SetReadBuffer(16 << 10)
		}
		return c, err
	}
	tr := &http.Transport{Dial: dial}
	if h2 {
		web.EnableHTTP2 = true
		web.StartTLS()
		tr.TLSClientConfig, tr.ForceAttemptHTTP2 = &tls.Config{InsecureSkipVerify: true}, true
		tr.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
	} else {
		web.Start()
	}
	t.Cleanup(web.Close)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}, web.URL, ended, reg
}

func ask(t *testing.T, c *http.Client, url string) *http.Response {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestABrowserThatTakesNothingIsCutOffAndCounted(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, url, ended, reg := browsers(t, 300*time.Millisecond, h2)
			if res := ask(t, c, url); res.Proto[:6] != name[:6] {
				t.Fatalf("spoke %s", res.Proto)
			}
			select {
			case s := <-ended:
				if s.Err() == nil {
					t.Error("it ended without an error")
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it is still served")
			}
			counted(t, reg, `hosted_streams_total{kind="capture",result="stalled"} 1`)
		})
	}
}

func TestABrowserThatReadsSlowlyIsNotCutOff(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const stalled = time.Second
			c, url, ended, _ := browsers(t, stalled, h2)
			body := ask(t, c, url).Body
			for end := time.Now().Add(3 * stalled); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if _, err := io.CopyN(io.Discard, body, 64<<10); err != nil {
					t.Fatalf("cut off after %s: %v", time.Until(end), err)
				}
			}
			body.Close()
			<-ended
		})
	}
}

func TestABrowserThatGoesIsNotTakenForOneThatStandsStill(t *testing.T) {
	c, url, ended, reg := browsers(t, time.Minute, false)
	ask(t, c, url).Body.Close()
	<-ended
	counted(t, reg, `hosted_streams_total{kind="capture",result="cancelled"} 1`)
}

func TestAStreamHandsOutAsMuchAsItIsGiven(t *testing.T) {
	w := httptest.NewRecorder()
	s, err := NewGate(Limits{}, nil).Enter(w, httptest.NewRequest("GET", "/", nil), KindCapture, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	n, err := s.Write(want)
	if s.Done(); err != nil || n != len(want) || s.Bytes() != int64(n) || !bytes.Equal(w.Body.Bytes(), want) {
		t.Errorf("%d of %d bytes, %v", n, len(want), err)
	}
}
