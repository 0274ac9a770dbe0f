package source_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

func TestSensorThatIsNotThereSaysWhatToDo(t *testing.T) {
	src := source.NewSensor(filepath.Join(t.TempDir(), "none.sock"))
	err := src.Watch(t.Context(), func(*protocol.LiveUpdate) error { return nil })
	if code(err) != protocol.CodeSensorOffline || !strings.Contains(err.Error(), "--sensor") {
		t.Errorf("Watch: %v", err)
	}
}

func TestSensorThatGoesAwayEndsTheWatch(t *testing.T) {
	path, stop := socket(t, &fakeSensor{calls: records(t)})
	src := source.NewSensor(path)
	defer src.Close()
	err := src.Watch(t.Context(), func(u *protocol.LiveUpdate) error {
		if !u.Snapshot {
			stop()
		}
		return nil
	})
	if code(err) != protocol.CodeSensorOffline {
		t.Errorf("Watch: %v", err)
	}
}

func TestHostedWantsACredential(t *testing.T) {
	srv := hosted(t, &fakeSensor{calls: records(t), rules: sensorapi.Rules{}})
	h, err := source.NewHosted(srv.URL, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Calls(t.Context(), 10, ""); code(err) != protocol.CodeUnauthorized {
		t.Errorf("with a wrong token: %v", err)
	}
	h, _ = source.NewHosted(srv.URL+"/", "")
	if err := h.Login(t.Context(), "admin", "wrong"); code(err) != protocol.CodeUnauthorized {
		t.Errorf("with a wrong password: %v", err)
	}
	if err := h.Login(t.Context(), "admin", "right"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Calls(t.Context(), 10, ""); err != nil {
		t.Errorf("after login: %v", err)
	}
	list, err := h.Sensors(t.Context())
	if err != nil || len(list) != 2 || list[1].Name != "pbx-1" || list[1].Running != nil {
		t.Errorf("sensors: %+v, %v", list, err)
	}
}

func TestHostedThatIsNotThereSaysSo(t *testing.T) {
	h, err := source.NewHosted("http://127.0.0.1:1", token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Info(t.Context()); code(err) != protocol.CodeServerUnreachable {
		t.Errorf("Info: %v", err)
	}
}

func TestWrongURLIsRefused(t *testing.T) {
	for _, u := range []string{"", "voip.example", "ftp://voip.example", "http://", "://"} {
		if _, err := source.NewHosted(u, ""); err == nil {
			t.Errorf("NewHosted(%q) took it", u)
		}
	}
}

func TestOpenChoosesTheSource(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	srv := hosted(t, &fakeSensor{calls: records(t)})
	open := func(o source.Options) (source.Source, error) { return source.Open(t.Context(), o) }

	if _, err := open(source.Options{Hosted: srv.URL}); err == nil || !strings.Contains(err.Error(), "VOIPTOP_TOKEN") {
		t.Errorf("without token: %v", err)
	}
	asked := ""
	ask := func(url string) (string, string, error) { asked = url; return "admin", "right", nil }
	if _, err := open(source.Options{Hosted: srv.URL, Ask: ask}); err != nil || asked != srv.URL {
		t.Errorf("asked for %q, %v", asked, err)
	}
	os.MkdirAll(filepath.Join(home, "voiptop"), 0o700)
	os.WriteFile(source.TokenPath(), []byte(token+"\n"), 0o600)
	src, err := open(source.Options{Hosted: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := src.Calls(t.Context(), 1, ""); err != nil {
		t.Errorf("with the token's file: %v", err)
	}
	if src, err = open(source.Options{Socket: "/x.sock"}); err != nil || src.Name() != "/x.sock" {
		t.Errorf("%v, %v", src, err)
	}
	if _, err := open(source.Options{Files: []string{"/no/such.pcap"}}); err == nil {
		t.Error("a file that is not there was opened")
	}
}

func TestSocketIsTheOneInTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "voipmonitor.conf")
	if got := source.DefaultSocket(path); got != "/run/sensord/sensord.sock" {
		t.Errorf("without a file: %s", got)
	}
	os.WriteFile(path, []byte("id_sensor = 12\napi_socket = /tmp/x.sock\n"), 0o600)
	if got := source.DefaultSocket(path); got != "/tmp/x.sock" {
		t.Errorf("got %s", got)
	}
}

func TestCutFileIsReadAsFarAsItGoesAndSaysSo(t *testing.T) {
	whole, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.pcap")
	os.WriteFile(path, whole[:len(whole)*2/3], 0o600)
	f, err := source.NewFile([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, _ := f.All(t.Context())
	if notes := f.Notes(); len(calls) == 0 || len(notes) != 1 || !strings.Contains(notes[0], "cut.pcap, at byte ") {
		t.Errorf("%d calls, %q", len(calls), notes)
	}
}

func TestCloseEndsReading(t *testing.T) {
	f, err := source.NewFile([]string{fixture}, nil)
	if err != nil {
		t.Fatal(err)
	}
	go f.Watch(t.Context(), func(*protocol.LiveUpdate) error { return nil })
	time.Sleep(time.Millisecond)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	unread, _ := source.NewFile([]string{fixture}, nil)
	if err := unread.Close(); err != nil {
		t.Error(err)
	}
}

// slowReader is a stdin that never ends.
type slowReader struct {
	head *bytes.Reader
	ctx  context.Context
}

func (r slowReader) Read(p []byte) (int, error) {
	if n, err := r.head.Read(p); err == nil {
		return n, nil
	}
	<-r.ctx.Done()
	return 0, r.ctx.Err()
}

func TestStdinThatWaitsBlocksNobody(t *testing.T) {
	whole, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	f, err := source.NewFile([]string{"-"}, slowReader{bytes.NewReader(whole[:len(whole)/2]), t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Calls(t.Context(), 10, "")
		f.Capture(t.Context(), "x", &bytes.Buffer{})
		f.Close()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("a question waits for stdin")
	}
}

func TestANoteNamesTheFolderOfAFileThatIsCalledLikeAnother(t *testing.T) {
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{[]string{"../../fixtures/pcap/truncated/in.pcap"}, "in.pcap, at byte"},
		{[]string{"../../fixtures/pcap/truncated/in.pcap", "../../fixtures/pcap/sipp-busy/in.pcap"}, "truncated/in.pcap, at byte"},
	} {
		f, err := source.NewFile(c.paths, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.All(t.Context())
		if notes := f.Notes(); len(notes) != 1 || !strings.HasPrefix(notes[0], c.want) {
			t.Errorf("%v: %q, want %q", c.paths, notes, c.want)
		}
		f.Close()
	}
}
