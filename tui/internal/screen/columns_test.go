package screen

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"voiptop/tui/internal/prefs"
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

func TestHostsHaveTheNamesThatTheUserGaveThem(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 40, asciiLook)
	var p prefs.Prefs
	p.Set("hosts", "10.0.0.5 head office, 198.51.100.9 carrier, nonsense x")
	s.m.e.set = newSettings(&p)
	s.feed(src)
	s.want(`10\.0\.0\.11:5060 +head office`)
	s.keys("2", "8", "h", "h", "h", "h", "h", "h", "h")
	s.want(`Targets`)
	s.want(`> ?head office +10\.0\.0\.5`)
	s.keys("1", "enter")
	s.want(`1001 +head office +\+420555123456 car`)
	s.keys("w", "h", "right", "right", "right", "right", "right") // ladder as text
	s.keys("enter")
	s.keys("down", "right", "enter") // and redacted
	names := 0
	list, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("head office")) {
			names++
			if bytes.Contains([]byte(path), []byte("redacted")) {
				t.Errorf("%s names the hosts", path)
			}
		}
	}
	if names != 1 {
		t.Errorf("%d of %v name the hosts", names, list)
	}
}

func TestAllSettingsOfTablesAreKnown(t *testing.T) {
	s := newScreen(t, pbx(), 120, 40, asciiLook)
	path := filepath.Join(t.TempDir(), "config")
	text := ""
	all := []columned{s.m.live.list, s.m.done.list, s.m.regs, s.m.requests, s.m.streams}
	for _, g := range s.m.stats.grids {
		all = append(all, g)
	}
	for _, v := range all {
		text += v.setting() + "_columns = " + v.titles()[0] + "\n" + v.setting() + "_sort = " + v.titles()[0] + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := prefs.Load(path); err != nil {
		t.Error(err)
	}
}
