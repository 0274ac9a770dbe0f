package sensors

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// captures is a sensor API that has one capture, and counts how much of it is read.
type captures struct {
	data []byte
	read atomic.Int64
	// noisy answers with what a hostile sensor might.
	noisy bool
}

func (c *captures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case c.noisy:
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Set-Cookie", "session=stolen")
		w.Header().Set("Location", "https://evil.example")
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	case r.URL.Path == "/v1/calls/gone/capture":
		sensorapi.WriteProblem(w, &protocol.Problem{Code: protocol.CodeCaptureExpired, Status: http.StatusGone, Title: "removed by retention"})
	case strings.HasSuffix(r.URL.Path, "/capture"):
		w.Header().Set("Content-Type", "application/vnd.tcpdump.pcap")
		http.ServeContent(w, r, "x.pcapng", time.Unix(1_700_000_000, 0), &countingReader{Reader: bytes.NewReader(c.data), n: &c.read})
	case r.URL.Path == "/v1/info":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":"x","source":%q}`, r.Header.Get("Cookie")+r.Header.Get("Authorization"))
	default:
		sensorapi.WriteProblem(w, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no " + r.URL.Path})
	}
}

type countingReader struct {
	*bytes.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// WriteTo hides bytes.Reader's, which would give all at once.
func (c *countingReader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{c})
}

// relayRig is a browser's way to a sensor.
func relayRig(t *testing.T, api http.Handler) (*rig, *sensor, *httptest.Server) {
	t.Helper()
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), api)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.svc.Relay(w, q, s.id.UUID, q.URL.EscapedPath())
	}))
	t.Cleanup(web.Close)
	return r, s, web
}

func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := drainBody(res)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestCaptureIsRelayedWholeAndByRangeOnAConnectionOfItsOwn(t *testing.T) {
	c := &captures{data: noise(50 << 20)}
	_, s, web := relayRig(t, c)
	res, b := get(t, web.URL+"/v1/calls/x/capture")
	if res.StatusCode != 200 || sha256.Sum256(b) != sha256.Sum256(c.data) {
		t.Fatalf("%s, %d bytes, want the capture's %d", res.Status, len(b), len(c.data))
	}
	if res.ContentLength != int64(len(c.data)) || res.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("length %d, header %v", res.ContentLength, res.Header)
	}
	res, b = get(t, web.URL+"/v1/calls/x/capture", "Range", "bytes=1000000-2000000")
	if res.StatusCode != http.StatusPartialContent || !bytes.Equal(b, c.data[1_000_000:2_000_001]) {
		t.Errorf("%s, %d bytes", res.Status, len(b))
	}
	if n := s.bulks.Load(); n != 1 {
		t.Errorf("%d bulk connections, want 1 for both downloads", n)
	}
}

func TestSmallRequestsNeedNoBulkConnectionAndCarryNoCredentials(t *testing.T) {
	_, s, web := relayRig(t, &captures{})
	res, b := get(t, web.URL+"/v1/info", "Cookie", "session=secret", "Authorization", "Bearer secret")
	if res.StatusCode != 200 || string(b) != `{"name":"x","source":""}` {
		t.Errorf("%s %s", res.Status, b)
	}
	if n := s.bulks.Load(); n != 0 {
		t.Errorf("%d bulk connections", n)
	}
}

func TestProblemsOfTheSensorPassThrough(t *testing.T) {
	r, s, web := relayRig(t, &captures{})
	res, b := get(t, web.URL+"/v1/calls/gone/capture")
	if res.StatusCode != http.StatusGone || !strings.Contains(string(b), protocol.CodeCaptureExpired) {
		t.Errorf("%s %s", res.Status, b)
	}
	if res, b := get(t, web.URL+"/v1/nothing"); res.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", res.Status, b)
	}
	s.stop()
	r.eventually("offline", func() bool { return r.svc.Client(s.id.UUID) == nil })
	res, b = get(t, web.URL+"/v1/calls/x/capture")
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(string(b), protocol.CodeSensorOffline) {
		t.Errorf("%s %v %s", res.Status, res.Header, b)
	}
}

