package source_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

// Streams lists those of the first call, which runs.
func (s *fakeSensor) Streams(context.Context, sensorapi.StreamOptions) (*protocol.StreamUpdate, error) {
	c := s.calls[0]
	u := &protocol.StreamUpdate{T: 1, Snapshot: true}
	for i := range c.Streams {
		u.Streams = append(u.Streams, protocol.LiveStreamOf(c, &c.Streams[i]))
	}
	return u, nil
}

func (s *fakeSensor) WatchStreams(ctx context.Context, o sensorapi.StreamOptions, emit func(*protocol.StreamUpdate) error) error {
	u, _ := s.Streams(ctx, o)
	if err := emit(u); err != nil {
		return err
	}
	if err := emit(&protocol.StreamUpdate{T: 2, Gone: []protocol.StreamID{u.Streams[0].ID}}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func watchesStreams(t *testing.T, src source.Source, file bool, calls []*protocol.CDR) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	n := 0
	rows := map[protocol.StreamID]protocol.LiveStream{}
	err := src.(source.StreamWatcher).WatchStreams(ctx, func(u *protocol.StreamUpdate) error {
		if n++; n == 1 && !u.Snapshot {
			t.Error("the first update is no snapshot")
		}
		if u.Snapshot {
			clear(rows)
		}
		for _, s := range u.Streams {
			rows[s.ID] = s
		}
		for _, id := range u.Gone {
			delete(rows, id)
		}
		if !file && n == 2 {
			cancel()
		}
		return nil
	})
	want := len(calls[0].Streams) - 1
	if file {
		want = 0
		for _, c := range calls {
			want += len(c.Streams)
		}
		if err != nil {
			t.Error(err)
		}
	} else if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(rows) != want || want == 0 {
		t.Errorf("%d streams, want %d", len(rows), want)
	}
	for _, s := range rows {
		if s.About == nil || s.About.Caller == "" || s.MOS == 0 {
			t.Errorf("%+v of %+v", s, s.About)
		}
	}
}
