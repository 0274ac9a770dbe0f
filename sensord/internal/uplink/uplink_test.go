package uplink

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/sensord/internal/journal"
)

// bench is an uplink under test.
type bench struct {
	t    *testing.T
	j    *journal.Journal
	u    *Uplink
	logs *syncBuffer
	stop func()
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// count tells how many lines hold a text.
func (s *syncBuffer) count(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.b.String(), text)
}

func openJournal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(journal.Config{Dir: dir, Clock: time.Now})
	check(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

// run starts an uplink. change may alter its configuration.
func run(t *testing.T, h *hosted, j *journal.Journal, change func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, j: j, logs: &syncBuffer{}}
	cfg := Config{
		Servers: []string{h.addr}, IdentityDir: filepath.Join(t.TempDir(), "identity"), Token: h.token(), Journal: j,
		Info:       func() protocol.SensorInfo { return protocol.SensorInfo{SensorID: 7, Name: "pbx", BootID: "b"} },
		Log:        slog.New(slog.NewTextHandler(b.logs, nil)),
		BatchDelay: 5 * time.Millisecond, RetryMin: 5 * time.Millisecond, RetryMax: 20 * time.Millisecond, RetryRefused: 20 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	b.u = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.u.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(b.stop)
	return b
}

func (b *bench) eventually(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(end) {
			b.logs.mu.Lock()
			defer b.logs.mu.Unlock()
			b.t.Fatalf("not within 15 s: %s\nhealth %+v\n%s", what, b.u.Health(), b.logs.b.String())
		}
	}
}

func (b *bench) up() bool { return b.u.Health().State == stateUp }

func fill(t *testing.T, j *journal.Journal, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		c := &protocol.CDR{CallID: fmt.Sprint("call-", i), Start: protocol.TimeOf(time.Now())}
		c.ID[0], c.ID[1], c.ID[2] = byte(i>>16), byte(i>>8), byte(i)+1
		check(t, j.Append(c))
	}
	check(t, j.Sync())
}

func TestEnrolsSendsAndMovesTheCursorWhenAcknowledged(t *testing.T) {
	h := newHosted(t)
	j := openJournal(t, t.TempDir())
	fill(t, j, 0, 1200)
	b := run(t, h, j, nil)
	b.eventually("all calls are acknowledged", func() bool { return j.State().Pending == 0 })
	if n, twice := h.stored(); n != 1200 || twice != 0 {
		t.Errorf("%d calls, %d twice", n, twice)
	}
	hl := b.u.Health()
	if hl.State != stateUp || hl.Server != h.addr || hl.LastCDRAck == 0 || hl.CertExpires == 0 || hl.LastError != nil {
		t.Errorf("health %+v", hl)
	}
	fill(t, j, 1200, 1210)
	b.eventually("later calls follow", func() bool { n, _ := h.stored(); return n == 1210 })
}

func TestEveryCallArrivesOnceThoughConnectionsAreCut(t *testing.T) {
	h := newHosted(t)
	j := openJournal(t, t.TempDir())
	rnd := rand.New(rand.NewPCG(3, 4))
	var mu sync.Mutex
	var cuts atomic.Int64
	b := run(t, h, j, func(c *Config) {
		c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			mu.Lock()
			defer mu.Unlock()
			return &cutConn{Conn: conn, left: int64(1000 + rnd.IntN(9_000)), cuts: &cuts}, err
		}
	})
	for i := range 100 {
		fill(t, j, i*20, (i+1)*20)
		time.Sleep(3 * time.Millisecond)
	}
	b.eventually("all calls are acknowledged", func() bool { return j.State().Pending == 0 })
	if n, twice := h.stored(); n != 2000 || twice != 0 {
		t.Errorf("%d calls, %d twice", n, twice)
	}
	if cuts.Load() < 5 {
		t.Errorf("only %d connections were cut", cuts.Load())
	}
	t.Logf("%d connections were cut", cuts.Load())
}

// cutConn closes itself after some bytes, in the middle of a write or read.
type cutConn struct {
	net.Conn
	mu   sync.Mutex
	left int64
	cuts *atomic.Int64
}

