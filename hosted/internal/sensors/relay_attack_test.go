package sensors

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
)

// A sensor that says something before its answer (1xx), or behind it (trailers), gets no header past the list of those that may
// pass, and takes none away that hosted has set.
func TestWhatASensorSaysAroundItsAnswerReachesNobody(t *testing.T) {
	r, s, _ := relayRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Set-Cookie", "session=stolen")
		h.Set("Link", "<https://evil.example/x.js>; rel=preload; as=script")
		for range 3 {
			w.WriteHeader(http.StatusEarlyHints)
		}
		h.Del("Set-Cookie")
		h.Del("Link")
		h.Set("Content-Type", "application/json")
		h.Set("Trailer", "Set-Cookie, X-Announced")
		_, _ = io.WriteString(w, "{}")
		h.Set("Set-Cookie", "session=late")
		h.Set("X-Announced", "1")
		h.Set(http.TrailerPrefix+"X-Late", "1")
	}))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		r.svc.Relay(w, q, s.id.UUID, "/v1/info")
	}))
	t.Cleanup(web.Close)
	var hints atomic.Int32
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { hints.Add(1); return nil },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, web.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := drainBody(res)
	if err != nil || string(body) != "{}" || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %q, %v", res.Status, body, err)
	}
	if hints.Load() != 0 {
		t.Errorf("%d early hints of the sensor reach the browser", hints.Load())
	}
	if got := res.Header.Get("Content-Security-Policy"); got != "default-src 'none'" {
		t.Errorf("hosted's own header is gone: %v", res.Header)
	}
	if len(res.Trailer) != 0 || res.Header.Get("Trailer") != "" {
		t.Errorf("trailers of the sensor reach the browser: %v, announced %q", res.Trailer, res.Header.Get("Trailer"))
	}
	for _, k := range []string{"Set-Cookie", "Link", "X-Announced", "X-Late"} {
		if v := res.Header.Get(k); v != "" {
			t.Errorf("%s: %s of the sensor reaches the browser", k, v)
		}
	}
}

func TestASensorThatAnswersWithHeadersWithoutEndIsGivenUp(t *testing.T) {
	_, _, web := relayRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/health" { // that it is told of its limits comes first
			return
		}
		for i := range 1000 { // a megabyte; net/http would take ten
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	if res, b := get(t, web.URL+"/v1/health"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s", res.Status, b)
	}
}

func TestASensorSendsNobodyElsewhereAndLogsNobodyOut(t *testing.T) {
	var status atomic.Int32
	_, _, web := relayRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://evil.example")
		w.Header().Set("WWW-Authenticate", "Basic realm=hosted")
		w.Header().Set("Clear-Site-Data", `"*"`)
		w.Header().Set("Refresh", "0; url=https://evil.example")
		w.WriteHeader(int(status.Load()))
	}))
	for of, want := range map[int]int{200: 200, 404: 404, 503: 503, 301: 503, 302: 503, 307: 503, 300: 503, 401: 503, 407: 503, 600: 503, 999: 503} {
		status.Store(int32(of))
		res, _ := get(t, web.URL+"/v1/info")
		if res.StatusCode != want {
			t.Errorf("%d of the sensor is passed on as %d, want %d", of, res.StatusCode, want)
		}
		for _, k := range []string{"Location", "WWW-Authenticate", "Clear-Site-Data", "Refresh"} {
			if v := res.Header.Get(k); v != "" {
				t.Errorf("%d: %s: %s", of, k, v)
			}
		}
	}
}
