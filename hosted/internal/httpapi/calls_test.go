package httpapi_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

type page struct {
	Calls []protocol.CDR
	Next  string
}

func TestEachParameterOfTheSearchSelects(t *testing.T) {
	w := newWorld(t)
	mos := 2.2
	wanted := w.call(2, func(c *protocol.CDR) {
		c.Caller, c.Callee, c.Src, c.Status, c.MOS = "+420 1", "777", "192.0.2.5:5060", 486, &mos
		c.Findings = []protocol.Finding{{Code: "one-way-audio", Severity: protocol.SeverityBad}}
		c.Capture.Kept = protocol.KeepRTP
		c.Messages = []protocol.Message{{FirstLine: "INVITE"}}
	})
	w.stored(w.acme, w.s1.uuid, w.call(1, func(c *protocol.CDR) { c.Start -= 3600e6 }), wanted)
	c := w.as("viewer")
	at := func(d time.Duration) string { return wanted.Start.Std().Add(d).Format(time.RFC3339Nano) }
	for _, q := range []url.Values{
		{"q": {"+420 1"}},
		{"q": {"192.0.2.5"}},
		{"q": {wanted.CallID}},
		{"q": {wanted.ID.String()}},
		{"number": {"777"}},
		{"number": {"+420"}},
		{"sensor": {"2"}},
		{"status": {"486"}},
		{"mos_below": {"2.3"}},
		{"finding": {"one-way-audio"}},
		{"kept": {"1"}},
		{"limit": {"1"}},
		{"from": {at(0)}},
		{"from": {at(-time.Second)}, "to": {at(time.Second)}},
		{"q": {""}, "sensor": {"2"}, "status": {""}},
	} {
		var p page
		c.get("/calls?"+q.Encode()).into(t, &p)
		if len(p.Calls) != 1 || p.Calls[0].ID != wanted.ID || len(p.Calls[0].Messages) != 0 {
			t.Errorf("%s finds %+v", q.Encode(), p.Calls)
		}
		if wantNext := q.Has("limit"); (p.Next != "") != wantNext {
			t.Errorf("%s: next %q", q.Encode(), p.Next)
		}
	}
	for _, q := range []string{"q=nothing", "to=" + at(-2*time.Hour), "kept=1&status=200"} {
		if a := c.get("/calls?" + q); string(a.body) != "{\"calls\":[],\"next\":\"\"}\n" {
			t.Errorf("%s: %s, want an empty list", q, a.body)
		}
	}
}

func TestAParameterThatIsNotUnderstoodIsNamed(t *testing.T) {
	w := newWorld(t)
	c := w.as("viewer")
	for q, field := range map[string]string{
		"from=yesterday": "from", "to=1": "to", "sensor=70000": "sensor", "sensor=-1": "sensor", "status=1": "status", "status=ok": "status", "mos_below=9": "mos_below",
		"mos_below=NaN": "mos_below", "kept=maybe": "kept", "limit=0": "limit", "limit=1001": "limit", "limit=x": "limit", "after=x": "after", "caller=1": "caller",
		"q=1&q=2": "q", "q=" + strings.Repeat("x", 300): "q", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "from",
	} {
		a := c.get("/calls?" + q)
		var p protocol.Problem
		a.into(t, &p)
		if a.status != http.StatusBadRequest || p.Code != protocol.CodeBadRequest || p.Fields["field"] != field {
			t.Errorf("%s: %d %s, want 400 that names %s", q, a.status, a.body, field)
		}
	}
}

