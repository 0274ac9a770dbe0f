package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"voiptop/protocol"
	"voiptop/protocol/mcp"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

const (
	sippLoss   = "../../fixtures/pcap/sipp-loss/in.pcap"
	sippOneWay = "../../fixtures/pcap/sipp-one-way/in.pcap"
)

// assist starts `voipmon mcp` as an assistant does, and speaks with it.
func assist(t *testing.T, args ...string) *sdk.ClientSession {
	t.Helper()
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		status := Main(context.Background(), append([]string{"mcp"}, args...), toServer, fromServer, &errs)
		fromServer.Close()
		ended <- status
	}()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: toClient, Writer: fromClient}, nil)
	if err != nil {
		fromClient.Close()
		t.Fatalf("%v: status %d: %s", err, <-ended, errs.String())
	}
	t.Cleanup(func() {
		_ = s.Close()
		_ = fromClient.Close()
		select {
		case status := <-ended:
			if status != 0 || errs.Len() > 0 {
				t.Errorf("voipmon mcp ended with %d: %s", status, errs.String())
			}
		case <-time.After(20 * time.Second):
			t.Error("voipmon mcp does not end with its input")
		}
	})
	return s
}

func ask(t *testing.T, s *sdk.ClientSession, tool string, args map[string]any) (text string, failed bool) {
	t.Helper()
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	for _, c := range res.Content {
		if x, ok := c.(*sdk.TextContent); ok {
			text += x.Text
		}
	}
	return text, res.IsError
}