func (c *cutConn) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int64(n) > c.left {
		n = int(c.left)
		if c.left >= 0 {
			c.cuts.Add(1)
		}
		c.left = -1
		return max(n, 0)
	}
	c.left -= int64(n)
	return n
}

func (c *cutConn) Write(b []byte) (int, error) {
	n := c.take(len(b))
	m, err := c.Conn.Write(b[:n])
	if n < len(b) {
		c.Conn.Close()
		return m, net.ErrClosed
	}
	return m, err
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if k := c.take(n); k < n {
		c.Conn.Close()
		return k, net.ErrClosed
	}
	return n, err
}

func TestHostedThatIsNotThereIsSaidOnceAndTriedUntilItIs(t *testing.T) {
	h := newHosted(t)
	j := openJournal(t, t.TempDir())
	dir := filepath.Join(t.TempDir(), "identity")
	run(t, h, j, func(c *Config) { c.IdentityDir = dir }).stop() // pairs, perhaps
	var down atomic.Bool
	var dials atomic.Int64
	down.Store(true)
	b := run(t, h, j, func(c *Config) {
		c.IdentityDir = dir
		c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			if down.Load() {
				return nil, fmt.Errorf("connect: connection refused")
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	b.eventually("ten attempts", func() bool { return dials.Load() > 10 })
	fill(t, j, 0, 10) // capturing goes on
	if n := b.logs.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings for more than ten attempts, want 1", n)
	}
	if hl := b.u.Health(); hl.State != stateConnecting || hl.LastError == nil || hl.LastError.Code != protocol.CodeServerUnreachable {
		t.Errorf("health %+v", hl)
	}
	down.Store(false)
	b.eventually("calls arrive", func() bool { n, _ := h.stored(); return n == 10 })
	h.drop()
	b.eventually("up again", func() bool { return b.up() && b.u.Health().Reconnects == 1 })
	if n := b.logs.count("link is up"); n != 2 {
		t.Errorf("up was said %d times, want 2", n)
	}
}

func TestRefusalIsSaidOnceWithCodeAndRemedyAndTriedAgain(t *testing.T) {
	h := newHosted(t)
	h.refuse = &protocol.Problem{Code: protocol.CodeRevoked, Status: 403, Title: "revoked", Remedy: "pair again"}
	b := run(t, h, openJournal(t, t.TempDir()), nil)
	b.eventually("several hellos", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.hellos > 3 })
	if n := b.logs.count("code=revoked"); n != 1 || b.logs.count(`remedy="pair again"`) != 1 {
		t.Errorf("said %d times, want once with its remedy", n)
	}
	if hl := b.u.Health(); hl.State != stateRefused || hl.LastError.Code != protocol.CodeRevoked {
		t.Errorf("health %+v", hl)
	}
	h.set(func() { h.refuse = nil })
	b.eventually("up", b.up)
}

func TestWithoutIdentityAndTokenItWaitsToBePaired(t *testing.T) {
	h := newHosted(t)
	dir := filepath.Join(t.TempDir(), "identity")
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) {
		c.IdentityDir, c.Token, c.RetryRefused = dir, "", time.Hour
	})
	b.eventually("refused", func() bool { return b.u.Health().State == stateRefused })
	if e := b.u.Health().LastError; e.Code != protocol.CodeNotPaired || e.Remedy == "" {
		t.Errorf("problem %+v", e)
	}
	token, err := link.ParseToken(h.token())
	check(t, err)
	_, err = link.Enrol(t.Context(), link.Enrolment{Server: h.addr, Token: token, Dir: dir, Now: time.Now}) // voipmon pair
	check(t, err)
	b.eventually("up without a restart", b.up)
}

func TestTokenThatCannotBeReadIsARefusal(t *testing.T) {
	b := run(t, newHosted(t), openJournal(t, t.TempDir()), func(c *Config) { c.Token = "vt1.oops" })
	b.eventually("refused", func() bool { return b.u.Health().State == stateRefused })
	if e := b.u.Health().LastError; e.Code != protocol.CodeUnknownToken {
		t.Errorf("problem %+v", e)
	}
}

