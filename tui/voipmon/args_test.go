package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongArgumentsAreToldWithTheRightOnes(t *testing.T) {
	const busy = "../../fixtures/pcap/sipp-busy/in.pcap"
	for _, c := range []struct{ args, want string }{
		{"analyze", "got no argument, want voipmon analyze [flags] FILE|DIR|-"},
		{"sipp", "voipmon sipp CALL_ID"},
		{"sipp x " + busy, "-r FILE"},
		{"stats " + busy, "(-r FILE | --calls FILE"},
		{"stats", "whose calls? Want one of -r FILE"},
		{"stats -r " + busy + " --calls x", "not 2"},
		{"stats -r " + busy + " --rows 0", "--rows 0: want 1 or more"},
		{"stats -r " + busy + " --limit 0", "--limit 0: want 1 or more"},
		{"rules test", "voipmon rules test"},
		{"rules try", `unknown command "try" for "voipmon rules": want one of check, explain, import, list, test`},
		{"annalyze", `unknown command "annalyze"`},
	} {
		status, out, errs := voipmonRun(t, strings.Fields(c.args)...)
		if status != 2 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("voipmon %s: status %d, %q, want %q\n%s", c.args, status, errs, c.want, out)
		}
	}
	if status, out, _ := voipmonRun(t, "rules"); status != 0 || !strings.Contains(out, "Available Commands") {
		t.Errorf("rules alone: status %d\n%s", status, out)
	}
}

func TestCutCapturesAreTold(t *testing.T) {
	whole, err := os.ReadFile("../../fixtures/pcap/sipp-busy/in.pcap")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cut, rules := filepath.Join(dir, "cut.pcap"), filepath.Join(dir, "all.rules")
	for path, b := range map[string][]byte{cut: whole[:len(whole)-1], rules: []byte("all: keep rtp\n")} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"stats", "-r", cut}, {"stats", "--json", "-r", cut}, {"rules", "test", rules, "-r", cut}} {
		status, out, errs := voipmonRun(t, args...)
		if status != 1 || !strings.Contains(errs, "the file ends within a packet") || out == "" {
			t.Errorf("%s: status %d, %q\n%s", args, status, errs, out)
		}
	}
}

func TestNothingIsCountedWhereNothingWasRead(t *testing.T) {
	status, out, errs := voipmonRun(t, "analyze", filepath.Join(t.TempDir(), "nothing.pcap"))
	if status != 1 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "nothing.pcap") {
		t.Errorf("status %d, %q\n%s", status, errs, out)
	}
}
