package prefs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSettingsComeBackAndTheUsersLinesStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "voiptop", "config")
	p, err := Load(path)
	if err != nil || p.Get("mouse") != "" {
		t.Fatalf("no file: %q, %v", p.Get("mouse"), err)
	}
	p.Set("live_columns", "From, To,MOS")
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	os.WriteFile(path, []byte("; mine\nfuture = 7\n"+string(b)+"mouse=no"), 0o600)
	if p, err = Load(path); err == nil || !strings.Contains(err.Error(), `config:2: no setting is called "future"`) {
		t.Errorf("an unknown name: %v", err)
	}
	if got := p.List("live_columns"); !slices.Equal(got, []string{"From", "To", "MOS"}) || p.Get("mouse") != "no" {
		t.Errorf("columns %q, mouse %q", got, p.Get("mouse"))
	}
	p.Set("mouse", "")
	p.Set("ladder_time", "time")
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	b, _ = os.ReadFile(path)
	want := "; mine\nfuture = 7\n# voiptop's settings: name = value. voiptop changes them when you do so on its screens.\nlive_columns = From, To,MOS\nladder_time = time\n"
	if string(b) != want {
		t.Errorf("the file is\n%s\nwant\n%s", b, want)
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("%d files", len(list))
	}
}

func TestWrongLinesAreNamedAndTheOthersCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	os.WriteFile(path, []byte("mouse = maybe\nnonsense\n= 3\ntheme = dark\n"), 0o600)
	p, err := Load(path)
	if err == nil || p.Get("theme") != "dark" || p.Get("mouse") != "" {
		t.Fatalf("%v, theme %q", err, p.Get("theme"))
	}
	for _, want := range []string{`config:1: mouse is "maybe", want yes, no`, "config:2: want name = value", "config:3: want name = value"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestWithoutAFileSettingsAreInMemory(t *testing.T) {
	var p Prefs
	p.Set("utc", "yes")
	if err := p.Save(); err != nil || p.Get("utc") != "yes" {
		t.Errorf("%q, %v", p.Get("utc"), err)
	}
}

// FuzzLoad: whatever the file, saving what was read and reading it again gives the same settings.
func FuzzLoad(f *testing.F) {
	f.Add("mouse = yes\n# c\nlive_sort = -MOS")
	f.Add("=\x00\nmouse\n\n;")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config")
		os.WriteFile(path, []byte(text), 0o600)
		a, _ := Load(path)
		if len(text) > maxFile || strings.ContainsAny(text, "\r\u0085\v\f") || !utf8.ValidString(text) {
			return
		}
		if err := a.Save(); err != nil {
			t.Fatal(err)
		}
		b, _ := Load(path)
		for name := range names {
			if a.Get(name) != b.Get(name) {
				t.Fatalf("%s was %q, is %q", name, a.Get(name), b.Get(name))
			}
		}
	})
}

func TestHostsHaveTheirNamesAndWhatIsNoAddressIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	os.WriteFile(path, []byte("hosts = 10.0.0.5  head office, 10.0.0.300 x, 10.0.0.6, ::ffff:10.0.0.7 carrier\n"), 0o600)
	p, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), `config:1: hosts: "10.0.0.300 x"`) || !strings.Contains(err.Error(), `"10.0.0.6"`) || strings.Contains(err.Error(), "office\",") {
		t.Errorf("%v", err)
	}
	if got := p.Hosts(); len(got) != 2 || got["10.0.0.5"] != "head office" || got["10.0.0.7"] != "carrier" {
		t.Errorf("%q", got)
	}
	os.WriteFile(path, []byte("hosts = 2001:db8::1 far end\n"), 0o600)
	if p, err = Load(path); err != nil || p.Hosts()["2001:db8::1"] != "far end" {
		t.Errorf("%q, %v", p.Hosts(), err)
	}
}
