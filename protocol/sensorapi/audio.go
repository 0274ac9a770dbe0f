package sensorapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

// Listener is what a Sensor is as well if its calls can be listened to. A Sensor that is none answers 404.
type Listener interface {
	// Audio opens what is to be heard of an ended call. The caller closes it.
	Audio(ctx context.Context, id string, o AudioOptions) (*AudioFile, error)
	// Peaks draws the waveform of both sides in so many points.
	Peaks(ctx context.Context, id string, points int, o AudioOptions) (*Peaks, error)
	// Spectrogram draws time over frequency, as a PNG.
	Spectrogram(ctx context.Context, id string, o SpectrogramOptions) ([]byte, error)
}

// Side says whom one hears.
type Side string

// The sides of a call. Both is stereo: the caller on the left, the callee on the right.
const (
	SideBoth   Side = "both"
	SideCaller Side = "caller"
	SideCallee Side = "callee"
)

// AudioBuffer is the jitter buffer behind which one listens, see docs/listening.md.
type AudioBuffer string

// The jitter buffers: the same three as a stream's MOS is computed for.
const (
	BufferAdaptive AudioBuffer = "adaptive" // follows the jitter, up to 500 ms
	Buffer50       AudioBuffer = "50"       // fixed, 50 ms
	Buffer200      AudioBuffer = "200"      // fixed, 200 ms
)

// AudioOptions choose what is heard. The zero value is both sides behind an adaptive buffer, DTMF as tones.
type AudioOptions struct {
	Side     Side
	Buffer   AudioBuffer
	MuteDTMF bool // blank the digits
}

// Bounds of what can be asked for.
const (
	MaxPeaks             = 8192 // points
	DefaultPeaks         = 1000
	MaxSpectrogramWidth  = 4096 // pixels
	MaxSpectrogramHeight = 2048
)

// SpectrogramOptions choose a picture.
type SpectrogramOptions struct {
	AudioOptions
	Width, Height int // pixels, of the whole picture; both sides are stacked, the caller above
}

// AudioFile is an open WAV file of known size. It is decoded while it is read.
type AudioFile struct {
	Name    string // file name to offer, e.g. "20261122-100000_1001_1002.wav"
	Size    int64
	ModTime time.Time
	Tag     string        // stands for these very bytes, becomes the ETag; "": there is none
	Start   protocol.Time // when the first sample was captured
	Missing []MissingSide
	io.ReadSeekCloser
}

// MissingSide says why one side of a call is silent although there was voice.
type MissingSide struct {
	Side   Side   `json:"side"`
	Code   string `json:"code"` // codec-not-decodable or srtp-without-key
	Codec  string `json:"codec,omitempty"`
	Detail string `json:"detail"`
}

// String says so to a person.
func (m MissingSide) String() string {
	why := m.Codec + " cannot be decoded"
	if m.Code == protocol.CodeSRTPWithoutKey {
		why = "the voice is encrypted, and no key is known"
	}
	return "the " + string(m.Side) + " is silent: " + why
}

// Peaks is a waveform: for each of so many equal spans of time the least and the greatest sample.
type Peaks struct {
	Start      protocol.Time `json:"start"` // when the first sample was captured
	DurationMS int64         `json:"duration_ms"`
	SampleRate int           `json:"sample_rate"` // Hz, of the WAV file
	Points     int           `json:"points"`
	Sides      []SidePeaks   `json:"sides"` // those that were asked for, the caller first
	Missing    []MissingSide `json:"missing"`
}

// SidePeaks is the waveform of one side. Min, Max and Lost have Points entries each.
type SidePeaks struct {
	Side   Side      `json:"side"`
	Codecs []string  `json:"codecs"` // that were decoded, in the order of their first packet
	Min    []float64 `json:"min"`    // -1..1, 3 decimals
	Max    []float64 `json:"max"`
	Lost   []int     `json:"lost"` // packets that were not played because they were lost or came too late
}

// Headers of an answer with audio.
const (
	// HeaderAudioStart is when the first sample was captured, RFC 3339.
	HeaderAudioStart = "Audio-Start"
	// HeaderAudioMissing names a side that is silent although there was voice, and why: "callee codec-not-decodable G729". It is
	// repeated when both are.
	HeaderAudioMissing = "Audio-Missing"
)

func (h handler) listener(w http.ResponseWriter) Listener {
	l, ok := h.s.(Listener)
	if !ok {
		WriteProblem(w, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "this sensor plays no calls"})
		return nil
	}
	return l
}

func (h handler) audio(w http.ResponseWriter, r *http.Request) {
	l := h.listener(w)
	if l == nil {
		return
	}
	o, err := ParseAudioOptions(r.URL.Query())
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	f, err := l.Audio(r.Context(), r.PathValue("id"), o)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	defer f.Close()
	if f.Tag != "" {
		w.Header().Set("ETag", `"`+f.Tag+`"`)
	}
	for _, m := range f.Missing {
		w.Header().Add(HeaderAudioMissing, strings.TrimSpace(string(m.Side)+" "+m.Code+" "+m.Codec))
	}
	w.Header().Set(HeaderAudioStart, f.Start.String())
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", f.Name))
	http.ServeContent(w, r, f.Name, f.ModTime, f)
}

