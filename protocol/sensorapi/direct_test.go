package sensorapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"voiptop/protocol"
)

// meets is a client of a sensor that answers offers so.
func meets(t *testing.T, h http.Handler) *Client {
	m := http.NewServeMux()
	m.Handle("POST /v1/calls/{id}/capture/direct", h)
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	return &Client{HTTP: s.Client(), Base: s.URL}
}

func TestEventsOfADirectTransferComeAsTheyHappen(t *testing.T) {
	sent := []DirectEvent{{State: DirectAnswer, SDP: "v=0\r\n<x>"}, {State: DirectConnected}, {State: DirectRunning, Sent: 7, Got: 3}, {State: DirectFailed, Sent: 9, Got: 3, Code: DirectStalled}}
	seen := make(chan struct{})
	var asked DirectOffer
	c := meets(t, DirectHandler(func(r *http.Request, o DirectOffer, emit func(DirectEvent) error) error {
		asked = o
		if r.PathValue("id") != "a/b@c" || r.URL.RawQuery != "group=1" {
			t.Errorf("%s", r.URL)
		}
		for _, e := range sent {
			if err := emit(e); err != nil {
				return err
			}
			<-seen // the next is not said before this one has come
		}
		return nil
	}))
	want := DirectOffer{SDP: "offer", From: 5, IfTag: "t", STUN: []string{"stun.example.com:3478"}, Nameless: true}
	var got []DirectEvent
	err := c.Direct(t.Context(), "a/b@c", "capture", url.Values{"group": {"1"}}, want, func(e DirectEvent) error {
		got = append(got, e)
		seen <- struct{}{}
		return nil
	})
	if err != nil || !slices.Equal(got, sent) {
		t.Errorf("%+v, %v", got, err)
	}
	if asked.SDP != want.SDP || asked.From != 5 || asked.IfTag != "t" || !slices.Equal(asked.STUN, want.STUN) || !asked.Nameless {
		t.Errorf("%+v", asked)
	}
}

func TestADirectTransferThatIsRefusedSaysWhy(t *testing.T) {
	c := meets(t, DirectHandler(func(*http.Request, DirectOffer, func(DirectEvent) error) error {
		return &protocol.Problem{Code: protocol.CodeBusy, Status: http.StatusServiceUnavailable, Title: "many"}
	}))
	none := func(e DirectEvent) error { t.Errorf("%+v", e); return nil }
	var p *protocol.Problem
	if err := c.Direct(t.Context(), "x", "capture", nil, DirectOffer{SDP: "x"}, none); !errors.As(err, &p) || p.Code != protocol.CodeBusy || p.Status != 503 {
		t.Errorf("%v", err)
	}
	for name, o := range map[string]DirectOffer{
		"nothing": {}, "too large": {SDP: strings.Repeat("x", MaxDirectSDP+1)}, "from": {SDP: "x", From: -1}, "tag": {SDP: "x", IfTag: strings.Repeat("x", 257)},
		"servers": {SDP: "x", STUN: make([]string, 5)}, "huge": {SDP: strings.Repeat("x", 4*maxDirectLine)},
	} {
		if err := c.Direct(t.Context(), "x", "capture", nil, o, none); !errors.As(err, &p) || p.Code != protocol.CodeBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASensorThatBreaksOffIsNotedAsSuch(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want error
	}{
		"nothing":         {"", io.ErrUnexpectedEOF},
		"one event":       {`{"state":"answer"}` + "\n", io.ErrUnexpectedEOF},
		"no JSON":         {"<html>\n", nil},
		"an endless line": {strings.Repeat("x", 2*maxDirectLine), nil},
	} {
		c := meets(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.body) }))
		err := c.Direct(t.Context(), "x", "capture", nil, DirectOffer{SDP: "x"}, func(DirectEvent) error { return nil })
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
