package sensorapi

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"voiptop/protocol"
)

func TestLimitsAreSetAndWhatIsUsedIsHeard(t *testing.T) {
	var set []int
	srv := httptest.NewServer(LimitsHandler(func(_ context.Context, l Limits) (Limits, error) {
		set = append(set, l.MaxChannels)
		return Limits{MaxChannels: l.MaxChannels, Channels: 3, OverLimit: 1}, nil
	}))
	defer srv.Close()
	c := Client{HTTP: srv.Client(), Base: srv.URL}
	if got, err := c.SetLimits(t.Context(), Limits{MaxChannels: 7}); err != nil || got != (Limits{7, 3, 1}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, n := range []int{0, -1} { // no limit is hosted's to say at hello only
		_, err := c.SetLimits(t.Context(), Limits{MaxChannels: n})
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != protocol.CodeBadRequest {
			t.Errorf("%d channels: %v", n, err)
		}
	}
	if len(set) != 1 || set[0] != 7 {
		t.Errorf("set %v", set)
	}
}
