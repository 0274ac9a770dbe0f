package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/conf"
	"voiptop/sensord/internal/capture"
)

// row finds the live row of a call.
func row(t *testing.T, api *sensorapi.Client, ok func(*protocol.LiveCall) bool) bool {
	t.Helper()
	u, err := api.Snapshot(t.Context())
	if err != nil {
		return false
	}
	for i := range u.Calls {
		if ok(&u.Calls[i]) {
			return true
		}
	}
	return false
}

func TestAChangeOfRulesIsAppliedToRunningCallsWithoutARestart(t *testing.T) {
	b := newBench(t, "id_sensor = 3")
	file, truth := b.traffic(gen.Config{Seed: 5, Calls: 2, Rate: 100, Talk: 10 * time.Minute, Ring: 100 * time.Millisecond})
	b.start("-r", file, "--speed", "1", "--now", "--stay")
	api, ctx := b.api(), t.Context()
	id := truth.List[0].CallID
	is := func(kept, held protocol.Keep, rule string) func() bool {
		return func() bool {
			return row(t, api, func(c *protocol.LiveCall) bool {
				return c.CallID == id && c.State == protocol.StateUp && c.Kept == kept && c.Held == held && c.Rule == rule
			})
		}
	}
	b.until("the call is up, and not kept", is(protocol.KeepNone, "", ""))
	for _, c := range []struct {
		text       string
		kept, held protocol.Keep
		rule       string
	}{
		{"all: keep rtp\n", protocol.KeepRTP, "", "all"},
		{"all: keep rtp when mos<3\n", protocol.KeepNone, protocol.KeepRTP, ""},
		{"some: keep sip\n", protocol.KeepSIP, "", "some"},
		{"", protocol.KeepNone, "", ""},
		{"never: keep none\n", protocol.KeepNone, "", "never"},
	} {
		began := time.Now()
		if _, err := api.SetRules(ctx, sensorapi.Rules{Text: c.text}); err != nil {
			t.Fatal(err)
		}
		b.until("the running call follows "+c.text, is(c.kept, c.held, c.rule))
		if d := time.Since(began); d > time.Second {
			t.Logf("it took %v on this machine", d)
		}
	}
	r, err := api.Call(ctx, id)
	if err != nil || r.End != 0 || r.Rule != "never" {
		t.Errorf("the call: %+v %v, want it running and rule never", r, err)
	}
}

func TestAChangedCSVFileIsAppliedToRunningCalls(t *testing.T) {
	b := newBench(t, "rules_file = "+filepath.Join(t.TempDir(), "my.rules"))
	conf := strings.Fields(readFile(t, filepath.Join(b.dir, "v.conf")))
	ruleFile := conf[len(conf)-1]
	csv := filepath.Join(filepath.Dir(ruleFile), "vip.csv")
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, truth := b.traffic(gen.Config{Seed: 6, Calls: 1, Talk: 10 * time.Minute, NoMedia: true})
	put(csv, "number\nnobody\n")
	put(ruleFile, "group vip: file vip.csv\nvip: keep sip when caller:@vip\n")
	b.start("-r", file, "--speed", "1", "--now", "--stay")
	api, ctx := b.api(), t.Context()
	kept := func() bool {
		return row(t, api, func(c *protocol.LiveCall) bool { return c.Rule == "vip" && c.Kept == protocol.KeepSIP })
	}
	b.until("the call runs", func() bool { return row(t, api, func(*protocol.LiveCall) bool { return true }) })
	if kept() {
		t.Fatal("the call is kept already")
	}
	before, err := api.Rules(ctx)
	if err != nil {
		t.Fatal(err)
	}
	put(csv, "number\n"+truth.List[0].Caller+"\n")
	b.until("the call of the new number is kept", kept)
	after, err := api.Rules(ctx)
	if err != nil || after.Revision != before.Revision+1 || after.Text != before.Text {
		t.Errorf("revision %d (%v), want %d of the same text", after.Revision, err, before.Revision+1)
	}

	if err := os.Remove(csv); err != nil {
		t.Fatal(err)
	}
	b.until("the missing list is reported", func() bool {
		h, _ := api.Health(ctx)
		return len(h.Problems) == 1 && h.Problems[0].Code == "bad-rules"
	})
	if !kept() {
		t.Error("the rules before are not in force while the list is missing")
	}
	put(csv, "nobody\n")
	b.until("the list is there again", func() bool {
		h, _ := api.Health(ctx)
		return h.Problems != nil && len(h.Problems) == 0 && !kept()
	})
	// An edit that began before the list changed is still one of the text in force.
	if _, err := api.SetRules(ctx, sensorapi.Rules{Revision: before.Revision, Text: before.Text + "rest: keep none\n"}); err != nil {
		t.Errorf("an edit of the same text: %v", err)
	}
}

