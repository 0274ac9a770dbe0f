package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// modes runs a test with nodes that find sensors through the store, and through NATS.
func modes(t *testing.T, test func(t *testing.T, r *rig, with func(*Config))) {
	t.Run("store", func(t *testing.T) { test(t, newRig(t), nil) })
	t.Run("nats", func(t *testing.T) {
		r := newRig(t)
		_, port := r.nats(-1)
		test(t, r, withNATS(port))
	})
}

func TestASensorThatMovesIsFoundAtItsNewNode(t *testing.T) {
	modes(t, func(t *testing.T, r *rig, with func(*Config)) {
		a, b := r.node("a", with), r.node("b", with)
		first := r.must(r.comes(a, 1, "boot", names("at a")))
		b.sees(first.id, "a")
		if name, err := b.asks(first.id); name != "at a" || err != nil {
			t.Errorf("through the other node: %q, %v", name, err)
		}
		// The same process comes to the other node, as it does when its network fails; the first node still has its old link.
		client := a.Client(first.id)
		r.must(r.comes(b, 1, "boot", names("at b")))
		r.eventually("the first node lets go", first.gone)
		for _, n := range []*node{a, b} {
			r.eventually("it is asked where it is now", func() bool { name, err := n.asks(first.id); return name == "at b" && err == nil })
			n.sees(first.id, "b")
		}
		if _, err := client.Info(t.Context()); err == nil {
			t.Error("the old link still answers")
		}
	})
}

func TestWhatIsRememberedTooLongIsLookedForAgain(t *testing.T) {
	r := newRig(t)
	a, b, c := r.node("a", nil), r.node("b", nil), r.node("c", nil)
	s := r.must(r.comes(a, 1, "boot", names("at a")))
	c.sees(s.id, "a")
	r.must(r.comes(b, 1, "boot", names("at b")))
	r.eventually("the first node lets go", s.gone)
	c.links.mu.Lock()
	c.links.sensors[s.id] = seen[store.SensorLink]{store.SensorLink{Sensor: s.id, Node: a.ID(), Generation: 1}, r.now().Add(time.Minute)}
	c.links.mu.Unlock()
	if name, err := c.asks(s.id); name != "at b" || err != nil {
		t.Errorf("asked with an old place in mind: %q, %v", name, err)
	}
}

func TestTheSensorsOfADeadNodeGoOffline(t *testing.T) {
	modes(t, func(t *testing.T, r *rig, with func(*Config)) {
		a, b := r.node("a", with), r.node("b", with)
		s := r.must(r.comes(a, 1, "boot", names("at a")))
		b.sees(s.id, "a")
		a.die()
		begin := time.Now()
		b.sees(s.id, "")
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("that took %v", took)
		}
		r.eventually("it is out of the store", func() bool {
			list, err := r.store.Nodes(t.Context())
			return err == nil && len(list) == 1
		})
	})
}

func TestANodeThatEndsIsGoneAtOnce(t *testing.T) {
	r := newRig(t)
	a, b := r.node("a", nil), r.node("b", nil)
	r.eventually("each knows the other", func() bool { return len(a.others()) == 1 && len(b.others()) == 1 })
	a.stop()
	r.eventually("it is gone", func() bool { return len(b.others()) == 0 })
	if list, err := r.store.Nodes(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestANodeThatWasTakenForDeadComesBackWithItsLinks(t *testing.T) {
	modes(t, func(t *testing.T, r *rig, with func(*Config)) {
		a, b := r.node("a", with), r.node("b", with)
		s := r.must(r.comes(a, 1, "boot", names("at a")))
		b.sees(s.id, "a")
		r.ok(r.store.RemoveNode(t.Context(), a.ID(), r.now()))
		r.eventually("it is there again, with its link", func() bool {
			list, err := r.store.SensorLinksOf(t.Context(), a.ID())
			return err == nil && len(list) == 1 && list[0].Sensor == s.id
		})
		b.sees(s.id, "a")
		if name, err := b.asks(s.id); name != "at a" || err != nil || s.gone() {
			t.Errorf("asked afterwards: %q, %v", name, err)
		}
	})
}

func TestWithoutConnectionsBetweenNodesTheTruthIsTold(t *testing.T) {
	r := newRig(t)
	alone := func(c *Config) { c.Addr = "" }
	a, b := r.node("a", alone), r.node("b", alone)
	s := r.must(r.comes(a, 1, "boot", names("at a")))
	b.sees(s.id, "a")
	_, err := b.asks(s.id)
	var p *protocol.Problem
	if !errors.As(err, &p) || p.Code != CodeElsewhere || p.Fields["node"] != "a" {
		t.Errorf("asked at the wrong node: %v", err)
	}
	w := httptest.NewRecorder()
	b.Relay(w, httptest.NewRequest(http.MethodGet, "/x", nil), s.id, "/v1/calls/x/capture")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"sensor-elsewhere"`) || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	b.Relay(w, httptest.NewRequest(http.MethodGet, "/x", nil), protocol.UUID{9}, "/v1/info")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"sensor-offline"`) {
		t.Errorf("a sensor that is nowhere: %d %s", w.Code, w.Body)
	}
}

// A download through another node is the sensor's, and ends at the sensor when the browser goes.
func TestCancellationReachesTheSensorThroughTheOtherNode(t *testing.T) {
	r := newRig(t)
	a, b := r.node("a", nil), r.node("b", nil)
	cancelled := make(chan struct{})
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/calls/x/capture", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.tcpdump.pcap")
		for b := make([]byte, 64<<10); q.Context().Err() == nil; {
			if _, err := w.Write(b); err != nil {
				break
			}
		}
		close(cancelled)
	})
	s := r.must(r.comes(a, 1, "boot", m))
	b.sees(s.id, "a")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { b.Relay(w, q, s.id, "/v1/calls/x/capture") }))
	defer web.Close()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, web.URL, nil)
	r.ok(err)
	res, err := http.DefaultClient.Do(req)
	r.ok(err)
	if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	cancel()
	res.Body.Close()
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Error("the sensor still sends 10 s after the browser went")
	}
}

