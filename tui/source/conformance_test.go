package source_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/tui/source"
)

// fixture holds a few calls that we recorded.
const fixture = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"

// records are the fixture's calls, newest first.
func records(t *testing.T) []*protocol.CDR {
	t.Helper()
	list, _, err := analyze.Files(t.Context(), []string{fixture}, nil, analyze.Config{})
	if err != nil || len(list) < 3 {
		t.Fatalf("%d calls, %v", len(list), err)
	}
	slices.Reverse(list)
	return list
}

// captureOf is the capture that a sensor would keep of a call of the fixture.
func captureOf(t *testing.T, id string) []byte {
	t.Helper()
	f, err := source.NewFile([]string{fixture}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	var capture bytes.Buffer
	if _, err := f.Capture(t.Context(), id, &capture); err != nil {
		t.Fatal(err)
	}
	return capture.Bytes()
}

// fakeSensor serves given records: the first runs, the others have ended. The second one's packets are kept.
type fakeSensor struct {
	calls   []*protocol.CDR
	capture []byte // of the second call, nil: some bytes
	mu      sync.Mutex
	rules   sensorapi.Rules
}

func (s *fakeSensor) Info() protocol.SensorInfo {
	return protocol.SensorInfo{Name: "pbx-1", Source: "eth0"}
}
func (s *fakeSensor) Health() protocol.Health { return protocol.Health{Info: s.Info()} }

func (s *fakeSensor) Snapshot(context.Context) (*protocol.LiveUpdate, error) {
	c := s.calls[0]
	return &protocol.LiveUpdate{
		T: c.Start + 1, Snapshot: true, Counters: protocol.Counters{protocol.CountPackets: 9},
		Calls: []protocol.LiveCall{{ID: c.ID, CallID: c.CallID, State: protocol.StateUp, Caller: c.Caller, Callee: c.Callee, Start: c.Start}},
	}, nil
}

func (s *fakeSensor) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	u, _ := s.Snapshot(ctx)
	if err := emit(u); err != nil {
		return err
	}
	if err := emit(&protocol.LiveUpdate{T: u.T + 1, Gone: []protocol.UUID{s.calls[0].ID}, Counters: u.Counters}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *fakeSensor) Calls(_ context.Context, limit int, before protocol.UUID) (out []protocol.CDR, _ error) {
	ended := s.calls[1:]
	if i := slices.IndexFunc(ended, func(c *protocol.CDR) bool { return c.ID == before }); i >= 0 {
		ended = ended[i+1:]
	}
	for _, c := range ended[:min(limit, len(ended))] {
		slim := *c
		slim.Streams, slim.Messages = nil, nil
		out = append(out, slim)
	}
	return out, nil
}

func (s *fakeSensor) Call(_ context.Context, id string) (*protocol.CDR, error) {
	for _, c := range s.calls {
		if c.CallID == id || c.ID.String() == id {
			return c, nil
		}
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no such call"}
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func (s *fakeSensor) Capture(ctx context.Context, id string) (*sensorapi.CaptureFile, error) {
	c, err := s.Call(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.ID != s.calls[1].ID {
		return nil, &protocol.Problem{Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "no rule kept the packets"}
	}
	b := s.capture
	if b == nil {
		b = []byte("packets")
	}
	return &sensorapi.CaptureFile{Name: "call.pcapng", Size: int64(len(b)), ReadSeekCloser: memoryFile{bytes.NewReader(b)}}, nil
}

func (s *fakeSensor) Registrations(context.Context) ([]protocol.Registration, error) {
	return []protocol.Registration{{SensorID: 12, State: protocol.Registered, AOR: "1001@example.org", Contact: "sip:1001@192.0.2.1"}}, nil
}

func (s *fakeSensor) Transactions(context.Context, int) ([]protocol.Transaction, error) {
	return nil, nil
}

func (s *fakeSensor) Rules() sensorapi.Rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules
}

func (s *fakeSensor) SetRules(_ context.Context, r sensorapi.Rules) (sensorapi.Rules, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Revision != s.rules.Revision {
		return s.rules, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusPreconditionFailed, Title: "the rules have changed"}
	}
	s.rules = sensorapi.Rules{Revision: r.Revision + 1, Text: r.Text}
	return s.rules, nil
}

// socket serves a sensor on a unix socket and answers its path.
func socket(t *testing.T, s sensorapi.Sensor) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sensord.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: sensorapi.NewHandler(s)}
	go srv.Serve(l)
	stop = func() { srv.Close() }
	t.Cleanup(stop)
	return path, stop
}

