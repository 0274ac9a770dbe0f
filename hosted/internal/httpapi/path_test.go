package httpapi_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"voiptop/protocol"
)

// However a path is written, what only some may have of a sensor stays theirs: each spelling here leads nowhere, or is asked for the right.
func TestNoSpellingOfAPathGetsRoundARight(t *testing.T) {
	w := newWorld(t)
	c := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	w.stored(w.acme, w.s1.uuid, c)
	w.s1.captures[c.ID.String()] = []byte("packets")
	w.s1.voices[c.ID.String()] = []byte("packets")
	var made struct{ Token string }
	w.as("admin").do("POST", "/tokens", object{"label": "x", "rights": []string{"numbers"}}).into(t, &made)
	who := w.anonymous()
	who.header.Set("Authorization", "Bearer "+made.Token)
	id := c.ID.String()
	if a := w.as("admin").get("/sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/capture"); string(a.body) != "packets" {
		t.Fatalf("who has the right gets %d %s", a.status, a.body)
	}
	w.s1.mu.Lock()
	w.s1.asked = nil
	w.s1.mu.Unlock()
	api := "/api/v1/sensors/" + w.s1.uuid.String() + "/api"
	for _, path := range []string{
		api + "/calls/" + id + "/capture", api + "/calls/" + id + "%2Fcapture", api + "/calls/" + id + "%2fcapture", api + "/calls/" + id + "%252Fcapture", api + "/calls/" + id + "/%63apture",
		api + "/%63alls/" + id + "/capture", api + "/calls%2F" + id + "/capture", api + "%2Fcalls/" + id + "/capture", api + "/calls/" + id + "/./capture", api + "/calls/" + id + "//capture",
		api + "//calls/" + id + "/capture", api + "/./calls/" + id + "/capture", api + "/info/../calls/" + id + "/capture", api + "/info/%2e%2e/calls/" + id + "/capture", api + "/info%2F..%2Fcalls%2F" + id + "%2Fcapture",
		api + "/calls/" + id + "/capture/", api + "/calls/" + id + "/capture%00", api + "/calls/" + id + "/capture;x", api + "/calls/" + id + "/capture%3Fx", api + "/calls/x/../" + id + "/capture", api + `/calls\` + id + `\capture`,
		api + "/calls/" + id + "/audio/../capture", api + "/calls/" + id + "/audio", api + "/calls/" + id + "%2Faudio", api + "/calls/" + id + "/audio/peaks/../../capture",
		"/api/v1//sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/capture", "//api/v1/calls/" + id + "/capture", "/api/v1/calls/" + id + "/capture/", "/api/v1/calls/" + id + "%2Fcapture", "/api/v1/./calls/" + id + "/capture",
		"/api/v1/calls/../calls/" + id + "/capture", "/api/v1/version/../calls/" + id + "/capture", "/API/V1/calls/" + id + "/capture", "/api%2Fv1%2Fcalls%2F" + id + "%2Fcapture",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PROPFIND"} {
			req, err := http.NewRequest(method, w.url, nil)
			w.ok(err)
			req.URL.Opaque = strings.TrimPrefix(w.url, "http:") + path // as it is written
			req.Header = who.header.Clone()
			a := who.send(req)
			if bytes.Contains(a.body, []byte("packets")) || a.status/100 == 3 {
				t.Errorf("%s %s: %d %v %s", method, path, a.status, a.header, a.body)
			}
		}
	}
	for _, path := range []string{"/rules", "/rules/hosted", "/rules%2Fhosted", "/%72ules", "/rules/", "/./rules", "/limits", "/info/../rules"} {
		req, err := http.NewRequest("PUT", w.url, strings.NewReader(`{"revision":0,"text":"x"}`))
		w.ok(err)
		req.URL.Opaque = strings.TrimPrefix(w.url, "http:") + api + path
		req.Header = who.header.Clone()
		if a := who.send(req); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("PUT %s: %d %s", path, a.status, a.body)
		}
	}
	w.s1.mu.Lock()
	defer w.s1.mu.Unlock()
	for _, path := range w.s1.asked {
		if strings.Contains(path, "capture") || strings.Contains(path, "audio") {
			if !strings.Contains(path, "%") {
				t.Errorf("the sensor was asked for %s", path)
			}
		}
	}
	if log := w.audited(w.acme, "rules.change"); len(log) != 0 {
		t.Errorf("rules were changed: %+v", log)
	}
}

func TestNoPageOfAnotherSiteIsRedirectedTo(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"//evil.example", "//evil.example/%2e%2e", `/\evil.example`, "/%2F/evil.example", "/calls//evil.example", "/assets/..//evil.example", "/assets", "/assets/", "/index.html", "/./", "/..", "/.keep", "/assets/../.keep"} {
		c := w.anonymous()
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		req, err := http.NewRequest("GET", w.url, nil)
		w.ok(err)
		req.URL.Opaque = strings.TrimPrefix(w.url, "http:") + path
		a := c.send(req)
		if a.status/100 == 3 || bytes.Contains(a.body, []byte("secret")) || a.header.Get("Location") != "" {
			t.Errorf("%s: %d to %q, %s", path, a.status, a.header.Get("Location"), a.body)
		}
	}
}
