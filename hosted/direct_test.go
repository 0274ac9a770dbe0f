package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSTUNServersAreHostAndPort(t *testing.T) {
	for _, bad := range []string{"stun.example.com", ":3478", "h:0", "h:x", "stun:h:3478", "h:70000"} {
		f := directFlags{stun: []string{bad}}
		if _, err := f.settings(); err == nil || !strings.Contains(err.Error(), "want HOST:PORT") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	f := directFlags{on: true, stun: []string{"stun.example.com:3478", "[2001:db8::1]:3478"}}
	if d, err := f.settings(); err != nil || d.Off || !slices.Equal(d.STUN, f.stun) {
		t.Errorf("%+v, %v", d, err)
	}
	f.stun = slices.Repeat(f.stun, 3)
	if _, err := f.settings(); err == nil {
		t.Error("six servers are taken")
	}
}
