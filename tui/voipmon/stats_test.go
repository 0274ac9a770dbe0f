package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStatsCountTheCallsOfACapture(t *testing.T) {
	const busy = "../../fixtures/pcap/sipp-busy/in.pcap"
	const spoken = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"
	status, out, errs := voipmonRun(t, "stats", "-r", busy, "-r", spoken)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	for _, want := range []string{"5 calls, ", "ASR            60.0%", "NER           100.0%", "486 Busy Here", "STATUS", "CODECS", "PCMU"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
	for _, l := range strings.Split(out, "\n") {
		if n := utf8.RuneCountInString(l); n > 80 {
			t.Errorf("a line of %d columns: %s", n, l)
		}
	}
	status, out, _ = voipmonRun(t, "stats", "-r", busy, "-r", spoken, "--where", "status=486", "--rows", "1")
	if status != 0 || !strings.Contains(out, "2 calls, ") || !strings.Contains(out, "... 1 more") {
		t.Errorf("of some: status %d\n%s", status, out)
	}
	if status, _, errs = voipmonRun(t, "stats", "-r", busy, "--where", "mos<"); status != 2 || !strings.Contains(errs, "--where") {
		t.Errorf("a wrong condition: status %d, %s", status, errs)
	}
	if status, out, _ = voipmonRun(t, "stats", "-r", busy, "--where", "mos<1"); status != 0 || out != "no calls\n" {
		t.Errorf("of none: status %d, %s", status, out)
	}
}

func TestStatsOfRecordsAreThoseOfTheirCapture(t *testing.T) {
	const capture = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"
	status, records, _ := voipmonRun(t, "analyze", "-q", "--json", capture)
	if status != 0 {
		t.Fatalf("status %d", status)
	}
	file := filepath.Join(t.TempDir(), "calls.json")
	if err := os.WriteFile(file, []byte(records), 0o600); err != nil {
		t.Fatal(err)
	}
	_, a, _ := voipmonRun(t, "stats", "--json", "-r", capture)
	_, b, _ := voipmonRun(t, "stats", "--json", "--calls", file)
	if a != b {
		t.Errorf("of the capture\n%s\nof its records\n%s", a, b)
	}
	var r statsReport
	d := json.NewDecoder(bytes.NewReader([]byte(a)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || r.Calls != 3 || len(r.Figures) < 15 || len(r.Sections["status"].Rows) != 1 || r.Sections["status"].Rows[0].Where != "status=200" {
		t.Errorf("%v, %+v", err, r)
	}
}
