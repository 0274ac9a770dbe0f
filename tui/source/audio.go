package source

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

// Listener is a Source whose kept calls can be listened to.
type Listener interface {
	Source
	// Audio writes what is to be heard of a call to w as a WAV file. missing are the sides that are silent although there was
	// voice. When there is nothing to be heard, the error is a *protocol.Problem that says why, and nothing was written.
	Audio(ctx context.Context, id string, o sensorapi.AudioOptions, w io.Writer) (n int64, missing []sensorapi.MissingSide, err error)
}

func (s *sensor) Audio(ctx context.Context, id string, o sensorapi.AudioOptions, w io.Writer) (int64, []sensorapi.MissingSide, error) {
	a, err := s.api.Audio(ctx, id, o)
	if err != nil {
		return 0, nil, s.explain(err)
	}
	return copyAudio(w, a, id)
}

// Audio has the sensor's audio relayed.
func (h *Hosted) Audio(ctx context.Context, id string, o sensorapi.AudioOptions, w io.Writer) (int64, []sensorapi.MissingSide, error) {
	id, err := h.resolve(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	path := "/calls/" + id + "/audio"
	if q := o.Query(); len(q) > 0 {
		path += "?" + q.Encode()
	}
	res, err := h.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0, nil, err
	}
	return copyAudio(w, sensorapi.NewAudioStream(res), id)
}

func copyAudio(w io.Writer, a *sensorapi.AudioStream, id string) (int64, []sensorapi.MissingSide, error) {
	defer a.Close()
	n, err := io.Copy(w, a)
	if err == nil && a.Size >= 0 && n != a.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return n, nil, fmt.Errorf("audio of %s: %w", id, err)
	}
	return n, a.Missing, nil
}

// Audio reads the files once more and decodes the voice of one call.
func (f *File) Audio(ctx context.Context, id string, o sensorapi.AudioOptions, w io.Writer) (int64, []sensorapi.MissingSide, error) {
	c, err := f.again(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	r, err := analyze.Listen(ctx, analyze.Listening{
		Open: func() (analyze.Source, error) { return analyze.Open(f.paths, nil) }, CallID: c.CallID, Known: c, TLSKeys: f.keys,
		Name: c.FileName(".wav"),
	})
	if err != nil {
		return 0, nil, err
	}
	a, err := r.WAV(ctx, o, nil)
	if err != nil {
		return 0, nil, err
	}
	defer a.Close()
	n, err := io.Copy(w, a)
	return n, r.Missing(), err
}
