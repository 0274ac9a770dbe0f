package plural

import "testing"

func TestOnlyOneIsSingular(t *testing.T) {
	for n, want := range map[int]string{0: "0 calls", 1: "1 call", 2: "2 calls", -1: "-1 calls", 1001: "1001 calls"} {
		if got := Of(n, "call"); got != want {
			t.Errorf("Of(%d) = %q, want %q", n, got, want)
		}
	}
}
