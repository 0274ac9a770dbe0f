package main

import (
	"bytes"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

const (
	streamCalls   = 100             // of which streams are asked for between two packets
	streamRefresh = 2 * time.Second // the packets of a stream that goes on as before are told so often
)

// streamViewer takes snapshots of the streams of the running calls; several watchers share one.
type streamViewer struct {
	pipeline *pipeline
	now      func() time.Time

	mu    sync.Mutex
	taken time.Time
	last  *streamSnapshot
}

// streamSnapshot is all streams at a time, the worst first. It is not changed.
type streamSnapshot struct {
	t    protocol.Time
	list []protocol.LiveStream
}

// snapshot lists the streams, as of at most maxAge ago.
func (v *streamViewer) snapshot(maxAge time.Duration) (*streamSnapshot, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last != nil && v.now().Sub(v.taken) < maxAge {
		return v.last, nil
	}
	s := &streamSnapshot{}
	var at analyze.Cursor
	for more := true; more; {
		if err := v.pipeline.ask(func(e *analyze.Engine) {
			s.list, more = e.Streams(&at, s.list, streamCalls)
			s.t = protocol.TimeFromNanos(e.Now())
		}); err != nil {
			return nil, err
		}
	}
	protocol.SortStreams(s.list)
	v.last, v.taken = s, v.now()
	return s, nil
}

// watch emits a snapshot and then what changes.
func (v *streamViewer) watch(ctx context.Context, o sensorapi.StreamOptions, emit func(*protocol.StreamUpdate) error) error {
	w := streamWatch{limit: o.Limit, told: map[protocol.StreamID]told{}}
	t := time.NewTicker(o.Every)
	defer t.Stop()
	for {
		s, err := v.snapshot(o.Every / 2)
		if err != nil {
			return err
		}
		if err := emit(w.next(s, v.now())); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// streamWatch is what one watcher has been told.
type streamWatch struct {
	limit int
	begun bool
	told  map[protocol.StreamID]told
	round uint64
}

type told struct {
	row   protocol.LiveStream
	at    time.Time
	round uint64 // of the snapshot that had it last
}

// next is what leads from what was told to a snapshot.
func (w *streamWatch) next(s *streamSnapshot, now time.Time) *protocol.StreamUpdate {
	w.round++
	u := &protocol.StreamUpdate{T: s.t, Snapshot: !w.begun, Total: len(s.list)}
	w.begun = true
	for _, row := range s.list[:min(len(s.list), w.limit)] {
		was, known := w.told[row.ID]
		if known && *was.row.About == *row.About && unmoved(&was.row, &row) && (was.row.Packets == row.Packets || now.Sub(was.at) < streamRefresh) {
			was.round = w.round
			w.told[row.ID] = was
			continue
		}
		w.told[row.ID] = told{row, now, w.round}
		if known && *was.row.About == *row.About {
			row.About = nil
		}
		u.Streams = append(u.Streams, row)
	}
	for id, t := range w.told {
		if t.round != w.round {
			u.Gone = append(u.Gone, id)
			delete(w.told, id)
		}
	}
	slices.Sort(u.Gone)
	return u
}

// unmoved reports whether two rows show the same, but for the packets.
func unmoved(a, b *protocol.LiveStream) bool {
	near := func(x, y, step float64) bool { return math.Abs(x-y) < step }
	return a.Lost == b.Lost && a.Duplicates == b.Duplicates && a.Reordered == b.Reordered &&
		near(a.LossPct, b.LossPct, 0.05) && near(a.JitterMS, b.JitterMS, 0.1) && near(a.JitterMax, b.JitterMax, 0.1) &&
		near(a.DeltaMax, b.DeltaMax, 1) && near(a.MOS, b.MOS, 0.01) && equal(a.RTTMS, b.RTTMS) && bytes.Equal(a.Trend, b.Trend)
}

// WatchStreams implements sensorapi.StreamWatcher.
func (s sensor) WatchStreams(ctx context.Context, o sensorapi.StreamOptions, emit func(*protocol.StreamUpdate) error) error {
	return s.d.streams.watch(ctx, o, emit)
}

// Streams implements sensorapi.StreamWatcher.
func (s sensor) Streams(_ context.Context, o sensorapi.StreamOptions) (*protocol.StreamUpdate, error) {
	list, err := s.d.streams.snapshot(watchEvery / 2)
	if err != nil {
		return nil, err
	}
	w := streamWatch{limit: o.Limit, told: map[protocol.StreamID]told{}}
	return w.next(list, time.Time{}), nil
}
