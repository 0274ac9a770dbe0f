package opened

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

// sound is what can be heard of the call that was listened to last.
type sound struct {
	call protocol.UUID
	*analyze.Recording
}

// hear finds what can be heard of a call. c.reading is held.
func (c *Capture) hear(ctx context.Context, r *protocol.CDR) (*analyze.Recording, error) {
	if c.sound != nil && c.sound.call == r.ID {
		if _, err := c.packetsOf(ctx, r); err != nil { // still there
			return nil, err
		}
		return c.sound.Recording, nil
	}
	paths := c.o.Paths
	if r.Transport != "tls" && r.Transport != "wss" { // their keys of the voice can be read only with the whole connection
		p, err := c.packetsOf(ctx, r)
		if err != nil {
			return nil, err
		}
		if p.size > 0 {
			paths = []string{p.path}
		}
	}
	rec, err := analyze.Listen(ctx, analyze.Listening{
		Open: func() (analyze.Source, error) { return analyze.Open(paths, nil) }, CallID: r.CallID, Known: r, TLSKeys: c.keys, Name: r.FileName(".wav"),
	})
	if err != nil {
		return nil, err
	}
	c.sound = &sound{r.ID, rec}
	return rec, nil
}

// audio answers the voice of a call as a WAV file.
func (c *Capture) audio(ctx context.Context, r *protocol.CDR, o sensorapi.AudioOptions) (a *Answer, err error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	rec, err := c.hear(ctx, r)
	if err != nil {
		return nil, err
	}
	wav, err := rec.WAV(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer wav.Close()
	f, err := os.Create(filepath.Join(c.o.Dir, r.ID.String()+".wav"))
	if err != nil {
		return nil, fmt.Errorf("make room for the sound: %w", err)
	}
	_, err = io.CopyBuffer(f, struct{ io.Reader }{wav}, make([]byte, 256<<10))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return &Answer{Status: http.StatusOK, Type: "audio/wav", Name: rec.Name(), File: f.Name(), Once: true}, nil
}

// peaks answers the waveform of a call.
func (c *Capture) peaks(ctx context.Context, r *protocol.CDR, o sensorapi.AudioOptions, points int) (*Answer, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	rec, err := c.hear(ctx, r)
	if err != nil {
		return nil, err
	}
	p, err := rec.Peaks(ctx, o, points, nil)
	if err != nil {
		return nil, err
	}
	return encode(p)
}

// spectrogram answers a picture of the sound.
func (c *Capture) spectrogram(ctx context.Context, r *protocol.CDR, o sensorapi.SpectrogramOptions) (*Answer, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	rec, err := c.hear(ctx, r)
	if err != nil {
		return nil, err
	}
	b, err := rec.Spectrogram(ctx, o.AudioOptions, o.Width, o.Height, nil)
	if err != nil {
		return nil, err
	}
	return &Answer{Status: http.StatusOK, Type: "image/png", Body: b}, nil
}
