package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
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

func TestRulesCheckWarnsOfRulesThatDoNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my.rules")
	if err := os.WriteFile(file, []byte("a: keep rtp\nb: keep sip\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errOut := voipmonRun(t, "rules", "check", file)
	if want := file + ":2: warning: rule \"b\" is never asked: \"a\" in line 1 is true of every call\n"; status != 0 || !strings.Contains(out, want) {
		t.Errorf("got %d %s\n%s, want %s", status, errOut, out, want)
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
	if status, _, errOut := voipmonRun(t, "rules", "test", ruleFile, in); status != 2 || !strings.Contains(errOut, "-r FILE") {
		t.Errorf("a capture without -r: status %d, %s", status, errOut)
	}
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

// rulesWorld is a folder with a capture of six calls of two seconds, their records and rules.
func rulesWorld(t *testing.T, rules string) (dir string, calls []protocol.CDR) {
	t.Helper()
	dir = t.TempDir()
	var pcap bytes.Buffer
	if _, err := gen.Generate(&pcap, gen.Config{Seed: 3, Calls: 6, Talk: 2e9}); err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("in.pcap", pcap.Bytes())
	write("my.rules", []byte(rules))
	status, out, errOut := voipmonRun(t, "analyze", "--json", "-q", filepath.Join(dir, "in.pcap"))
	if status != 0 {
		t.Fatal(errOut)
	}
	write("calls.jsonl", []byte(out+"\n"))
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var c protocol.CDR
		if err := json.Unmarshal([]byte(l), &c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	return dir, calls
}

const tailRules = "tagged: keep none when header.X-Nobody:*\nlong: keep rtp when connected>=1.5 header.cseq:*invite\nrest: keep sip\n"

func tryRules(t *testing.T, args ...string) (got struct {
	Calls    int
	Measured bool
	NoRule   int `json:"no_rule"`
	Unseen   []string
	Rules    []struct {
		Name  string
		Calls int
		Bytes int64
	}
},
) {
	t.Helper()
	status, out, errOut := voipmonRun(t, append([]string{"rules", "test", "--json"}, args...)...)
	if status != 0 {
		t.Fatal(errOut)
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRulesTestDecidesByHeadersAndByTheEndOfCalls(t *testing.T) {
	dir, _ := rulesWorld(t, tailRules)
	got := tryRules(t, filepath.Join(dir, "my.rules"), "-r", filepath.Join(dir, "in.pcap"))
	if !got.Measured || got.Calls != 6 || got.Rules[0].Calls != 0 || got.Rules[1].Calls == 0 || got.Rules[1].Calls+got.Rules[2].Calls != 6 || len(got.Unseen) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestRulesTestOfPastCallsEstimatesNearWhatPacketsTake(t *testing.T) {
	dir, _ := rulesWorld(t, "no: keep none when header.X-A:1\nrest: keep rtp\n")
	file := filepath.Join(dir, "my.rules")
	measured := tryRules(t, file, "-r", filepath.Join(dir, "in.pcap")).Rules[1]
	past := tryRules(t, file, "--calls", filepath.Join(dir, "calls.jsonl"))
	if past.Measured || past.Calls != 6 || past.Rules[1].Calls != 6 || len(past.Unseen) != 1 || past.Unseen[0] != "x-a" {
		t.Errorf("%+v", past)
	}
	if ratio := float64(past.Rules[1].Bytes) / float64(measured.Bytes); ratio < 0.8 || ratio > 1.5 { // pcapng's own bytes are in the estimate
		t.Errorf("estimated %d bytes, measured %d", past.Rules[1].Bytes, measured.Bytes)
	}
	_, out, _ := voipmonRun(t, "rules", "test", file, "--calls", filepath.Join(dir, "calls.jsonl"))
	if !strings.Contains(out, "bytes are estimated") || !strings.Contains(out, "conditions on x-a were not true") {
		t.Errorf("the table does not say so:\n%s", out)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.jsonl"), []byte("\n{}\n{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errOut := voipmonRun(t, "rules", "test", file, "--calls", filepath.Join(dir, "bad.jsonl"))
	if status == 0 || !strings.Contains(errOut, "bad.jsonl:3: ") {
		t.Errorf("a damaged line: %d %s", status, errOut)
	}
}

// rulesSensor is a sensor that knows some ended calls, one that goes on, and rules.
type rulesSensor struct {
	sensorapi.Sensor
	calls []protocol.CDR
	live  protocol.CDR
	rules sensorapi.Rules
}

func (s *rulesSensor) Calls(_ context.Context, limit int, before protocol.UUID) ([]protocol.CDR, error) {
	from := 0
	for i := range s.calls {
		if s.calls[i].ID == before {
			from = i + 1
		}
	}
	return s.calls[from:min(from+min(limit, 4), len(s.calls))], nil
}

func (s *rulesSensor) Call(_ context.Context, id string) (*protocol.CDR, error) {
	for _, c := range append(s.calls, s.live) {
		if c.CallID == id {
			return &c, nil
		}
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no such call"}
}

func (s *rulesSensor) Rules() sensorapi.Rules { return s.rules }

func serveRulesSensor(t *testing.T, s *rulesSensor) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: sensorapi.NewHandler(s)}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return socket
}

func TestRulesOfASensorAreTriedAndExplained(t *testing.T) {
	dir, calls := rulesWorld(t, "long: keep rtp when connected>=1.5\n")
	s := &rulesSensor{
		calls: calls, live: protocol.CDR{CallID: "live@x", Caller: "1001", Start: calls[0].Start, Answer: calls[0].Start},
		rules: sensorapi.Rules{Text: "bad: keep rtp when mos<3\n", Hosted: &sensorapi.HostedRules{Text: "all: keep sip\n"}},
	}
	socket := serveRulesSensor(t, s)
	got := tryRules(t, filepath.Join(dir, "my.rules"), "--sensor", socket)
	if got.Calls == 0 || got.Calls > 6 || got.Rules[0].Calls+got.NoRule != got.Calls || got.Rules[0].Calls == 0 {
		t.Errorf("%+v", got)
	}
	if two := tryRules(t, filepath.Join(dir, "my.rules"), "--sensor", socket, "--limit", "2"); two.Calls != 2 {
		t.Errorf("two calls were asked for: %+v", two)
	}
	if _, out, _ := voipmonRun(t, "rules", "test", filepath.Join(dir, "my.rules"), "--sensor", socket, "--limit", "2"); !strings.Contains(out, "(--limit)") {
		t.Errorf("the list ends before the calls do, and does not say so:\n%s", out)
	}
	status, out, errOut := voipmonRun(t, "rules", "explain", "live@x", "--sensor", socket)
	for _, want := range []string{
		"? 1 bad: not known yet: mos<3: mos is known at the end\n", "> 2 all (hosted): matches every call\n  keep sip\n", "up to rtp may be kept",
	} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("explain of a running call: %d %s, want %q in\n%s", status, errOut, want, out)
		}
	}
	status, out, errOut = voipmonRun(t, "rules", "explain", calls[0].CallID, "--sensor", socket, "--json")
	var list []struct {
		Rule  string
		Keep  string
		Steps []struct{ Rule, Origin, Why string }
	}
	if err := json.Unmarshal([]byte(out), &list); status != 0 || err != nil {
		t.Fatalf("%d %s %v", status, errOut, err)
	}
	if x := list[0]; x.Rule != "all" || x.Keep != "sip" || x.Steps[0].Origin != "local" || !strings.Contains(x.Steps[0].Why, "mos is 4") {
		t.Errorf("explain of an ended call: %+v", x)
	}
	if status, _, errOut = voipmonRun(t, "rules", "explain", "nobody", "--sensor", socket); status != 1 || !strings.Contains(errOut, "no call nobody") {
		t.Errorf("explain of a call that is not there: %d %s", status, errOut)
	}
	if status, _, errOut = voipmonRun(t, "rules", "explain", "x", "-r", "y.pcap"); status != 2 || !strings.Contains(errOut, "Name a rule file") {
		t.Errorf("explain without rules: %d %s", status, errOut)
	}
}

func TestRulesExplainSeesTheHeadersOfACapture(t *testing.T) {
	dir, calls := rulesWorld(t, tailRules)
	status, out, errOut := voipmonRun(t, "rules", "explain", filepath.Join(dir, "my.rules"), calls[0].ID.String(), "-r", filepath.Join(dir, "in.pcap"))
	if status != 0 || !strings.Contains(out, "1 tagged: does not match: header.X-Nobody:*: there is no header.x-nobody\n") || !strings.Contains(out, "> 2 long: matches: connected>=1.5 header.cseq:*invite") {
		t.Errorf("%d %s\n%s", status, errOut, out)
	}
}

func TestRulesListSaysEverything(t *testing.T) {
	dir, _ := rulesWorld(t, "a: keep rtp no audio mask dtmf until 2027-01-31 note \"x\"\nb: keep sip off when mos<3")
	file := filepath.Join(dir, "my.rules")
	_, out, _ := voipmonRun(t, "rules", "list", file)
	if !strings.Contains(out, "1  a     rtp, no audio, mask dtmf  (every call)  2027-01-31  x") || !strings.Contains(out, "2  b     off                       mos<3") {
		t.Errorf("\n%s", out)
	}
	_, out, _ = voipmonRun(t, "rules", "list", file, "--json")
	var list []struct {
		Name    string
		NoAudio bool `json:"no_audio"`
		Off     bool
		Line    int
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 2 || !list[0].NoAudio || !list[1].Off || list[1].Line != 2 {
		t.Errorf("%v %+v", err, list)
	}
}

func TestRulesImportWritesARuleFile(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "filter_ip.tsv")
	if err := os.WriteFile(table, []byte("id\tip\tmask\trtp\tscript\n7\t167772161\t0\t1\t1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "local.rules")
	status, _, errOut := voipmonRun(t, "rules", "import", table, "-o", out)
	if status != 0 || !strings.Contains(errOut, "2 rules; 1 thing could not be carried over") {
		t.Errorf("%d %s", status, errOut)
	}
	if b, err := os.ReadFile(out); err != nil || !strings.Contains(string(b), "\nip-7: keep rtp when ip:10.0.0.1\n") || !strings.Contains(string(b), "\nrest: keep sip\n") {
		t.Errorf("%v\n%s", err, b)
	}
	if status, _, _ = voipmonRun(t, "rules", "import", table, "-o", out); status == 0 {
		t.Error("a rule file that was there is overwritten")
	}
	if status, _, errOut = voipmonRun(t, "rules", "import", table, "--savertp", "maybe"); status != 2 || !strings.Contains(errOut, "yes, header or no") {
		t.Errorf("%d %s", status, errOut)
	}
	if status, _, errOut = voipmonRun(t, "rules", "check", out); status != 0 {
		t.Errorf("the result: %s", errOut)
	}
}
