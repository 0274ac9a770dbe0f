package sensorapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"voiptop/protocol"
)

// StreamWatcher is what a Sensor is as well if it lists the streams of its running calls. A Sensor that is none answers 404.
type StreamWatcher interface {
	// WatchStreams calls emit with a snapshot, then with deltas, until ctx ends or emit fails.
	WatchStreams(ctx context.Context, o StreamOptions, emit func(*protocol.StreamUpdate) error) error
	// Streams is the first update that WatchStreams would emit.
	Streams(ctx context.Context, o StreamOptions) (*protocol.StreamUpdate, error)
}

// StreamOptions choose what is told of streams.
type StreamOptions struct {
	Limit int           // streams; the worst when there are more
	Every time.Duration // between two updates
}

// Bounds of what can be asked for.
const (
	DefaultStreams      = 4000 // two of each of 2000 calls
	MaxStreams          = 20000
	DefaultStreamsEvery = 250 * time.Millisecond // the least, too
	MaxStreamsEvery     = 10 * time.Second
)

// withDefaults fills in what was not said.
func (o StreamOptions) withDefaults() StreamOptions {
	if o.Limit == 0 {
		o.Limit = DefaultStreams
	}
	if o.Every == 0 {
		o.Every = DefaultStreamsEvery
	}
	return o
}

// ParseStreamOptions reads them from a query: limit and every, in milliseconds.
func ParseStreamOptions(q url.Values) (StreamOptions, error) {
	var o StreamOptions
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > MaxStreams {
			return o, fmt.Errorf("limit %q: want a number from 1 to %d", v, MaxStreams)
		}
		o.Limit = n
	}
	if v := q.Get("every"); v != "" {
		n, err := strconv.Atoi(v)
		if least, most := int(DefaultStreamsEvery.Milliseconds()), int(MaxStreamsEvery.Milliseconds()); err != nil || n < least || n > most {
			return o, fmt.Errorf("every %q: want milliseconds from %d to %d", v, least, most)
		}
		o.Every = time.Duration(n) * time.Millisecond
	}
	return o.withDefaults(), nil
}

// Query is what ParseStreamOptions reads.
func (o StreamOptions) Query() url.Values {
	q := url.Values{}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	if o.Every > 0 {
		q.Set("every", strconv.FormatInt(o.Every.Milliseconds(), 10))
	}
	return q
}

func (h handler) streams(w http.ResponseWriter, r *http.Request) {
	s, ok := h.s.(StreamWatcher)
	if !ok {
		WriteProblem(w, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "this sensor lists no streams"})
		return
	}
	o, err := ParseStreamOptions(r.URL.Query())
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	if r.URL.Query().Get("once") != "" {
		u, err := s.Streams(r.Context(), o)
		reply(w, u, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc, rc := json.NewEncoder(w), http.NewResponseController(w)
	// As of live: an error can only end the stream.
	_ = s.WatchStreams(r.Context(), o, func(u *protocol.StreamUpdate) error {
		if err := enc.Encode(u); err != nil {
			return err
		}
		return rc.Flush()
	})
}

// Streams lists the streams of the running calls.
func (c *Client) Streams(ctx context.Context, o StreamOptions) (*protocol.StreamUpdate, error) {
	q := o.Query()
	q.Set("once", "1")
	u := &protocol.StreamUpdate{}
	return u, c.get(ctx, "/v1/live/streams?"+q.Encode(), u)
}

// WatchStreams calls emit with the streams of the running calls and then with what changes, until ctx ends, emit fails or the sensor goes.
func (c *Client) WatchStreams(ctx context.Context, o StreamOptions, emit func(*protocol.StreamUpdate) error) error {
	return watch(ctx, c, "/v1/live/streams?"+o.Query().Encode(), "live streams", emit)
}
