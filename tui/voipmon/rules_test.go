package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"voiptop/fixtures/gen"
)

// voipmonRun runs the program as the shell would.
func voipmonRun(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status = Main(t.Context(), args, strings.NewReader(""), &out, &errOut)
	return status, out.String(), errOut.String()
}

func TestVersionNamesOSAndArch(t *testing.T) {
	status, out, _ := voipmonRun(t, "--version")
	if want := runtime.GOOS + "/" + runtime.GOARCH; status != 0 || !strings.HasPrefix(out, "voipmon ") || !strings.Contains(out, want) || !strings.Contains(out, "commit") {
		t.Errorf("got %d %q, want version, commit and %s", status, out, want)
	}
}

func TestRulesCheckNamesThePlaceAndFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my.rules")
	if err := os.WriteFile(file, []byte("a: keep rtp\nb: kepe sip\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errOut := voipmonRun(t, "rules", "check", file)
	if want := file + `:2:4: found "kepe", expected "keep"; did you mean "keep"?`; status != 1 || !strings.Contains(errOut, want) {
		t.Errorf("got %d %q, want 1 and %s", status, errOut, want)
	}
}

func TestRulesTestCountsWhatASensorWouldKeep(t *testing.T) {
	dir := t.TempDir()
	var pcap bytes.Buffer
	truth, err := gen.Generate(&pcap, gen.Config{Seed: 3, Calls: 6, Talk: 2e9})
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	in := write("in.pcap", pcap.Bytes())
	first := truth.List[0]
	ruleFile := write("my.rules", []byte("one: keep rtp when callid=\""+first.CallID+"\"\nrest: keep sip\n"))
	status, out, errOut := voipmonRun(t, "rules", "test", ruleFile, "-r", in)
	if status != 0 {
		t.Fatal(errOut)
	}
	rows := map[string][]string{}
	for _, l := range strings.Split(out, "\n") {
		if f := strings.Fields(l); len(f) == 4 {
			rows[f[0]] = f[1:]
		}
	}
	if one := rows["one"]; one[1] != "1" || len(one[2]) < 5 { // two seconds of G.711 both ways are more than 30,000 bytes
		t.Errorf("the call's rule: got %v in\n%s", one, out)
	}
	if rest := rows["rest"]; rest[1] != "5" {
		t.Errorf("the other five calls: got %v in\n%s", rest, out)
	}

	status, out, errOut = voipmonRun(t, "rules", "explain", ruleFile, truth.List[1].CallID, "-r", in)
	if status != 0 || !strings.Contains(out, "1 one: does not match") || !strings.Contains(out, "> 2 rest: matches every call\n  keep sip") {
		t.Errorf("explain: %d %s\n%s", status, errOut, out)
	}
	if status, _, _ = voipmonRun(t, "rules", "explain", ruleFile, "nobody", "-r", in); status != 1 {
		t.Errorf("explain of a call that is not there: exit %d, want 1", status)
	}
}
