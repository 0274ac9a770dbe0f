package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

const grepped1 = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"

func grep(t *testing.T, stdin string, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = Main(t.Context(), append([]string{"grep"}, args...), strings.NewReader(stdin), &o, &e)
	return status, o.String(), e.String()
}

func TestGrepFindsMessages(t *testing.T) {
	calls, sum, err := analyze.Files(t.Context(), []string{grepped1}, nil, analyze.Config{})
	if err != nil {
		t.Fatal(err)
	}
	n := int(sum.Counters[protocol.CountSIP])
	status, out, errs := grep(t, "", "--utc", "^BYE ", grepped1)
	if found := strings.Count(out, "\nBYE "); status != 0 || found != len(calls) || strings.Count(out, "-- 20") != len(calls) || !strings.Contains(out, " UTC  ") {
		t.Errorf("status %d, %d BYEs of %d calls: %s\n%s", status, found, len(calls), errs, out)
	}
	count := func(args ...string) string {
		t.Helper()
		_, out, _ := grep(t, "", append(append([]string{"-c"}, args...), grepped1)...)
		return strings.TrimSpace(out)
	}
	some, others := count("-i", "cseq: 1 invite"), count("-i", "-v", "cseq: 1 invite")
	if some == "0" || others == "0" || atoi(t, some)+atoi(t, others) != n {
		t.Errorf("%s messages have it and %s not, of %d", some, others, n)
	}
	if got := count("-F", "^BYE "); got != "0" {
		t.Errorf("text with a circumflex is found %s times", got)
	}
	if _, ids, _ := grep(t, "", "-l", ".", grepped1); strings.Count(ids, "\n") != len(calls) || !strings.Contains(ids, calls[0].CallID+"\n") {
		t.Errorf("Call-IDs are %q", ids)
	}
	whole, err := os.ReadFile(grepped1)
	if err != nil {
		t.Fatal(err)
	}
	status, out, _ = grep(t, string(whole), "--json", "^INVITE ", "-")
	var m grepped
	if first, _, _ := strings.Cut(out, "\n"); status != 0 || json.Unmarshal([]byte(first), &m) != nil || m.CallID != calls[0].CallID || !strings.HasPrefix(m.Text, "INVITE sip:") || m.T != calls[0].Start {
		t.Errorf("status %d, %+v", status, m)
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestGrepTellsNothingFoundFromWhatFailed(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
	}{
		{[]string{"no such text", grepped1}, 1}, {[]string{"(", grepped1}, 2}, {[]string{".", "/no/such.pcap"}, 2}, {[]string{"."}, 2}, {[]string{"-c", "-l", ".", grepped1}, 2},
	} {
		if status, _, errs := grep(t, "", c.args...); status != c.status {
			t.Errorf("%v: status %d, want %d: %s", c.args, status, c.status, errs)
		}
	}
}

func TestGrepWritesNothingThatATerminalObeys(t *testing.T) {
	if got := harmless("a\x1b[2J\x9b31m\u202e\u2028\tb\x00é漢"); strings.ContainsAny(got, "\x1b\u202e\x00\t") || !strings.HasSuffix(got, "b?é漢") {
		t.Errorf("%q", got)
	}
}
