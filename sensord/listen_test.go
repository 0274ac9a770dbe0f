package main

import (
	"bytes"
	"errors"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/conf"
)

// playBack starts a sensord that replays a recorded scenario under the given rules and answers its API and the call's record.
func playBack(t *testing.T, scenario, rules, conf string) (*bench, *sensorapi.Client, protocol.CDR) {
	t.Helper()
	b := newBench(t, "id_sensor = 3\n"+conf)
	if err := os.MkdirAll(filepath.Join(b.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.write("state/local.rules", rules+"\n")
	files, _ := filepath.Glob("../fixtures/pcap/" + scenario + "/in.pcap*")
	if len(files) != 1 {
		t.Fatalf("no scenario %s", scenario)
	}
	b.start("-r", files[0], "--stay")
	api := b.api()
	var list []protocol.CDR
	b.until("the call is in the history", func() bool {
		list, _ = api.Calls(t.Context(), 10, protocol.UUID{})
		return len(list) > 0
	})
	return b, api, list[len(list)-1]
}

func problemOf(err error) protocol.Problem {
	var p *protocol.Problem
	if errors.As(err, &p) {
		return *p
	}
	return protocol.Problem{}
}

func TestAKeptCallCanBeListenedTo(t *testing.T) {
	b, api, c := playBack(t, "baresip-g722", "all: keep rtp", "")
	ctx := t.Context()
	r, err := api.Audio(ctx, c.CallID, sensorapi.AudioOptions{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(r)
	r.Close()
	if err != nil || int64(len(whole)) != r.Size || !bytes.HasPrefix(whole, []byte("RIFF")) {
		t.Fatalf("%d bytes of %d, %v", len(whole), r.Size, err)
	}
	want := 44 + 4*16000*12 // stereo at 16 kHz, more than 12 s
	if len(whole) < want {
		t.Errorf("the file has %d bytes, want more than %d", len(whole), want)
	}

	// A player seeks: it asks for a range of bytes.
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://sensor/v1/calls/"+c.ID.String()+"/audio", nil)
	req.Header.Set("Range", "bytes=400000-400999")
	res, err := sensorapi.Dial(b.socket).HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	part, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusPartialContent || len(part) != 1000 {
		t.Errorf("a range: %s with %d bytes", res.Status, len(part))
	}
	if res.Header.Get(sensorapi.HeaderAudioStart) == "" || res.Header.Get("ETag") == "" || res.Header.Get("Content-Type") != "audio/wav" {
		t.Errorf("headers %v", res.Header)
	}
	if res.Header.Get(sensorapi.HeaderAudioMissing) != "" {
		t.Errorf("a side is missing: %v", res.Header)
	}

	p, err := api.Peaks(ctx, c.ID.String(), 50, sensorapi.AudioOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Sides) != 2 || len(p.Sides[0].Min) != 50 || len(p.Sides[1].Max) != 50 || p.SampleRate != 16000 || p.Points != 50 {
		t.Errorf("peaks: %+v", p)
	}
	if loudest := slices.Max(p.Sides[0].Max); loudest < 0.2 || loudest > 1 {
		t.Errorf("the caller's loudest sample is %v", loudest)
	}
	if again, err := api.Peaks(ctx, c.ID.String(), 50, sensorapi.AudioOptions{}); err != nil || !slices.Equal(again.Sides[1].Min, p.Sides[1].Min) {
		t.Errorf("asked again: %v", err)
	}
	pic, err := api.Spectrogram(ctx, c.ID.String(), sensorapi.SpectrogramOptions{Width: 300, Height: 120})
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(pic)); err != nil || img.Bounds().Dx() != 300 || img.Bounds().Dy() != 120 {
		t.Errorf("spectrogram: %v", err)
	}

	h, err := api.Health(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint64{"audio.opened": 2, "audio.drawn": 2, "audio.refused.busy": 0} {
		if h.Counters[name] != want {
			t.Errorf("counter %s is %d, want %d", name, h.Counters[name], want)
		}
	}
}

func TestOneListenerTooManyIsToldToComeBack(t *testing.T) {
	b, api, c := playBack(t, "sipp-hold", "all: keep rtp", "")
	files := make([]io.Closer, 0, listenersAtOnce)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for range listenersAtOnce { // who have stopped reading
		a, err := api.Audio(t.Context(), c.ID.String(), sensorapi.AudioOptions{})
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, a)
	}
	res, err := sensorapi.Dial(b.socket).HTTP.Get("http://sensor/v1/calls/" + c.ID.String() + "/audio")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if p := problemOf(sensorapi.ReadProblem(res)); p.Code != protocol.CodeBusy || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("one more listener: %+v, %s, Retry-After %q", p, res.Status, res.Header.Get("Retry-After"))
	}
}

func TestListeningIsRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct {
		name, scenario, rules string
		code                  string
		status                int
	}{
		{"no rule kept it", "sipp-answered-pcmu", "nobody: keep none when callid:zzz", protocol.CodeCaptureNotKept, 404},
		{"signalling only", "sipp-answered-pcmu", "all: keep sip", protocol.CodeVoiceNotKept, 404},
		{"headers only", "sipp-answered-pcmu", "all: keep headers", protocol.CodeVoiceNotKept, 404},
		{"the rule says no audio", "sipp-answered-pcmu", "all: keep rtp no audio", protocol.CodeAudioOff, 403},
		{"nobody spoke", "sipp-busy", "all: keep rtp", protocol.CodeVoiceNotKept, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, api, call := playBack(t, c.scenario, c.rules, "")
			_, err := api.Audio(t.Context(), call.ID.String(), sensorapi.AudioOptions{})
			if p := problemOf(err); p.Code != c.code || p.Status != c.status {
				t.Errorf("audio: %v, want %s %d", err, c.code, c.status)
			}
			_, err = api.Peaks(t.Context(), call.ID.String(), 10, sensorapi.AudioOptions{})
			if p := problemOf(err); p.Code != c.code {
				t.Errorf("peaks: %v, want %s", err, c.code)
			}
			_, err = api.Spectrogram(t.Context(), call.ID.String(), sensorapi.SpectrogramOptions{Width: 10, Height: 10})
			if p := problemOf(err); p.Code != c.code {
				t.Errorf("spectrogram: %v, want %s", err, c.code)
			}
		})
	}
}

