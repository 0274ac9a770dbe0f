package source_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

// talker is a fakeSensor whose calls can be heard. The callee's side cannot.
type talker struct{ *fakeSensor }

func (s talker) Audio(ctx context.Context, id string, o sensorapi.AudioOptions) (*sensorapi.AudioFile, error) {
	c, err := s.Call(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.ID != s.calls[1].ID {
		return nil, &protocol.Problem{Code: protocol.CodeVoiceNotKept, Status: http.StatusNotFound, Title: "no voice"}
	}
	return &sensorapi.AudioFile{
		Name: "call.wav", Size: 8, ReadSeekCloser: memoryFile{bytes.NewReader([]byte("RIFF" + string(o.Buffer) + string(o.Side))[:8])},
		Missing: []sensorapi.MissingSide{{Side: sensorapi.SideCallee, Code: protocol.CodeCodecNotDecodable, Codec: "G729"}},
	}, nil
}

func (talker) Peaks(context.Context, string, int, sensorapi.AudioOptions) (*sensorapi.Peaks, error) {
	return nil, errors.New("not asked for")
}

func (talker) Spectrogram(context.Context, string, sensorapi.SpectrogramOptions) ([]byte, error) {
	return nil, errors.New("not asked for")
}

func TestSensorAndHostedPassAudioOn(t *testing.T) {
	calls := records(t)
	s := talker{&fakeSensor{calls: calls}}
	path, _ := socket(t, s)
	api := sensorapi.NewHandler(s)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/v1" + r.URL.Path[len("/api/v1"):]
		api.ServeHTTP(w, r)
	}))
	defer web.Close()
	h, err := source.NewHosted(web.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []source.Source{source.NewSensor(path), h} {
		l, ok := src.(source.Listener)
		if !ok {
			t.Fatalf("%s cannot be listened to", src.Name())
		}
		var b bytes.Buffer
		n, missing, err := l.Audio(t.Context(), calls[1].ID.String(), sensorapi.AudioOptions{Buffer: sensorapi.Buffer200}, &b)
		if err != nil || n != 8 || b.String() != "RIFF200b" {
			t.Errorf("%s: %d bytes, %q, %v", src.Name(), n, b.String(), err)
		}
		if len(missing) != 1 || missing[0].Side != sensorapi.SideCallee || missing[0].Code != protocol.CodeCodecNotDecodable || missing[0].Codec != "G729" {
			t.Errorf("%s: missing %+v", src.Name(), missing)
		}
		b.Reset()
		if _, _, err := l.Audio(t.Context(), calls[2].ID.String(), sensorapi.AudioOptions{}, &b); code(err) != protocol.CodeVoiceNotKept || b.Len() > 0 {
			t.Errorf("%s: %v and %d bytes", src.Name(), err, b.Len())
		}
	}
}