func TestPagesHoldEachCallOnceWhileCallsArrive(t *testing.T) {
	w := newWorld(t)
	want := map[protocol.UUID]bool{}
	for i := range 25 {
		call := w.call(1, func(c *protocol.CDR) { c.Start -= protocol.Time(i/3) * 1e6 })
		want[call.ID] = true
		w.stored(w.acme, w.s1.uuid, call)
	}
	c, path := w.as("viewer"), "/calls?limit=4"
	for after := ""; ; {
		var p page
		c.get(path+"&after="+url.QueryEscape(after)).into(t, &p)
		for _, call := range p.Calls {
			if !want[call.ID] {
				t.Fatalf("call %s comes twice, or is newer than the first page", call.ID)
			}
			delete(want, call.ID)
		}
		if after = p.Next; after == "" {
			break
		}
		w.stored(w.acme, w.s1.uuid, w.call(1, func(c *protocol.CDR) { c.Start += 1e6 }))
	}
	if len(want) != 0 {
		t.Errorf("%d calls were in no page", len(want))
	}
}

func TestACallIsFoundByIdAndCallIDStoredOrRunning(t *testing.T) {
	w := newWorld(t)
	ended := w.call(1, func(c *protocol.CDR) { c.Messages = []protocol.Message{{FirstLine: "INVITE"}} })
	w.stored(w.acme, w.s1.uuid, ended)
	running := w.call(2, func(c *protocol.CDR) { c.Messages = []protocol.Message{{FirstLine: "INVITE"}} })
	w.s2.calls["x"] = running
	c := w.as("viewer")
	for _, call := range []protocol.CDR{ended, running} {
		for _, name := range []string{call.ID.String(), call.CallID} {
			req, err := http.NewRequest("GET", w.url+"/api/v1/calls/"+url.PathEscape(name), nil)
			w.ok(err)
			a := c.send(req)
			var got protocol.CDR
			a.into(t, &got)
			if got.ID != call.ID || len(got.Messages) != 1 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	}
	if a := c.get("/calls/" + protocol.UUID{5}.String()); a.status != http.StatusNotFound || a.code() != protocol.CodeNotFound {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
}

func TestACaptureIsStreamedFromItsSensorAndAudited(t *testing.T) {
	w := newWorld(t)
	packets := bytes.Repeat([]byte("0123456789abcdef"), 50_000)
	kept := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	running := w.call(2, nil)
	w.stored(w.acme, w.s1.uuid, kept)
	w.s1.captures[kept.ID.String()] = packets
	w.s2.calls["x"] = running
	w.s2.captures[running.ID.String()] = packets[:100]
	c := w.as("user")
	path := "/calls/" + kept.ID.String() + "/capture"

	a := c.get(path)
	if a.status != http.StatusOK || !bytes.Equal(a.body, packets) {
		t.Fatalf("%d, %d bytes, want all %d", a.status, len(a.body), len(packets))
	}
	if got := a.header.Get("Content-Type"); got != "application/vnd.tcpdump.pcap" {
		t.Errorf("type %q", got)
	}
	if got := a.header.Get("Content-Disposition"); !strings.Contains(got, "attachment") {
		t.Errorf("disposition %q", got)
	}
	c.header.Set("Range", "bytes=10-19")
	if a := c.get(path); a.status != http.StatusPartialContent || !bytes.Equal(a.body, packets[10:20]) {
		t.Errorf("range: %d %q", a.status, a.body)
	}
	c.header.Del("Range")
	head, err := http.NewRequest("HEAD", w.url+"/api/v1"+path, nil)
	w.ok(err)
	if a := c.send(head); a.status != http.StatusOK || a.header.Get("Content-Length") != "800000" || len(a.body) != 0 {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	if a := c.get("/calls/" + running.ID.String() + "/capture"); !bytes.Equal(a.body, packets[:100]) {
		t.Errorf("of a running call: %d %s", a.status, a.body)
	}
	if a := c.get("/sensors/" + w.s1.uuid.String() + "/api" + path); !bytes.Equal(a.body, packets) {
		t.Errorf("by way of the sensor: %d", a.status)
	}

	log := w.audited(w.acme, auth.ActionCapture)
	for i := 0; len(log) != 4; i++ { // it is written after the last byte, which the client may have before
		if i > 100 {
			t.Fatalf("%d downloads audited, want 4: %+v", len(log), log)
		}
		time.Sleep(20 * time.Millisecond)
		log = w.audited(w.acme, auth.ActionCapture)
	}
	if e := log[3]; e.User != "user" || e.Addr != "127.0.0.1" || e.Object != kept.ID.String() || e.Bytes != int64(len(packets)) {
		t.Errorf("audited %+v", e)
	}
	if e := log[2]; e.Bytes != 10 || e.Detail != "bytes=10-19" {
		t.Errorf("audited %+v", e)
	}
	if n := len(w.audited(w.acme, auth.ActionCaptureOpen)); n != 4 {
		t.Errorf("%d downloads were written down before their first byte, want 4", n)
	}
}

func TestACaptureThatCannotBeHadSaysWhy(t *testing.T) {
	w := newWorld(t)
	keep := func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP }
	none := w.call(1, nil)
	byRule := w.call(1, func(c *protocol.CDR) { c.Rule, c.Capture.Kept = "no voice", protocol.KeepNone })
	expired, sleeping, orphan := w.call(1, keep), w.call(3, keep), w.call(77, keep)
	w.stored(w.acme, w.s1.uuid, none, byRule, expired, sleeping, orphan)
	c := w.as("user")
	for name, tt := range map[string]struct {
		call   protocol.CDR
		status int
		code   string
	}{
		"no rule matched":     {none, 404, protocol.CodeCaptureNotKept},
		"a rule kept nothing": {byRule, 404, protocol.CodeCaptureNotKept},
		"expired":             {expired, 410, protocol.CodeCaptureExpired},
		"sensor is offline":   {sleeping, 503, protocol.CodeSensorOffline},
		"sensor is gone":      {orphan, 410, protocol.CodeCaptureExpired},
	} {
		a := c.get("/calls/" + tt.call.ID.String() + "/capture")
		var p protocol.Problem
		a.into(t, &p)
		if a.status != tt.status || p.Code != tt.code || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, tt.status, tt.code)
		}
		if tt.status == 503 && a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
		if tt.call.Rule != "" && p.Fields["rule"] != tt.call.Rule {
			t.Errorf("%s: %s does not name the rule", name, a.body)
		}
	}
	if n := len(w.audited(w.acme, auth.ActionCapture)); n != 0 {
		t.Errorf("%d downloads audited, want none: nobody got a packet", n)
	}
}

