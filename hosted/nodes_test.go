package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// takesRules connects a sensor that takes hosted's rules; what it is given comes out of the channel.
func takesRules(t *testing.T, server, tokenText string) <-chan sensorapi.HostedRules {
	t.Helper()
	token, err := link.ParseToken(tokenText)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	info := protocol.SensorInfo{SensorID: 7, Name: "pbx", Version: "1.0.0", Clock: protocol.TimeOf(time.Now()), BootID: "b"}
	id, err := link.Enrol(ctx, link.Enrolment{Server: server, Token: token, Dir: t.TempDir(), Info: info, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	dialer := &link.Dialer{Identity: id, Trust: link.Trust{CA: id.CA}, Now: time.Now}
	up, err := link.Connect(ctx, dialer, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { up.Close() })
	answer, err := up.Hello(ctx, link.Hello{Info: info})
	if err != nil {
		t.Fatal(err)
	}
	given := make(chan sensorapi.HostedRules, 10)
	m := http.NewServeMux()
	m.HandleFunc("GET "+link.PathSession, func(w http.ResponseWriter, _ *http.Request) {
		link.WriteMessage(w, link.Session{Session: answer.Session})
	})
	m.Handle("PUT "+sensorapi.PathHostedRules, sensorapi.HostedRulesHandler(func(_ context.Context, r sensorapi.HostedRules) (sensorapi.HostedRules, error) {
		given <- r
		return r, nil
	}))
	c, err := dialer.Dial(ctx, server, link.ALPNDown)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = link.ServeConn(ctx, c, m) // ends when the test does
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return given
}

// TestRulesReachASensorThatIsLinkedToAnotherNode writes rules on one of two hosted on a PostgreSQL, and has the sensor at the
// other.
func TestRulesReachASensorThatIsLinkedToAnotherNode(t *testing.T) {
	server.Skip(t)
	db := server.Database(t)
	a, b := start(t, time.Now, "--db", db), start(t, time.Now, "--db", db)
	bearer := strings.TrimSpace(must(t, "user", "token", "admin", "--db", db))
	given := takesRules(t, b.sensors, strings.TrimSpace(must(t, "sensor", "add", "--db", db)))
	for n, text := range []string{"all: keep sip", "all: keep rtp"} {
		begin := time.Now()
		if status, body := a.ask("PUT", "/api/v1/rules", bearer, fmt.Sprintf(`{"revision":%d,"text":%q}`, n, text)); status != http.StatusOK {
			t.Fatalf("put: %d %s", status, body)
		}
		select {
		case got := <-given:
			if got.Text != text || got.Revision != uint64(n+1) {
				t.Errorf("the sensor got %+v", got)
			}
			t.Logf("at the sensor after %v", time.Since(begin).Round(time.Millisecond))
		case <-time.After(20 * time.Second):
			t.Fatal("nothing reaches the sensor")
		}
		want := fmt.Sprintf(`"hosted_rule_revision":%d,"rules_current":true`, n+1)
		shown := ""
		for end := time.Now().Add(20 * time.Second); !strings.Contains(shown, want); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the first node shows %s, want %s", shown, want)
			}
			_, shown = a.ask("GET", "/api/v1/sensors", bearer, "")
		}
	}
}

func TestNodesAreListedAndThoseThatEndAreNot(t *testing.T) {
	server.Skip(t)
	db := server.Database(t)
	a := start(t, time.Now, "--db", db, "--node-name", "one", "--node-listen", "127.0.0.1:0")
	start(t, time.Now, "--db", db, "--node-name", "two")
	takesRules(t, a.sensors, strings.TrimSpace(must(t, "sensor", "add", "--db", db)))
	var list []struct {
		Name, State, Addr string
		Sensors           int
	}
	if err := json.Unmarshal([]byte(must(t, "nodes", "--json", "--db", db)), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Name != "one" || list[0].State != "up" || !strings.HasPrefix(list[0].Addr, "127.0.0.1:") || list[0].Sensors != 1 || list[1].Name != "two" || list[1].Addr != "" {
		t.Errorf("nodes %+v", list)
	}
	if out := must(t, "nodes", "--db", db); !strings.Contains(out, "one") || strings.Count(out, "\n") != 3 {
		t.Errorf("for people:\n%s", out)
	}
	metrics := ""
	for end := time.Now().Add(20 * time.Second); !strings.Contains(metrics, `node="one"`) || !strings.Contains(metrics, "hosted_nodes 2"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("/metrics says nothing of the nodes:\n%s", metrics)
		}
		_, metrics = a.ask("GET", "/metrics", "", "")
	}
	a.stop()
	if out := must(t, "nodes", "--db", db); strings.Contains(out, "one") {
		t.Errorf("after its end:\n%s", out)
	}
}

func TestWhatSeveralNodesNeedIsSaidWhereItIsMissing(t *testing.T) {
	server.Skip(t)
	for _, c := range []struct{ args, want string }{
		{"--db " + sqliteIn(t) + " --node-listen 127.0.0.1:0", "store that they share"},
		{"--db " + server.Database(t) + " --nats nats://127.0.0.1:1", "--nats needs --node-listen"},
		{"--db " + server.Database(t) + " --node-listen nowhere", "--node-listen nowhere"},
		{"--db " + server.Database(t) + " --node-listen 127.0.0.1:0 --nats nats://127.0.0.1:1 --nats-creds /nowhere", "--nats"},
		{"--db " + server.Database(t) + " --node-listen 127.0.0.1:0 --nats nats://me:se%zcret@host", "server 1 of the list"},
		{"--db " + server.Database(t) + " --drain -1s", "--drain"},
	} {
		args := append(strings.Fields("serve --http 127.0.0.1:0 --sensors 127.0.0.1:0"), strings.Fields(c.args)...)
		status, _, errs := command(t, "", args...)
		if status == 0 || !strings.Contains(errs, c.want) || strings.Contains(errs, "zcret") {
			t.Errorf("%s: %d %s", c.args, status, errs)
		}
	}
}

func TestHealthzSaysThatANodeStops(t *testing.T) {
	in := start(t, time.Now, "--db", sqliteIn(t), "--stop-wait", "2s")
	if status, body := in.ask("GET", "/healthz", "", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
	ended := make(chan int, 1)
	go func() { ended <- in.stop() }()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		status, body := in.ask("GET", "/healthz", "", "")
		if status == http.StatusServiceUnavailable && strings.Contains(body, "stops") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d %q", status, body)
		}
	}
	if status := <-ended; status != 0 {
		t.Errorf("it ended with %d", status)
	}
}
