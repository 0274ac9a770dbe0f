// Package audio makes the packets that were kept of a call audible again: it finds the voice of both sides, decrypts it where
// the SDP told the key, plays it through a jitter buffer as the telephone did, decodes it, and gives a WAV file that is
// made while it is read, a waveform or a spectrogram. docs/listening.md says what can be heard.
//
// sensord/analyze scans captures for it (analyze.Listen); sensord serves what it gives, `voipmon audio` writes it to a file.
// It is not for finding calls or streams (the engine does), nor for who may listen (sensord and hosted do). Memory is
// bounded whatever the length of a call: a few seconds of samples, half a second of packets a stream.
package audio

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/quality"
)

// Opener opens the packets of the call from their start. It is called for every reader, and again when one seeks back.
type Opener func() (capture.Source, error)

// Recording is what can be heard of one call. It does not change and may be used by many goroutines.
type Recording struct {
	open   Opener
	name   string
	start  int64 // of the time line, Unix nanoseconds
	frames int64 // samples of a side
	rate   int   // Hz: 8000, 16000 or 48000
	tracks []*track
	lines  *lines
	codecs [2][]string

	missing []sensorapi.MissingSide
}

// The sides of a call, as indices.
const (
	caller = 0
	callee = 1
)

var sideNames = [2]sensorapi.Side{sensorapi.SideCaller, sensorapi.SideCallee}

// Start is when the first sample was captured.
func (r *Recording) Start() protocol.Time { return protocol.TimeOf(time.Unix(0, r.start)) }

// Name is the file name to offer.
func (r *Recording) Name() string { return r.name }

// Duration of the time line, from the first voice packet of either side to the last.
func (r *Recording) Duration() time.Duration {
	rate := int64(r.rate)
	return time.Duration(r.frames/rate)*time.Second + time.Duration(r.frames%rate)*time.Second/time.Duration(rate)
}

// Missing names the sides that have voice which cannot be played.
func (r *Recording) Missing() []sensorapi.MissingSide { return r.missing }

// sides says which sides are wanted, or why there is nothing to be heard of them.
func (r *Recording) sides(s sensorapi.Side) (list []int, err error) {
	switch s {
	case sensorapi.SideCaller:
		list = []int{caller}
	case sensorapi.SideCallee:
		list = []int{callee}
	default:
		list = []int{caller, callee}
	}
	audible := false
	for _, t := range r.tracks {
		for _, i := range list {
			audible = audible || t.side == i
		}
	}
	if audible || len(list) == 1 && !r.lacks(list[0]) && len(r.tracks) > 0 {
		return list, nil // a side without voice is silence
	}
	for _, m := range r.missing {
		if len(list) == 2 || m.Side == sideNames[list[0]] {
			return nil, r.cannot(m)
		}
	}
	return nil, errNoVoice
}

func (r *Recording) lacks(side int) bool {
	for _, m := range r.missing {
		if m.Side == sideNames[side] {
			return true
		}
	}
	return false
}

var errNoVoice = &protocol.Problem{
	Code: protocol.CodeVoiceNotKept, Status: http.StatusNotFound, Title: "there is no voice in what was kept of this call",
	Detail: "the capture holds no RTP of audio", Remedy: "the signalling can be downloaded",
}

var errHeadersOnly = &protocol.Problem{
	Code: protocol.CodeVoiceNotKept, Status: http.StatusNotFound, Title: "the voice of this call was not kept",
	Detail: "its capture holds headers only", Remedy: `a rule that says "keep rtp" keeps the voice of the next calls`,
}

// cannot is the problem of a side that cannot be played.
func (r *Recording) cannot(m sensorapi.MissingSide) error {
	if m.Code == protocol.CodeSRTPWithoutKey {
		return &protocol.Problem{
			Code: m.Code, Status: http.StatusConflict, Title: "the voice of this call is encrypted", Detail: m.Detail,
			Remedy: "download the capture; with the keys, Wireshark can decrypt it",
		}
	}
	return &protocol.Problem{
		Code: m.Code, Status: http.StatusUnsupportedMediaType, Title: m.Codec + " cannot be decoded here", Detail: m.Detail,
		Remedy: "download the capture and play it with a program that has the codec", Fields: map[string]string{"codec": m.Codec},
	}
}

// bufferOf is the jitter buffer of that name.
func bufferOf(b sensorapi.AudioBuffer) (int, error) {
	switch b {
	case sensorapi.Buffer50:
		return quality.F1, nil
	case sensorapi.Buffer200:
		return quality.F2, nil
	case sensorapi.BufferAdaptive, "":
		return quality.Adaptive, nil
	}
	return 0, fmt.Errorf("buffer %q: want adaptive, 50 or 200", b)
}

// upper is strings.ToUpper of a codec's name from the SDP, without what is not printable.
func upper(name string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, strings.ToUpper(name))
}
