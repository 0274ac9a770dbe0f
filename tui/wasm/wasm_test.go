package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/opened"
)

// The program for the browser gives the records that voipmon gives, to the byte. The rest of what it answers is shown in package opened,
// which it has in common with this machine's own programs, and in a browser by hosted/web/e2e/open.test.ts.
func TestTheProgramForTheBrowserGivesTheSameRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another system")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	wasm := filepath.Join(t.TempDir(), "engine.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", wasm, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	paths, err := filepath.Glob("../../fixtures/pcap/*/in.pcap*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixture: %v", err)
	}
	media := gen.Small(3)
	media.Calls = 60
	sip := gen.SIPOnly(3)
	sip.Calls = 4000 // more than fit into the buffers on the way
	paths = append(paths, made(t, "media.pcap", media), made(t, "sip.pcap", sip))

	cmd := exec.Command(node, "testdata/run.mjs", filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"), wasm, t.TempDir())
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n") + "\n")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, complaints.Bytes())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 256<<20)
	for _, path := range paths {
		if !lines.Scan() {
			t.Fatalf("no answer for %s: %v\n%s", path, lines.Err(), complaints.Bytes())
		}
		var got struct {
			Report  opened.Report
			Told    int
			Memory  uint64
			Answers []struct {
				Status           int
				Type, Name, Text string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want, sum := native(t, path)
		if a := got.Answers[0]; latin1(a.Text) != want || a.Type != "application/x-ndjson" {
			t.Errorf("%s: the records differ: %d bytes, want %d", path, len(a.Text), len(want))
		}
		if r := got.Report; !r.Done || r.Error != "" || r.Packets != sum.Packets || r.Calls != sum.Calls || len(r.NotAnalysed) != len(sum.NotAnalysed()) || len(r.Warnings) != len(sum.Warnings) {
			t.Errorf("%s: the report %+v, want %+v", path, r, sum)
		}
		if got.Told != int(sum.Packets/4096) {
			t.Errorf("%s: progress was told %d times of %d packets", path, got.Told, sum.Packets)
		}
		if most := 48<<20 + 16<<10*sum.Calls; got.Memory > most { // by the calls, not by the bytes of the capture
			t.Errorf("%s: %d bytes of memory for %d calls of %d bytes, want at most %d", path, got.Memory, sum.Calls, sum.Bytes, most)
		}
		var page struct{ Calls []protocol.CDR }
		if a := got.Answers[1]; a.Status != 200 || json.Unmarshal([]byte(a.Text), &page) != nil || len(page.Calls) != min(2, strings.Count(want, `"status":200,`)) {
			t.Errorf("%s: a search finds %s", path, a.Text)
		}
		if got.Answers[2].Status != 404 {
			t.Errorf("%s: a call that is not there: %+v", path, got.Answers[2])
		}
	}
}

// native is what this machine's own program makes of a capture.
func native(t *testing.T, path string) (string, analyze.Summary) {
	t.Helper()
	src, err := analyze.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var b bytes.Buffer
	sum, err := analyze.Lines(t.Context(), src, analyze.Config{}, func(b []byte, c *protocol.CDR) []byte { return append(c.AppendJSON(b), '\n') },
		func(line []byte) error { _, err := b.Write(line); return err })
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), sum
}

// made writes made traffic.
func made(t *testing.T, name string, cfg gen.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Generate(f, cfg); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// latin1 makes the bytes again that were read one a character.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}