// only is the id of the one call of a file.
func only(t *testing.T, file string) string {
	t.Helper()
	f, err := source.NewFile([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, err := f.All(t.Context())
	if err != nil || len(calls) == 0 {
		t.Fatal(len(calls), err)
	}
	return calls[0].ID.String()
}

func TestAnAssistantAsksAboutACapture(t *testing.T) {
	s := assist(t, "-r", sippOneWay)
	id := only(t, sippOneWay)
	for tool, c := range map[string]struct {
		args map[string]any
		want string
	}{
		"search_calls":     {map[string]any{"where": "finding:one-way*"}, id},
		"explain_call":     {map[string]any{"id": id}, "What to do: "},
		"get_call":         {map[string]any{"id": id}, "INVITE  SDP PCMA"},
		"statistics":       {nil, `"counted":`},
		"live_calls":       {nil, `"running":0`},
		"registrations":    {nil, `"found":0`},
		"sensors":          {nil, "in.pcap"},
		"condition_fields": {nil, `"name":"mos"`},
	} {
		if text, failed := ask(t, s, tool, c.args); failed || !strings.Contains(text, c.want) {
			t.Errorf("%s: %s\nlacks %s", tool, text, c.want)
		}
	}
	if text, _ := ask(t, s, "search_calls", map[string]any{"where": "mos > 4.9"}); strings.Contains(text, id) {
		t.Errorf("a condition that does not hold: %s", text)
	}
	for tool, args := range map[string]map[string]any{"search_calls": {"where": "caller:1*"}, "rule_check": {"text": "a: keep sip when caller:1*"}} {
		if text, failed := ask(t, s, tool, args); !failed || !strings.HasPrefix(text, "forbidden: ") {
			t.Errorf("%s asks for numbers that are masked: %s", tool, text)
		}
	}
	if text, failed := ask(t, s, "search_calls", map[string]any{"where": "mos <"}); !failed || !strings.HasPrefix(text, "bad-condition: ") {
		t.Errorf("a wrong condition: %s", text)
	}
	if text, failed := ask(t, s, "rules", nil); !failed || !strings.HasPrefix(text, "not-found: ") {
		t.Errorf("rules of a file: %s", text)
	}
	res, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range res.Tools {
		if x.Name == "set_rules" || x.Name == "doctor" || x.Name == "analyze_capture" {
			t.Errorf("%s is there", x.Name)
		}
	}
}

func TestNumbersAreShownWholeOnlyWhenAskedFor(t *testing.T) {
	f, err := source.NewFile([]string{sippOneWay}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, err := f.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := `"caller":"` + calls[0].Caller + `"`
	if text, _ := ask(t, assist(t, "-r", sippOneWay), "search_calls", nil); strings.Contains(text, want) || !strings.Contains(text, "~") {
		t.Errorf("masked: %s", text)
	}
	whole := assist(t, "-r", sippOneWay, "--numbers")
	if text, failed := ask(t, whole, "search_calls", map[string]any{"where": "caller:" + calls[0].Caller}); failed || !strings.Contains(text, want) {
		t.Errorf("whole: %s", text)
	}
	if text, failed := ask(t, whole, "rule_check", map[string]any{"text": "a: keep sip when caller:" + calls[0].Caller + "\n"}); failed || !strings.Contains(text, `"calls":1`) {
		t.Errorf("rules tried: %s", text)
	}
}

func TestOnlyFilesBelowTheAllowedFolderAreAnalysed(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "captures")
	b, err := os.ReadFile(sippLoss)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "monday"), 0o755), os.WriteFile(filepath.Join(root, "monday", "a.pcap"), b, 0o600), os.WriteFile(filepath.Join(dir, "secret.pcap"), b, 0o600),
		os.Symlink(filepath.Join(dir, "secret.pcap"), filepath.Join(root, "link.pcap")), os.WriteFile(filepath.Join(root, "text.pcap"), []byte("no capture at all, only words"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := assist(t, "--sensor", filepath.Join(dir, "none.sock"), "--root", root)
	text, failed := ask(t, s, "analyze_capture", map[string]any{"path": "monday/a.pcap"})
	if id := only(t, sippLoss); failed || !strings.Contains(text, id) || strings.Contains(text, `"packets":0`) {
		t.Errorf("a file in the folder: %s", text)
	} else if text, failed := ask(t, s, "explain_call", map[string]any{"id": id}); failed || !strings.Contains(text, "Call "+id) {
		t.Errorf("its call: %s", text)
	}
	for _, path := range []string{"../secret.pcap", filepath.Join(dir, "secret.pcap"), "link.pcap", "/etc/passwd", "", "monday", ".", "monday/../../secret.pcap", "none.pcap", "text.pcap"} {
		text, failed := ask(t, s, "analyze_capture", map[string]any{"path": path})
		if !failed || strings.Contains(strings.ReplaceAll(text, strconv.Quote(path), ""), dir) {
			t.Errorf("%q: %s", path, text)
		}
	}
	if text, failed := ask(t, s, "search_calls", nil); !failed || !strings.HasPrefix(text, "sensor-offline: ") {
		t.Errorf("without a sensor: %s", text)
	}
	if text, failed := ask(t, s, "doctor", map[string]any{"only": []string{"config"}}); failed || !strings.Contains(text, `"group":"config"`) {
		t.Errorf("doctor: %s", text)
	}
	if text, failed := ask(t, s, "doctor", map[string]any{"only": []string{"colours"}}); !failed || !strings.HasPrefix(text, "bad-request: ") {
		t.Errorf("doctor of what there is not: %s", text)
	}
}

func TestAHostedServiceDecidesWhatTheAssistantGets(t *testing.T) {
	f, err := source.NewFile([]string{sippOneWay}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer vtu_good" || r.URL.Path != "/mcp" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		mcp.ServeHTTP(w, r, mcp.New(&localCalls{src: f, now: time.Now}, mcp.Options{Now: time.Now, Writer: noWriter{}}))
	}))
	defer far.Close()
	t.Setenv("VOIPTOP_TOKEN", "vtu_good")
	s := assist(t, "--hosted", far.URL+"/")
	if text, failed := ask(t, s, "search_calls", map[string]any{"where": "finding:one-way*"}); failed || !strings.Contains(text, only(t, sippOneWay)) {
		t.Errorf("search_calls: %s", text)
	}
	if text, failed := ask(t, s, "search_calls", map[string]any{"limit": 99}); !failed || !strings.HasPrefix(text, "bad-request: ") {
		t.Errorf("the far side's problem: %s", text)
	}
	if text, failed := ask(t, s, "set_rules", map[string]any{"revision": 1, "text": ""}); failed || text != `{"revision":2}` {
		t.Errorf("a tool that only the far side has: %s", text)
	}
	t.Setenv("VOIPTOP_TOKEN", "vtu_bad")
	var errs bytes.Buffer
	if status := Main(t.Context(), []string{"mcp", "--hosted", far.URL}, strings.NewReader(""), io.Discard, &errs); status != 2 || !strings.Contains(errs.String(), far.URL) {
		t.Errorf("with a bad token: %d %s", status, errs.String())
	}
	t.Setenv("VOIPTOP_TOKEN", "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	errs.Reset()
	if status := Main(t.Context(), []string{"mcp", "--hosted", far.URL}, strings.NewReader(""), io.Discard, &errs); status != 2 || !strings.Contains(errs.String(), "no API token") {
		t.Errorf("without a token: %d %s", status, errs.String())
	}
}

type noWriter struct{}

func (noWriter) SetRules(context.Context, uint64, string) (uint64, error) { return 2, nil }

func TestAnAssistantWritesRulesOnlyWithNumbers(t *testing.T) {
	var errs bytes.Buffer
	if status := Main(t.Context(), []string{"mcp", "--allow-write"}, strings.NewReader(""), io.Discard, &errs); status != 2 || !strings.Contains(errs.String(), "--numbers") {
		t.Errorf("%d %s", status, errs.String())
	}
}

// rememberingSensor is a sensor with ended calls and rules.
type rememberingSensor struct {
	sensorapi.Sensor
	calls []protocol.CDR // newest first
	rules sensorapi.Rules
}

func (s *rememberingSensor) Info() protocol.SensorInfo {
	return protocol.SensorInfo{Name: "pbx", SensorID: 7}
}

func (s *rememberingSensor) Health() protocol.Health {
	return protocol.Health{Info: s.Info(), Running: 1, Problems: []protocol.Problem{{Code: "clock-skew", Title: "the clock is wrong"}}}
}

func (s *rememberingSensor) Watch(_ context.Context, emit func(*protocol.LiveUpdate) error) error {
	return emit(&protocol.LiveUpdate{Snapshot: true, Calls: []protocol.LiveCall{{ID: protocol.UUID{9}, State: protocol.StateRinging}, {ID: protocol.UUID{8}, State: protocol.StateUp}}})
}

func (s *rememberingSensor) Calls(_ context.Context, limit int, before protocol.UUID) ([]protocol.CDR, error) {
	from := 0
	for i := range s.calls {
		if s.calls[i].ID == before {
			from = i + 1
		}
	}
	return s.calls[from:min(len(s.calls), from+limit)], nil
}

func (s *rememberingSensor) Call(_ context.Context, id string) (*protocol.CDR, error) {
	for i := range s.calls {
		if s.calls[i].ID.String() == id {
			return &s.calls[i], nil
		}
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no such call"}
}

func (s *rememberingSensor) Registrations(context.Context) ([]protocol.Registration, error) {
	return []protocol.Registration{{State: protocol.RegistrationFailing, AOR: "1001@pbx.example", Status: 403}}, nil
}

func (s *rememberingSensor) Rules() sensorapi.Rules { return s.rules }

func (s *rememberingSensor) SetRules(_ context.Context, r sensorapi.Rules) (sensorapi.Rules, error) {
	s.rules = sensorapi.Rules{Revision: s.rules.Revision + 1, Text: r.Text}
	return s.rules, nil
}

func TestAnAssistantAsksTheSensorOnThisMachine(t *testing.T) {
	sensor := &rememberingSensor{rules: sensorapi.Rules{Revision: 3, Text: "bad: keep rtp when status:486\n"}}
	for i := range 1200 {
		c := protocol.CDR{ID: protocol.UUID{1, byte(i >> 8), byte(i)}, Start: protocol.Time(2e15 - int64(i)*1e6), End: 1, Status: 200, Caller: "+420777123456"}
		if i%400 == 399 {
			c.Status = 486
		}
		sensor.calls = append(sensor.calls, c)
	}
	socket := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: sensorapi.NewHandler(sensor), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	defer server.Close()

	s := assist(t, "--sensor", socket)
	busy := sensor.calls[399].ID.String()
	for tool, c := range map[string]struct {
		args map[string]any
		want string
	}{
		"search_calls":  {map[string]any{"where": "status:486", "limit": 2}, `"next":"` + sensor.calls[799].ID.String()},
		"live_calls":    {map[string]any{"where": "state:up"}, `"running":1`},
		"sensors":       {nil, `"clock-skew"`},
		"registrations": {map[string]any{"state": "failing"}, `"found":1`},
		"rules":         {nil, `"revision":3`},
		"rule_explain":  {map[string]any{"id": busy}, `"decided":"bad"`},
		"rule_check":    {map[string]any{"text": "x: keep sip when status:486\n"}, `"calls":3`},
		"statistics":    {map[string]any{"where": "status:486"}, `"counted":3`},
	} {
		text, failed := ask(t, s, tool, c.args)
		if failed || !strings.Contains(text, c.want) || strings.Contains(text, "777123456") || strings.Contains(text, `"1001@`) {
			t.Errorf("%s: %s\nlacks %s, or tells a number", tool, text, c.want)
		}
	}
	if text, _ := ask(t, s, "search_calls", map[string]any{"where": "status:486", "limit": 2, "after": sensor.calls[799].ID.String()}); !strings.Contains(text, sensor.calls[1199].ID.String()) || strings.Contains(text, "next") {
		t.Errorf("the last page: %s", text)
	}
	if _, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "set_rules", Arguments: map[string]any{"revision": 3, "text": ""}}); err == nil {
		t.Error("rules were written without --allow-write")
	}
	w := assist(t, "--sensor", socket, "--allow-write", "--numbers")
	if text, failed := ask(t, w, "set_rules", map[string]any{"revision": 3, "text": "all: keep sip\n"}); failed || text != `{"revision":4}` || sensor.rules.Text != "all: keep sip\n" {
		t.Errorf("set_rules: %s, rules %+v", text, sensor.rules)
	}
}
