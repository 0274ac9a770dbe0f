package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// meeting is what a sensor was asked for, and how it goes on.
type meeting struct {
	path  string
	offer sensorapi.DirectOffer
	emit  func(sensorapi.DirectEvent) error
	ctx   context.Context
}

// meets makes a sensor do direct transfers: script plays what the sensor says.
func (w *world) meets(f *fakeSensor, script func(meeting) error) {
	serve := sensorapi.DirectHandler(func(r *http.Request, o sensorapi.DirectOffer, emit func(sensorapi.DirectEvent) error) error {
		return script(meeting{r.URL.EscapedPath() + "?" + r.URL.RawQuery, o, emit, r.Context()})
	})
	m := http.NewServeMux()
	m.Handle("POST /v1/calls/{id}/capture/direct", serve)
	m.Handle("POST /v1/calls/{id}/audio/direct", serve)
	m.Handle("/", sensorapi.NewHandler(f))
	f.server.Config.Handler = m
}

var offer = map[string]any{"sdp": "the browser's"}

// all is a sensor that sends all at once.
func all(m meeting) error {
	for _, e := range []sensorapi.DirectEvent{{State: "answer", SDP: "the sensor's"}, {State: "connected"}, {State: "running", Sent: 9, Got: 3}, {State: "complete", Sent: 1234, Got: 1234}} {
		if err := m.emit(e); err != nil {
			return err
		}
	}
	return nil
}

// direct asks for a transfer and holds each line of the answer to the contract.
func (c *client) direct(path string, body any) answer {
	c.w.t.Helper()
	b, err := json.Marshal(body)
	c.w.ok(err)
	req, err := http.NewRequestWithContext(c.w.t.Context(), "POST", c.w.url+httpapi.Prefix+path, bytes.NewReader(b))
	c.w.ok(err)
	req.Header.Set("Content-Type", "application/json")
	a := c.send(req)
	if a.status != http.StatusOK {
		c.check(req, a)
		return a
	}
	route, _, err := contract.FindRoute(req)
	c.w.ok(err)
	for line := range bytes.Lines(a.body) {
		var v any
		c.w.ok(json.Unmarshal(line, &v))
		if err := route.Spec.Components.Schemas["DirectEvent"].Value.VisitJSON(v); err != nil {
			c.w.t.Errorf("%s is not as openapi.yaml says: %v", line, err)
		}
	}
	return a
}

func eventsOf(t *testing.T, a answer) (list []sensorapi.DirectEvent) {
	t.Helper()
	for line := range strings.Lines(string(a.body)) {
		var e sensorapi.DirectEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

func TestADirectTransferIsArrangedAndAudited(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.Direct.STUN = []string{"stun.example.com:3478"} })
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	var met meeting
	w.meets(w.s1, func(m meeting) error { met = m; return all(m) })
	path := "/calls/" + kept.ID.String() + "/capture/direct"

	c := w.as("user")
	a := c.direct(path, map[string]any{"sdp": "the browser's", "from": 7, "if_tag": "t", "stun": []string{"evil.example.com:1"}, "nameless": true})
	events := eventsOf(t, a)
	if a.status != http.StatusOK || len(events) != 4 || events[0].SDP != "the sensor's" || events[3].State != sensorapi.DirectComplete || events[3].Sent != 1234 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a.header.Get("Content-Type") != "application/x-ndjson" || a.header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("header %v", a.header)
	}
	if met.path != "/v1/calls/"+kept.ID.String()+"/capture/direct?" || met.offer.SDP != "the browser's" || met.offer.From != 7 || met.offer.IfTag != "t" ||
		!slices.Equal(met.offer.STUN, []string{"stun.example.com:3478"}) || met.offer.Nameless {
		t.Errorf("the sensor was asked %s %+v", met.path, met.offer)
	}
	opened, done := w.audited(w.acme, auth.ActionCaptureOpen), w.audited(w.acme, auth.ActionCapture)
	if len(opened) != 1 || opened[0].Detail != "way=direct from=7" || opened[0].User != "user" || opened[0].Object != kept.ID.String() || opened[0].Bytes != 0 {
		t.Errorf("%+v", opened)
	}
	if len(done) != 1 || done[0].Detail != "way=direct from=7 result=complete" || done[0].Bytes != 1234 || done[0].Object != kept.ID.String() {
		t.Errorf("%+v", done)
	}
	var how struct {
		Possible bool
		STUN     []string
	}
	c.get("/direct").into(t, &how)
	if !how.Possible || !slices.Equal(how.STUN, []string{"stun.example.com:3478"}) {
		t.Errorf("%+v", how)
	}
}

