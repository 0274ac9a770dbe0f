package cluster

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"voiptop/protocol/sensorapi"
)

// The first event is there while the transfer goes on, and whoever goes ends it, as through one node.
func TestADirectTransferIsArrangedThroughTheOtherNode(t *testing.T) {
	r := newRig(t)
	a, b := r.node("a", nil), r.node("b", nil)
	ended := make(chan struct{})
	m := http.NewServeMux()
	m.Handle("POST /v1/calls/{id}/capture/direct", sensorapi.DirectHandler(func(q *http.Request, o sensorapi.DirectOffer, emit func(sensorapi.DirectEvent) error) error {
		defer close(ended)
		if err := emit(sensorapi.DirectEvent{State: sensorapi.DirectAnswer, SDP: o.SDP + " " + q.URL.RawQuery}); err != nil {
			return err
		}
		<-q.Context().Done()
		return q.Context().Err()
	}))
	s := r.must(r.comes(a, 1, "boot", m))
	b.sees(s.id, "a")
	enough := errors.New("enough")
	var got sensorapi.DirectEvent
	err := b.Client(s.id).Direct(t.Context(), "a/b", "capture", url.Values{"group": {"1"}}, sensorapi.DirectOffer{SDP: "offer"}, func(e sensorapi.DirectEvent) error {
		got = e
		return enough
	})
	if !errors.Is(err, enough) || got.SDP != "offer group=1" {
		t.Errorf("%+v, %v", got, err)
	}
	<-ended
}
