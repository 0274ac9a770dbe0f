package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store/sqlite"
	"voiptop/protocol"
)

func live(n byte, caller string) protocol.LiveCall {
	return protocol.LiveCall{ID: protocol.UUID{15: n}, Caller: caller, State: protocol.StateUp}
}

// view is an open live view.
type view struct {
	t     *testing.T
	lines chan protocol.LiveUpdate
	close context.CancelFunc
	calls map[protocol.UUID]protocol.LiveCall
	first protocol.LiveUpdate
}

func (c *client) watch(query ...string) *view {
	c.w.t.Helper()
	ctx, cancel := context.WithCancel(c.w.t.Context())
	c.w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", c.w.url+"/api/v1/live?"+strings.Join(query, "&"), nil)
	c.w.ok(err)
	res, err := (&http.Client{Jar: c.http.Jar}).Do(req)
	c.w.ok(err)
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "application/x-ndjson" {
		c.w.t.Fatalf("%d %s", res.StatusCode, got)
	}
	v := &view{t: c.w.t, lines: make(chan protocol.LiveUpdate), close: cancel, calls: map[protocol.UUID]protocol.LiveCall{}}
	go func() {
		defer close(v.lines)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			var u protocol.LiveUpdate
			if json.Unmarshal(s.Bytes(), &u) != nil {
				return
			}
			select {
			case v.lines <- u:
			case <-ctx.Done():
				return
			}
		}
	}()
	v.first = v.take()
	if !v.first.Snapshot {
		c.w.t.Errorf("the first line is no snapshot: %+v", v.first)
	}
	return v
}

func (v *view) take() protocol.LiveUpdate {
	v.t.Helper()
	select {
	case u, ok := <-v.lines:
		if !ok {
			v.t.Fatal("the stream ended")
		}
		if u.T == 0 {
			v.t.Errorf("an update without time: %+v", u)
		}
		for _, c := range u.Calls {
			v.calls[c.ID] = c
		}
		for _, id := range u.Gone {
			delete(v.calls, id)
		}
		return u
	case <-time.After(10 * time.Second):
		v.t.Fatal("no update within 10 s")
	}
	return protocol.LiveUpdate{}
}

// until takes updates until the calls are as wanted: "id caller" each.
func (v *view) until(want map[byte]string) {
	v.t.Helper()
	same := func() bool {
		if len(v.calls) != len(want) {
			return false
		}
		for n, caller := range want {
			if v.calls[protocol.UUID{15: n}].Caller != caller {
				return false
			}
		}
		return true
	}
	for i := 0; !same(); i++ {
		if i > 20 {
			v.t.Fatalf("calls are %v, want %v", v.calls, want)
		}
		if v.take().Snapshot {
			v.t.Error("a second snapshot")
		}
	}
}

func TestLiveCallsOfAllSensorsAreOneStream(t *testing.T) {
	w := newWorld(t)
	w.s1.setLive(live(1, "a"))
	w.s2.setLive(live(2, "b"))
	v := w.as("viewer").watch()
	v.until(map[byte]string{1: "a", 2: "b"})
	if len(v.first.Calls) != 2 || v.first.Counters["packets"] != 200 {
		t.Errorf("the snapshot is %+v, want both sensors' calls and the sum of their counters", v.first)
	}
	w.s1.setLive(live(1, "changed"), live(3, "c"))
	v.until(map[byte]string{1: "changed", 2: "b", 3: "c"})
	w.s1.setLive(live(3, "c"))
	v.until(map[byte]string{2: "b", 3: "c"})

	late := w.online(w.acme, 50) // comes online while somebody looks
	late.setLive(live(9, "late"))
	v.until(map[byte]string{2: "b", 3: "c", 9: "late"})

	w.s2.server.CloseClientConnections() // gone and back
	w.s2.setLive(live(4, "d"))
	v.until(map[byte]string{3: "c", 4: "d", 9: "late"})
	w.links.Disconnect(w.s2.uuid)
	w.s2.server.CloseClientConnections()
	v.until(map[byte]string{3: "c", 9: "late"})
}

func TestASensorIsWatchedOnceAndOnlyWhileSomebodyLooks(t *testing.T) {
	w := newWorld(t)
	w.s1.setLive(live(1, "a"))
	watchers := func() int {
		w.s1.mu.Lock()
		defer w.s1.mu.Unlock()
		return w.s1.watchers
	}
	c := w.as("viewer")
	views := []*view{c.watch(), c.watch(), c.watch()}
	for _, v := range views {
		v.until(map[byte]string{1: "a"})
	}
	if n := watchers(); n != 1 {
		t.Errorf("%d streams from the sensor for three viewers, want 1", n)
	}
	views[0].close()
	views[1].close()
	w.s1.setLive(live(1, "b"))
	views[2].until(map[byte]string{1: "b"})
	views[2].close()
	for i := 0; watchers() != 0; i++ {
		if i > 100 {
			t.Fatal("the sensor is still watched")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestOneSnapshotIsAnsweredOnRequest(t *testing.T) {
	w := newWorld(t)
	w.s1.setLive(live(1, "a"))
	w.s2.server.Close() // does not answer
	var u protocol.LiveUpdate
	w.as("viewer").get("/live?once=1").into(t, &u)
	if !u.Snapshot || len(u.Calls) != 1 {
		t.Errorf("got %+v", u)
	}
}

func TestALiveViewEndsWithTheServer(t *testing.T) {
	w := newWorld(t)
	v := w.as("viewer").watch()
	w.stop()
	for end := time.After(10 * time.Second); ; {
		select {
		case _, open := <-v.lines:
			if !open {
				return
			}
		case <-end:
			t.Fatal("the stream goes on")
		}
	}
}

// dropAudit breaks the audit log, and nothing else.
func dropAudit(t *testing.T, w *world) {
	t.Helper()
	s, ok := w.store.(*sqlite.Store)
	if !ok {
		t.Fatalf("store is %T", w.store)
	}
	if _, err := s.Write.ExecContext(t.Context(), `DROP TABLE audit`); err != nil {
		t.Fatal(err)
	}
}