func TestDirectAudioTellsNoNumbersToWhoMaySeeNone(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: "ear", Password: passwordHash, Role: store.RoleUser, Rights: store.RightListen, Created: w.now()})
	w.ok(err)
	var met meeting
	w.meets(w.s1, func(m meeting) error { met = m; return all(m) })
	a := w.as("ear").direct("/calls/"+kept.ID.String()+"/audio/direct?side=caller&x=1&dtmf=&dtmf=loud", offer)
	if a.status != http.StatusOK || !met.offer.Nameless || met.path != "/v1/calls/"+kept.ID.String()+"/audio/direct?dtmf=mute&side=caller" {
		t.Errorf("%d %s: %s %+v", a.status, a.body, met.path, met.offer)
	}
	if log := w.audited(w.acme, auth.ActionAudio); len(log) != 1 || log[0].Detail != "way=direct side=caller dtmf=mute result=complete" {
		t.Errorf("%+v", log)
	}
}

func TestDirectTransfersNeedTheSameRights(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	asked := 0
	w.meets(w.s1, func(m meeting) error { asked++; return all(m) })
	for name, rights := range map[string]store.Rights{"ear": store.RightListen, "disk": store.RightDownload | store.RightNumbers, "blind-disk": store.RightDownload, "nobody": 0} {
		_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: name, Password: passwordHash, Role: store.RoleUser, Rights: rights, Created: w.now()})
		w.ok(err)
		c := w.as(name)
		for what, need := range map[string]store.Rights{"capture": store.RightDownload | store.RightNumbers, "audio": store.RightListen} {
			asked = 0
			a := c.direct("/calls/"+kept.ID.String()+"/"+what+"/direct", offer)
			if may := rights.Has(need); may != (a.status == http.StatusOK) || may != (asked == 1) || !may && a.code() != protocol.CodeForbidden {
				t.Errorf("%s, %s: %d %s; the sensor was asked %d times", name, what, a.status, a.body, asked)
			}
		}
	}
	if a := w.as("eve").direct("/calls/"+kept.ID.String()+"/capture/direct", offer); a.status != http.StatusNotFound {
		t.Errorf("another tenant: %d %s", a.status, a.body)
	}
	if a := w.as("admin").do("POST", "/sensors/"+w.s1.uuid.String()+"/api/calls/"+kept.ID.String()+"/capture/direct", offer); a.status/100 == 2 {
		t.Errorf("by way of the sensor's API: %d", a.status)
	}
}

