package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"voiptop/fixtures/gen"
	"voiptop/fixtures/stack"
	"voiptop/hosted/internal/store/postgres/pgtest"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

var (
	bin      string         // where TestMain built the programs
	database *pgtest.Server // nil where PostgreSQL is not installed
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Run(func(s *pgtest.Server) int {
		database = s
		dir, err := os.MkdirTemp("", "hosted-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		if err := stack.Build(dir, "./sensord", "./hosted", "./tui/voipmon"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

// testLog writes what the programs say to the test's log.
type testLog struct {
	t    *testing.T
	name string
}

func (l testLog) Write(b []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(l.name, strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// pair is two nodes, a and b, on one database.
type pair struct {
	t   *testing.T
	ctx context.Context
	db  string
	a   *stack.Stack
	b   *stack.Stack
	ca  *stack.Client // of a
	cb  *stack.Client
}

// start runs two nodes with arguments for both.
func start(t *testing.T, within time.Duration, args ...string) *pair {
	t.Helper()
	database.Skip(t)
	if err := stack.SeeSources(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	p := &pair{t: t, ctx: ctx, db: database.Database(t)}
	p.a = p.node("a", args...)
	p.b = p.node("b", args...)
	var err error
	if p.ca, err = p.a.Login(ctx, p.a.Name, p.a.Password); err != nil {
		t.Fatal(err)
	}
	if p.cb, err = p.b.Login(ctx, p.a.Name, p.a.Password); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pair) node(name string, args ...string) *stack.Stack {
	p.t.Helper()
	args = append([]string{"--node-name", name, "--node-listen", "127.0.0.1:0"}, args...)
	s, err := stack.StartNode(p.ctx, bin, p.t.TempDir(), testLog{p.t, name}, p.db, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
	return s
}

// sensor pairs a sensor at a node; servers is where it goes.
func (p *pair) sensor(at *stack.Stack, c *stack.Client, number int, rules string, servers ...*stack.Stack) *stack.Stack {
	p.t.Helper()
	s := at.Another(p.t.TempDir())
	var list []string
	for _, n := range servers {
		list = append(list, n.Sensors)
	}
	s.Servers = strings.Join(list, ",")
	if err := s.Pair(p.ctx, c, number, rules); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
	return s
}

func (p *pair) run(s *stack.Stack, args ...string) {
	p.t.Helper()
	if err := s.StartSensor(args...); err != nil {
		p.t.Fatal(err)
	}
}

// eventually waits for something.
func (p *pair) eventually(what string, ok func() bool) {
	p.t.Helper()
	for !ok() {
		select {
		case <-p.ctx.Done():
			p.t.Fatalf("not in time: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// at waits until a client sees a sensor online at a node.
func (p *pair) at(c *stack.Client, number uint16, node string) stack.Sensor {
	p.t.Helper()
	return p.online(c, number, func(at string) bool { return at == node })
}

// online waits until a client sees a sensor online at a node that is good.
func (p *pair) online(c *stack.Client, number uint16, good func(node string) bool) (found stack.Sensor) {
	p.t.Helper()
	var list []stack.Sensor
	defer func() {
		if p.t.Failed() {
			p.t.Logf("sensor %d is waited for among %+v", number, list)
		}
	}()
	p.eventually(fmt.Sprintf("sensor %d is online", number), func() (ok bool) {
		var err error
		if list, err = c.Sensors(p.ctx); err != nil {
			p.t.Logf("sensors: %v", err)
			return false
		}
		for _, s := range list {
			if s.Number == number && s.Online && good(s.Node) {
				found, ok = s, true
			}
		}
		return ok
	})
	return found
}

// runAt starts a sensor that has a list of servers, again if a busy machine makes it begin with the second of them.
func (p *pair) runAt(s *stack.Stack, c *stack.Client, number uint16, node string, args ...string) {
	p.t.Helper()
	for {
		p.run(s, args...)
		if p.online(c, number, func(at string) bool { return at != "" }).Node == node {
			return
		}
		if err := s.KillSensor(); err != nil {
			p.t.Fatal(err)
		}
	}
}

// calls waits until there are n calls, or more.
func (p *pair) calls(c *stack.Client, n int) (list []protocol.CDR) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("%d calls are stored", n), func() bool {
		var err error
		if list, err = c.Calls(p.ctx); err != nil {
			p.t.Fatal(err)
		}
		return len(list) >= n
	})
	return list
}

func traffic(t *testing.T, path string, c gen.Config) *gen.Truth {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := gen.Generate(f, c)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// nats runs a NATS server that wants a user and a password, and answers its address with them.
func nats(t *testing.T) (*natsserver.Server, string) {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, Username: "hosted", Password: "secret", NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(s.Shutdown)
	return s, fmt.Sprintf("nats://hosted:secret@%s", s.Addr())
}

// health asks a sensor on its socket.
func health(ctx context.Context, socket string) (protocol.Health, error) {
	client := sensorapi.Client{Base: "http://sensor", HTTP: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
	return client.Health(ctx)
}
