package protocol

import (
	"strings"
	"testing"
	"time"
)

func TestNamesOfFilesAreSafeAndShort(t *testing.T) {
	start := TimeOf(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	for _, tt := range []struct{ caller, callee, want string }{
		{"+420221234567", "alice", "20261122-100000_+420221234567_alice.pcapng"},
		{"../../etc/p\x00asswd\u202e", "$(reboot) `x`", "20261122-100000_etcpasswd_rebootx.pcapng"},
		{"", "*#/", "20261122-100000_unknown_unknown.pcapng"},
		{"1", strings.Repeat("9", 500), "20261122-100000_1_" + strings.Repeat("9", 40) + ".pcapng"},
	} {
		c := &CDR{Start: start, Caller: tt.caller, Callee: tt.callee}
		if got := c.FileName(".pcapng"); got != tt.want {
			t.Errorf("%q > %q: %q, want %q", tt.caller, tt.callee, got, tt.want)
		}
	}
}
