package httpapi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// liveCalls watches the calls that run.
func liveCalls() kind[protocol.UUID, protocol.LiveCall] {
	return kind[protocol.UUID, protocol.LiveCall]{
		watch: func(ctx context.Context, c *sensorapi.Client, emit func(change[protocol.UUID, protocol.LiveCall]) error) error {
			return c.Watch(ctx, func(u *protocol.LiveUpdate) error {
				return emit(change[protocol.UUID, protocol.LiveCall]{u.T, u.Snapshot, u.Calls, u.Gone, u.Counters})
			})
		},
		key:   func(c *protocol.LiveCall) protocol.UUID { return c.ID },
		less:  func(a, b protocol.UUID) int { return slices.Compare(a[:], b[:]) },
		join:  func(_, now protocol.LiveCall) protocol.LiveCall { return now },
		whole: func(*protocol.LiveCall) bool { return true },
		weigh: func(c *protocol.LiveCall) int {
			return rowWeight + len(c.CallID) + len(c.GroupID) + len(c.State) + len(c.Caller) + len(c.Callee) + len(c.Src) + len(c.Dst) + len(c.Transport) +
				len(c.Codec) + len(c.Trend) + len(c.Finding) + len(c.Severity) + len(c.Kept) + len(c.Held) + len(c.Rule)
		},
	}
}

// rowWeight is what a row takes beside its texts: the struct, its numbers and the map's share.
const rowWeight = 400

const (
	// streamsEvery is how often a sensor tells what changed of its streams: they are many, and its uplink may be narrow.
	streamsEvery = time.Second
	// countStreams is among the counters of liveStreams the streams that there are, those that are not told included.
	countStreams = "streams"
)

// liveStreams watches the streams of the calls that run.
func liveStreams() kind[protocol.StreamID, protocol.LiveStream] {
	return kind[protocol.StreamID, protocol.LiveStream]{
		watch: func(ctx context.Context, c *sensorapi.Client, emit func(change[protocol.StreamID, protocol.LiveStream]) error) error {
			return c.WatchStreams(ctx, sensorapi.StreamOptions{Limit: sensorapi.DefaultStreams, Every: streamsEvery}, func(u *protocol.StreamUpdate) error {
				return emit(change[protocol.StreamID, protocol.LiveStream]{u.T, u.Snapshot, u.Streams, u.Gone, protocol.Counters{countStreams: uint64(max(u.Total, 0))}})
			})
		},
		key:  func(s *protocol.LiveStream) protocol.StreamID { return s.ID },
		less: cmp.Compare[protocol.StreamID],
		join: func(old, now protocol.LiveStream) protocol.LiveStream {
			if now.About == nil {
				now.About = old.About
			}
			return now
		},
		whole: func(s *protocol.LiveStream) bool { return s.About != nil },
		weigh: func(s *protocol.LiveStream) int {
			a := s.About
			return rowWeight + len(s.Trend) + len(a.CallID) + len(a.Caller) + len(a.Callee) + len(a.CallSrc) + len(a.CallDst) + len(a.Direction) + len(a.Src) +
				len(a.Dst) + len(a.Codec) + len(a.Media)
		},
	}
}