func TestARevokedSensorIsDisconnectedAtItsNode(t *testing.T) {
	r := newRig(t)
	a, b := r.node("a", nil), r.node("b", nil)
	s := r.must(r.comes(a, 1, "boot", nil))
	b.sees(s.id, "a")
	r.ok(r.store.RevokeSensor(t.Context(), r.tenant, s.id))
	b.Disconnect(s.id)
	r.eventually("its link ends", s.gone)
}

// Two machines with one key are refused at either node, decided by what both nodes saw.
func TestMachinesThatReplaceEachOtherAtTwoNodesAreQuarantined(t *testing.T) {
	modes(t, func(t *testing.T, r *rig, with func(*Config)) {
		a, b := r.node("a", with), r.node("b", with)
		first := r.must(r.comes(a, 1, "one", nil))
		_, err := r.comes(b, 1, "two", nil)
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != protocol.CodeSensorIDCollision || p.Fields["reason"] != "cloned-key" {
			t.Fatalf("the second machine while the first answers: %v", err)
		}
		first.stop()
		for i := 0; ; i++ { // by turns, as machines do that lose their links
			at, boot := []*node{b, a}[i%2], []string{"two", "one"}[i%2]
			r.eventually("the one before has ended", func() bool {
				l, err := r.store.SensorLink(t.Context(), r.tenant, first.id)
				return err == nil && l.Node == ""
			})
			s, err := r.comes(at, 1, boot, nil)
			if err != nil {
				if !errors.As(err, &p) || !strings.Contains(p.Title, "by turns") {
					t.Fatal(err)
				}
				if i < 3 || i > 5 {
					t.Errorf("refused at turn %d", i)
				}
				break
			}
			if i > 10 {
				t.Fatal("never refused")
			}
			s.stop()
		}
		for _, n := range []*node{a, b} {
			if _, err := r.comes(n, 1, "one", nil); !errors.As(err, &p) || !strings.Contains(p.Title, "by turns") {
				t.Errorf("at node %s: %v", n.cfg.Name, err)
			}
		}
		r.ahead.Store(int64(6 * time.Minute))
		r.must(r.comes(b, 1, "one", nil))
	})
}

func TestOnlyNodesMayAskNodes(t *testing.T) {
	r := newRig(t)
	a := r.node("a", nil)
	s := r.must(r.comes(a, 1, "boot", names("at a")))
	id := r.ids[1]
	url := "https://" + a.cfg.Addr + prefix + s.id.String() + "/v1/info"
	for name, c := range map[string]*tls.Config{
		"nobody":           {},
		"a sensor":         {Certificates: []tls.Certificate{{Certificate: [][]byte{id.Cert.Raw}, PrivateKey: id.Key}}},
		"sensor as a CA's": {Certificates: []tls.Certificate{{Certificate: [][]byte{id.Cert.Raw, id.CA.Raw}, PrivateKey: id.Key}}},
	} {
		c.InsecureSkipVerify = true
		client := http.Client{Transport: &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}}
		if res, err := client.Get(url); err == nil {
			res.Body.Close()
			t.Errorf("%s is answered: %s", name, res.Status)
		}
	}
	// A node does not take what sensors are shown for a node, either.
	if _, err := tls.Dial("tcp", a.addr, func() *tls.Config { c := r.ca.NodeTLS("x"); c.NextProtos = []string{link.ALPNUp}; return c }()); err == nil {
		t.Error("the sensors' port is taken for a node")
	}
	good := r.ca.NodeTLS("x")
	client := http.Client{Transport: newTransport(good)}
	res, err := client.Get(url)
	r.ok(err)
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), "at a") {
		t.Errorf("a node is answered %s %s, %v", res.Status, b, err)
	}
	for path, want := range map[string]int{
		prefix + s.id.String() + "/link/v1/session":           http.StatusNotFound,
		prefix + s.id.String() + "/":                          http.StatusNotFound,
		prefix + "x/v1/info":                                  http.StatusNotFound,
		"/metrics":                                            http.StatusNotFound,
		prefix + protocol.UUID{1}.String() + "/v1/info":       http.StatusMisdirectedRequest,
		prefix + s.id.String() + "/v1/calls/..%2f..%2flink/x": http.StatusOK, // one segment: the sensor's to judge
	} {
		res, err := client.Get("https://" + a.cfg.Addr + path)
		r.ok(err)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, res.Status, want)
		}
	}
}

func TestStreamsAreCountedOverNodes(t *testing.T) {
	r := newRig(t)
	a, b := r.node("a", nil), r.node("b", nil)
	r.ok(a.Streams().SetStreams(t.Context(), int64(r.tenant), 4, 2))
	r.ok(b.Streams().SetStreams(t.Context(), int64(r.tenant), 4, 3))
	if n, err := b.Streams().Streams(t.Context(), int64(r.tenant)); err != nil || fmt.Sprint(n) != "map[4:5]" {
		t.Errorf("%v, %v", n, err)
	}
	a.die()
	r.eventually("those of a dead node are over", func() bool {
		n, err := b.Streams().Streams(t.Context(), int64(r.tenant))
		return err == nil && n[4] == 3
	})
}
