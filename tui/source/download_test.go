package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

const someCall = "01000000-0000-7000-8000-000000000001"

// flaky is a hosted that breaks off after so many bytes of each answer.
type flaky struct {
	data   []byte
	tag    string
	after  int   // bytes
	status []int // answers of the next requests instead, 0: none
	asked  []string
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.URL.RequestURI()+" "+r.Header.Get("Range")+" "+r.Header.Get("If-Range"))
	if len(f.status) > 0 {
		status := f.status[0]
		if f.status = f.status[1:]; status != 0 {
			sensorapi.WriteProblem(w, &protocol.Problem{Code: "x", Status: status, Title: "not now"})
			return
		}
	}
	w.Header().Set("Content-Disposition", `attachment; filename="leg.pcapng"`)
	if f.tag != "" {
		w.Header().Set("ETag", `"`+f.tag+`"`)
	}
	http.ServeContent(&cut{w, f.after}, r, "", time.Time{}, bytes.NewReader(f.data))
}

// cut lets so many bytes through and then breaks the connection.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.ResponseWriter.Write(b)
	}
	_, _ = c.ResponseWriter.Write(b[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func flakyHosted(t *testing.T, f *flaky) *Hosted {
	t.Helper()
	s := httptest.NewServer(f)
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	h, err := NewHosted(s.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	h.pause = time.Millisecond
	return h
}

// sizedBuffer knows how much it was told would come.
type sizedBuffer struct {
	bytes.Buffer
	sizes []int64
}

func (s *sizedBuffer) SetSize(n int64) { s.sizes = append(s.sizes, n) }

// ReadFrom hides bytes.Buffer's, which would not write.
func (s *sizedBuffer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{&s.Buffer}, r)
}

func TestADownloadThatBreaksOffGoesOnAndIsWhole(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	f := &flaky{data: data, tag: "t1", after: 70_000}
	h := flakyHosted(t, f)
	var w sizedBuffer
	n, err := h.Capture(t.Context(), someCall, &w)
	if err != nil || n != int64(len(data)) || !bytes.Equal(w.Bytes(), data) {
		t.Fatalf("%d of %d bytes, %v", n, len(data), err)
	}
	if len(w.sizes) != 1 || w.sizes[0] != int64(len(data)) {
		t.Errorf("told of %v bytes, want %d once", w.sizes, len(data))
	}
	if want := "/api/v1/calls/" + someCall + "/capture  |/api/v1/calls/" + someCall + `/capture bytes=70000- "t1"|/api/v1/calls/` + someCall + `/capture bytes=140000- "t1"`; strings.Join(f.asked, "|") != want {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(f.asked, "|"), want)
	}
}

func TestADownloadGoesOnAfterTheServerWasAwayForAWhile(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	f := &flaky{data: data, tag: "t1", after: 60_000, status: []int{0, 503, 429}}
	var w bytes.Buffer
	if n, err := flakyHosted(t, f).Capture(t.Context(), someCall, &w); err != nil || !bytes.Equal(w.Bytes(), data) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestADownloadIsGivenUpWhereItCannotGoOn(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	for name, tt := range map[string]struct {
		f     *flaky
		w     io.Writer
		bytes int64
		asked int
		want  string
	}{
		"at once when refused":     {&flaky{data: data, tag: "t", status: []int{503}}, io.Discard, 0, 1, "not now"},
		"when it expired":          {&flaky{data: data, tag: "t", after: 60_000, status: []int{0, 410}}, io.Discard, 60_000, 2, "not now"},
		"without a tag":            {&flaky{data: data, after: 60_000}, io.Discard, 60_000, 1, "EOF"},
		"when nothing comes":       {&flaky{data: data, tag: "t", after: 60_000, status: []int{0, 503, 503, 503, 503, 503, 503, 503}}, io.Discard, 60_000, 1 + fruitless, "not now"},
		"when it cannot be stored": {&flaky{data: data, tag: "t", after: len(data)}, fullDisk{}, 0, 1, "disk full"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := flakyHosted(t, tt.f).Capture(t.Context(), someCall, tt.w)
			if err == nil || !strings.Contains(err.Error(), tt.want) || n != tt.bytes || len(tt.f.asked) != tt.asked {
				t.Errorf("%d bytes, %v, asked %d times; want %d bytes, %q, %d times", n, err, len(tt.f.asked), tt.bytes, tt.want, tt.asked)
			}
		})
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestTheRestOfAnotherCaptureIsNotPutBehindTheBeginOfThis(t *testing.T) {
	f := &flaky{data: bytes.Repeat([]byte("0123456789"), 10_000), tag: "t1", after: 60_000}
	h := flakyHosted(t, f)
	w := &changing{f: f}
	if n, err := h.Capture(t.Context(), someCall, w); err == nil || !strings.Contains(err.Error(), "changed") || n != 60_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// changing changes what the server has when something has come of it.
type changing struct{ f *flaky }

func (c *changing) Write(b []byte) (int, error) {
	c.f.tag = "t2"
	return len(b), nil
}

func TestACancelledDownloadDoesNotGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &flaky{data: bytes.Repeat([]byte("0123456789"), 10_000), tag: "t1", after: 60_000}
	h := flakyHosted(t, f)
	h.pause = time.Hour
	done := make(chan error, 1)
	go func() {
		_, err := h.Capture(ctx, someCall, writerFunc(func(b []byte) (int, error) { cancel(); return len(b), nil }))
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("it ended well")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestAGroupIsAskedForAndNamed(t *testing.T) {
	f := &flaky{data: []byte("packets"), after: 100}
	var w bytes.Buffer
	name, n, err := flakyHosted(t, f).Download(t.Context(), someCall, sensorapi.CaptureRequest{Group: true}, &w)
	if err != nil || name != "leg.pcapng" || n != 7 || w.String() != "packets" || !strings.Contains(f.asked[0], "capture?group=1") {
		t.Errorf("%q, %d bytes, %v, asked %v", name, n, err, f.asked)
	}

	none := NewSensor(filepath.Join(t.TempDir(), "none.sock")).(Downloader)
	var p *protocol.Problem
	if _, _, err := none.Download(t.Context(), someCall, sensorapi.CaptureRequest{Group: true}, io.Discard); !errors.As(err, &p) || p.Code != protocol.CodeSensorOffline {
		t.Errorf("of a sensor that is not there: %v", err)
	}
}

func TestADownloadGoesOnWhereAnEarlierOneEnded(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	f := &flaky{data: data, tag: "t1", after: 70_000}
	var w sizedBuffer
	_, n, err := flakyHosted(t, f).Download(t.Context(), someCall, sensorapi.CaptureRequest{Group: true, From: 123_456}, &w)
	if err != nil || n != int64(len(data)-123_456) || !bytes.Equal(w.Bytes(), data[123_456:]) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if len(w.sizes) != 1 || w.sizes[0] != int64(len(data)) {
		t.Errorf("told of %v bytes, want %d once", w.sizes, len(data))
	}
	if want := "/api/v1/calls/" + someCall + "/capture?group=1 bytes=123456- "; f.asked[0] != want {
		t.Errorf("asked %q, want %q", f.asked[0], want)
	}
}
