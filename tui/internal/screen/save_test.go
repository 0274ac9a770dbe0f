package screen

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/source"
)

func TestSaveWritesTheCaptureOrSaysWhyNot(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 100, 24, asciiLook)
	s.feed(src)
	s.keys("w", "enter")
	s.want(`not saved: no rule kept the packets; write a rule`)
	if list, _ := os.ReadDir(s.dir); len(list) != 0 {
		t.Errorf("a failed download left %v", list)
	}
	src.capture = "packets"
	s.keys("w", "enter")
	s.want(`7 bytes saved to`)
	name := filepath.Join(s.dir, "20261122-120050_1001_+420555123456.pcapng")
	if b, err := os.ReadFile(name); err != nil || string(b) != "packets" {
		t.Errorf("%s: %q, %v", name, b, err)
	}
}

func TestAFileThatIsThereIsOverwrittenOnlyWhenAskedTo(t *testing.T) {
	src := pbx()
	src.capture = "new"
	s := newScreen(t, src, 160, 24, asciiLook)
	s.feed(src)
	name := filepath.Join(s.dir, "20261122-120050_1001_+420555123456.pcapng")
	os.WriteFile(name, []byte("old"), 0o600)
	s.keys("w", "enter")
	s.want(`is there: ctrl\+o overwrites it`)
	if b, _ := os.ReadFile(name); string(b) != "old" {
		t.Fatalf("it was overwritten: %q", b)
	}
	s.keys("-2", "enter")
	if b, _ := os.ReadFile(name + "-2"); string(b) != "new" {
		t.Errorf("the file of another name is %q", b)
	}
	s.keys("w", "enter", "ctrl+o")
	s.want(`3 bytes saved to`)
	if b, _ := os.ReadFile(name); string(b) != "new" {
		t.Errorf("it was not overwritten: %q", b)
	}
	src.capture = ""
	s.keys("w", "enter", "ctrl+o")
	if b, _ := os.ReadFile(name); string(b) != "new" {
		t.Errorf("a failure has destroyed what was there: %q", b)
	}
	if list, _ := os.ReadDir(s.dir); len(list) != 2 {
		t.Errorf("files are %v", list)
	}
}

func TestVoiceIsSaved(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 100, 24, asciiLook)
	s.feed(src)
	s.keys("a")
	s.want(`the callee is silent: G729 cannot be decoded`)
	if b, err := os.ReadFile(filepath.Join(s.dir, "20261122-120050_1001_+420555123456.wav")); err != nil || string(b) != "voice" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestMarkedCallsAreSavedAsCSVAndJSONAndLadders(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 30, asciiLook)
	s.feed(src)
	s.keys("2", " ", " ")
	s.want(`30 calls, 2 marked`)
	for i, want := range []string{".txt", ".svg", ".csv", ".json"} {
		s.keys("w")
		s.want(`\[2 marked calls\]`)
		for range i + 2 {
			s.keys("right")
		}
		s.keys("enter")
		list, _ := filepath.Glob(filepath.Join(s.dir, "*_2-calls"+want))
		if len(list) != 1 {
			all, _ := os.ReadDir(s.dir)
			t.Fatalf("no %s among %v:\n%s", want, all, s.text())
		}
		b, _ := os.ReadFile(list[0])
		switch want {
		case ".csv":
			if rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll(); err != nil || len(rows) != 3 {
				t.Errorf("%d rows, %v", len(rows), err)
			}
		case ".json":
			for line := range strings.Lines(string(b)) {
				var c protocol.CDR
				if err := json.Unmarshal([]byte(line), &c); err != nil || c.CallID == "" {
					t.Errorf("%v: %s", err, line)
				}
			}
		case ".svg":
			if !bytes.HasPrefix(b, []byte("<svg ")) {
				t.Errorf("%.100s", b)
			}
		}
	}
	s.keys("u")
	s.wantNot(`marked`)
}