func TestWithoutAuditThereAreNoPackets(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	w.stored(w.acme, w.s1.uuid, kept)
	w.s1.captures[kept.ID.String()] = []byte("packets")
	c := w.as("user")
	dropAudit(t, w)
	if a := c.get("/calls/" + kept.ID.String() + "/capture"); a.status != http.StatusInternalServerError || bytes.Contains(a.body, []byte("packets")) {
		t.Errorf("%d %s, want 500", a.status, a.body)
	}
}

func TestSensorsAreListedWithWhatTheySay(t *testing.T) {
	w := newWorld(t)
	w.stored(w.acme, w.s3, w.call(3, nil))
	var list []struct {
		UUID     protocol.UUID
		IDSensor int `json:"id_sensor"`
		Name     string
		Online   bool
		Source   string
		Running  *int
		Queue    *int
		CDRs     int
		LastCDR  protocol.Time `json:"last_cdr"`
		Problems []protocol.Problem
	}
	w.as("viewer").get("/sensors").into(t, &list)
	if len(list) != 3 {
		t.Fatalf("%d sensors, want 3", len(list))
	}
	if s := list[0]; !s.Online || s.UUID != w.s1.uuid || s.Running == nil || *s.Running != 4 || s.Queue == nil || *s.Queue != 17 || s.Source != "eth9" || len(s.Problems) != 1 {
		t.Errorf("online: %+v", s)
	}
	if s := list[2]; s.Online || s.IDSensor != 3 || s.Running != nil || s.Queue != nil || s.CDRs != 1 || s.LastCDR == 0 || s.Problems == nil {
		t.Errorf("offline: %+v", s)
	}
	w.s2.server.Close() // connected, and does not answer
	w.as("viewer").get("/sensors").into(t, &list)
	if s := list[1]; !s.Online || s.Running != nil || len(s.Problems) != 1 {
		t.Errorf("silent: %+v", s)
	}
}

