package sip

import (
	"fmt"
	"testing"
)

func TestExcessLeavesLineEndsOut(t *testing.T) {
	for _, c := range []struct {
		name, body string
		length     int
		want       int
	}{
		{"right", "v=0\r\nm=x\r\n", 10, 0},
		{"an address became longer", "v=0\r\nc=203.0.113.77\r\n", 16, 3},
		{"an address became shorter", "v=0\r\nc=10.0.0.1\r\n", 23, -6},
		{"blank lines at the end", "v=0\r\nm=x\r\n\r\n\r\n", 10, 0},
		{"the last line end is missing", "v=0\r\nm=x", 10, 0},
		{"CR is missing from each line", "v=0\no=y\ns=-\nm=x\n", 20, 0},
		{"CR is missing, and the last line end", "v=0\no=y\ns=-\nm=x", 20, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Message
			if err := m.Parse(fmt.Appendf(nil, "INVITE sip:a@b SIP/2.0\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: %d\r\n\r\n%s", c.length, c.body)); err != nil {
				t.Fatal(err)
			}
			if got := m.Excess(); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
