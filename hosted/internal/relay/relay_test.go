package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"voiptop/protocol"
)

func TestASensorNamesNoFileThatIsNotACapture(t *testing.T) {
	for in, want := range map[string]string{
		`attachment; filename="20261122-100000_1001_1002.pcapng"`: "attachment; filename=20261122-100000_1001_1002.pcapng",
		`inline; filename="x.wav"`:                                "inline; filename=x.wav",
		`attachment; filename="a b.zip"`:                          `attachment; filename="a b.zip"`,
		`attachment; filename="invoice.exe"`:                      "attachment",
		`attachment; filename="../../.bashrc"`:                    "attachment",
		`attachment; filename="../x.pcapng"`:                      "attachment; filename=x.pcapng",
		`attachment; filename="..\\x.pcapng"`:                     "attachment",
		`attachment; filename*=UTF-8''x%E2%80%AEgnacp.exe`:        "attachment",
		`attachment; filename*=UTF-8''x%E2%80%AEexe.wav`:          "attachment",
		`form-data; filename="x.wav"`:                             "attachment",
		`inline`:                                                  "attachment",
		`inline; filename="x.html"`:                               "attachment",
		`;;;`:                                                     "attachment",
	} {
		if got := disposition(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestWhyASensorCouldNotBeAskedIsSaidInWords(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	<-ctx.Done()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("ask: %w", ctx.Err()), "it is connected, and did not answer in time"},
		{&url.Error{Op: "Get", URL: "https://sensor/v1/health", Err: os.ErrDeadlineExceeded}, "it is connected, and did not answer in time"},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "its connection ended"},
		{errors.New("a new kind of trouble"), "a new kind of trouble"},
	} {
		w := httptest.NewRecorder()
		Serve(w, httptest.NewRequest("GET", "/x", nil), roundTrip(func(*http.Request) (*http.Response, error) { return nil, tt.err }), "/v1/calls/x/capture")
		var p protocol.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusServiceUnavailable || p.Code != protocol.CodeSensorOffline || p.Detail != tt.want {
			t.Errorf("%v: %d %s, %v, want the detail %q", tt.err, w.Code, w.Body, err, tt.want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
