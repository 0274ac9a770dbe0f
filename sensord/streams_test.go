package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

func TestLiveStreamsAreASnapshotAndThenWhatChanges(t *testing.T) {
	b := newBench(t, "id_sensor = 1")
	file, truth := b.traffic(gen.Config{Seed: 4, Calls: 4, Rate: 4, Talk: 3 * time.Second, Ring: 300 * time.Millisecond})
	b.start("-r", file, "--speed", "2", "--now", "--stay")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	about, last, calls := map[protocol.StreamID]*protocol.StreamAbout{}, map[protocol.StreamID]protocol.LiveStream{}, map[string]bool{}
	gone, first := 0, true
	err := b.api().WatchStreams(ctx, sensorapi.StreamOptions{}, func(u *protocol.StreamUpdate) error {
		if u.Snapshot != first {
			return errors.New("snapshot where there is none, or none where one should be")
		}
		first = false
		for _, s := range u.Streams {
			switch {
			case s.About != nil:
				about[s.ID] = s.About
				calls[s.About.CallID] = true
				if s.ID != protocol.StreamIDOf(s.About.Call, s.About.Src, s.About.Dst, s.About.SSRC) {
					return errors.New("the id is not of the stream")
				}
			case about[s.ID] == nil:
				return errors.New("a stream that was never said whose it is")
			}
			if s.Packets < last[s.ID].Packets {
				return errors.New("packets go back")
			}
			last[s.ID] = s
		}
		for _, id := range u.Gone {
			if about[id] == nil {
				return errors.New("a stream goes that never came")
			}
			gone++
		}
		if gone == 2*len(truth.List) {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("it ended with %v after %d streams", err, gone)
	}
	if len(calls) != len(truth.List) || len(about) != 2*len(truth.List) {
		t.Errorf("%d streams of %d calls, want two of each of %d", len(about), len(calls), len(truth.List))
	}
	for id, s := range last {
		if s.MOS < 4 || s.Packets == 0 || about[id].Codec == "" || len(s.Trend) == 0 {
			t.Errorf("%+v of %+v", s, about[id])
		}
	}
}

func TestDeltasOfStreamsTellWhatChangedAndNoMore(t *testing.T) {
	at := func(n byte, packets, lost uint64, mos float64) protocol.LiveStream {
		return protocol.LiveStream{
			ID: protocol.StreamID(n), About: &protocol.StreamAbout{Call: protocol.UUID{15: n}, Codec: "PCMA"}, Packets: packets, Lost: lost, MOS: mos, Trend: []byte{44},
		}
	}
	w := streamWatch{limit: 2, told: map[protocol.StreamID]told{}}
	now := time.Unix(1000, 0)
	ids := func(u *protocol.StreamUpdate) (out []protocol.StreamID) {
		for _, s := range u.Streams {
			out = append(out, s.ID)
		}
		return out
	}
	u := w.next(&streamSnapshot{t: 1, list: []protocol.LiveStream{at(1, 10, 0, 3), at(2, 10, 0, 4), at(3, 10, 0, 4.4)}}, now)
	if !u.Snapshot || len(u.Streams) != 2 || u.Total != 3 || u.Streams[0].About == nil {
		t.Fatalf("the snapshot is %+v", u)
	}
	u = w.next(&streamSnapshot{t: 2, list: []protocol.LiveStream{at(1, 20, 0, 3.001), at(2, 20, 1, 4)}}, now.Add(time.Second/4))
	if got := ids(u); u.Snapshot || len(got) != 1 || got[0] != 2 || u.Streams[0].About != nil {
		t.Errorf("one stream lost a packet, told is %+v", u)
	}
	u = w.next(&streamSnapshot{t: 3, list: []protocol.LiveStream{at(1, 30, 0, 3), at(2, 30, 1, 4)}}, now.Add(streamRefresh))
	if got := ids(u); len(got) != 1 || got[0] != 1 || u.Streams[0].Packets != 30 {
		t.Errorf("packets are to be told after a while, told is %+v", u)
	}
	changed := at(2, 30, 1, 4)
	changed.About = &protocol.StreamAbout{Call: protocol.UUID{15: 2}, Codec: "G722"}
	u = w.next(&streamSnapshot{t: 4, list: []protocol.LiveStream{changed}}, now.Add(streamRefresh+time.Second/4))
	if len(u.Streams) != 1 || u.Streams[0].About == nil || len(u.Gone) != 1 || u.Gone[0] != 1 {
		t.Errorf("a codec changed and a stream went, told is %+v", u)
	}
	u = w.next(&streamSnapshot{t: 5, list: []protocol.LiveStream{at(1, 30, 0, 3), changed}}, now.Add(streamRefresh+time.Second/2))
	if len(u.Streams) != 1 || u.Streams[0].About == nil {
		t.Errorf("a stream that comes again is told whole, told is %+v", u)
	}
}

func TestStreamsAreBoundedAndTheirQueryIsChecked(t *testing.T) {
	b := newBench(t, "id_sensor = 1")
	b.start("-r", b.oneCall(), "--stay")
	api := b.api()
	u, err := api.Streams(t.Context(), sensorapi.StreamOptions{Limit: 1})
	if err != nil || !u.Snapshot || u.T == 0 {
		t.Errorf("%+v, %v", u, err)
	}
	for _, o := range []sensorapi.StreamOptions{{Limit: sensorapi.MaxStreams + 1}, {Every: time.Millisecond}, {Every: time.Hour}} {
		if _, err := api.Streams(t.Context(), o); problemOf(err).Code != protocol.CodeBadRequest {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