func TestPathsAreCompleted(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 160, 24, asciiLook)
	s.feed(src)
	os.MkdirAll(filepath.Join(s.dir, "captures-1"), 0o700)
	os.MkdirAll(filepath.Join(s.dir, "captures-2"), 0o700)
	s.keys("w", "down", "down")
	s.send(tea.KeyMsg{Type: tea.KeyCtrlU})
	s.keys("cap", "tab")
	s.want(`(?m)File +captures-$`)
	s.keys("tab")
	s.want(`captures-1/ captures-2/`)
	s.keys("2", "tab")
	s.want(`(?m)File +captures-2/$`)
	s.keys("x.pcapng")
	src.capture = "packets"
	s.keys("enter")
	if b, _ := os.ReadFile(filepath.Join(s.dir, "captures-2", "x.pcapng")); string(b) != "packets" {
		t.Errorf("%q:\n%s", b, s.text())
	}
}

// fixtureScreen is a screen on a recorded file that was read.
func fixtureScreen(t *testing.T, name string, w, h int) *screenTest {
	t.Helper()
	paths, _ := filepath.Glob("../../../fixtures/pcap/" + name + "/in.pcap*")
	if len(paths) != 1 {
		t.Fatalf("fixture %s: %v", name, paths)
	}
	f, err := source.NewFile(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, f, w, h, asciiLook)
	s.m.e.Doctor = nil
	if err := f.Watch(t.Context(), func(u *protocol.LiveUpdate) error {
		m := feedMsg{conn: connected}
		m.merge(u)
		s.send(m)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.send(feedMsg{conn: ended})
	return s
}

func TestAFilesCallsAreSavedRedacted(t *testing.T) {
	s := fixtureScreen(t, "sipp-auth", 120, 30)
	c := s.m.target()
	s.keys("w", "down", "right", "enter")
	s.want(`(?s)bytes saved to.*_redacted.pcapng`)
	b, err := os.ReadFile(filepath.Join(s.dir, c.Start.Std().Format("20060102-150405")+"_redacted.pcapng"))
	if err != nil || bytes.Contains(b, []byte(c.CallID)) || bytes.Contains(b, []byte("sip:"+c.Caller+"@")) {
		t.Fatalf("%v, %d bytes", err, len(b))
	}
	path := filepath.Join(t.TempDir(), "x.pcapng")
	os.WriteFile(path, b, 0o600)
	list, _, err := analyze.Files(t.Context(), []string{path}, nil, analyze.Config{})
	if err != nil || len(list) != 1 || list[0].Status != c.Status || len(list[0].Caller) != len(c.Caller) || list[0].Caller == c.Caller {
		t.Fatalf("%d calls, %v", len(list), err)
	}
	s.keys("w", "left", "left", "left", "down", "right", "enter") // text
	texts, _ := filepath.Glob(filepath.Join(s.dir, "*_redacted.*"))
	found := false
	for _, p := range texts {
		if b, _ := os.ReadFile(p); !strings.HasSuffix(p, ".pcapng") {
			found = true
			if bytes.Contains(b, []byte(c.Caller)) || !bytes.Contains(b, []byte(list[0].Caller)) {
				t.Errorf("%s is not masked as the capture is:\n%s", p, b)
			}
		}
	}
	if !found {
		t.Errorf("files are %v", texts)
	}
}

func TestSIPAloneIsSavedWithoutVoice(t *testing.T) {
	s := fixtureScreen(t, "sipp-answered-pcmu", 120, 30)
	s.keys(" ", " ", "w", "right", "enter")
	list, _ := filepath.Glob(filepath.Join(s.dir, "*_2-calls.pcapng"))
	if len(list) != 1 {
		t.Fatalf("%v:\n%s", list, s.text())
	}
	calls, _, err := analyze.Files(t.Context(), list, nil, analyze.Config{})
	if err != nil || len(calls) != 2 || len(calls[0].Streams) != 0 || calls[0].Status != 200 {
		t.Errorf("%d calls, %v", len(calls), err)
	}
}