func newRulebook(t *testing.T, dir string, local string) *rulebook {
	t.Helper()
	path := filepath.Join(dir, "local.rules")
	if local != "" {
		if err := os.WriteFile(path, []byte(local), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := openRules(path, dir, true, slog.New(slog.DiscardHandler))
	if err := b.unusable(); err != nil {
		t.Fatal(err)
	}
	return b
}

// names are those of the rules in force.
func names(b *rulebook) string {
	var list []string
	for _, r := range b.take().Rules {
		list = append(list, r.Name)
	}
	return strings.Join(list, " ")
}

func TestHostedsRulesComeAfterTheLocalOnesAndSurviveARestart(t *testing.T) {
	dir, me := t.TempDir(), protocol.UUID{1}
	b := newRulebook(t, dir, "mine: keep sip\n")
	b.paired(me)
	if b.report().Hosted != nil {
		t.Error("hosted's rules are reported where there are none")
	}
	out, err := b.replaceHosted(t.Context(), sensorapi.HostedRules{Revision: 7, Text: "# ours\ntheirs: keep rtp\n"})
	if err != nil || out.Revision != 7 {
		t.Fatalf("got %+v %v", out, err)
	}
	if local, hosted := b.revisions(); local != 1 || hosted != 7 || names(b) != "mine theirs" {
		t.Errorf("revisions %d %d, rules %s", local, hosted, names(b))
	}

	b = newRulebook(t, dir, "")
	if got := b.report().Hosted; got == nil || got.Revision != 7 || got.Text != "# ours\ntheirs: keep rtp\n" || names(b) != "mine theirs" {
		t.Errorf("after a restart: %+v, rules %s", got, names(b))
	}
	b.paired(me)
	if names(b) != "mine theirs" {
		t.Error("the same sensor lost them")
	}
	b.paired(protocol.UUID{2})
	if _, hosted := b.revisions(); hosted != 0 || names(b) != "mine" {
		t.Errorf("paired anew: hosted's revision %d, rules %s", hosted, names(b))
	}
	if b = newRulebook(t, dir, ""); names(b) != "mine" {
		t.Errorf("paired anew and restarted: %s", names(b))
	}
}

func TestHostedsRulesDoNotCountWithoutALink(t *testing.T) {
	dir := t.TempDir()
	b := newRulebook(t, dir, "")
	if _, err := b.replaceHosted(t.Context(), sensorapi.HostedRules{Revision: 7, Text: "theirs: keep rtp\n"}); err != nil {
		t.Fatal(err)
	}
	b = openRules(filepath.Join(dir, "local.rules"), dir, false, slog.New(slog.DiscardHandler))
	if err := b.unusable(); err != nil || names(b) != "" {
		t.Errorf("rules %q (%v)", names(b), err)
	}
}

func TestRulesThatTheSensorCannotReadAreRefusedAndTheOnesBeforeStay(t *testing.T) {
	dir := t.TempDir()
	b := newRulebook(t, dir, "mine: keep sip\n")
	ctx := t.Context()
	if _, err := b.replaceHosted(ctx, sensorapi.HostedRules{Revision: 7, Text: "theirs: keep rtp\n"}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]map[string]string{
		"theirs: keep rtp\nnew: keep rtp when colour:blue\n":           {"line": "2", "column": "20"},
		"group x: file /etc/passwd\ntheirs: keep rtp when number:@x\n": {"line": "1"},
		"theirs: kepe rtp\n": {"line": "1", "column": "9", "nearest": "keep", "expected": `"keep"`},
	} {
		_, err := b.replaceHosted(ctx, sensorapi.HostedRules{Revision: 8, Text: text})
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != "bad-rules" || p.Status != http.StatusUnprocessableEntity || p.Remedy == "" {
			t.Fatalf("%s: got %v", text, err)
		}
		for k, v := range want {
			if p.Fields[k] != v {
				t.Errorf("%s: %s is %q, want %q", text, k, p.Fields[k], v)
			}
		}
		h := b.report().Hosted
		if h.Revision != 7 || h.Problem == nil || names(b) != "mine theirs" || len(b.troubles()) != 1 {
			t.Errorf("%s: %+v, rules %s", text, h, names(b))
		}
	}
	if _, err := b.replaceHosted(ctx, sensorapi.HostedRules{Revision: 9, Text: ""}); err != nil || len(b.troubles()) != 0 || names(b) != "mine" {
		t.Errorf("good ones again: %v, %v, rules %s", err, b.troubles(), names(b))
	}

	if err := os.WriteFile(filepath.Join(dir, "hosted.rules"), []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b = newRulebook(t, dir, ""); names(b) != "mine" {
		t.Errorf("a damaged file: rules %s", names(b))
	}
}

func TestOnlyTheLinkSetsHostedsRules(t *testing.T) {
	d := &daemon{rules: newRulebook(t, t.TempDir(), "")}
	api := sensorapi.NewHandler(sensor{d})
	put := func(h http.Handler) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPut, sensorapi.PathHostedRules, strings.NewReader(`{"revision":3,"text":"theirs: keep rtp\n"}`)))
		return w.Result()
	}
	if res := put(api); res.StatusCode != http.StatusForbidden || names(d.rules) != "" {
		t.Errorf("on the socket: %s, rules %q", res.Status, names(d.rules))
	}
	res := put(overLink(conf.Default(), d.rules, nil, directly{}, api))
	var out sensorapi.HostedRules
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK || out.Revision != 3 || names(d.rules) != "theirs" {
		t.Errorf("over the link: %s %+v (%v), rules %q", res.Status, out, err, names(d.rules))
	}
	w := httptest.NewRecorder()
	overLink(conf.Default(), d.rules, nil, directly{}, api).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/rules", nil))
	var all sensorapi.Rules
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || all.Hosted == nil || all.Hosted.Revision != 3 {
		t.Errorf("GET /v1/rules: %s", w.Body)
	}
}

