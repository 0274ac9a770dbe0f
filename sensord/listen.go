package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/audio"
	"voiptop/sensord/internal/capture"
)

// Bounds of listening: what it may take of the machine beside the telephone system.
const (
	decodesAtOnce   = 2
	listenersAtOnce = 32
	callsRemembered = 32 // what can be heard of them: some KB each
	peaksRemembered = 32 // at most 400 KB each, 50 KB with as many points as a browser asks for
)

// listening is what the daemon remembers between requests of those who listen.
type listening struct {
	gate  *audio.Gate
	calls recall[callKey, *analyze.Recording]
	peaks recall[peaksKey, *sensorapi.Peaks]

	opened, drawn, busy atomic.Uint64
}

// counters adds what listeners asked for.
func (l *listening) counters(c protocol.Counters) {
	c["audio.opened"] = l.opened.Load()
	c["audio.drawn"] = l.drawn.Load()
	c["audio.refused.busy"] = l.busy.Load()
}

// count counts a picture that was drawn, or what became of it.
func (l *listening) count(err error) {
	switch {
	case err == nil:
		l.drawn.Add(1)
	case errors.Is(err, audio.ErrBusy):
		l.busy.Add(1)
	}
}

func newListening() *listening {
	l := &listening{gate: audio.NewGate(decodesAtOnce, listenersAtOnce)}
	l.calls.most, l.peaks.most = callsRemembered, peaksRemembered
	return l
}

// callKey is a capture as it is on disk.
type callKey struct {
	id   protocol.UUID
	size int64
}

type peaksKey struct {
	call   callKey
	points int
	o      sensorapi.AudioOptions
}

// Audio implements sensorapi.Listener.
func (s sensor) Audio(ctx context.Context, id string, o sensorapi.AudioOptions) (*sensorapi.AudioFile, error) {
	r, c, err := s.recording(ctx, id)
	if err != nil {
		return nil, err
	}
	o.MuteDTMF = o.MuteDTMF || c.masked
	gate := s.d.listening.gate
	w, err := r.WAV(ctx, o, gate)
	if err != nil {
		return nil, err
	}
	if !gate.TryOpen() {
		s.d.listening.busy.Add(1)
		return nil, audio.ErrBusy
	}
	s.d.listening.opened.Add(1)
	return &sensorapi.AudioFile{
		Name: r.Name(), Size: w.Size(), ModTime: c.modified, Tag: fmt.Sprintf("%s-%d-%s", c.key.id, c.key.size, o.Query().Encode()), Start: r.Start(), Missing: r.Missing(),
		ReadSeekCloser: &openWAV{WAV: w, gate: gate},
	}, nil
}

// openWAV counts as open until it is closed.
type openWAV struct {
	*audio.WAV
	gate *audio.Gate
	once sync.Once
}

func (w *openWAV) Close() error {
	w.once.Do(w.gate.Closed)
	return w.WAV.Close()
}

// Peaks implements sensorapi.Listener.
func (s sensor) Peaks(ctx context.Context, id string, points int, o sensorapi.AudioOptions) (*sensorapi.Peaks, error) {
	r, c, err := s.recording(ctx, id)
	if err != nil {
		return nil, err
	}
	o.MuteDTMF = o.MuteDTMF || c.masked
	key := peaksKey{c.key, points, o}
	if p, ok := s.d.listening.peaks.get(key); ok {
		return p, nil
	}
	p, err := r.Peaks(ctx, o, points, s.d.listening.gate)
	s.d.listening.count(err)
	if err == nil {
		s.d.listening.peaks.put(key, p)
	}
	return p, err
}

// Spectrogram implements sensorapi.Listener.
func (s sensor) Spectrogram(ctx context.Context, id string, o sensorapi.SpectrogramOptions) ([]byte, error) {
	r, c, err := s.recording(ctx, id)
	if err != nil {
		return nil, err
	}
	o.MuteDTMF = o.MuteDTMF || c.masked
	b, err := r.Spectrogram(ctx, o.AudioOptions, o.Width, o.Height, s.d.listening.gate)
	s.d.listening.count(err)
	return b, err
}

// kept is what is known of the capture of a call.
type kept struct {
	key      callKey
	modified time.Time
	masked   bool // its rule has digits blanked: so are those that are tones within the voice
}

// recording finds what can be heard of a call, or says why nothing can.
func (s sensor) recording(ctx context.Context, id string) (*analyze.Recording, kept, error) {
	u, err := s.callUUID(ctx, id)
	if err != nil {
		return nil, kept{}, err
	}
	f, err := s.d.spool.Read(u)
	if err != nil {
		return nil, kept{}, s.captureProblem(ctx, id, err)
	}
	defer f.Close()
	k := kept{callKey{u, f.Size}, f.ModTime, f.Info.Masked}
	known, _ := s.d.journal.Find(u.String()) // nil: the history does not go back to it
	switch {
	case f.Info.NoAudio:
		return nil, k, &protocol.Problem{
			Code: protocol.CodeAudioOff, Status: http.StatusForbidden, Title: "this call may not be listened to",
			Detail: "the capture rule " + f.Info.Rule + " says: no audio", Fields: map[string]string{"rule": f.Info.Rule},
		}
	case f.Info.Keep == protocol.KeepSIP, f.Info.Keep == protocol.KeepHeaders:
		return nil, k, &protocol.Problem{
			Code: protocol.CodeVoiceNotKept, Status: http.StatusNotFound, Title: "the voice of this call was not kept",
			Detail: "the capture rule " + f.Info.Rule + " says: keep " + string(f.Info.Keep),
			Remedy: `a rule that says "keep rtp" keeps the voice of the next calls`, Fields: map[string]string{"rule": f.Info.Rule},
		}
	}
	if r, ok := s.d.listening.calls.get(k.key); ok {
		return r, k, nil
	}
	callID := f.Info.CallID
	if known != nil {
		callID = known.CallID // whole: a comment is cut
	}
	l := analyze.Listening{
		Open: func() (analyze.Source, error) { return s.packets(u) }, CallID: callID, Known: known, Name: f.Name(".wav"),
	}
	if s.d.conf.TLSKeyLog != "" {
		l.TLSKeys, _ = analyze.ReadKeyLog(s.d.conf.TLSKeyLog) // without it the record tells what it can
	}
	r, err := analyze.Listen(ctx, l)
	if err == nil {
		s.d.listening.calls.put(k.key, r)
	}
	return r, k, err
}

// packets opens the kept packets of a call.
func (s sensor) packets(u protocol.UUID) (analyze.Source, error) {
	f, err := s.d.spool.Read(u)
	if err != nil {
		return nil, err
	}
	return sourceOf(f)
}

// fileSource closes its file with it.
type fileSource struct {
	capture.Source
	file *guarded
}

func (f *fileSource) Close() error { return errors.Join(f.Source.Close(), f.file.Close()) }

// guarded is a file that is closed while another goroutine may still read from it: a source reads ahead.
type guarded struct {
	mu sync.Mutex
	r  io.ReadCloser // nil: closed
}

func (g *guarded) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.r == nil {
		return 0, io.ErrClosedPipe
	}
	return g.r.Read(p)
}

func (g *guarded) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.r == nil {
		return nil
	}
	r := g.r
	g.r = nil
	return r.Close()
}
