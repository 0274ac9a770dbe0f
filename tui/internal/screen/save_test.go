package screen

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
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
	for i, want := range []string{"_messages.txt", ".txt", ".svg", ".csv", ".json"} {
		s.keys("w")
		s.want(`\[2 marked calls\]`)
		for range i + 2 {
			s.keys("right")
		}
		s.keys("enter")
		list, _ := filepath.Glob(filepath.Join(s.dir, "*_2-calls"+want))
		if want == "_messages.txt" { // a fake has none
			s.want(`not saved: messages are not to be had here`)
			continue
		}
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
	return fileScreen(t, paths[0], w, h)
}

func fileScreen(t *testing.T, path string, w, h int) *screenTest {
	t.Helper()
	f, err := source.NewFile([]string{path}, nil)
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
	s.keys("w", "right", "right", "right", "down", "right", "enter") // the ladder as text
	s.keys("w", "right", "right", "down", "right", "enter")
	messages, _ := filepath.Glob(filepath.Join(s.dir, "*_redacted_messages.txt"))
	if len(messages) != 1 {
		t.Fatalf("%v:\n%s", messages, s.text())
	}
	if b, _ := os.ReadFile(messages[0]); strings.Count(string(b), "\nCSeq: ") != len(list[0].Messages) || !bytes.Contains(b, []byte(list[0].CallID)) {
		t.Errorf("%s", b)
	}
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

// fragmented is a capture whose larger packets came in two IP fragments.
func fragmented(t *testing.T, from string) (path string) {
	t.Helper()
	in, err := analyze.Open([]string{from}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	path = filepath.Join(t.TempDir(), "in.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := analyze.NewPacketWriter(f, "test")
	const ip, cut = 14, 14 + 20 + 400
	for id := uint16(1); ; id++ {
		var p analyze.Packet
		if err := in.Next(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		parts := []analyze.Packet{p}
		if p.Link == 1 && len(p.Data) > cut && p.Data[ip]>>4 == 4 {
			second := append(bytes.Clone(p.Data[:ip+20]), p.Data[cut:]...)
			first := bytes.Clone(p.Data[:cut])
			for i, b := range [][]byte{first, second} {
				binary.BigEndian.PutUint16(b[ip+2:], uint16(len(b)-ip))
				binary.BigEndian.PutUint16(b[ip+4:], id)
				binary.BigEndian.PutUint16(b[ip+6:], [2]uint16{0x2000, 400 / 8}[i])
			}
			parts = []analyze.Packet{{Time: p.Time, Data: first, Length: len(first), Link: 1}, {Time: p.Time, Data: second, Length: len(second), Link: 1}}
		}
		for i := range parts {
			if err := w.Write(&parts[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMessagesInSeveralPacketsAreSavedRedacted(t *testing.T) {
	s := fileScreen(t, fragmented(t, "../../../fixtures/pcap/sipp-auth/in.pcap"), 160, 30)
	c, err := s.m.e.Source.Call(t.Context(), s.m.target().ID.String())
	if err != nil {
		t.Fatal(err)
	}
	s.keys("w", "down", "right", "enter")
	list, _ := filepath.Glob(filepath.Join(s.dir, "*_redacted.pcapng"))
	if len(list) != 1 {
		t.Fatalf("%v:\n%s", list, s.text())
	}
	s.want(`packets .* replaced by \d+ messages in them`)
	calls, _, err := analyze.Files(t.Context(), list, nil, analyze.Config{})
	if err != nil || len(calls) != 1 || len(calls[0].Messages) != len(c.Messages) || calls[0].Caller == c.Caller || calls[0].Status != c.Status || calls[0].Start != c.Start {
		t.Errorf("%d calls, %v", len(calls), err)
		for _, x := range calls {
			t.Logf("%s", x.AppendJSON(nil))
		}
	}
}
