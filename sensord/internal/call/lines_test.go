package call

import (
	"fmt"
	"testing"
)

func TestStatusLinesAreSharedAsLongAsThereIsRoom(t *testing.T) {
	var l lines
	first := l.of([]byte("SIP/2.0 180 Ringing"))
	if first == 0 || l.known[first] != "SIP/2.0 180 Ringing" {
		t.Fatalf("the first line is known as %d, %q", first, l.known[first])
	}
	for i := range 2000 {
		line := fmt.Sprintf("SIP/2.0 200 OK %d", i)
		if n := l.of([]byte(line)); n != 0 && l.known[n] != line {
			t.Fatalf("%q is known as %q", line, l.known[n])
		}
	}
	if n := l.of([]byte("SIP/2.0 180 Ringing")); n != first {
		t.Errorf("the first line is known as %d, later as %d", first, n)
	}
	if n := (&lines{}).of([]byte("SIP/2.0 200 \xff")); n != 0 {
		t.Error("what is no UTF-8 is shared, and would not be mended in records")
	}
}
