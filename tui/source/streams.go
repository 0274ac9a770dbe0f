package source

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

// StreamWatcher is a Source that tells of the streams of calls as they change.
type StreamWatcher interface {
	Source
	// WatchStreams calls emit with a snapshot of the streams of the running calls, then with deltas or further snapshots; of a file that has
	// been read with those of all its calls. It ends as Watch does.
	WatchStreams(ctx context.Context, emit func(*protocol.StreamUpdate) error) error
}

// maxStreams bounds what is told of a file; the worst are.
const maxStreams = sensorapi.MaxStreams

// WatchStreams implements StreamWatcher.
func (s *sensor) WatchStreams(ctx context.Context, emit func(*protocol.StreamUpdate) error) error {
	err := s.api.WatchStreams(ctx, sensorapi.StreamOptions{Limit: maxStreams}, emit)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.gone()
	}
	return s.explain(err)
}

// WatchStreams follows the streams of all sensors that are online. It implements StreamWatcher.
func (h *Hosted) WatchStreams(ctx context.Context, emit func(*protocol.StreamUpdate) error) error {
	return follow(ctx, h, "/live/streams", "streams", emit)
}

// WatchStreams emits snapshots while the files are read, and one of all calls when they have been. It implements StreamWatcher.
func (f *File) WatchStreams(ctx context.Context, emit func(*protocol.StreamUpdate) error) error {
	f.start()
	t := time.NewTicker(fileEvery)
	defer t.Stop()
	for {
		end := false
		select {
		case <-f.ended:
			end = true
		default:
		}
		if err := emit(f.streams(end)); err != nil || end {
			return err
		}
		select {
		case <-f.ended:
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// streams lists the streams of the calls that run, or once the files have been read of all.
func (f *File) streams(all bool) *protocol.StreamUpdate {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := &protocol.StreamUpdate{T: protocol.TimeFromNanos(f.engine.Now()), Snapshot: true}
	if all {
		for _, c := range f.calls {
			for i := range c.Streams {
				u.Streams = append(u.Streams, protocol.LiveStreamOf(c, &c.Streams[i]))
			}
		}
	} else {
		var at analyze.Cursor
		u.Streams, _ = f.engine.Streams(&at, nil, math.MaxInt)
	}
	protocol.SortStreams(u.Streams)
	u.Total = len(u.Streams)
	u.Streams = u.Streams[:min(u.Total, maxStreams)]
	return u
}
