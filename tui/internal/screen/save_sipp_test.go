package screen

import (
	"archive/zip"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// archived are the files of the only zip in a folder.
func archived(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	z, err := zip.OpenReader(list[0])
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(b)
	}
	return out
}

func TestACallIsSavedAsScenariosOfSipp(t *testing.T) {
	s := fixtureScreen(t, "sipp-answered-pcmu", 100, 30)
	s.keys("w", "left") // the last format
	s.want(`\[SIPp\]`)
	s.keys("enter")
	s.want(`(?s)bytes saved to.*_sipp\.zip`)
	files := archived(t, s.dir)
	for _, name := range []string{"uac.xml", "uas.xml", "uac.pcap", "uas.pcap", "README.txt"} {
		if len(files[name]) < 500 {
			t.Errorf("%s has %d bytes", name, len(files[name]))
		}
	}
	if !strings.Contains(files["uac.xml"], `play_pcap_audio="uac.pcap"`) {
		t.Error("the voice is not played")
	}
}

func TestSeveralCallsAreSavedAsScenariosRedacted(t *testing.T) {
	s := fixtureScreen(t, "sipp-answered-pcmu", 100, 30)
	s.keys(" ", " ", "w", "left", "down", "right", "enter")
	s.want(`bytes saved to`)
	files := archived(t, s.dir)
	if len(files) != 6 {
		t.Errorf("%d files", len(files))
	}
	for name, text := range files {
		for _, secret := range []string{"1003", "1002", "+442079460177", "example.net", "10.77.1."} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
}

func TestScenariosOfWhatWasNotKeptAreNotSaved(t *testing.T) {
	src := pbx()
	s := newScreen(t, whole{src}, 100, 30, asciiLook)
	s.feed(src)
	s.keys("w", "left", "enter")
	s.want(`not saved: no rule kept the packets`)
}
