package sensors

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/protocol"
)

// files is a sensor API whose capture is a file on the disk.
type files struct {
	path  string
	open  atomic.Int32
	read  atomic.Int64
	close chan time.Time // when a file was closed
}

func newFiles(t *testing.T, size int) *files {
	t.Helper()
	f := &files{path: filepath.Join(t.TempDir(), "x.pcapng"), close: make(chan time.Time, 1000)}
	if err := os.WriteFile(f.path, noise(size), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

type watchedFile struct {
	*os.File
	of *files
}

func (w watchedFile) Read(b []byte) (int, error) {
	n, err := w.File.Read(b)
	w.of.read.Add(int64(n))
	return n, err
}

// WriteTo hides os.File's.
func (w watchedFile) WriteTo(dst io.Writer) (int64, error) {
	return io.Copy(dst, struct{ io.Reader }{w})
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, err := os.Open(f.path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.open.Add(1)
	defer func() {
		file.Close()
		f.open.Add(-1)
		f.close <- time.Now()
	}()
	http.ServeContent(w, r, "x.pcapng", time.Unix(1_700_000_000, 0), watchedFile{file, f})
}

// browse asks for a capture on a connection of its own and reads a little of the answer.
func browse(t *testing.T, web *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(web.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, "GET /v1/calls/x/capture HTTP/1.1\r\nHost: hosted\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return c
}

// The browser stands still when it goes: hosted waits for it, and the sensor for hosted.
func TestTheSensorClosesItsFileWithinASecondAfterTheBrowserIsGone(t *testing.T) {
	f := newFiles(t, 100<<20)
	r, _, web := relayRig(t, f)
	var took time.Duration
	for range 3 { // the machine may be busy
		c := browse(t, web)
		r.eventually("the sensor reads no more", func() bool {
			before := f.read.Load()
			time.Sleep(50 * time.Millisecond)
			return f.open.Load() == 1 && f.read.Load() == before
		})
		at := time.Now()
		c.Close()
		select {
		case closed := <-f.close:
			took = closed.Sub(at)
		case <-time.After(20 * time.Second):
			t.Fatal("the sensor's file is still open")
		}
		t.Logf("closed after %s", took)
		if took < time.Second {
			break
		}
	}
	if took >= time.Second {
		t.Errorf("the file was closed %s after the browser had gone", took)
	}
	if read := f.read.Load(); read > 3*80<<20 {
		t.Errorf("the sensor read %d MiB for browsers that read one", read>>20)
	}
}

func TestBrowsersThatStandStillDoNotStopAnother(t *testing.T) {
	f := newFiles(t, 50<<20)
	r, s, web := relayRig(t, f)
	for range 20 {
		browse(t, web)
	}
	begin := time.Now()
	if _, b := get(t, web.URL+"/v1/calls/x/capture"); len(b) != 50<<20 {
		t.Fatalf("%d bytes", len(b))
	}
	t.Logf("beside 20 that stand still %.0f MiB/s", 50/time.Since(begin).Seconds())
	r.eventually("only the 20 are still served", func() bool { return f.open.Load() == 20 })
	if n := s.bulks.Load(); n != 1 {
		t.Errorf("%d bulk connections, want all on one", n)
	}
}

func TestASensorThatDoesNotBeginToAnswerIsToldFromOneThatIsSlow(t *testing.T) {
	const within = time.Second // the machine may be busy
	release := make(chan struct{})
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/slow/") {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(within + within/4)
			_, _ = io.WriteString(w, "end")
			return
		}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	r := newRig(t, Limits{AnswerWithin: within})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), api)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.svc.Relay(w, httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "GET", "/", nil), s.id.UUID, path)
		return w
	}
	if w := ask("/v1/calls/slow/audio"); w.Code != http.StatusOK || w.Body.String() != "beginend" {
		t.Errorf("slow: %d %s", w.Code, w.Body)
	}
	w := ask("/v1/calls/silent/audio")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), protocol.CodeSensorOffline) || !strings.Contains(w.Body.String(), within.String()) || w.Header().Get("Retry-After") == "" {
		t.Errorf("silent: %d %s", w.Code, w.Body)
	}
	x := r.svc.session(s.id.UUID)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bigUsers != 0 {
		t.Errorf("%d requests are thought to run", x.bigUsers)
	}
}
