package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// rowOf is a stream of each live call that the fake has; its packets are counted up by each change.
func (f *fakeSensor) rowOf(c protocol.LiveCall, about bool) protocol.LiveStream {
	s := protocol.LiveStream{
		ID: protocol.StreamIDOf(c.ID, "a", "b", 1), Packets: c.Packets, MOS: 4, Trend: []byte{},
		About: &protocol.StreamAbout{Call: c.ID, Caller: c.Caller, Callee: c.Callee, Direction: protocol.FromCaller, SSRC: 1},
	}
	if !about {
		s.About = nil
	}
	return s
}

func (f *fakeSensor) streams(first bool) *protocol.StreamUpdate {
	u := f.update()
	s := &protocol.StreamUpdate{T: u.T, Snapshot: first, Total: len(u.Calls)}
	for _, c := range u.Calls {
		s.Streams = append(s.Streams, f.rowOf(c, first))
	}
	return s
}

func (f *fakeSensor) WatchStreams(ctx context.Context, _ sensorapi.StreamOptions, emit func(*protocol.StreamUpdate) error) error {
	for first := true; ; first = false {
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		if err := emit(f.streams(first)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (f *fakeSensor) Streams(context.Context, sensorapi.StreamOptions) (*protocol.StreamUpdate, error) {
	return f.streams(true), nil
}

func (f *fakeSensor) Messages(_ context.Context, id string, o sensorapi.MessageOptions) (*sensorapi.MessagePage, error) {
	c, err := f.file(f.captures, id)
	if err != nil {
		return nil, err
	}
	c.Close()
	if o.After > 0 {
		return &sensorapi.MessagePage{Messages: []sensorapi.Message{}}, nil
	}
	return &sensorapi.MessagePage{Messages: []sensorapi.Message{{N: 1, T: 1, Src: "192.0.2.1:5060", Dst: "192.0.2.2:5060", Transport: "udp", Raw: f.captures[id]}}, Next: 1}, nil
}

func TestLiveStreamsOfAllSensorsAreOne(t *testing.T) {
	w := newWorld(t)
	w.s1.setLive(protocol.LiveCall{ID: protocol.UUID{15: 1}, Caller: "a", Packets: 1})
	w.s2.setLive(protocol.LiveCall{ID: protocol.UUID{15: 2}, Caller: "b", Packets: 1})
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/api/v1/live/streams", nil)
	w.ok(err)
	res, err := (&http.Client{Jar: w.as("viewer").http.Jar}).Do(req)
	w.ok(err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	rows := map[protocol.StreamID]protocol.LiveStream{}
	next := func() (u protocol.StreamUpdate) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the stream ended")
		}
		w.ok(json.Unmarshal(lines.Bytes(), &u))
		for _, s := range u.Streams {
			if s.About == nil {
				s.About = rows[s.ID].About
			}
			rows[s.ID] = s
		}
		return u
	}
	if u := next(); !u.Snapshot || u.Total != 2 || len(rows) != 2 {
		t.Fatalf("the snapshot is %+v", u)
	}
	w.s1.setLive(protocol.LiveCall{ID: protocol.UUID{15: 1}, Caller: "a", Packets: 7})
	id := protocol.StreamIDOf(protocol.UUID{15: 1}, "a", "b", 1)
	for end := time.Now().Add(10 * time.Second); rows[id].Packets != 7; {
		if time.Now().After(end) {
			t.Fatal("the change never came")
		}
		if u := next(); u.Snapshot {
			t.Error("a second snapshot")
		}
	}
	if a := rows[id].About; a == nil || a.Caller != "a" {
		t.Errorf("whose stream it is was lost: %+v", a)
	}
	if s := w.as("viewer").get("/live/streams?once=1"); s.status != http.StatusOK {
		t.Errorf("once: %d %s", s.status, s.body)
	}
	var late protocol.StreamUpdate // it comes when the sensor has long said what is whose
	w.as("viewer").get("/live/streams?once=1").into(t, &late)
	for _, s := range late.Streams {
		if s.About == nil {
			t.Errorf("who comes later is not told whose %s is", s.ID)
		}
	}
}

func TestMessagesAreAuditedAsPacketsAre(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	w.s1.captures[kept.ID.String()] = []byte("INVITE sip:b SIP/2.0\r\n\r\n")
	var page sensorapi.MessagePage
	w.as("user").get("/calls/"+kept.ID.String()+"/messages?limit=1").into(t, &page)
	if len(page.Messages) != 1 || string(page.Messages[0].Raw) != "INVITE sip:b SIP/2.0\r\n\r\n" || page.Next != 1 {
		t.Errorf("%+v", page)
	}
	log := w.audited(w.acme, auth.ActionCaptureOpen)
	if len(log) != 1 || log[0].Detail != "messages" || log[0].Object != kept.ID.String() {
		t.Errorf("audited is %+v", log)
	}
	none := w.call(2, nil)
	w.stored(w.acme, w.s1.uuid, none)
	if a := w.as("user").get("/calls/" + none.ID.String() + "/messages"); a.status != http.StatusNotFound || a.code() != protocol.CodeCaptureNotKept {
		t.Errorf("of a call that was not kept: %d %s", a.status, a.body)
	}
}