func TestSecondServerTakesOverAndTheFirstComesFirstAgain(t *testing.T) {
	h := newHosted(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	first := dead.Addr().String()
	dead.Close()
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) { c.Servers = []string{first, h.addr} })
	b.eventually("up", b.up)
	if s := b.u.Health().Server; s != h.addr {
		t.Errorf("server %s, want the second", s)
	}
	if n := b.logs.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings, want one about the first server", n)
	}
	ln, err := net.Listen("tcp", first) // the first comes back
	check(t, err)
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", h.addr)
			if err != nil {
				c.Close()
				continue
			}
			go func() { defer c.Close(); defer to.Close(); _, _ = to.(*net.TCPConn).ReadFrom(c) }()
			go func() { _, _ = c.(*net.TCPConn).ReadFrom(to) }()
		}
	}()
	h.drop()
	b.eventually("up at the first", func() bool { return b.up() && b.u.Health().Server == first })
}

func TestASensorThatIsSentAwayGoesToTheNextServerAndWarnsOfNothing(t *testing.T) {
	h := newHosted(t)
	_, port, err := net.SplitHostPort(h.addr)
	check(t, err)
	second := "localhost:" + port // the same hosted by another name
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) { c.Servers = []string{h.addr, second} })
	move := func(to string) {
		t.Helper()
		var cc *http.ClientConn
		b.eventually("a connection to call on", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			if n := len(h.downs); n > 0 {
				cc = h.downs[n-1]
			}
			return b.up() && cc != nil && cc.Err() == nil
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, link.BaseURL+link.PathMove, nil)
		check(t, err)
		if res, err := cc.RoundTrip(req); err == nil { // the answer may be lost with the connection
			if res.Body.Close(); res.StatusCode != http.StatusNoContent {
				t.Errorf("move: %s", res.Status)
			}
		}
		b.eventually("it is at "+to, func() bool { return b.up() && b.u.Health().Server == to })
	}
	move(second)
	move(h.addr)
	if n := b.logs.count("level=WARN"); n != 0 {
		t.Errorf("%d warnings", n)
	}
	if n := b.logs.count("going to another"); n != 2 {
		t.Errorf("it is said %d times, want twice", n)
	}
}

func TestAlternativeIsTakenWhereTheServerCannotBeReached(t *testing.T) {
	h := newHosted(t)
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	shut.Close() // nobody listens there now
	server := shut.Addr().String()
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) {
		c.Servers, c.Alternatives = []string{server}, map[string]string{server: h.addr}
	})
	b.eventually("the link is up", b.up)
	if got := b.u.Health().Server; got != h.addr {
		t.Errorf("the server is %s, want the alternative %s", got, h.addr)
	}
}

func TestAlternativeWithoutHostedIsNotTalkedOf(t *testing.T) {
	h := newHosted(t)
	web, err := net.Listen("tcp", "127.0.0.1:0") // something that is no hosted
	check(t, err)
	defer web.Close()
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("SSH-2.0-x\r\n"))
			c.Close()
		}
	}()
	server := "127.0.0.1:1"
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) {
		c.Servers, c.Alternatives = []string{server}, map[string]string{server: web.Addr().String()}
	})
	b.eventually("it is said once", func() bool { return b.logs.count("no link to hosted") == 1 })
	if p := b.u.Health().LastError; p == nil || !strings.Contains(p.Title, server) || b.logs.count(web.Addr().String()) != 0 {
		t.Errorf("health %+v", p)
	}
}

