package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// asset is something that a sensor has of a call, which only some may have and which nobody has unseen.
type asset struct {
	path       string // in the API of hosted and of the sensor, below the call
	kind       relay.Kind
	right      auth.Right
	open, done string // actions in the audit log: somebody asked, and how many bytes it were
}

var (
	packets     = asset{"capture", relay.KindCapture, auth.RightDownload | auth.RightNumbers, auth.ActionCaptureOpen, auth.ActionCapture}
	messages    = asset{"messages", relay.KindCapture, auth.RightDownload | auth.RightNumbers, auth.ActionCaptureOpen, auth.ActionCapture}
	voice       = asset{"audio", relay.KindAudio, auth.RightListen, auth.ActionAudioOpen, auth.ActionAudio}
	waveform    = asset{"audio/peaks", relay.KindAudio, auth.RightListen, auth.ActionAudioOpen, auth.ActionAudio}
	spectrogram = asset{"audio/spectrogram", relay.KindAudio, auth.RightListen, auth.ActionAudioOpen, auth.ActionAudio}
)

// assetAt finds the asset with a path.
func assetAt(path string) (asset, bool) {
	for _, x := range []asset{packets, messages, voice, waveform, spectrogram} {
		if x.path == path {
			return x, true
		}
	}
	return asset{}, false
}

// detail says in the audit log which part of an asset it was: "peaks side=caller", "bytes=0-99".
func (x asset) detail(r *http.Request) string {
	var words []string
	if _, part, ok := strings.Cut(x.path, "/"); ok {
		words = append(words, part)
	} else if x.path == messages.path { // of the packets
		words = append(words, x.path)
	}
	q := r.URL.Query()
	for _, k := range []string{"group", "side", "buffer", "dtmf"} {
		if v := q.Get(k); v != "" {
			words = append(words, k+"="+v)
		}
	}
	if v := r.Header.Get("Range"); v != "" {
		words = append(words, v)
	}
	text := strings.Join(words, " ")
	return text[:min(len(text), maxParameter)]
}

// narrowed is the request for an asset, by whichever way, without what of it the one who asks may not have.
func (x asset) narrowed(r *http.Request, id auth.Identity) *http.Request {
	if x.kind == relay.KindAudio {
		return withoutDigits(r, id)
	}
	return r
}

// ofCall serves what a sensor has of the call that the path names.
func (a *api) ofCall(x asset) handler {
	return func(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
		c, sensor, err := a.findCall(r, id)
		if err == nil && sensor.IsZero() {
			sensor, err = a.keeper(r.Context(), id.Tenant, c)
		}
		if err != nil {
			return err
		}
		return a.stream(w, r, id, wish{asset: x, sensor: sensor, call: c.ID.String()})
	}
}

// capture serves the kept packets of a call or, with group=1, of all calls of its group.
func (a *api) capture(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	switch v := r.URL.Query().Get("group"); v {
	case "", "0":
		return a.ofCall(packets)(w, r, id)
	case "1":
		return a.captureGroup(w, r, id)
	default:
		return badRequest("group", fmt.Sprintf("%q is not understood", v), "give 1, or nothing for the call alone")
	}
}

// keeper finds the sensor that holds what was kept of an ended call. The errors are problems: capture-not-kept,
// capture-expired, sensor-offline.
func (a *api) keeper(ctx context.Context, t store.TenantID, c *protocol.CDR) (protocol.UUID, error) {
	if !kept(c) {
		return protocol.UUID{}, notKept(c)
	}
	s, err := a.Store.SensorByNumber(ctx, t, c.SensorID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return protocol.UUID{}, &protocol.Problem{
			Code: protocol.CodeCaptureExpired, Status: http.StatusGone,
			Title: "the call's packets are gone with their sensor", Detail: "no sensor of the tenant has the call's id_sensor any more",
		}
	case err != nil:
		return protocol.UUID{}, err
	case a.Links.Client(s.UUID) == nil:
		return protocol.UUID{}, offline(s)
	}
	return s.UUID, nil
}

// kept reports whether anything was kept of a call.
func kept(c *protocol.CDR) bool { return c.Capture.Kept != "" && c.Capture.Kept != protocol.KeepNone }

func notKept(c *protocol.CDR) error {
	p := &protocol.Problem{
		Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "the call's packets were not kept",
		Detail: "no capture rule matched the call", Remedy: "a capture rule that matches such calls keeps the next ones",
	}
	if c.Rule != "" {
		p.Detail = "the rule " + c.Rule + " decided not to keep them"
		p.Fields = map[string]string{"rule": c.Rule}
	}
	return p
}

// wish is what is wanted of a sensor.
type wish struct {
	asset
	sensor protocol.UUID
	call   string          // its id or, of a request by way of the sensor, its Call-ID
	legs   []protocol.UUID // further calls that are in the answer
}

// sensorPath is where the sensor's API has it, escaped.
func (x *wish) sensorPath() string { return "/v1/calls/" + url.PathEscape(x.call) + "/" + x.asset.path }

// stream passes what is wanted on. A problem is told in words to a person who followed a link.
func (a *api) stream(w http.ResponseWriter, r *http.Request, id auth.Identity, x wish) error {
	s, err := a.Gate.Enter(w, r, x.kind, int64(id.Tenant), id.User)
	if err != nil {
		return err
	}
	defer s.Done()
	r = x.narrowed(r, id)
	out := http.ResponseWriter(s)
	if !id.May(auth.RightNumbers) {
		out = nameless{out}
	}
	if !wantsPage(r) {
		return a.pass(out, r, id, x)
	}
	p := &worded{ResponseWriter: out}
	if err = a.pass(p, r, id, x); err == nil {
		p.finish()
	}
	return err
}

// pass has the sensor answer. Who had what is written down before the first byte, so that nobody has anything unseen, and
// how many bytes it were after the last.
func (a *api) pass(w http.ResponseWriter, r *http.Request, id auth.Identity, x wish) error {
	if r.Method == http.MethodHead {
		a.Links.Relay(w, r, x.sensor, x.sensorPath())
		return nil
	}
	detail := x.detail(r)
	if err := a.recordOpen(r, id, &x, detail); err != nil {
		return err
	}
	c := &countingWriter{ResponseWriter: w}
	defer func() { // the reverse proxy panics with http.ErrAbortHandler when the stream breaks
		if c.code()/100 == 2 {
			a.recordDone(r, id, x.asset, x.call, c.bytes, detail)
		}
	}()
	a.Links.Relay(c, r, x.sensor, x.sensorPath())
	return nil
}

// recordOpen writes down that somebody asked for x, under each call that is in it.
func (a *api) recordOpen(r *http.Request, id auth.Identity, x *wish, detail string) error {
	if err := a.record(r, id, x.open, x.call, 0, detail); err != nil {
		return err
	}
	for _, leg := range x.legs {
		if err := a.record(r, id, x.open, leg.String(), 0, "with "+x.call); err != nil {
			return err
		}
	}
	return nil
}

// recordDone writes down how much somebody had, also when the browser has gone.
func (a *api) recordDone(r *http.Request, id auth.Identity, x asset, call string, bytes int64, detail string) {
	if err := a.record(r.WithContext(context.WithoutCancel(r.Context())), id, x.done, call, bytes, detail); err != nil {
		a.Log.Error("audit of what was served failed", "user", id.Name, "call", call, "action", x.done, "bytes", bytes, "error", err)
	}
}
