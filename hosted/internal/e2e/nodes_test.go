package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/fixtures/stack"
	"voiptop/protocol"
)

// both runs a test with nodes that find sensors through the store, and with nodes that announce them over NATS.
func both(t *testing.T, test func(t *testing.T, args ...string)) {
	t.Run("store", func(t *testing.T) { test(t) })
	t.Run("nats", func(t *testing.T) {
		database.Skip(t)
		_, url := nats(t)
		test(t, "--nats", url)
	})
}

// get asks a node as the user whose token it is.
func get(ctx context.Context, t *testing.T, at *stack.Stack, token, path string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

// spooled is the file of a call in a sensor's spool.
func spooled(t *testing.T, spool string, id protocol.UUID) []byte {
	t.Helper()
	b, err := stack.Spooled(spool, id)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each node shows the sensors of both, their running calls, and what they kept.
func TestAnyNodeServesAnySensor(t *testing.T) {
	both(t, func(t *testing.T, args ...string) {
		p := start(t, 2*time.Minute, args...)
		one := p.sensor(p.a, p.ca, 1, "all: keep rtp\n", p.a)
		two := p.sensor(p.b, p.cb, 2, "all: keep rtp\n", p.b)
		const ended = "../../../fixtures/pcap/sipp-answered-pcmu"
		p.run(one, "-r", ended, "--stay")
		p.run(two, "-r", ended, "--stay")
		token, err := p.ca.APIToken(p.ctx, "test")
		if err != nil {
			t.Fatal(err)
		}
		var first stack.Sensor
		for name, c := range map[string]*stack.Client{"a": p.ca, "b": p.cb} {
			first = p.at(c, 1, "a")
			p.at(c, 2, "b")
			t.Logf("node %s shows both", name)
		}
		p.eventually("both sensors' calls are stored", func() bool {
			kept := map[uint16]bool{}
			for _, call := range p.calls(p.ca, 1) {
				kept[call.SensorID] = kept[call.SensorID] || call.Capture.Bytes > 0
			}
			return kept[1] && kept[2]
		})
		for _, call := range p.calls(p.ca, 2) {
			if call.Capture.Bytes == 0 {
				continue
			}
			spool := map[uint16]string{1: one.Spool, 2: two.Spool}[call.SensorID]
			want := spooled(t, spool, call.ID)
			for name, node := range map[string]*stack.Stack{"a": p.a, "b": p.b} {
				path := "/calls/" + call.ID.String()
				res, got := get(p.ctx, t, node, token, path+"/capture")
				if res.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
					t.Errorf("capture of sensor %d through node %s: %s, %d bytes, want %d of the sensor's file", call.SensorID, name, res.Status, len(got), len(want))
				}
				if res.ContentLength != int64(len(want)) || res.Header.Get("Accept-Ranges") != "bytes" {
					t.Errorf("its size through node %s: %d, %v", name, res.ContentLength, res.Header)
				}
				res, got = get(p.ctx, t, node, token, path+"/capture", "Range", "bytes=100-199")
				if res.StatusCode != http.StatusPartialContent || !bytes.Equal(got, want[100:200]) {
					t.Errorf("a part of it through node %s: %s, %d bytes", name, res.Status, len(got))
				}
				res, got = get(p.ctx, t, node, token, path+"/audio")
				if res.StatusCode != http.StatusOK || !bytes.HasPrefix(got, []byte("RIFF")) {
					t.Errorf("its voice through node %s: %s, %.20q", name, res.Status, got)
				}
			}
		}
		res, got := get(p.ctx, t, p.b, token, "/sensors/"+first.UUID.String()+"/api/info")
		if !bytes.Contains(got, []byte(`"id_sensor":1`)) {
			t.Errorf("sensor API through the other node: %s %s", res.Status, got)
		}
		res, got = get(p.ctx, t, p.b, token, "/calls/"+protocol.UUID{1}.String()+"/capture")
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("a call that is not there: %s %s", res.Status, got)
		}
	})
}

// live reads a node's endless view of running calls; the last snapshot and its changes are in the answer.
type live struct {
	lines chan protocol.LiveUpdate
	calls map[protocol.UUID]protocol.LiveCall
}

func watch(ctx context.Context, t *testing.T, at *stack.Stack, token string) *live {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL+"/api/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("live: %s", res.Status)
	}
	l := &live{lines: make(chan protocol.LiveUpdate, 1000), calls: map[protocol.UUID]protocol.LiveCall{}}
	go func() {
		defer res.Body.Close()
		defer close(l.lines)
		for d := json.NewDecoder(res.Body); ; {
			var u protocol.LiveUpdate
			if d.Decode(&u) != nil {
				return
			}
			l.lines <- u
		}
	}()
	return l
}

// until takes updates until ok, and answers whether the view ended before.
func (l *live) until(ctx context.Context, t *testing.T, what string, ok func(map[protocol.UUID]protocol.LiveCall) bool) (ended bool) {
	t.Helper()
	for !ok(l.calls) {
		select {
		case <-ctx.Done():
			t.Fatalf("live view: not in time: %s; %d calls", what, len(l.calls))
		case u, more := <-l.lines:
			if !more {
				return true
			}
			if u.Snapshot {
				clear(l.calls)
			}
			for _, c := range u.Calls {
				l.calls[c.ID] = c
			}
			for _, id := range u.Gone {
				delete(l.calls, id)
			}
		}
	}
	return false
}

// sensorsOf counts running calls by sensor.
func sensorsOf(calls map[protocol.UUID]protocol.LiveCall) map[uint16]int {
	n := map[uint16]int{}
	for _, c := range calls {
		n[c.SensorID]++
	}
	return n
}

// Running calls of sensors at both nodes are seen in one view, at either node.
func TestRunningCallsOfAllNodesAreSeenAtEach(t *testing.T) {
	both(t, func(t *testing.T, args ...string) {
		p := start(t, 2*time.Minute, args...)
		token, err := p.ca.APIToken(p.ctx, "test")
		if err != nil {
			t.Fatal(err)
		}
		pcap := filepath.Join(t.TempDir(), "calls.pcap")
		traffic(t, pcap, gen.Config{Seed: 5, Calls: 40, Rate: 2, Ring: time.Second, Talk: 30 * time.Second})
		p.run(p.sensor(p.a, p.ca, 1, "", p.a), "-r", pcap, "--speed", "1", "--now")
		p.run(p.sensor(p.b, p.cb, 2, "", p.b), "-r", pcap, "--speed", "1", "--now")
		for name, node := range map[string]*stack.Stack{"a": p.a, "b": p.b} {
			ended := watch(p.ctx, t, node, token).until(p.ctx, t, "calls of both at node "+name, func(calls map[protocol.UUID]protocol.LiveCall) bool {
				n := sensorsOf(calls)
				return n[1] > 3 && n[2] > 3
			})
			if ended {
				t.Errorf("the view of node %s ended", name)
			}
		}
	})
}

func count(list []protocol.CDR) map[string]int {
	got := map[string]int{}
	for _, call := range list {
		got[fmt.Sprint(call.SensorID, " ", call.CallID)]++
	}
	return got
}
