package screen

import (
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
)

func TestALongNameLeavesRoomForTheOther(t *testing.T) {
	th := style.New(asciiLook)
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		from, to, want string
		w              int
	}{
		{"1001", "+420555123456", "1001 > +420555123456", 20},
		{"1001", long, "1001 > xxxxxxxxxxxx~", 20},
		{long, "1001", "xxxxxxxxxxxx~ > 1001", 20},
		{long, long, "xxxxxxxxxxxx~ > xxxxxxxxxxxx~", 30},
	} {
		if got := between(th, &protocol.CDR{Caller: c.from, Callee: c.to}, c.w); got != c.want {
			t.Errorf("in %d cells: %q, want %q", c.w, got, c.want)
		}
	}
}
