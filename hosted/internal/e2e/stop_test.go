package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

// A node that is killed, or told to stop, in the middle of a sensor's upload loses nothing: the sensor goes to the other node
// within seconds, every call is stored once, and the view of the running calls goes on there.
func TestTheOtherNodeGoesOnWhenOneEnds(t *testing.T) {
	for _, end := range []struct {
		name   string
		signal syscall.Signal
		within time.Duration // until the sensor is at the other node
	}{
		{"killed", syscall.SIGKILL, 20 * time.Second},
		{"stopped", syscall.SIGTERM, 20 * time.Second},
	} {
		t.Run(end.name, func(t *testing.T) {
			both(t, func(t *testing.T, args ...string) {
				p := start(t, 2*time.Minute, args...)
				token, err := p.cb.APIToken(p.ctx, "test")
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				many, talking := filepath.Join(dir, "many.pcap"), filepath.Join(dir, "talking.pcap")
				conf := gen.SIPOnly(1)
				conf.Calls = 8000
				truth := traffic(t, many, conf)
				traffic(t, talking, gen.Config{Seed: 5, Calls: 100, Rate: 1, Ring: time.Second, Talk: time.Minute})
				up := p.sensor(p.a, p.ca, 1, "", p.a, p.b)
				running := p.sensor(p.a, p.ca, 2, "", p.a, p.b)
				p.runAt(running, p.cb, 2, "a", "-r", talking, "--speed", "1", "--now")
				calls := func(n int) func(map[protocol.UUID]protocol.LiveCall) bool {
					return func(list map[protocol.UUID]protocol.LiveCall) bool { return sensorsOf(list)[2] >= n }
				}
				before, after := watch(p.ctx, t, p.a, token), watch(p.ctx, t, p.b, token)
				before.until(p.ctx, t, "running calls at the node that ends", calls(2))
				after.until(p.ctx, t, "running calls at the other", calls(2))

				p.run(up, "-r", many, "--stay")
				some := len(p.calls(p.cb, 1))
				if some == len(truth.List) {
					t.Fatal("the upload was over before the end: the test shows nothing; make the traffic larger")
				}
				begin := time.Now()
				if err := p.a.SignalHosted(end.signal); err != nil {
					t.Fatal(err)
				}
				p.at(p.cb, 1, "b")
				p.at(p.cb, 2, "b")
				t.Logf("both sensors are at the other node after %v; %d of %d calls were stored", time.Since(begin).Round(10*time.Millisecond), some, len(truth.List))
				if took := time.Since(begin); took > end.within {
					t.Errorf("that took %v", took)
				}
				if ended := before.until(p.ctx, t, "its end", func(map[protocol.UUID]protocol.LiveCall) bool { return false }); !ended {
					t.Error("the view of the node that ended goes on")
				}
				// A browser comes back, here by way of the other node, and sees the same calls.
				again := watch(p.ctx, t, p.b, token)
				again.until(p.ctx, t, "running calls at the other node again", calls(2))
				for len(after.lines) > 0 {
					<-after.lines
				}
				updates := -1
				if after.until(p.ctx, t, "another update", func(map[protocol.UUID]protocol.LiveCall) bool { updates++; return updates > 0 }) {
					t.Error("the view of the node that stays has ended")
				}

				want := map[string]bool{}
				for _, call := range truth.List {
					want["1 "+call.CallID] = true
				}
				got := count(p.calls(p.cb, len(want)))
				for id := range want {
					if got[id] != 1 {
						t.Errorf("call %s is stored %d times", id, got[id])
					}
				}
				for id, n := range got {
					if n != 1 || strings.HasPrefix(id, "1 ") && !want[id] {
						t.Errorf("call %s is stored %d times, known %v", id, n, want[id])
					}
				}
				if end.signal == syscall.SIGTERM {
					if err := p.a.WaitHosted(p.ctx); err != nil {
						t.Errorf("the node that was told to stop ended with %v", err)
					}
				}
			})
		})
	}
}

// A node that stops says so to load balancers, lets a download come to its end, and then sends the sensor away.
func TestANodeThatStopsLetsDownloadsEnd(t *testing.T) {
	p := start(t, time.Minute, "--drain", "30s", "--stop-wait", "1s")
	s := p.sensor(p.a, p.ca, 1, "all: keep rtp\n", p.a, p.b)
	pcap := filepath.Join(t.TempDir(), "long.pcap")
	traffic(t, pcap, gen.Config{Seed: 3, Calls: 1, Talk: 25 * time.Minute})
	p.run(s, "-r", pcap, "--stay")
	var call protocol.CDR
	p.eventually("the call is kept", func() bool {
		call = p.calls(p.ca, 1)[0]
		return call.Capture.Bytes > 0
	})
	token, err := p.ca.APIToken(p.ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/calls/" + call.ID.String() + "/capture"
	// One download from the node itself, and one through the other node, which must not end with the first's.
	conns := []net.Conn{p.begin(p.a.URL, path, token), p.begin(p.b.URL, path, token)}
	if err := p.a.SignalHosted(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.eventually("/healthz says that it stops", func() bool {
		res, err := http.Get(p.a.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable
	})
	time.Sleep(2 * time.Second) // the listener is closed by now
	want := spooled(t, s.Spool, call.ID)
	for i, c := range conns {
		if n := rest(t, c); n < len(want) {
			t.Errorf("download %d: %d bytes came, of %d", i, n, len(want))
		}
	}
	p.at(p.cb, 1, "b")
	if err := p.a.WaitHosted(p.ctx); err != nil {
		t.Error(err)
	}
	if res, got := get(p.ctx, t, p.b, token, "/calls/"+call.ID.String()+"/capture"); len(got) != len(want) {
		t.Errorf("through the other node afterwards: %s, %d bytes", res.Status, len(got))
	}
}

// begin asks for something and takes the first 64 KiB of it.
func (p *pair) begin(base, path, token string) net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	_ = c.(*net.TCPConn).SetReadBuffer(16 << 10)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: hosted\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", path, token); err != nil {
		p.t.Fatal(err)
	}
	head := make([]byte, 12)
	if _, err := c.Read(head); err != nil || string(head) != "HTTP/1.1 200" {
		p.t.Fatalf("%s%s: %q %v", base, path, head, err)
	}
	return c
}

// rest reads to the end and answers how many bytes that were.
func rest(t *testing.T, c net.Conn) (n int) {
	t.Helper()
	b := make([]byte, 64<<10)
	for {
		m, err := c.Read(b)
		n += m
		if err != nil {
			return n
		}
	}
}
