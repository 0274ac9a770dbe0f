package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// bench is a sensord under test: the real Main in a folder of its own.
type bench struct {
	t      *testing.T
	dir    string
	socket string

	inNamespaceOf int // a process whose network namespace process starts sensord in; 0: ours
	log           buffer
	cancel        context.CancelFunc
	done          chan int
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newBench writes a configuration: the folders, and what is given besides.
func newBench(t *testing.T, conf string) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "sensord") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: dir, socket: filepath.Join(dir, "s")}
	t.Cleanup(func() {
		b.stop()
		os.RemoveAll(dir)
	})
	// A disk that others have nearly filled is no fault of the test: captures stay.
	b.write("v.conf", fmt.Sprintf("state_dir = %s/state\nspooldir = %s/spool\napi_socket = %s\nautocleanmingb = 0\n%s\n", dir, dir, b.socket, conf))
	return b
}

func (b *bench) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// traffic writes generated calls and answers the file and the truth.
func (b *bench) traffic(c gen.Config) (string, *gen.Truth) {
	b.t.Helper()
	var pcap bytes.Buffer
	truth, err := gen.Generate(&pcap, c)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.write("calls.pcap", pcap.String()), truth
}

// oneCall writes the smallest traffic.
func (b *bench) oneCall() string {
	file, _ := b.traffic(gen.Config{Seed: 1, Calls: 1, NoMedia: true, Talk: time.Second})
	return file
}

// start runs sensord with its configuration and the arguments.
func (b *bench) start(args ...string) {
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.done = cancel, make(chan int, 1)
	go func() {
		b.done <- Main(ctx, append([]string{"-c", filepath.Join(b.dir, "v.conf")}, args...), io.Discard, &b.log, nil)
	}()
}

// wait answers the exit status.
func (b *bench) wait() int {
	b.t.Helper()
	select {
	case s := <-b.done:
		b.cancel()
		b.done = nil
		return s
	case <-time.After(30 * time.Second):
		b.t.Fatalf("sensord has not ended:\n%s", b.log.String())
		return -1
	}
}

func (b *bench) stop() {
	if b.done != nil {
		b.cancel()
		b.wait()
	}
}

// api waits until sensord serves.
func (b *bench) api() *sensorapi.Client {
	b.t.Helper()
	c := sensorapi.Dial(b.socket)
	b.until("sensord serves its API", func() bool { _, err := c.Info(b.t.Context()); return err == nil })
	return c
}

func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(60 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("it never came that %s\n%s", what, b.log.String())
		}
	}
}

func TestVersionNamesOSAndArch(t *testing.T) {
	var out bytes.Buffer
	if s := Main(t.Context(), []string{"--version"}, &out, io.Discard, nil); s != 0 {
		t.Fatalf("exit status %d", s)
	}
	if want := runtime.GOOS + "/" + runtime.GOARCH; !strings.HasPrefix(out.String(), "sensord ") || !strings.Contains(out.String(), want) {
		t.Errorf("got %q, want sensord and %s", out.String(), want)
	}
}