func (h handler) peaks(w http.ResponseWriter, r *http.Request) {
	l := h.listener(w)
	if l == nil {
		return
	}
	q := r.URL.Query()
	o, err := ParseAudioOptions(q)
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	points, err := bounded(q, "points", DefaultPeaks, MaxPeaks)
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	p, err := l.Peaks(r.Context(), r.PathValue("id"), points, o)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	writeJSON(w, p)
}

func (h handler) spectrogram(w http.ResponseWriter, r *http.Request) {
	l := h.listener(w)
	if l == nil {
		return
	}
	q := r.URL.Query()
	a, err := ParseAudioOptions(q)
	o := SpectrogramOptions{AudioOptions: a}
	if err == nil {
		o.Width, err = bounded(q, "width", 1000, MaxSpectrogramWidth)
	}
	if err == nil {
		o.Height, err = bounded(q, "height", 256, MaxSpectrogramHeight)
	}
	if err != nil {
		badRequest(w, err.Error())
		return
	}
	b, err := l.Spectrogram(r.Context(), r.PathValue("id"), o)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(b) // the client is gone: nobody is left to tell
}

// ParseAudioOptions reads side, buffer and dtmf of a query.
func ParseAudioOptions(q url.Values) (o AudioOptions, err error) {
	switch o.Side = Side(q.Get("side")); o.Side {
	case "":
		o.Side = SideBoth
	case SideBoth, SideCaller, SideCallee:
	default:
		return o, fmt.Errorf("side %q: want both, caller or callee", o.Side)
	}
	switch o.Buffer = AudioBuffer(q.Get("buffer")); o.Buffer {
	case "":
		o.Buffer = BufferAdaptive
	case BufferAdaptive, Buffer50, Buffer200:
	default:
		return o, fmt.Errorf("buffer %q: want adaptive, 50 or 200 (ms)", o.Buffer)
	}
	switch v := q.Get("dtmf"); v {
	case "":
	case "mute":
		o.MuteDTMF = true
	default:
		return o, fmt.Errorf("dtmf %q: want mute or nothing", v)
	}
	return o, nil
}

// Query writes o as ParseAudioOptions reads it.
func (o AudioOptions) Query() url.Values {
	q := url.Values{}
	if o.Side != "" && o.Side != SideBoth {
		q.Set("side", string(o.Side))
	}
	if o.Buffer != "" && o.Buffer != BufferAdaptive {
		q.Set("buffer", string(o.Buffer))
	}
	if o.MuteDTMF {
		q.Set("dtmf", "mute")
	}
	return q
}

func bounded(q url.Values, key string, def, most int) (int, error) {
	v := q.Get(key)
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s %q: want a number from 1 to %d", key, v, most)
	}
	return n, nil
}

// AudioStream is a WAV file on its way.
type AudioStream struct {
	Size    int64 // bytes; -1: not told
	Missing []MissingSide
	io.ReadCloser
}

// NewAudioStream takes the answer to a request for audio.
func NewAudioStream(res *http.Response) *AudioStream {
	s := &AudioStream{Size: res.ContentLength, ReadCloser: res.Body}
	for _, v := range res.Header.Values(HeaderAudioMissing) {
		side, rest, _ := strings.Cut(v, " ")
		code, codec, _ := strings.Cut(rest, " ")
		s.Missing = append(s.Missing, MissingSide{Side: Side(side), Code: code, Codec: codec})
	}
	return s
}

// Audio opens what is to be heard of a call. The caller closes it.
func (c *Client) Audio(ctx context.Context, id string, o AudioOptions) (*AudioStream, error) {
	res, err := c.do(ctx, http.MethodGet, audioPath(id, "", o.Query()), nil)
	if err != nil {
		return nil, err
	}
	return NewAudioStream(res), nil
}

// Peaks asks for the waveform of a call.
func (c *Client) Peaks(ctx context.Context, id string, points int, o AudioOptions) (*Peaks, error) {
	q := o.Query()
	q.Set("points", strconv.Itoa(points))
	p := &Peaks{}
	return p, c.get(ctx, audioPath(id, "/peaks", q), p)
}

// Spectrogram asks for the spectrogram of a call, a PNG.
func (c *Client) Spectrogram(ctx context.Context, id string, o SpectrogramOptions) ([]byte, error) {
	q := o.Query()
	q.Set("width", strconv.Itoa(o.Width))
	q.Set("height", strconv.Itoa(o.Height))
	res, err := c.do(ctx, http.MethodGet, audioPath(id, "/spectrogram", q), nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the spectrogram: %w", err)
	}
	return b, nil
}

func audioPath(id, what string, q url.Values) string {
	p := "/v1/calls/" + url.PathEscape(id) + "/audio" + what
	if len(q) > 0 {
		p += "?" + q.Encode()
	}
	return p
}
