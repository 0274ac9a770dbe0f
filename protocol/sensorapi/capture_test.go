package sensorapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

// keeper is a sensor that has captures and nothing else.
type keeper struct {
	Sensor
	data   []byte
	size   int64
	broken bool
}

// memory is a capture in memory; broken, it fails behind its end.
type memory struct {
	*bytes.Reader
	broken bool
}

func (memory) Close() error { return nil }

func (m memory) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	if m.broken && errors.Is(err, io.EOF) {
		err = errors.New("the disk is gone")
	}
	return n, err
}

func (k keeper) Capture(context.Context, string) (*CaptureFile, error) {
	return &CaptureFile{Name: "one.pcapng", Size: int64(len(k.data)), ModTime: time.Unix(1e9, 0), Tag: "t1", ReadSeekCloser: memory{bytes.NewReader(k.data), false}}, nil
}

type merger struct{ keeper }

func (m merger) CaptureGroup(context.Context, string) (*CaptureFile, error) {
	return &CaptureFile{Name: "group.pcapng", Size: m.size, ReadSeekCloser: memory{bytes.NewReader(m.data), m.broken}}, nil
}

func client(t *testing.T, s Sensor) *Client {
	t.Helper()
	h := httptest.NewServer(NewHandler(s))
	t.Cleanup(h.Close)
	return &Client{HTTP: h.Client(), Base: h.URL}
}

func TestTheRestOfACaptureIsSentUnlessItIsAnotherNow(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	c := client(t, keeper{data: data})
	for _, tt := range []struct {
		q    CaptureRequest
		from int64
	}{
		{CaptureRequest{}, 0},
		{CaptureRequest{From: 1234}, 1234},
		{CaptureRequest{From: 1234, IfTag: "t1"}, 1234},
		{CaptureRequest{From: 1234, IfTag: "other"}, 0},
	} {
		d, err := c.Download(t.Context(), "x", tt.q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(d)
		d.Close()
		if err != nil || d.From != tt.from || d.Size != int64(len(data)) || d.Name != "one.pcapng" || d.Tag != "t1" || !bytes.Equal(got, data[tt.from:]) {
			t.Errorf("%+v: %d bytes from %d of %d, %q, %q, %v", tt.q, len(got), d.From, d.Size, d.Name, d.Tag, err)
		}
	}
	var p *protocol.Problem
	if _, err := c.Download(t.Context(), "x", CaptureRequest{From: 20_000}); !errors.As(err, &p) || p.Status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind the end: %v", err)
	}
	if _, err := c.Download(t.Context(), "x", CaptureRequest{Group: true}); !errors.As(err, &p) || p.Status != http.StatusNotFound {
		t.Errorf("of a sensor that does not merge: %v", err)
	}
	res, err := c.HTTP.Get(c.Base + "/v1/calls/x/capture?group=yes")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("group=yes: status %d", res.StatusCode)
	}
}

func TestACaptureOfUnknownSizeIsStreamedAndNeverCutInSilence(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, broken := range []bool{false, true} {
		c := client(t, merger{keeper{data: data, size: -1, broken: broken}})
		d, err := c.Download(t.Context(), "x", CaptureRequest{Group: true, From: 10})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(d)
		d.Close()
		if (err != nil) != broken || d.Size != -1 || d.From != 0 || d.Name != "group.pcapng" || !broken && !bytes.Equal(got, data) {
			t.Errorf("broken %v: %d bytes of %d from %d, %q, %v", broken, len(got), d.Size, d.From, d.Name, err)
		}
	}
}

func TestAPartThatDoesNotSayWhichIsRefused(t *testing.T) {
	for _, v := range []string{"", "bytes", "bytes 5-9", "bytes 5/9", "bytes x-9/10", "bytes 5-9/*", "bytes -5-9/10", "bytes 11-12/10", "pages 5-9/10", "bytes 5-9/99999999999999999999"} {
		res := &http.Response{StatusCode: http.StatusPartialContent, Header: http.Header{"Content-Range": {v}}, Body: io.NopCloser(strings.NewReader(""))}
		if d, err := ReadDownload(res); err == nil {
			t.Errorf("%q is taken for %d of %d", v, d.From, d.Size)
		}
	}
}

// FuzzReadDownload: a place that is read from a header is within the capture.
func FuzzReadDownload(f *testing.F) {
	f.Add("bytes 5-9/10", `attachment; filename="x"`)
	f.Add("bytes 0-0/1", "")
	f.Fuzz(func(t *testing.T, span, name string) {
		res := &http.Response{StatusCode: http.StatusPartialContent, Header: http.Header{"Content-Range": {span}, "Content-Disposition": {name}}}
		if d, err := ReadDownload(res); err == nil && (d.From < 0 || d.Size < d.From) {
			t.Fatalf("%q: from %d of %d", span, d.From, d.Size)
		}
	})
}
