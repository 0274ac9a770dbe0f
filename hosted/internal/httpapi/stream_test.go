package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

func (f *fakeSensor) Audio(_ context.Context, id string, o sensorapi.AudioOptions) (*sensorapi.AudioFile, error) {
	c, err := f.file(f.voices, id)
	if err != nil {
		return nil, err
	}
	return &sensorapi.AudioFile{
		Name: "x-" + string(o.Side) + ".wav", Size: c.Size, ModTime: c.ModTime, Start: protocol.TimeOf(captured), ReadSeekCloser: c.ReadSeekCloser,
		Missing: []sensorapi.MissingSide{{Side: "callee", Code: "codec-not-decodable", Codec: "G729"}, {Side: "caller", Code: "srtp-without-key"}},
	}, nil
}

func (f *fakeSensor) Peaks(_ context.Context, id string, points int, _ sensorapi.AudioOptions) (*sensorapi.Peaks, error) {
	if _, err := f.file(f.voices, id); err != nil {
		return nil, err
	}
	return &sensorapi.Peaks{
		Start: protocol.TimeOf(captured), Points: points, Sides: []sensorapi.SidePeaks{{Side: "caller", Min: []float64{-1}, Max: []float64{1}}},
	}, nil
}

func (f *fakeSensor) Spectrogram(_ context.Context, id string, o sensorapi.SpectrogramOptions) ([]byte, error) {
	if _, err := f.file(f.voices, id); err != nil {
		return nil, err
	}
	return bytes.Repeat([]byte("PNG"), o.Width), nil
}

// rtp makes a call whose packets were kept.
func rtp(c *protocol.CDR) { c.Capture.Kept, c.Rule = protocol.KeepRTP, "all" }

// eventually waits for what is written after the last byte, which the client may have before.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestAudioIsStreamedFromItsSensorAndAudited(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	wav := bytes.Repeat([]byte("RIFF"), 100_000)
	w.s1.voices[kept.ID.String()] = wav
	c, path := w.as("user"), "/calls/"+kept.ID.String()+"/audio"

	a := c.get(path + "?side=caller&dtmf=mute")
	if a.status != http.StatusOK || !bytes.Equal(a.body, wav) || a.header.Get("Content-Type") != "audio/wav" {
		t.Fatalf("%d, %d bytes, %v", a.status, len(a.body), a.header)
	}
	if got := a.header.Get("Content-Disposition"); !strings.Contains(got, "x-caller.wav") {
		t.Errorf("disposition %q: the query did not reach the sensor", got)
	}
	if a.header.Get("Audio-Start") == "" || len(a.header.Values("Audio-Missing")) != 2 {
		t.Errorf("header %v", a.header)
	}
	c.header.Set("Range", "bytes=4-7")
	if a := c.get(path); a.status != http.StatusPartialContent || string(a.body) != "RIFF" {
		t.Errorf("range: %d %q", a.status, a.body)
	}
	c.header.Del("Range")
	if a := c.get(path + "/peaks?points=7"); a.status != http.StatusOK || !strings.Contains(string(a.body), `"points":7`) {
		t.Errorf("peaks: %d %s", a.status, a.body)
	}
	if a := c.get(path + "/spectrogram?width=5"); a.status != http.StatusOK || len(a.body) != 15 || a.header.Get("Content-Type") != "image/png" {
		t.Errorf("spectrogram: %d %q", a.status, a.body)
	}
	if a := c.get("/sensors/" + w.s1.uuid.String() + "/api" + path); !bytes.Equal(a.body, wav) {
		t.Errorf("by way of the sensor: %d", a.status)
	}

	w.eventually("all is audited", func() bool { return len(w.audited(w.acme, auth.ActionAudio)) == 5 })
	for action, log := range map[string][]store.AuditEntry{
		auth.ActionAudioOpen: w.audited(w.acme, auth.ActionAudioOpen), auth.ActionAudio: w.audited(w.acme, auth.ActionAudio),
	} {
		for i, want := range []string{"", "spectrogram", "peaks", "bytes=4-7", "side=caller dtmf=mute"} { // newest first
			if e := log[i]; e.User != "user" || e.Addr != "127.0.0.1" || e.Object != kept.ID.String() || e.Detail != want {
				t.Errorf("%s: %+v, want %q", action, e, want)
			}
		}
		if want := map[string]int64{auth.ActionAudioOpen: 0, auth.ActionAudio: int64(len(wav))}[action]; log[4].Bytes != want {
			t.Errorf("%s: %d bytes, want %d", action, log[4].Bytes, want)
		}
	}
	if log := w.audited(w.acme, auth.ActionCaptureOpen); len(log) != 0 {
		t.Errorf("listening is audited as downloading: %+v", log)
	}
}

