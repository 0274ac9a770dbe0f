package journal

import (
	"slices"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestTheCallsOfAGroupAreFoundBeforeAndAfterARestart(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, Clock: time.Now})
	var want []protocol.UUID
	for n := range 40 {
		c := call(n)
		if c.GroupID = "other"; n%10 == 3 {
			c.GroupID = "group"
			want = append(want, c.ID)
		}
		if n == 5 {
			c.GroupID = ""
		}
		if err := j.Append(c); err != nil {
			t.Fatal(err)
		}
	}
	is := func(when string) {
		t.Helper()
		if got := j.Group("group", 100); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	is("on the way to the disk")
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	is("on the disk")
	if got := j.Group("group", 2); len(got) != 2 {
		t.Errorf("%d of at most 2", len(got))
	}
	if got := j.Group("", 100); got != nil {
		t.Errorf("no group has %v", got)
	}
	j.Close()
	j = open(t, Config{Dir: dir, Clock: time.Now})
	is("after a restart")
}