// silence is a source that has nothing until it is closed.
type silence struct {
	wake chan struct{}
	done chan struct{}
}

func (s silence) Next(*capture.Packet) error {
	select {
	case <-s.wake:
		return capture.ErrIdle
	case <-s.done:
		return io.EOF
	}
}

func (s silence) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
func (silence) Stats() (none capture.Stats) { return none }
func (silence) Close() error                { return nil }

func TestAChangeOfRulesReachesThousandsOfCallsInSlices(t *testing.T) {
	const calls = 5000
	var pcap bytes.Buffer
	if _, err := gen.Generate(&pcap, gen.Config{Seed: 7, Calls: calls, Rate: calls, Ring: time.Hour, NoMedia: true}); err != nil {
		t.Fatal(err)
	}
	src, err := analyze.Open([]string{"-"}, &pcap)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	engine := analyze.New(analyze.Config{}, &discard{})
	var p analyze.Packet
	for engine.Running() < calls*9/10 {
		if err := src.Next(&p); err != nil {
			t.Fatalf("%d calls run: %v", engine.Running(), err)
		}
		engine.Packet(&p)
	}
	s := silence{make(chan struct{}, 1), make(chan struct{})}
	d := &daemon{rules: newRulebook(t, t.TempDir(), ""), pipeline: newPipeline(s, engine)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = d.pipeline.run(ctx, func() {}) }()
	followed := make(chan struct{})
	go func() { d.followRules(ctx); close(followed) }()
	d.rules.take()
	for _, text := range []string{"first: keep sip\n", "second: keep rtp when mos<3\n", "third: keep headers\n"} { // each may overtake the one before
		if _, err := d.rules.replace(sensorapi.Rules{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) {
		left := 0
		if err := d.pipeline.ask(func(e *analyze.Engine) {
			for _, c := range e.Live(nil) {
				if c.Rule != "third" || c.Kept != protocol.KeepHeaders {
					left++
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d calls do not follow the rules", left)
		}
	}
	close(s.done)
	cancel()
	<-followed
}

func TestWhatTheEndDecidesIsWholeOnDiskAndTheRestLeavesNothing(t *testing.T) {
	b := newBench(t, "id_sensor = 3\ncapture_window_mb = 1") // two calls' packets fill it
	if err := os.MkdirAll(filepath.Join(b.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.write("state/local.rules", "failed: keep sip when status>=400\nlong: keep rtp when duration>20\n")
	file, truth := b.traffic(gen.Config{
		Seed: 8, Calls: 30, Talk: 20 * time.Second, TalkSpread: 0.4,
		Outcomes: []gen.Weight[gen.Outcome]{{V: gen.Answered, W: 2}, {V: gen.Busy, W: 1}},
	})
	b.start("-r", file, "--stay")
	api, ctx := b.api(), t.Context()
	b.until("all calls are in the history", func() bool {
		list, _ := api.Calls(ctx, 100, protocol.UUID{})
		return len(list) == len(truth.List)
	})
	kept := map[string]int{}
	for _, c := range truth.List {
		r, err := api.Call(ctx, c.CallID)
		if err != nil {
			t.Fatal(err)
		}
		want := protocol.Capture{Kept: protocol.KeepNone}
		switch {
		case c.Status >= 400:
			want = protocol.Capture{Kept: protocol.KeepSIP, Packets: uint64(c.Messages)}
		case r.DurationMS > 20_000:
			want = protocol.Capture{Kept: protocol.KeepRTP, Packets: uint64(c.Messages)}
			for _, s := range c.Streams {
				want.Packets += uint64(s.Packets)
			}
		}
		kept[r.Rule]++
		got := r.Capture
		if got.Bytes = 0; got != want {
			t.Errorf("%s, status %d, %d ms: got %+v, want %+v", c.CallID, c.Status, r.DurationMS, got, want)
		}
		f, err := api.Capture(ctx, c.CallID)
		if (err == nil) != (want.Packets > 0) {
			t.Errorf("%s: the capture: %v", c.CallID, err)
		}
		if err != nil {
			continue
		}
		pcap, err := io.ReadAll(f)
		f.Close()
		if err != nil || uint64(len(pcap)) != r.Capture.Bytes {
			t.Errorf("%s: %d bytes of %d (%v)", c.CallID, len(pcap), r.Capture.Bytes, err)
		}
	}
	if kept["failed"] == 0 || kept["long"] == 0 || kept[""] == 0 {
		t.Errorf("calls by rule: %v", kept)
	}
}

func TestBlankedDigitsAreNotInTheCaptureNorInTheRecord(t *testing.T) {
	for name, c := range map[string]struct {
		rules        string
		digits, kept string
	}{
		"blanked":                     {"pin: keep rtp mask dtmf\n", "*****", "255"},
		"blanked, decided at the end": {"pin: keep rtp mask dtmf when status=200\n", "*****", "255"},
		"not blanked":                 {"all: keep rtp\n", "1937#", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "id_sensor = 3")
			if err := os.MkdirAll(filepath.Join(b.dir, "state"), 0o700); err != nil {
				t.Fatal(err)
			}
			b.write("state/local.rules", c.rules)
			b.start("-r", filepath.Join("..", "fixtures", "pcap", "baresip-dtmf", "in.pcap"), "--stay")
			api, ctx := b.api(), t.Context()
			var list []protocol.CDR
			b.until("the call is in the history", func() bool {
				list, _ = api.Calls(ctx, 10, protocol.UUID{})
				return len(list) == 1
			})
			r, err := api.Call(ctx, list[0].ID.String())
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), `"dtmf":"`+c.digits+`"`) || r.Capture.Kept != protocol.KeepRTP {
				t.Errorf("the record: %s", raw)
			}
			f, err := api.Capture(ctx, list[0].ID.String())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			pcap, err := io.ReadAll(f)
			if err != nil {
				t.Fatal(err)
			}
			events := tshark(t, b.write("out.pcapng", string(pcap)), "-Y", "rtpevent", "-T", "fields", "-e", "rtpevent.event_id")
			if got := strings.Fields(events); len(got) < 50 || got[0] != c.kept {
				t.Errorf("%d events, beginning with %v, want %s", len(got), got[:min(len(got), 3)], c.kept)
			} else if c.kept == "255" && strings.Trim(strings.Join(got, ""), "25") != "" {
				t.Errorf("events are left: %v", got)
			}
			bad := tshark(t, filepath.Join(b.dir, "out.pcapng"), "-o", "udp.check_checksum:TRUE", "-Y", "_ws.malformed or udp.checksum.status==0 and rtpevent", "-T", "fields", "-e", "frame.number")
			if bad != "" {
				t.Errorf("tshark complains of frames %s", bad)
			}
		})
	}
}

// tshark reads a capture with its own eyes.
func tshark(t *testing.T, file string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-r", file}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark: %v %s", err, errOut.String())
	}
	return strings.TrimSpace(out.String())
}

// A sensor that starts with a broken file must not keep what the file forbids, and records calls all the same.
func TestWithRulesThatCannotBeReadNothingIsKeptUntilTheyAreMended(t *testing.T) {
	dir := t.TempDir()
	b := newRulebook(t, dir, "board: keep none when number:2000\n")
	b.paired(protocol.UUID{1})
	if _, err := b.replaceHosted(t.Context(), sensorapi.HostedRules{Revision: 7, Text: "theirs: keep rtp\n"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "local.rules")
	if err := os.WriteFile(path, []byte("board: kepe none when number:2000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = openRules(path, dir, true, slog.New(slog.DiscardHandler))
	if names(b) != "" || b.unusable() == nil {
		t.Errorf("rules %q are in force beside a broken file", names(b))
	}
	if p := b.troubles(); len(p) == 0 || p[0].Code != "bad-rules" || !strings.Contains(p[0].Title, "nothing is kept") || !strings.Contains(p[0].Detail, "local.rules:1:8") {
		t.Errorf("%+v", p)
	}
	if r := b.current(); r.Hosted == nil || r.Hosted.Problem == nil {
		t.Errorf("hosted's rules are said to be in force: %+v", r.Hosted)
	}
	if err := os.WriteFile(path, []byte("board: keep none when number:2000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.reload(); err != nil || names(b) != "board theirs" || len(b.troubles()) != 0 {
		t.Errorf("%v: rules %q, %v", err, names(b), b.troubles())
	}
}