func TestHostedCallsTheSensorAndAsksForABulkConnection(t *testing.T) {
	h := newHosted(t)
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) {
		c.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "api ", r.URL.Path) })
	})
	ask := func(list *[]*http.ClientConn, method, path string) (int, string) {
		t.Helper()
		var cc *http.ClientConn
		b.eventually("a connection to call on", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			if len(*list) > 0 {
				cc = (*list)[0]
			}
			return cc != nil
		})
		req, err := http.NewRequestWithContext(t.Context(), method, link.BaseURL+path, nil)
		check(t, err)
		res, err := cc.RoundTrip(req)
		check(t, err)
		defer res.Body.Close()
		var buf bytes.Buffer
		_, err = buf.ReadFrom(res.Body)
		check(t, err)
		return res.StatusCode, buf.String()
	}
	if _, body := ask(&h.downs, "GET", "/v1/info"); body != "api /v1/info" {
		t.Errorf("down: %q", body)
	}
	if st, _ := ask(&h.downs, "POST", link.PathOpenBulk); st != http.StatusAccepted {
		t.Errorf("open bulk: %d", st)
	}
	if _, body := ask(&h.bulks, "GET", "/v1/calls/x/capture"); body != "api /v1/calls/x/capture" {
		t.Errorf("bulk: %q", body)
	}
	if _, body := ask(&h.bulks, "GET", link.PathSession); !strings.Contains(body, "0123456789abcdef") {
		t.Errorf("session: %q", body)
	}
	if st, _ := ask(&h.downs, "POST", link.PathOpenBulk); st != http.StatusAccepted {
		t.Errorf("second bulk: %d", st)
	}
	if st, _ := ask(&h.downs, "POST", link.PathOpenBulk); st != http.StatusTooManyRequests {
		t.Errorf("third bulk: %d, want it refused", st)
	}
	h.set(func() { h.downs[0].Close(); h.downs = nil })
	b.eventually("the down connection is dialled again", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.downs) == 1 })
	if !b.up() {
		t.Error("the loss of the down connection took the link down")
	}
}

func TestCertificateIsRenewedBeforeItEnds(t *testing.T) {
	h := newHosted(t)
	h.life = -time.Second // it has ended when it comes
	dir := filepath.Join(t.TempDir(), "identity")
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) { c.IdentityDir = dir })
	b.eventually("up", b.up)
	id, err := link.LoadIdentity(dir)
	check(t, err)
	if h.renewals != 1 || time.Until(id.Cert.NotAfter) < 29*24*time.Hour {
		t.Errorf("%d renewals, certificate ends %s", h.renewals, id.Cert.NotAfter)
	}
	if b.u.Health().CertExpires != protocol.TimeOf(id.Cert.NotAfter) {
		t.Errorf("health says it ends %s", b.u.Health().CertExpires)
	}
}

func TestCallThatHostedCannotTakeIsLeftOutAndHoldsUpNoOther(t *testing.T) {
	h := newHosted(t)
	h.poison["call-20"], h.poison["call-99"] = true, true
	h.most = 16 // too large a batch is halved
	j := openJournal(t, t.TempDir())
	fill(t, j, 0, 100)
	b := run(t, h, j, nil)
	b.eventually("the queue is empty", func() bool { return j.State().Pending == 0 })
	if n, twice := h.stored(); n != 98 || twice != 0 {
		t.Errorf("%d calls, %d twice; want 98, 0", n, twice)
	}
	if h.lost != 2 || b.logs.count("hosted cannot take a call") != 2 {
		t.Errorf("%d reported lost, said %d times; want 2", h.lost, b.logs.count("hosted cannot take a call"))
	}
}

func TestLostCursorIsTakenFromHosted(t *testing.T) {
	h := newHosted(t)
	dir := t.TempDir()
	j := openJournal(t, dir)
	fill(t, j, 0, 50)
	ident := filepath.Join(t.TempDir(), "identity")
	b := run(t, h, j, func(c *Config) { c.IdentityDir = ident })
	b.eventually("all is acknowledged", func() bool { return j.State().Pending == 0 })
	b.stop()
	j.Close()
	check(t, os.Remove(filepath.Join(dir, "cursor")))
	j = openJournal(t, dir)
	if p := j.State().Pending; p != 50 {
		t.Fatalf("%d pending, want all 50", p)
	}
	fill(t, j, 50, 60)
	b = run(t, h, j, func(c *Config) { c.IdentityDir = ident })
	b.eventually("the queue is empty", func() bool { return j.State().Pending == 0 })
	if n, twice := h.stored(); n != 60 || twice != 0 {
		t.Errorf("%d calls, %d twice", n, twice)
	}
}
