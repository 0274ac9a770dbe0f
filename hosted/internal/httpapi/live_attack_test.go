package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"voiptop/protocol"
)

func TestASensorThatSaysTooMuchIsShownInPart(t *testing.T) {
	w := newWorld(t)
	var calls []protocol.LiveCall
	for i := range 8000 { // 24 MB
		c := live(0, strings.Repeat("x", 3000))
		c.ID = protocol.UUID{0: 1, 14: byte(i >> 8), 15: byte(i)}
		calls = append(calls, c)
	}
	w.s1.setLive(calls...)
	w.s2.setLive(live(1, "of the other sensor"))
	var u protocol.LiveUpdate
	w.as("viewer").get("/live?once=1").into(t, &u)
	size := 0
	seen := false
	for _, c := range u.Calls {
		size += len(c.Caller)
		seen = seen || c.Caller == "of the other sensor"
	}
	if size == 0 || size > 16<<20 {
		t.Errorf("%d calls of %d bytes are shown, want some, and not all", len(u.Calls), size)
	}
	if !seen {
		t.Error("the other sensor's call is not shown")
	}
}

func TestNobodyTakesTheLiveViewsOfAll(t *testing.T) {
	w := newWorld(t)
	greedy := w.as("user")
	for range 32 {
		greedy.watch()
	}
	if a := greedy.get("/live?once=1"); a.status != http.StatusServiceUnavailable || a.code() != "too-many-streams" {
		t.Errorf("one more view: %d %s, want 503", a.status, a.body)
	}
	if a := w.as("viewer").get("/live?once=1"); a.status != http.StatusOK {
		t.Errorf("another user: %d %s", a.status, a.body)
	}
}
