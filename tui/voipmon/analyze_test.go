package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

// analyzed is what `voipmon analyze` did.
type analyzed struct {
	status      int
	out, errOut string
}

func runAnalyze(stdin []byte, args ...string) analyzed {
	var out, errOut bytes.Buffer
	status := Main(context.Background(), append([]string{"analyze"}, args...), bytes.NewReader(stdin), &out, &errOut)
	return analyzed{status, out.String(), errOut.String()}
}

func (a analyzed) records(t *testing.T) (list []protocol.CDR) {
	t.Helper()
	for l := range strings.Lines(a.out) {
		var c protocol.CDR
		if err := json.Unmarshal([]byte(l), &c); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		list = append(list, c)
	}
	return list
}

// capture makes a pcap of calls that start at one time and are told apart by seed.
func captureOf(t *testing.T, seed uint64, calls int) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := gen.Generate(&b, gen.Config{Seed: seed, Calls: calls, NoMedia: true}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeFile(t *testing.T, path string, b []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnalyzeWritesOneRecordALine(t *testing.T) {
	a := runAnalyze(captureOf(t, 1, 5), "--json", "-")
	if list := a.records(t); a.status != 0 || len(list) != 5 || list[0].Status != 200 || list[0].CallID == "" {
		t.Errorf("status %d, %d records: %s", a.status, len(list), a.errOut)
	}
	if !strings.Contains(a.errOut, "5 calls, 0 streams") {
		t.Errorf("summary: %s", a.errOut)
	}
}

func TestAnalyzeTakesAFolderFileByFileInTheOrderOfPaths(t *testing.T) {
	dir := t.TempDir()
	// The same Call-IDs in two files are two inputs' calls, not one call.
	one := captureOf(t, 1, 2)
	writeFile(t, filepath.Join(dir, "b", "in.pcap"), one)
	writeFile(t, filepath.Join(dir, "a.pcap"), captureOf(t, 2, 3))
	writeFile(t, filepath.Join(dir, "c.pcap"), one)
	writeFile(t, filepath.Join(dir, "README.md"), []byte("no capture"))
	a := runAnalyze(nil, "--json", dir)
	list := a.records(t)
	if a.status != 0 || len(list) != 7 {
		t.Fatalf("status %d, %d records: %s", a.status, len(list), a.errOut)
	}
	if list[3].CallID != list[5].CallID || list[0].CallID == list[3].CallID {
		t.Error("the records are not in the order of the paths")
	}
	if want := "3 inputs, "; !strings.HasPrefix(a.errOut, want) {
		t.Errorf("summary: %s", a.errOut)
	}
	if again := runAnalyze(nil, "--json", dir); again.out != a.out {
		t.Error("a second run says something else")
	}
}

func TestAnalyzeMergesByTime(t *testing.T) {
	dir := t.TempDir()
	a := writeFile(t, filepath.Join(dir, "a.pcap"), captureOf(t, 1, 20))
	b := writeFile(t, filepath.Join(dir, "b.pcap"), captureOf(t, 2, 20))
	got := runAnalyze(nil, "--json", "--merge", b, a)
	list := got.records(t)
	if len(list) != 40 || got.status != 0 {
		t.Fatalf("%d records: %s", len(list), got.errOut)
	}
	apart := runAnalyze(nil, "--json", b, a).records(t)
	if apart[0].CallID == list[0].CallID && apart[19].CallID == list[19].CallID {
		t.Error("one file was read after the other")
	}
}

func TestPiecesOfOneCaptureAreTold(t *testing.T) {
	dir := t.TempDir()
	whole := captureOf(t, 1, 20)
	at := 24 // behind the file's header; a record has 16 bytes before its packet
	for at < len(whole)/2 {
		at += 16 + int(binary.LittleEndian.Uint32(whole[at+8:]))
	}
	writeFile(t, filepath.Join(dir, "c.pcap1"), append(bytes.Clone(whole[:24]), whole[at:]...))
	first := writeFile(t, filepath.Join(dir, "c.pcap"), whole[:at])
	second := filepath.Join(dir, "c.pcap1")
	apart := runAnalyze(nil, "--json", first, second)
	if want := second + " begins where the file before ends: "; !strings.Contains(apart.errOut, want) {
		t.Errorf("summary: %s", apart.errOut)
	}
	merged := runAnalyze(nil, "--json", "--merge", first, second)
	if one := runAnalyze(nil, "--json", writeFile(t, filepath.Join(dir, "whole.pcap"), whole)); merged.out != one.out || strings.Contains(merged.errOut, "--merge") {
		t.Error("merged they are not the same as whole")
	}
	if got := runAnalyze(nil, second, first); strings.Contains(got.errOut, "--merge") {
		t.Errorf("in the other order: %s", got.errOut)
	}
}

func TestTheTableOfAnInputIsInTheOrderOfStart(t *testing.T) {
	name := writeFile(t, filepath.Join(t.TempDir(), "a.pcap"), captureOf(t, 1, 20))
	var starts []string
	for _, l := range strings.Split(runAnalyze(nil, name).out, "\n")[1:] {
		if l != "" && l[0] != ' ' {
			starts = append(starts, l[:19])
		}
	}
	if len(starts) != 20 || !slices.IsSorted(starts) {
		t.Errorf("%d rows: %q", len(starts), starts)
	}
}

func TestAnalyzeStatusAndMessages(t *testing.T) {
	dir := t.TempDir()
	whole := captureOf(t, 1, 3)
	good := writeFile(t, filepath.Join(dir, "good.pcap"), whole)
	cut := writeFile(t, filepath.Join(dir, "cut.pcap"), whole[:len(whole)-7])
	broken := bytes.Clone(whole)
	copy(broken[bytes.Index(broken, []byte("SIP/2.0 100 ")):], "SIP/2.0 999 ") // a status that cannot be
	unparsed := writeFile(t, filepath.Join(dir, "unparsed.pcap"), broken)
	text := writeFile(t, filepath.Join(dir, "text.pcap"), []byte("this is no capture, it is text"))
	for _, c := range []struct {
		name   string
		args   []string
		status int
		calls  int
		say    string
	}{
		{"a good file", []string{good}, 0, 3, "3 calls"},
		{"a file that is not there", []string{filepath.Join(dir, "nothing.pcap"), good}, 1, 3, "nothing.pcap"},
		{"a file that is no capture", []string{text, good}, 1, 3, "text.pcap"},
		{"a cut file", []string{cut}, 1, 3, "at byte "},
		{"SIP that does not parse", []string{unparsed}, 1, 3, "sip.unparsed"},
		{"no file", nil, 2, 0, "FILE|DIR"},
		{"two forms at once", []string{"--csv", good}, 2, 0, "one of them"},
		{"an unknown flag", []string{"--what", good}, 2, 0, "--what"},
		{"an empty folder", []string{t.TempDir()}, 2, 0, "no capture file in it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := runAnalyze(nil, append([]string{"--json"}, c.args...)...)
			if a.status != c.status || len(a.records(t)) != c.calls || !strings.Contains(a.errOut, c.say) {
				t.Errorf("status %d, %d records, want %d, %d; said: %s", a.status, len(a.records(t)), c.status, c.calls, a.errOut)
			}
		})
	}
}

func TestAnalyzeCSVHasAHeaderAndARowACall(t *testing.T) {
	a := runAnalyze(captureOf(t, 1, 4), "--csv", "-")
	rows, err := csv.NewReader(strings.NewReader(a.out)).ReadAll()
	if err != nil || len(rows) != 5 || rows[0][1] != "call_id" || rows[1][4][10] != 'T' {
		t.Errorf("%v: %v", err, rows)
	}
}

func TestAnalyzeTableFits80Columns(t *testing.T) {
	a := runAnalyze(func() []byte {
		var b bytes.Buffer
		if _, err := gen.Generate(&b, gen.Small(1)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}(), "-")
	lines := strings.Split(strings.TrimSpace(a.out), "\n")
	if a.status != 0 || len(lines) < 101 || !strings.HasPrefix(lines[0], "START (UTC)") {
		t.Fatalf("status %d, %d lines", a.status, len(lines))
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 80 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
	if cut := regexp.MustCompile(`\+\d+…`).FindString(a.out); cut != "" || !strings.Contains(a.out, " +442079460") {
		t.Errorf("the number %q is cut", cut)
	}
	if none := runAnalyze(gen0(t), "-"); none.out != "no calls\n" {
		t.Errorf("without calls: %q", none.out)
	}
}

// gen0 is a capture without calls.
func gen0(t *testing.T) []byte { return captureOf(t, 1, 1)[:24] }

func TestNamesFromTheWireCannotCommandTheTerminal(t *testing.T) {
	if got := printable("\x1b[2Jab\u009bc"); got != ".[2Jab.c" {
		t.Errorf("got %q", got)
	}
}

func TestConditionsChooseCallsAndTheExitStatus(t *testing.T) {
	const oneWay, good = "../../fixtures/pcap/sipp-one-way/in.pcap", "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"
	for _, c := range []struct {
		args   []string
		status int
		lines  int // -1: whatever
	}{
		{[]string{"--json", "--where", "finding:one-way-audio", oneWay}, 0, 1},
		{[]string{"--json", "--where", "finding:one-way-audio", good}, 0, 0},
		{[]string{"--json", "--fail-on", "finding:one-way-audio", oneWay}, 3, -1},
		{[]string{"--csv", "--fail-on", "finding:one-way-audio", oneWay, good}, 3, -1},
		{[]string{"--json", "--fail-on", "finding:one-way-audio", good}, 0, -1},
		{[]string{"--json", "--fail-on", "finding:one-way-audio", "/no/such.pcap", oneWay}, 1, -1}, // what was not read comes first
		{[]string{"--where", "finding:", oneWay}, 2, 0},
		{[]string{"--where", "header.x:y", oneWay}, 2, 0}, // records have no headers
		{[]string{"--transactions", "--where", "mos<3", oneWay}, 2, 0},
	} {
		var out, errs bytes.Buffer
		status := Main(t.Context(), append([]string{"analyze"}, c.args...), nil, &out, &errs)
		if n := strings.Count(out.String(), "\n"); status != c.status || c.lines >= 0 && n != c.lines {
			t.Errorf("%v: status %d, %d lines, %s", c.args, status, n, errs.String())
		}
	}
}