const token = "secret-token"

// hosted serves the part of hosted's API that a Source uses, from one sensor.
func hosted(t *testing.T, s *fakeSensor) *httptest.Server {
	t.Helper()
	id := protocol.UUID{1, 2, 3}
	m := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any, err error) {
		if err != nil {
			sensorapi.WriteProblem(w, err)
			return
		}
		json.NewEncoder(w).Encode(v)
	}
	m.HandleFunc("POST /api/v1/session", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name, Password string }
		json.NewDecoder(r.Body).Decode(&in)
		if in.Name != "admin" || in.Password != "right" {
			sensorapi.WriteProblem(w, &protocol.Problem{Code: protocol.CodeUnauthorized, Status: http.StatusUnauthorized, Title: "wrong name or password"})
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		w.Write([]byte("{}"))
	})
	m.HandleFunc("GET /api/v1/version", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]string{"version": "1.0"}, nil) })
	m.HandleFunc("GET /api/v1/live", func(w http.ResponseWriter, r *http.Request) {
		enc := json.NewEncoder(w)
		s.Watch(r.Context(), func(u *protocol.LiveUpdate) error {
			enc.Encode(u)
			return http.NewResponseController(w).Flush()
		})
	})
	m.HandleFunc("GET /api/v1/calls", func(w http.ResponseWriter, r *http.Request) {
		var page struct {
			Calls []protocol.CDR `json:"calls"`
			Next  string         `json:"next"`
		}
		q := r.URL.Query()
		if text := q.Get("q"); text != "" {
			if c, err := s.Call(r.Context(), text); err == nil {
				page.Calls = []protocol.CDR{*c}
			}
			answer(w, page, nil)
			return
		}
		var before protocol.UUID
		before.UnmarshalText([]byte(strings.TrimPrefix(q.Get("after"), "after-")))
		limit := 0
		json.Unmarshal([]byte(q.Get("limit")), &limit)
		page.Calls, _ = s.Calls(r.Context(), limit, before)
		if len(page.Calls) == limit {
			page.Next = "after-" + page.Calls[limit-1].ID.String()
		}
		answer(w, page, nil)
	})
	m.HandleFunc("GET /api/v1/calls/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := protocol.ParseUUID(r.PathValue("id")); err != nil {
			t.Errorf("hosted was asked for %s, which is no UUID", r.PathValue("id"))
		}
		c, err := s.Call(r.Context(), r.PathValue("id"))
		answer(w, c, err)
	})
	m.HandleFunc("GET /api/v1/calls/{id}/capture", func(w http.ResponseWriter, r *http.Request) {
		f, err := s.Capture(r.Context(), r.PathValue("id"))
		if err != nil {
			sensorapi.WriteProblem(w, err)
			return
		}
		io.Copy(w, f)
	})
	m.HandleFunc("GET /api/v1/calls/{id}/messages", func(w http.ResponseWriter, r *http.Request) {
		o, err := sensorapi.ParseMessageOptions(r.URL.Query())
		if err != nil {
			t.Error(err)
		}
		p, err := s.Messages(r.Context(), r.PathValue("id"), o)
		answer(w, p, err)
	})
	m.HandleFunc("GET /api/v1/live/streams", func(w http.ResponseWriter, r *http.Request) {
		enc := json.NewEncoder(w)
		s.WatchStreams(r.Context(), sensorapi.StreamOptions{}, func(u *protocol.StreamUpdate) error {
			enc.Encode(u)
			return http.NewResponseController(w).Flush()
		})
	})
	m.HandleFunc("GET /api/v1/sensors", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, []source.SensorStatus{{UUID: protocol.UUID{9}, Revoked: true}, {UUID: id, SensorID: 12, Name: "pbx-1", Online: true}}, nil)
	})
	inner := sensorapi.NewHandler(s)
	m.Handle("/api/v1/rules", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/v1/rules"
		inner.ServeHTTP(w, r)
	}))
	m.Handle("/api/v1/sensors/"+id.String()+"/api/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/v1" + strings.TrimPrefix(r.URL.Path, "/api/v1/sensors/"+id.String()+"/api")
		inner.ServeHTTP(w, r)
	}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, _ := r.Cookie("session")
		if r.Header.Get("Authorization") != "Bearer "+token && cookie == nil && r.URL.Path != "/api/v1/session" {
			sensorapi.WriteProblem(w, &protocol.Problem{Code: protocol.CodeUnauthorized, Status: http.StatusUnauthorized, Title: "log in first"})
			return
		}
		m.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// TestConformance holds every source to what Source promises.