func TestHostileSensorCannotRunScriptsInTheBrowser(t *testing.T) {
	_, _, web := relayRig(t, &captures{noisy: true})
	res, _ := get(t, web.URL+"/v1/info")
	h := res.Header
	if h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" || h.Get("Location") != "" {
		t.Errorf("header %v", h)
	}
}

func TestCancelledDownloadStopsTheSensorsReading(t *testing.T) {
	c := &captures{data: noise(50 << 20)}
	r, _, web := relayRig(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, web.URL+"/v1/calls/x/capture", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	cancel()
	res.Body.Close()
	var last int64
	r.eventually("the sensor reads no more", func() bool {
		before := c.read.Load()
		time.Sleep(50 * time.Millisecond)
		last = c.read.Load()
		return last == before
	})
	if last == int64(len(c.data)) {
		t.Error("the sensor read it all")
	}
}

// Each of many browsers that do not read costs hosted no more than a stream's window, and delays nobody else.
func TestStalledBrowsersCostBoundedMemoryAndDelayNobody(t *testing.T) {
	const browsers = 40
	c := &captures{data: noise(20 << 20)}
	_, _, web := relayRig(t, c)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var wg sync.WaitGroup
	bodies := make(chan io.Closer, browsers)
	for range browsers {
		wg.Go(func() {
			res, err := http.Get(web.URL + "/v1/calls/x/capture") // nobody reads it
			if err != nil {
				t.Error(err)
				return
			}
			bodies <- res.Body
		})
	}
	wg.Wait()
	time.Sleep(300 * time.Millisecond)
	grown := int64(heap()) - int64(before)
	// Both ends of the link and of HTTP are in this process: the window of the stream, and buffers of a few 10 KiB.
	if most := int64(browsers) * (link.StreamBuffer + 256<<10); grown > most {
		t.Errorf("%d stalled browsers cost %d KiB, want at most %d", browsers, grown>>10, most>>10)
	}
	if read := c.read.Load(); read > browsers*int64(len(c.data))/2 {
		t.Errorf("the sensor read %d MiB for browsers that do not", read>>20)
	}
	start := time.Now()
	if res, _ := get(t, web.URL+"/v1/info"); res.StatusCode != 200 || time.Since(start) > 10*time.Second {
		t.Errorf("a small request took %s: %s", time.Since(start), res.Status)
	}
	close(bodies)
	for b := range bodies {
		b.Close()
	}
	t.Logf("%d stalled browsers: %d KiB each", browsers, grown>>10/browsers)
}

func TestIdleBulkConnectionIsClosedAndOpenedAgainWhenNeeded(t *testing.T) {
	c := &captures{data: noise(1 << 20)}
	r := newRig(t, Limits{BulkIdle: 50 * time.Millisecond})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), c)
	if err != nil {
		t.Fatal(err)
	}
	big := func() bool {
		x := r.svc.session(s.id.UUID)
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.big != nil
	}
	for n := range int32(2) {
		w := httptest.NewRecorder()
		r.svc.Relay(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), s.id.UUID, "/v1/calls/x/capture")
		if w.Code != 200 || w.Body.Len() != len(c.data) || s.bulks.Load() != n+1 {
			t.Fatalf("%d, %d bytes, %d bulk connections", w.Code, w.Body.Len(), s.bulks.Load())
		}
		r.eventually("the bulk connection is closed", func() bool { return !big() })
	}
}

func TestClientCallsTheSensorsAPI(t *testing.T) {
	r, s, _ := relayRig(t, &captures{})
	i, err := r.svc.Client(s.id.UUID).Info(t.Context())
	if err != nil || i.Name != "x" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestOnlyCapturesAndAudioAreBulk(t *testing.T) {
	for path, want := range map[string]bool{
		"/v1/calls/x/capture": true, "/v1/calls/x/audio": true, "/v1/calls/x/audio/peaks": true, "/v1/calls/x/audio/spectrogram": true,
		"/v1/calls/x/capture/direct": false, "/v1/calls/x/audio/direct": false, "/v1/live": false, "/v1/calls/capture": false, "/v1/calls/x%2Faudio": false, "/v1/calls": false, "": false,
	} {
		if relay.Bulk(path) != want {
			t.Errorf("Bulk(%q) = %v", path, !want)
		}
	}
}