func TestReplayedCallsAreInTheLocalHistoryWithTheirCaptures(t *testing.T) {
	b := newBench(t, "id_sensor = 3")
	file, truth := b.traffic(gen.Config{Seed: 1, Calls: 5, Talk: 2 * time.Second})
	first := truth.List[0].CallID
	if err := os.MkdirAll(filepath.Join(b.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.write("state/local.rules", "first: keep rtp when callid=\""+first+"\"\nnobody: keep none when callid:zzz\n")
	b.start("-r", file, "--stay")
	api, ctx := b.api(), t.Context()
	var list []protocol.CDR
	b.until("all calls are in the history", func() bool {
		list, _ = api.Calls(ctx, 100, protocol.UUID{})
		return len(list) == len(truth.List)
	})
	for _, want := range truth.List {
		c, err := api.Call(ctx, want.CallID)
		if err != nil {
			t.Fatal(err)
		}
		if c.SensorID != 3 || c.Caller != want.Caller || c.Status != want.Status || len(c.Streams) != len(want.Streams) {
			t.Errorf("call %s: got sensor %d caller %s status %d and %d streams, want %d %s %d %d", want.CallID,
				c.SensorID, c.Caller, c.Status, len(c.Streams), 3, want.Caller, want.Status, len(want.Streams))
		}
	}
	r, err := api.Capture(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	r.Close()
	if c, _ := api.Call(ctx, first); err != nil || uint64(len(got)) != c.Capture.Bytes || c.Capture.Kept != protocol.KeepRTP {
		t.Errorf("the capture has %d bytes (%v), its record says %+v", len(got), err, c.Capture)
	}
	_, err = api.Capture(ctx, truth.List[1].CallID)
	var p *protocol.Problem
	if !errors.As(err, &p) || p.Code != protocol.CodeCaptureNotKept || p.Status != 404 {
		t.Errorf("a call that no rule kept: got %v, want %s", err, protocol.CodeCaptureNotKept)
	}
	_, err = api.Call(ctx, "nobody@nowhere")
	if !errors.As(err, &p) || p.Code != protocol.CodeNotFound {
		t.Errorf("a call that never was: got %v, want %s", err, protocol.CodeNotFound)
	}
}

func TestTheSameReplayTwiceStoresEachCallOnce(t *testing.T) {
	b := newBench(t, "id_sensor = 3")
	file, truth := b.traffic(gen.Config{Seed: 2, Calls: 20, Talk: time.Second, NoMedia: true})
	for range 2 {
		b.start("-r", file)
		if s := b.wait(); s != 0 {
			t.Fatalf("exit status %d:\n%s", s, b.log.String())
		}
	}
	b.start("-r", file, "--stay")
	list, err := b.api().Calls(t.Context(), 1000, protocol.UUID{})
	if err != nil || len(list) != len(truth.List) {
		t.Errorf("%d calls in the history (%v), want %d", len(list), err, len(truth.List))
	}
}

func TestLiveViewIsASnapshotAndThenDeltas(t *testing.T) {
	b := newBench(t, "id_sensor = 1")
	file, truth := b.traffic(gen.Config{Seed: 4, Calls: 4, Rate: 4, Talk: 2 * time.Second, Ring: 300 * time.Millisecond})
	b.start("-r", file, "--speed", "2", "--now", "--stay")
	seen, up := map[protocol.UUID]protocol.LiveCall{}, map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	gone, first := 0, true
	err := b.api().Watch(ctx, func(u *protocol.LiveUpdate) error {
		if u.Snapshot != first {
			return fmt.Errorf("snapshot is %v on update %v", u.Snapshot, u)
		}
		first = false
		for _, c := range u.Calls {
			seen[c.ID] = c
			if c.State == protocol.StateUp {
				up[c.CallID] = true
			}
		}
		for _, id := range u.Gone {
			if _, ok := seen[id]; !ok {
				return fmt.Errorf("call %s goes and never came", id)
			}
			gone++
		}
		if gone == len(truth.List) {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("the live view ended with %v after %d calls", err, gone)
	}
	for _, c := range truth.List {
		if !up[c.CallID] {
			t.Errorf("call %s was never seen answered", c.CallID)
		}
	}
}

func TestAChangedRuleFileIsAppliedWithinASecond(t *testing.T) {
	b := newBench(t, "rules_file = "+filepath.Join(t.TempDir(), "my.rules"))
	b.start("-r", b.oneCall(), "--stay")
	api, ctx := b.api(), t.Context()
	before, err := api.Rules(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const text = "# by hand\nall: keep sip\n"
	after, err := api.SetRules(ctx, sensorapi.Rules{Revision: before.Revision, Text: text})
	if err != nil || after.Revision != before.Revision+1 || after.Text != text {
		t.Fatalf("got %+v %v, want revision %d with the same text", after, err, before.Revision+1)
	}
	if _, err := api.SetRules(ctx, before); err == nil {
		t.Error("an edit that began from an old revision was taken")
	}
	if _, err := api.SetRules(ctx, sensorapi.Rules{Text: "all: kepe sip"}); err == nil || !strings.Contains(err.Error(), "1:6") {
		t.Errorf("a wrong rule: got %v, want its place", err)
	}
	path := strings.Fields(readFile(t, filepath.Join(b.dir, "v.conf")))
	ruleFile := path[len(path)-1]
	if got := readFile(t, ruleFile); got != text {
		t.Errorf("the file holds %q", got)
	}
	if err := os.WriteFile(ruleFile, []byte("all: keep rtp # edited\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	edited := time.Now()
	b.until("the edit is applied", func() bool { r, _ := api.Rules(ctx); return r.Revision == after.Revision+1 })
	if d := time.Since(edited); d > time.Second {
		t.Logf("it took %v on this machine", d)
	}
	if err := os.WriteFile(ruleFile, []byte("all: keep everything"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.until("the broken file is reported", func() bool {
		h, _ := api.Health(ctx)
		return len(h.Problems) == 1 && h.Problems[0].Code == "bad-rules"
	})
	if r, _ := api.Rules(ctx); !strings.Contains(r.Text, "edited") {
		t.Errorf("a broken file replaced the rules: %+v", r)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBadInputEndsWithAMessageThatSaysWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		conf string
		args func(b *bench) []string
		want []string
	}{
		"a missing key":       {"id_sensor = 1", func(*bench) []string { return nil }, []string{"interface: not set", "interface = eth0"}},
		"a wrong value":       {"id_sensor = 70000", func(*bench) []string { return nil }, []string{"v.conf:5: id_sensor", "from 1 to 65535"}},
		"no such interface":   {"id_sensor = 1\ninterface = nosuch0", func(*bench) []string { return nil }, []string{"nosuch0"}},
		"a file that is none": {"", func(b *bench) []string { return []string{"-r", b.write("x.pcap", "hello, world, I am a text")} }, []string{"x.pcap"}},
		"no file":             {"", func(b *bench) []string { return []string{"-r", filepath.Join(b.dir, "none.pcap")} }, []string{"none.pcap", "no such file"}},
		"a wrong speed":       {"", func(*bench) []string { return []string{"-r", "x", "--speed", "fast"} }, []string{"--speed", "max"}},
		"an unwritable spool": {"", func(b *bench) []string {
			b.write("file", "")
			b.write("v.conf", fmt.Sprintf("state_dir = %s/state\nspooldir = %s/file/spool\napi_socket = %s\n", b.dir, b.dir, b.socket))
			return []string{"-r", b.oneCall()}
		}, []string{"spooldir", "/file: not a directory", "name another folder"}},
		"wrong rules": {"", func(b *bench) []string {
			b.write("v.conf", fmt.Sprintf("state_dir = %s/state\nrules_file = %s\napi_socket = %s\n", b.dir, b.write("bad.rules", "a: keep\n"), b.socket))
			return []string{"-r", b.oneCall()}
		}, []string{"bad.rules:2:1", "what to keep"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.conf)
			b.start(c.args(b)...)
			if s := b.wait(); s == 0 {
				t.Errorf("exit status 0")
			}
			for _, w := range c.want {
				if !strings.Contains(b.log.String(), w) {
					t.Errorf("the message lacks %q:\n%s", w, b.log.String())
				}
			}
		})
	}
	t.Run("a cut file is analysed and the cut reported with its offset", func(t *testing.T) {
		b := newBench(t, "")
		whole := readFile(t, b.oneCall())
		b.start("-r", b.write("cut.pcap", whole[:len(whole)-10]))
		if s := b.wait(); s != 0 {
			t.Errorf("exit status %d", s)
		}
		if !strings.Contains(b.log.String(), "calls=1") || !strings.Contains(b.log.String(), "offset=") {
			t.Errorf("no call or no offset in\n%s", b.log.String())
		}
	})
	t.Run("a second sensord on the same socket", func(t *testing.T) {
		b := newBench(t, "")
		l, err := net.Listen("unix", b.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		b.start("-r", b.oneCall())
		if s := b.wait(); s == 0 || !strings.Contains(b.log.String(), "another sensord is running") {
			t.Errorf("exit status %d:\n%s", s, b.log.String())
		}
	})
}

func TestMetricsAreServedWhereTheConfigurationSays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	b := newBench(t, "metrics_listen = "+addr)
	b.start("-r", b.oneCall(), "--stay")
	b.until("the call is counted", func() bool {
		res, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(text), "\nsensord_calls_ended_total 1\n")
	})
	taken := newBench(t, "metrics_listen = "+addr)
	taken.start("-r", taken.oneCall())
	if s := taken.wait(); s == 0 || !strings.Contains(taken.log.String(), "metrics_listen") {
		t.Errorf("a port in use: exit status %d\n%s", s, taken.log.String())
	}
}