func TestListeningAndDownloadingAreSeparateRights(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	id := kept.ID.String()
	w.s1.voices[id], w.s1.captures[id], w.s1.merged[id] = []byte("voice"), []byte("packets"), []byte("packets")
	for name, rights := range map[string]store.Rights{"ear": store.RightListen, "disk": store.RightDownload | store.RightNumbers, "blind-disk": store.RightDownload, "ruler": store.RightRules, "nobody": 0} {
		_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: name, Password: passwordHash, Role: store.RoleUser, Rights: rights, Created: w.now()})
		w.ok(err)
		c := w.as(name)
		const packets = store.RightDownload | store.RightNumbers // packets hold numbers
		for path, need := range map[string]store.Rights{
			"/calls/" + id + "/audio": store.RightListen, "/calls/" + id + "/audio/peaks": store.RightListen, "/calls/" + id + "/audio/spectrogram": store.RightListen,
			"/calls/" + id + "/capture": packets, "/calls/" + id + "/capture?group=1": packets, "/captures": packets,
			"/calls/" + id + "/messages": packets, "/sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/messages": packets,
			"/sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/audio": store.RightListen, "/sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/audio/peaks": store.RightListen,
			"/sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/capture": packets,
		} {
			before := len(w.s1.asked)
			a := c.get(path)
			if rights.Has(need) {
				if a.status != http.StatusOK {
					t.Errorf("%s, %s: %d %s", name, path, a.status, a.body)
				}
				continue
			}
			if a.status != http.StatusForbidden || a.code() != protocol.CodeForbidden || len(w.s1.asked) != before {
				t.Errorf("%s without the right, %s: %d %s; the sensor was asked %v", name, path, a.status, a.body, w.s1.asked[before:])
			}
		}
	}
}

func TestWithoutAuditThereIsNothingToHear(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	id := kept.ID.String()
	w.s1.voices[id], w.s1.captures[id], w.s1.merged[id] = []byte("voice"), []byte("packets"), []byte("packets")
	c := w.as("user")
	dropAudit(t, w)
	for _, path := range []string{"/calls/" + id + "/audio", "/calls/" + id + "/audio/peaks", "/calls/" + id + "/audio/spectrogram", "/calls/" + id + "/capture?group=1", "/calls/" + id + "/messages", "/captures"} {
		if a := c.get(path); a.status != http.StatusInternalServerError {
			t.Errorf("%s: %d %s, want 500", path, a.status, a.body)
		}
	}
	if len(w.s1.asked) != 0 {
		t.Errorf("the sensor was asked %v", w.s1.asked)
	}
}

func TestABrokenDownloadGoesOnWhereItBrokeOff(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	id := kept.ID.String()
	w.s1.captures[id], w.s1.voices[id] = []byte("0123456789"), []byte("0123456789")
	c := w.as("user")
	for path, validator := range map[string]string{"/calls/" + id + "/capture": "ETag", "/calls/" + id + "/audio": "Last-Modified"} {
		a := c.get(path)
		mark := a.header.Get(validator)
		if mark == "" || a.header.Get("Accept-Ranges") != "bytes" || a.header.Get("Content-Length") != "10" {
			t.Fatalf("%s: header %v", path, a.header)
		}
		if again := c.get(path); again.header.Get(validator) != mark {
			t.Errorf("%s: %s is %q, then %q", path, validator, mark, again.header.Get(validator))
		}
		c.header.Set("Range", "bytes=6-")
		c.header.Set("If-Range", mark)
		if a := c.get(path); a.status != http.StatusPartialContent || string(a.body) != "6789" || a.header.Get("Content-Range") != "bytes 6-9/10" {
			t.Errorf("%s: the rest is %d %q %v", path, a.status, a.body, a.header)
		}
		c.header.Set("If-Range", map[string]string{"ETag": `"other"`, "Last-Modified": "Wed, 22 Nov 2006 00:00:00 GMT"}[validator])
		if a := c.get(path); a.status != http.StatusOK || string(a.body) != "0123456789" {
			t.Errorf("%s: the rest of another file is %d %q, want all of the new one", path, a.status, a.body)
		}
		c.header = http.Header{}
	}
}

func TestWhatTheSensorRefusesPassesThrough(t *testing.T) {
	w := newWorld(t)
	c := w.as("user")
	for _, want := range []protocol.Problem{
		{Code: protocol.CodeSwitchedOff, Status: 403, Title: "the owner of the sensor does not let hosted download"},
		{Code: protocol.CodeAudioOff, Status: 403, Title: "the rule says: no audio", Fields: map[string]string{"rule": "quiet"}},
		{Code: protocol.CodeVoiceNotKept, Status: 404, Title: "only signalling was kept", Fields: map[string]string{"rule": "signals"}},
		{Code: protocol.CodeCodecNotDecodable, Status: 415, Title: "G729 cannot be decoded", Remedy: "take the packets"},
		{Code: protocol.CodeSRTPWithoutKey, Status: 409, Title: "the voice is encrypted"},
		{Code: protocol.CodeCaptureExpired, Status: 410, Title: "gone"},
		{Code: protocol.CodeCaptureNotKept, Status: 404, Title: "not kept", Fields: map[string]string{"rule": "none"}},
	} {
		call := w.call(1, rtp)
		w.stored(w.acme, w.s1.uuid, call)
		w.s1.refuses[call.ID.String()] = &want
		for _, path := range []string{"/capture", "/capture?group=1", "/audio", "/audio/peaks", "/audio/spectrogram"} {
			a := c.get("/calls/" + call.ID.String() + path)
			var got protocol.Problem
			a.into(t, &got)
			if a.status != want.Status || got.Code != want.Code || got.Title != want.Title || got.Remedy != want.Remedy || got.Fields["rule"] != want.Fields["rule"] {
				t.Errorf("%s of %s: %d %s", path, want.Code, a.status, a.body)
			}
		}
	}
	if n := len(w.audited(w.acme, auth.ActionAudio)) + len(w.audited(w.acme, auth.ActionCapture)); n != 0 {
		t.Errorf("%d streams audited as served, want none", n)
	}
}

