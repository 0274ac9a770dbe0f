package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/prefs"
)

const fixture = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"

// sensor has one running call, of a caller who sends escape sequences.
type sensor struct{ sensorapi.Sensor }

var running = protocol.LiveCall{ID: protocol.UUID{1}, CallID: "c1", State: protocol.StateUp, Caller: "alice\x1b[2J", Callee: "bob", Start: 1_795_000_000_000_000}

func (sensor) Info() protocol.SensorInfo { return protocol.SensorInfo{Name: "pbx-1"} }

func (s sensor) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	u := &protocol.LiveUpdate{T: running.Start + 65_000_000, Snapshot: true, Calls: []protocol.LiveCall{running}, Counters: protocol.Counters{protocol.CountPackets: 1}}
	if err := emit(u); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (sensor) Call(context.Context, string) (*protocol.CDR, error) {
	return &protocol.CDR{ID: running.ID, CallID: running.CallID, Caller: running.Caller, Callee: running.Callee, Start: running.Start}, nil
}

// startSensor serves one on a unix socket.
func startSensor(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: sensorapi.NewHandler(sensor{})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return socket
}

func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(t.Context(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

func TestVersionSaysVersionCommitAndSystem(t *testing.T) {
	if status, out, _ := run(t, "--version"); status != 0 || out != protocol.VersionLine("voiptop")+"\n" {
		t.Errorf("status %d, %q", status, out)
	}
}

func TestOnceJSONOfAFileIsItsRecords(t *testing.T) {
	list, _, err := analyze.Files(t.Context(), []string{fixture}, nil, analyze.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for _, c := range list {
		json.NewEncoder(&want).Encode(c)
	}
	status, out, errs := run(t, "-r", fixture, "--once", "--json")
	if status != 0 || out != want.String() {
		t.Errorf("status %d, %s\n%s\nwant\n%s", status, errs, out, want.String())
	}
}

func TestOnceOfAFileIsATable(t *testing.T) {
	status, out, errs := run(t, "-r", fixture, "--utc") // stdout is no terminal: as with --once
	lines := strings.Split(out, "\n")
	if status != 0 || len(lines) != 5 || !strings.HasPrefix(lines[0], "START                FROM  TO") || !strings.Contains(lines[1], "1001  1011") {
		t.Errorf("status %d, %s\n%s", status, errs, out)
	}
}

func TestOnceOfASensorIsItsRunningCalls(t *testing.T) {
	socket := startSensor(t)
	status, out, errs := run(t, "--sensor", socket, "--once")
	if status != 0 || strings.Contains(out, "\x1b") || !strings.Contains(out, "up     alice?[2J  bob  1:05") {
		t.Errorf("status %d, %s\n%q", status, errs, out)
	}
	if status, _, errs := run(t, "--sensor", socket, "--once", "-f", "text:x"); status != 2 || !strings.Contains(errs, "looks into capture files") {
		t.Errorf("messages of a sensor: status %d, %s", status, errs)
	}
	if status, _, errs := run(t, "--sensor", socket, "--once", "-f", "message:REFER*"); status != 0 || !strings.Contains(errs, "have no streams and messages") {
		t.Errorf("first lines of a sensor: status %d, %s", status, errs)
	}
	status, out, _ = run(t, "--sensor", socket, "--once", "--json")
	var c protocol.LiveCall
	if err := json.Unmarshal([]byte(out), &c); status != 0 || err != nil || c.Caller != running.Caller || c.ID != running.ID {
		t.Errorf("status %d, %v\n%s", status, err, out)
	}
}

func TestWrongUsageIsToldApartFromFailure(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--nonsense"}, 2, "nonsense"},
		{[]string{"--hosted", "https://voip.example", "call.pcap"}, 2, "call.pcap"},
		{[]string{"no-such.pcap"}, 1, "no-such.pcap"},
		{[]string{"-f", "mos<", "--once"}, 2, "--filter"},
		{[]string{"-F", "a.pcap", "b.pcap"}, 2, "one capture file"},
		{[]string{"-F", "a.pcap"}, 2, "terminal"},
		{[]string{"--theme", "pink"}, 2, "auto, dark or light"},
		{[]string{"-r", "x", "--sensor", "y"}, 2, "none of the others"},
		{[]string{"-r", "/no/such.pcap"}, 1, "/no/such.pcap"},
		{[]string{"--sensor", "/no/such.sock", "--once"}, 1, "no sensor listens on /no/such.sock"},
		{[]string{"--hosted", "http://127.0.0.1:1", "--once"}, 1, "VOIPTOP_TOKEN"},
	} {
		t.Setenv("XDG_CONFIG_HOME", t.TempDir())
		status, out, errs := run(t, c.args...)
		if status != c.status || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("voiptop %v: status %d, %q, %q", c.args, status, out, errs)
		}
	}
}

func TestCutFileFailsAfterWhatWasReadable(t *testing.T) {
	whole, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.pcap")
	os.WriteFile(path, whole[:len(whole)*2/3], 0o600)
	status, out, errs := run(t, "-r", path, "--once", "--json")
	if status != 1 || strings.Count(out, "\n") == 0 || !strings.Contains(errs, "cut.pcap, at byte ") {
		t.Errorf("status %d, %q, %d records", status, errs, strings.Count(out, "\n"))
	}
}

func TestLocaleChoosesUnicodeOrASCII(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{}, false},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "C.utf8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "C"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "cs_CZ.UTF-8"}, true},
	} {
		if got := utf8Locale(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}

func TestSettingsCountUnlessTheCommandLineSaysOtherwise(t *testing.T) {
	var p prefs.Prefs
	p.Set("theme", "light")
	p.Set("utc", "yes")
	p.Set("mouse", "no")
	v := command{theme: "auto", set: func(string) bool { return false }}
	if v.prefer(&p); v.theme != "light" || !v.utc || !v.noMouse || v.ascii {
		t.Errorf("%+v", v)
	}
	v = command{theme: "dark", set: func(string) bool { return true }}
	if v.prefer(&p); v.theme != "dark" || v.utc || v.noMouse {
		t.Errorf("the command line does not count: %+v", v)
	}
}

func TestAFilterFromTheCommandLineChoosesCalls(t *testing.T) {
	all := strings.Count(outOf(t, "--once", "--json", fixture), "\n")
	if n := strings.Count(outOf(t, "--once", "--json", "-f", "status:200", fixture), "\n"); n != all || all == 0 {
		t.Errorf("%d of %d calls ended with 200", n, all)
	}
	if out := outOf(t, "--once", "--json", "-f", "not status:200", fixture); out != "" {
		t.Errorf("calls with another status:\n%s", out)
	}
	if n := strings.Count(outOf(t, "--once", "--json", "-f", `text:"cseq: 1 invite" status:200`, fixture), "\n"); n != all {
		t.Errorf("%d of %d calls have an INVITE", n, all)
	}
	if out := outOf(t, "--once", "--json", "-f", "text:no-such-word", fixture); out != "" {
		t.Errorf("calls with a word that no message has:\n%s", out)
	}
}

func outOf(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := run(t, args...)
	if status != 0 {
		t.Fatalf("voiptop %v: status %d, %s", args, status, errs)
	}
	return out
}