func TestConformance(t *testing.T) {
	calls := records(t)
	newSensor := func() *fakeSensor {
		return &fakeSensor{calls: calls, rules: sensorapi.Rules{Revision: 3, Text: "all: keep sip\n"}}
	}
	for _, c := range []struct {
		name string
		open func(t *testing.T) source.Source
		file bool
	}{
		{"sensor", func(t *testing.T) source.Source {
			path, _ := socket(t, newSensor())
			return source.NewSensor(path)
		}, false},
		{"hosted", func(t *testing.T) source.Source {
			h, err := source.NewHosted(hosted(t, newSensor()).URL, token)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}, false},
		{"file", func(t *testing.T) source.Source {
			f, err := source.NewFile([]string{fixture}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := c.open(t)
			ended := calls
			if !c.file {
				ended = calls[1:]
			}
			t.Run("names itself", func(t *testing.T) {
				info, err := src.Info(t.Context())
				if err != nil || src.Name() == "" || info.Name == "" {
					t.Errorf("%q, %+v, %v", src.Name(), info, err)
				}
			})
			t.Run("watches a snapshot first", func(t *testing.T) { watches(t, src, c.file, calls[0].ID) })
			t.Run("watches streams", func(t *testing.T) { watchesStreams(t, src, c.file, calls) })
			t.Run("stops watching when emit fails", func(t *testing.T) {
				enough := errors.New("enough")
				if err := src.Watch(t.Context(), func(*protocol.LiveUpdate) error { return enough }); !errors.Is(err, enough) {
					t.Errorf("Watch answered %v", err)
				}
			})
			t.Run("pages through the past", func(t *testing.T) { pages(t, src, ended) })
			t.Run("finds a call by either id", func(t *testing.T) { finds(t, src, calls) })
			t.Run("gives the packets of a call", func(t *testing.T) { captures(t, src, calls[1], c.file) })
			if !c.file {
				t.Run("keeps nothing that no rule keeps", func(t *testing.T) {
					n, err := src.Capture(t.Context(), calls[2].ID.String(), io.Discard)
					if n != 0 || code(err) != protocol.CodeCaptureNotKept {
						t.Errorf("%d bytes, %v", n, err)
					}
				})
			}
			t.Run("tells who is registered", func(t *testing.T) { registrations(t, src, c.file) })
			t.Run("rules", func(t *testing.T) { rules(t, src, c.file) })
			if fleet, ok := src.(source.Fleet); ok {
				t.Run("rules of one sensor", func(t *testing.T) {
					sensors, err := fleet.Sensors(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if r, err := fleet.Rules(t.Context(), sensors[1].UUID); err != nil || r.Text != "all: keep rtp\n" {
						t.Errorf("%+v, %v", r, err)
					}
				})
			}
			if err := src.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func code(err error) string {
	var p *protocol.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func watches(t *testing.T, src source.Source, file bool, running protocol.UUID) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	n := 0
	var last *protocol.LiveUpdate
	err := src.Watch(ctx, func(u *protocol.LiveUpdate) error {
		if n++; n == 1 && !u.Snapshot {
			t.Error("the first update is no snapshot")
		}
		last = u
		if !file && n == 2 {
			cancel()
		}
		return nil
	})
	if file {
		if err != nil || len(last.Calls) != 0 || last.Counters[protocol.CountPackets] == 0 || last.T == 0 {
			t.Errorf("at the end of the file: %v, %+v", err, last)
		}
		return
	}
	if !errors.Is(err, context.Canceled) || n != 2 || !slices.Contains(last.Gone, running) {
		t.Errorf("%d updates, the last %+v, %v", n, last, err)
	}
}

func pages(t *testing.T, src source.Source, want []*protocol.CDR) {
	var got []protocol.CDR
	after := ""
	for range len(want) + 1 {
		list, next, err := src.Calls(t.Context(), 2, after)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, list...)
		if after = next; next == "" {
			break
		}
	}
	if len(got) != len(want) || after != "" {
		t.Fatalf("%d calls, want %d; goes on at %q", len(got), len(want), after)
	}
	for i := range got {
		if got[i].ID != want[i].ID || got[i].Caller != want[i].Caller {
			t.Errorf("call %d is %v, want %v", i, got[i].ID, want[i].ID)
		}
		if _, file := src.(*source.File); (len(got[i].Streams)+len(got[i].Messages) > 0) != file {
			t.Errorf("call %d has %d streams and %d messages; of files alone lists are whole", i, len(got[i].Streams), len(got[i].Messages))
		}
	}
}

func finds(t *testing.T, src source.Source, want []*protocol.CDR) {
	for _, w := range want {
		for _, id := range []string{w.ID.String(), w.CallID} {
			got, err := src.Call(t.Context(), id)
			if err != nil {
				t.Errorf("Call(%s): %v", id, err)
				continue
			}
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(w)
			if !bytes.Equal(a, b) {
				t.Errorf("Call(%s) is\n%s\nwant\n%s", id, a, b)
			}
		}
	}
	if _, err := src.Call(t.Context(), "nobody@nowhere"); code(err) != protocol.CodeNotFound {
		t.Errorf("an unknown call gives %v", err)
	}
}

func captures(t *testing.T, src source.Source, call *protocol.CDR, file bool) {
	for _, id := range []string{call.ID.String(), call.CallID} {
		var b bytes.Buffer
		n, err := src.Capture(t.Context(), id, &b)
		if err != nil || n != int64(b.Len()) {
			t.Fatalf("Capture(%s): %d bytes, %v; written %d", id, n, err, b.Len())
		}
		if !file {
			if b.String() != "packets" {
				t.Errorf("Capture(%s) is %q", id, b.String())
			}
			continue
		}
		again, _, err := analyze.Files(t.Context(), []string{"-"}, &b, analyze.Config{})
		if err != nil || len(again) != 1 {
			t.Fatalf("the capture holds %d calls, %v", len(again), err)
		}
		x, _ := json.Marshal(again[0])
		y, _ := json.Marshal(call)
		if !bytes.Equal(x, y) {
			t.Errorf("the captured call is\n%s\nwant\n%s", x, y)
		}
	}
}

func registrations(t *testing.T, src source.Source, file bool) {
	if file { // the fixture has calls only
		f, err := source.NewFile([]string{"../../fixtures/pcap/registers/in.pcap"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Watch(t.Context(), func(*protocol.LiveUpdate) error { return nil }); err != nil { // to its end
			t.Fatal(err)
		}
		list, err := f.Registrations(t.Context())
		if err != nil || len(list) != 5 || list[0].AOR != "1029@example.net" || list[4].State != protocol.RegistrationFailing {
			t.Errorf("%+v, %v", list, err)
		}
	}
	list, err := src.Registrations(t.Context())
	if err != nil || !file && (len(list) != 1 || list[0].AOR != "1001@example.org" || list[0].SensorID != 12) || file && len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func rules(t *testing.T, src source.Source, file bool) {
	r, err := src.Rules(t.Context(), protocol.UUID{})
	if file {
		if code(err) != protocol.CodeNotFound {
			t.Errorf("a file's rules: %+v, %v", r, err)
		}
		return
	}
	if err != nil || r.Revision != 3 || r.Text != "all: keep sip\n" {
		t.Fatalf("%+v, %v", r, err)
	}
	r.Text = "all: keep rtp\n"
	if r, err = src.SetRules(t.Context(), protocol.UUID{}, r); err != nil || r.Revision != 4 || r.Text != "all: keep rtp\n" {
		t.Errorf("%+v, %v", r, err)
	}
	r.Revision = 1
	if _, err = src.SetRules(t.Context(), protocol.UUID{}, r); err == nil {
		t.Error("rules were replaced that had changed meanwhile")
	}
}