func TestProblemsComeInWordsToWhoFollowsALink(t *testing.T) {
	w := newWorld(t)
	none, gone, sleeping := w.call(1, nil), w.call(1, rtp), w.call(3, rtp)
	gone.Caller = "<script>"
	w.stored(w.acme, w.s1.uuid, none, gone, sleeping)
	w.s1.refuses[gone.ID.String()] = &protocol.Problem{Code: protocol.CodeCaptureExpired, Status: 410, Title: "<b>expired</b>", Remedy: "raise maxpooldays"}
	c := w.as("user")
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
	for accept, page := range map[string]bool{
		browser: true, "text/html": true, "text/html;q=0.1": true, "*/*": false, "": false, "application/json": false, "application/json, text/html;q=0.9": false,
		"text/html;q=x": false, "text/html, application/problem+json": false,
	} {
		c.header = http.Header{"Accept": {accept}}
		for id, want := range map[string]struct {
			status int
			words  string
		}{
			none.ID.String(): {404, "No capture rule matched the call"}, gone.ID.String(): {410, "raise maxpooldays"}, sleeping.ID.String(): {503, "is offline"},
		} {
			a := c.get("/calls/" + id + "/capture")
			html := strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
			if a.status != want.status || html != page || !strings.Contains(strings.ToLower(string(a.body)), strings.ToLower(want.words)) {
				t.Errorf("Accept %q: %d %s %s, want a page: %v", accept, a.status, a.header.Get("Content-Type"), a.body, page)
			}
			if html && bytes.Contains(a.body, []byte("<b>")) {
				t.Errorf("the sensor's words are markup: %s", a.body)
			}
			if want.status == 503 && a.header.Get("Retry-After") == "" {
				t.Errorf("Accept %q: no Retry-After", accept)
			}
		}
	}
	c.header = http.Header{"Accept": {browser}}
	if a := c.get("/captures?from=yesterday"); a.status != 400 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("a search that is wrong: %d %s", a.status, a.body)
	}
	w.s1.captures[gone.ID.String()], w.s1.refuses = []byte("packets"), nil
	if a := c.get("/calls/" + gone.ID.String() + "/capture"); a.status != 200 || string(a.body) != "packets" {
		t.Errorf("what is no problem: %d %s", a.status, a.body)
	}
}

// limited makes a world in which so many streams may run.
func limited(perUser, perTenant int) func(*httpapi.Config) {
	return func(c *httpapi.Config) {
		c.Gate = relay.NewGate(relay.Limits{PerUser: perUser, PerTenant: perTenant, Calls: 5}, nil)
	}
}

func TestOnlySoManyDownloadsRunAtATime(t *testing.T) {
	w := newWorld(t, limited(2, 3))
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	id := kept.ID.String()
	w.s1.captures[id] = bytes.Repeat([]byte("x"), 64<<20) // more than buffers hold
	theirs := w.call(1, rtp)
	w.stored(w.other, w.theirs.uuid, theirs)
	w.theirs.captures[theirs.ID.String()] = []byte("packets")
	path := "/calls/" + id + "/capture"
	user, admin, eve := w.as("user"), w.as("admin"), w.as("eve")
	stalled := func(c *client) io.Closer {
		req, err := http.NewRequest("GET", w.url+httpapi.Prefix+path, nil)
		w.ok(err)
		res, err := c.http.Do(req)
		w.ok(err)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s", res.Status)
		}
		return res.Body // nobody reads it
	}
	first, second := stalled(user), stalled(user)
	defer second.Close()
	refused := func(c *client, path, whose string) {
		t.Helper()
		a := c.get(path)
		var p protocol.Problem
		a.into(t, &p)
		if a.status != http.StatusTooManyRequests || p.Code != relay.CodeTooManyDownloads || p.Fields["limit"] != whose || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, want 429 by the limit of the %s", path, a.status, a.body, whose)
		}
	}
	refused(user, path, "user")
	refused(user, "/captures", "user")
	third := stalled(admin)
	defer third.Close()
	refused(admin, path, "tenant")
	if a := eve.get("/calls/" + theirs.ID.String() + "/capture"); a.status != http.StatusOK {
		t.Errorf("another tenant: %d %s", a.status, a.body)
	}
	first.Close()
	user.header.Set("Range", "bytes=0-0")
	w.eventually("the place of a cancelled download is free", func() bool { return user.get(path).status == http.StatusPartialContent })
}
