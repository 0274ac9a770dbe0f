package auth

import (
	"errors"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestWhoGuessesAtOneNodeWaitsAtAll(t *testing.T) {
	f := newFixture(t)
	nodes := []*Service{f.Service, New(f.store, func() time.Time { return f.clock })}
	login := func(node int, password, addr string) string {
		t.Helper()
		_, _, err := nodes[node].Login(t.Context(), "ann", password, From{Addr: addr})
		var p *protocol.Problem
		if err != nil && !errors.As(err, &p) {
			t.Fatal(err)
		}
		if p != nil {
			return p.Code
		}
		return ""
	}
	const here, there = "192.0.2.1", "192.0.2.2"
	for i := range maxPair {
		if got := login(i%2, "guess", here); got != CodeLoginFailed {
			t.Fatalf("guess %d: %q", i, got)
		}
	}
	for node := range nodes {
		if got := login(node, "correct horse", here); got != CodeTooManyLogins {
			t.Errorf("node %d after %d guesses at both: %q", node, maxPair, got)
		}
		if got := login(node, "correct horse", there); got != "" {
			t.Errorf("node %d, from elsewhere: %q", node, got)
		}
	}
	if _, _, err := New(f.store, func() time.Time { return f.clock }).Login(t.Context(), "ann", "correct horse", From{Addr: here}); err == nil {
		t.Error("a restart forgives guesses")
	}
	f.clock = f.clock.Add(window/maxPair + time.Second)
	if got := login(1, "correct horse", here); got != "" {
		t.Errorf("a minute later: %q", got)
	}
	f.clock = f.clock.Add(2 * window)
	login(0, "guess", there)
	n := 0
	for _, addr := range []string{here, there} {
		for k := range failureKeys("ann", addr) {
			all, err := f.store.LoginFailures(t.Context(), [][32]byte{k})
			f.ok(err)
			n += len(all)
		}
	}
	if n != 4 { // ann from there, there, and ann, who is asked for twice
		t.Errorf("%d counters are left of old failures and one new one, want that one's", n)
	}
}
