package screen

import (
	"testing"
)

func TestAnAddressLosesItsPortBeforeItIsCut(t *testing.T) {
	for _, c := range []struct {
		addr string
		w    int
		want string
	}{
		{"10.0.0.1:5060", 15, "10.0.0.1:5060"}, {"192.168.19.218:5060", 15, "192.168.19.218"}, {"[2001:db8::8a2e]:5060", 15, "2001:db8::8a2e"}, {"pbx.example.com:5060", 15, "pbx.example.com:5060"}, {"", 15, ""},
	} {
		if got := fitAddress(c.addr, c.w); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.addr, c.w, got, c.want)
		}
	}
}

func TestSixtyColumnsShowTheMOSOfPastCalls(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 60, 20, asciiLook)
	s.feed(src)
	s.keys("2")
	s.want(`(?m)From +To +End +MOS$`)
	s.want(`(?m)4\.20$`)
	s.keys("1")
	s.want(`From +To +Dur +MOS +Loss`)
}