func TestWrongRequestsForAudioSayWhatWouldBeRight(t *testing.T) {
	b, _, c := playBack(t, "sipp-answered-pcmu", "all: keep rtp", "")
	for _, q := range []string{"audio?side=left", "audio?buffer=70", "audio?dtmf=loud", "audio/peaks?points=0", "audio/peaks?points=100000", "audio/spectrogram?width=1e9"} {
		res, err := sensorapi.Dial(b.socket).HTTP.Get("http://sensor/v1/calls/" + c.ID.String() + "/" + q)
		if err != nil {
			t.Fatal(err)
		}
		if p := problemOf(sensorapi.ReadProblem(res)); p.Code != protocol.CodeBadRequest || !strings.Contains(p.Title, "want") {
			t.Errorf("%s: %+v", q, p)
		}
		res.Body.Close()
	}
}

func TestTheOwnerSwitchesListeningAndDownloadsOffForHosted(t *testing.T) {
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	paths := map[string]string{ // the key that switches them
		"/v1/calls/x/audio": "cloud_listen", "/v1/calls/x/audio/peaks": "cloud_listen", "/v1/calls/x/audio/spectrogram": "cloud_listen",
		"/v1/calls/a%2Fb/audio": "cloud_listen", "/v1/calls/x/capture": "cloud_download", "/v1/calls/x/capture?group=1": "cloud_download",
		"/v1/calls/x/messages": "cloud_download",
		"/v1/calls/x":          "", "/v1/calls": "", "/v1/info": "",
	}
	for _, off := range []string{"", "cloud_listen", "cloud_download"} {
		c := conf.Default()
		c.CloudListen, c.CloudDownload = off != "cloud_listen", off != "cloud_download"
		h := overLink(c, nil, nil, directly{}, api)
		for path, key := range paths {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
				want := http.StatusNoContent
				if key != "" && key == off {
					want = http.StatusForbidden
				}
				if w.Code != want {
					t.Errorf("%s = no: %s %s answers %d, want %d", off, method, path, w.Code, want)
				}
				if w.Code == http.StatusForbidden && !strings.Contains(w.Body.String(), protocol.CodeSwitchedOff) {
					t.Errorf("%s: %s", path, w.Body)
				}
			}
		}
		caps := capabilities(c)
		if slices.Contains(caps, "listen") != c.CloudListen || slices.Contains(caps, "download") != c.CloudDownload {
			t.Errorf("%s = no: capabilities %v", off, caps)
		}
	}
}

func TestTheSwitchesLeaveTheSensorsOwnSocketAlone(t *testing.T) {
	_, api, c := playBack(t, "sipp-answered-pcmu", "all: keep rtp", "cloud_listen = no\ncloud_download = no")
	info, err := api.Info(t.Context())
	if err != nil || slices.Contains(info.Capabilities, "listen") || slices.Contains(info.Capabilities, "download") {
		t.Errorf("capabilities %v, %v", info.Capabilities, err)
	}
	r, err := api.Audio(t.Context(), c.ID.String(), sensorapi.AudioOptions{Side: sensorapi.SideCaller})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	f, err := api.Capture(t.Context(), c.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	r := recall[int, string]{most: 2}
	r.put(1, "a")
	r.put(2, "b")
	r.get(1)
	r.put(3, "c")
	if _, ok := r.get(2); ok {
		t.Error("the one that was used longest ago is still there")
	}
	if v, ok := r.get(1); !ok || v != "a" || len(r.at) != 2 {
		t.Errorf("%q %v, %d remembered", v, ok, len(r.at))
	}
}