func TestARevokedSensorIsDisconnected(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	if a := c.do("DELETE", "/sensors/"+w.s1.uuid.String(), nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if s, err := w.store.Sensor(t.Context(), w.acme, w.s1.uuid); err != nil || !s.Revoked {
		t.Errorf("revoked %v, %v", s.Revoked, err)
	}
	if len(w.links.disconnected) != 1 || w.links.disconnected[0] != w.s1.uuid {
		t.Errorf("disconnected %v", w.links.disconnected)
	}
	if log := w.audited(w.acme, auth.ActionRevoke); len(log) != 1 || log[0].Object != w.s1.uuid.String() || log[0].User != "admin" {
		t.Errorf("audit %+v", log)
	}
}

func TestAnEnrolmentTokenComesWithTheAddressToDial(t *testing.T) {
	w := newWorld(t)
	for _, body := range []any{nil, struct{}{}} {
		var got map[string]string
		w.as("admin").do("POST", "/sensors/tokens", body).into(t, &got)
		if got["token"] != "vt1.test" || got["server"] != "hosted.example.com:60023" || got["expires"] == "" {
			t.Errorf("got %v", got)
		}
	}
}

func TestRulesReachTheSensorAndChangesAreAudited(t *testing.T) {
	w := newWorld(t)
	c, path := w.as("admin"), "/sensors/"+w.s1.uuid.String()+"/api/rules"
	var got sensorapi.Rules
	c.do("PUT", path, sensorapi.Rules{Text: "keep rtp"}).into(t, &got)
	if got.Revision != 1 || w.s1.Rules().Text != "keep rtp" {
		t.Errorf("rules %+v, at the sensor %+v", got, w.s1.Rules())
	}
	if a := c.do("PUT", path, sensorapi.Rules{Text: "wrong"}); a.status != http.StatusBadRequest {
		t.Errorf("wrong rules: %d %s", a.status, a.body)
	}
	if log := w.audited(w.acme, auth.ActionRules); len(log) != 1 || log[0].Object != w.s1.uuid.String() {
		t.Errorf("audit %+v, want the change that was made", log)
	}
	if a := c.do("PUT", "/sensors/"+w.s3.String()+"/api/rules", sensorapi.Rules{}); a.code() != protocol.CodeSensorOffline {
		t.Errorf("offline: %d %s", a.status, a.body)
	}
}

func TestOnlyWhatIsListedIsRelayed(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	for _, path := range []string{"", "nope", "link/v1/session", "calls/a/b", "calls/..", "calls/%2e%2e/info", "..%2f..%2flink", "info/x", "%2e%2e/link/v1/session", "calls//capture"} {
		req, err := http.NewRequest("GET", w.url+"/api/v1/sensors/"+w.s1.uuid.String()+"/api/"+path, nil)
		w.ok(err)
		if a := c.send(req); a.status != http.StatusNotFound || a.code() != protocol.CodeNotFound {
			t.Errorf("%q: %d %s", path, a.status, a.body)
		}
	}
	w.s1.mu.Lock()
	defer w.s1.mu.Unlock()
	if len(w.s1.asked) != 0 {
		t.Errorf("the sensor was asked %v", w.s1.asked)
	}
}

func TestAPathWithAnEmptyPartIsNotFoundAndNotRedirected(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/calls//capture", "//calls", "/calls/", "/calls/../session"} {
		req, err := http.NewRequest("GET", w.url+"/api/v1"+path, nil)
		w.ok(err)
		if a := w.as("admin").send(req); a.status != http.StatusNotFound || a.code() != protocol.CodeNotFound {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