func TestADirectTransferIsRefusedWithTheReason(t *testing.T) {
	w := newWorld(t)
	kept, offline, nothing := w.call(1, rtp), w.call(3, rtp), w.call(1, nil)
	w.stored(w.acme, w.s1.uuid, kept, nothing)
	w.stored(w.acme, w.s3, offline)
	w.meets(w.s1, func(meeting) error {
		return &protocol.Problem{Code: protocol.CodeSwitchedOff, Status: http.StatusForbidden, Title: "the owner has not", Fields: map[string]string{"key": "direct_download"}}
	})
	c := w.as("user")
	for name, tt := range map[string]struct {
		call   protocol.UUID
		body   any
		status int
		code   string
	}{
		"the owner":     {kept.ID, offer, 403, protocol.CodeSwitchedOff},
		"no offer":      {kept.ID, map[string]any{}, 400, protocol.CodeBadRequest},
		"a large offer": {kept.ID, map[string]any{"sdp": strings.Repeat("x", sensorapi.MaxDirectSDP+1)}, 400, protocol.CodeBadRequest},
		"a huge one":    {kept.ID, map[string]any{"sdp": strings.Repeat("x", 10*sensorapi.MaxDirectSDP)}, 400, protocol.CodeBadRequest},
		"from":          {kept.ID, map[string]any{"sdp": "x", "from": -1}, 400, protocol.CodeBadRequest},
		"offline":       {offline.ID, offer, 503, protocol.CodeSensorOffline},
		"nothing kept":  {nothing.ID, offer, 404, protocol.CodeCaptureNotKept},
	} {
		if a := c.direct("/calls/"+tt.call.String()+"/capture/direct", tt.body); a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	off := newWorld(t, func(c *httpapi.Config) { c.Direct.Off = true })
	theirs := off.call(1, rtp)
	off.stored(off.acme, off.s1.uuid, theirs)
	off.meets(off.s1, all)
	c = off.as("user")
	if a := c.direct("/calls/"+theirs.ID.String()+"/capture/direct", offer); a.status != http.StatusForbidden || a.code() != protocol.CodeSwitchedOff {
		t.Errorf("hosted: %d %s", a.status, a.body)
	}
	if a := c.get("/direct"); !strings.Contains(string(a.body), `"possible":false`) {
		t.Errorf("%s", a.body)
	}
}

// What a sensor says of a transfer goes neither into the audit log nor to the browser as it likes, and logs nobody out.
func TestASensorThatSaysOddThingsOfADirectTransferIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	c := w.as("user")
	ask := func(script func(meeting) error) answer {
		w.meets(w.s1, script)
		return c.direct("/calls/"+kept.ID.String()+"/capture/direct", offer)
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusFound, 999} {
		a := ask(func(meeting) error { return &protocol.Problem{Code: "x", Status: status, Title: "x"} })
		if a.status != http.StatusServiceUnavailable || a.code() != protocol.CodeSensorOffline {
			t.Errorf("%d becomes %d %s", status, a.status, a.body)
		}
	}
	if a := ask(func(meeting) error { return nil }); a.status != http.StatusServiceUnavailable {
		t.Errorf("nothing said becomes %d %s", a.status, a.body)
	}
	begin := sensorapi.DirectEvent{State: "answer", SDP: "x"}
	for name, list := range map[string][]sensorapi.DirectEvent{
		"no answer":      {{State: "running", Sent: 1}},
		"another state":  {begin, {State: "<script>", Sent: 1}},
		"another code":   {begin, {State: "failed", Code: "result=complete way=moon", Sent: 1}},
		"two answers":    {begin, {State: "answer", SDP: "y"}},
		"less than none": {begin, {State: "running", Sent: -1}},
	} {
		a := ask(func(m meeting) error {
			for _, e := range list {
				if err := m.emit(e); err != nil {
					return err
				}
			}
			return nil
		})
		if strings.Contains(string(a.body), "script") || strings.Contains(string(a.body), "moon") || strings.Count(string(a.body), `"answer"`) > 1 || len(list) == 1 && a.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if log := w.audited(w.acme, auth.ActionCapture); len(log) != 0 {
		t.Errorf("%+v", log)
	}
}

func TestAConversationComesDirectlyWhereOneSensorHasIt(t *testing.T) {
	w := newWorld(t)
	group := func(c *protocol.CDR) { rtp(c); c.GroupID = protocol.UUID{9}.String() }
	a1, a2 := w.call(1, group), w.call(1, group)
	b1 := w.call(1, rtp)
	b2 := w.call(2, rtp)
	b2.CallID = b1.CallID
	w.stored(w.acme, w.s1.uuid, a1, a2, b1)
	w.stored(w.acme, w.s2.uuid, b2)
	var met meeting
	w.meets(w.s1, func(m meeting) error { met = m; return all(m) })
	c := w.as("user")
	if a := c.direct("/calls/"+a1.ID.String()+"/capture/direct?group=1", offer); a.status != http.StatusOK || !strings.HasSuffix(met.path, "?group=1") {
		t.Errorf("%d %s: %s", a.status, a.body, met.path)
	}
	objects := map[string]bool{}
	for _, e := range w.audited(w.acme, auth.ActionCaptureOpen) {
		objects[e.Object] = true
	}
	if !objects[a1.ID.String()] || !objects[a2.ID.String()] {
		t.Errorf("audited are %v", objects)
	}
	if a := c.direct("/calls/"+b1.ID.String()+"/capture/direct?group=1", offer); a.status != http.StatusConflict || a.code() != "several-sensors" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// begun begins a transfer that goes on until its request ends, and reads the first event.
func (w *world) begun(c *client, call protocol.CDR) (lines *bufio.Scanner, cancel func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", w.url+httpapi.Prefix+"/calls/"+call.ID.String()+"/capture/direct", strings.NewReader(`{"sdp":"x"}`))
	w.ok(err)
	res, err := c.http.Do(req)
	w.ok(err)
	w.t.Cleanup(func() { cancel(); res.Body.Close() })
	lines = bufio.NewScanner(res.Body)
	if res.StatusCode != http.StatusOK || !lines.Scan() {
		w.t.Fatalf("%s, %s", res.Status, lines.Text())
	}
	return lines, cancel
}

// beating is a sensor that sends 100 bytes between two events.
func beating(ended chan error) func(meeting) error {
	return func(m meeting) error {
		err := m.emit(sensorapi.DirectEvent{State: "answer", SDP: "x"})
		for n := int64(100); err == nil && m.ctx.Err() == nil; n += 100 {
			err = m.emit(sensorapi.DirectEvent{State: "running", Sent: n})
			select {
			case <-time.After(5 * time.Millisecond):
			case <-m.ctx.Done():
			}
		}
		ended <- m.ctx.Err()
		return err
	}
}

func TestADirectTransferEndsWhenTheBrowserGoes(t *testing.T) {
	w := newWorld(t, limited(1, 3))
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	ended := make(chan error, 2)
	w.meets(w.s1, beating(ended))
	c := w.as("user")
	lines, cancel := w.begun(c, kept)
	for range 3 {
		lines.Scan()
	}
	if a := c.direct("/calls/"+kept.ID.String()+"/capture/direct", offer); a.status != http.StatusTooManyRequests {
		t.Errorf("one more: %d %s", a.status, a.body)
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the sensor goes on")
	}
	w.eventually("what was sent is in the audit log", func() bool {
		log := w.audited(w.acme, auth.ActionCapture)
		return len(log) == 1 && log[0].Bytes >= 100 && log[0].Detail == "way=direct result=cancelled"
	})
}

func TestADirectTransferEndsWhenTheRightIsTakenAway(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	ended := make(chan error, 2)
	w.meets(w.s1, beating(ended))
	lines, _ := w.begun(w.as("user"), kept)
	w.pass(time.Minute) // the right is looked at again, and is there
	for range 20 {
		if !lines.Scan() {
			t.Fatal("it ended by itself")
		}
	}
	u, err := w.store.UserByName(t.Context(), "user")
	w.ok(err)
	if a := w.as("admin").do("PUT", "/users/user", map[string]any{"rights": []string{"listen"}}); a.status != http.StatusOK {
		t.Fatalf("%d %s, %+v", a.status, a.body, u)
	}
	w.pass(time.Minute)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the sensor goes on")
	}
}
