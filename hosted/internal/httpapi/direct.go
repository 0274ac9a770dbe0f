package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/relay"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Direct says what browsers are told of direct downloads: of files that go from a sensor to a browser past hosted.
type Direct struct {
	Off  bool
	STUN []string // host:port of servers that tell browsers and sensors their addresses as others see them
}

type directAnswer struct {
	Possible bool     `json:"possible"` // as far as hosted is concerned; each sensor's owner decides for the sensor
	STUN     []string `json:"stun"`
}

// howDirect tells a browser what it needs before it offers.
func (a *api) howDirect(w http.ResponseWriter, _ *http.Request, _ auth.Identity) error {
	return writeJSON(w, directAnswer{Possible: !a.Direct.Off, STUN: append([]string{}, a.Direct.STUN...)})
}

// readmitEvery is how often it is looked whether who has a direct transfer may still have it.
const readmitEvery = 10 * time.Second

// directly has a sensor and a browser make a direct transfer of what the sensor has of a call. It is allowed, counted and written down as if it
// went through here; the sensor says how much it sent. The transfer lives as long as the request.
func (a *api) directly(x asset, need access) handler {
	return func(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
		if a.Direct.Off {
			return &protocol.Problem{
				Code: protocol.CodeSwitchedOff, Status: http.StatusForbidden, Title: "direct downloads are switched off in hosted",
				Detail: "--direct-downloads=false", Remedy: "download through hosted", Fields: map[string]string{"key": "--direct-downloads"},
			}
		}
		x, err := a.directWish(r, id, x)
		if err != nil {
			return err
		}
		o, err := sensorapi.ReadDirectOffer(w, r)
		if err != nil {
			return err
		}
		o.STUN, o.Nameless = a.Direct.STUN, !id.May(auth.RightNumbers)
		r = x.narrowed(r, id)
		link := a.Links.Client(x.sensor)
		if link == nil {
			return relay.Offline("there is no connection from it")
		}
		s, err := a.Gate.Enter(w, r, relay.KindDirect, int64(id.Tenant), id.User)
		if err != nil {
			return err
		}
		defer s.Done()
		t := &directTransfer{api: a, request: r, id: id, need: need, what: x, to: s, looked: a.Now()}
		return t.run(link, o)
	}
}

// directWish finds what is wanted, and the one sensor that has it.
func (a *api) directWish(r *http.Request, id auth.Identity, x asset) (wish, error) {
	c, sensor, err := a.findCall(r, id)
	if err != nil {
		return wish{}, err
	}
	one := wish{asset: x, sensor: sensor, call: c.ID.String()}
	if !sensor.IsZero() { // running
		return one, nil
	}
	if x.path == packets.path && r.URL.Query().Get("group") == "1" {
		entries, err := a.groupEntries(r.Context(), id.Tenant, c)
		switch {
		case err != nil:
			return wish{}, err
		case len(entries) > 1:
			return wish{}, &protocol.Problem{
				Code: codeSeveralSensors, Status: http.StatusConflict, Title: "the legs of the conversation are on several sensors",
				Remedy: "download through hosted, which makes one zip of them",
			}
		}
		one, c = entries[0].wish, entries[0].calls[0]
	}
	one.sensor, err = a.keeper(r.Context(), id.Tenant, c)
	return one, err
}

// directTransfer is a transfer as hosted sees it: what the sensor says of it goes on to the browser.
type directTransfer struct {
	*api
	what    wish
	request *http.Request
	id      auth.Identity
	need    access
	to      *relay.Stream
	looked  time.Time
	begun   bool
	sent    int64
	result  string
}

// errOdd ends a transfer whose sensor does not keep to the protocol.
var errOdd = errors.New("it says something else of a direct transfer than is to be said")

// errNoLonger ends a transfer of who may have it no longer.
var errNoLonger = errors.New("the right to it was taken away")

func (t *directTransfer) run(link *sensorapi.Client, o sensorapi.DirectOffer) error {
	detail := strings.TrimSpace("way=direct " + t.what.detail(t.request))
	if o.From > 0 {
		detail += fmt.Sprintf(" from=%d", o.From)
	}
	if err := t.recordOpen(t.request, t.id, &t.what, detail); err != nil {
		return err
	}
	q := t.request.URL.Query()
	for name := range q {
		if !slices.Contains(fileQuery, name) {
			q.Del(name)
		}
	}
	err := link.Direct(t.request.Context(), t.what.call, t.what.path, q, o, t.pass)
	if t.sent > 0 {
		if t.result == "" {
			t.result = sensorapi.DirectCancelled
		}
		t.Gate.Past(t.sent)
		t.recordDone(t.request, t.id, t.what.asset, t.what.call, t.sent, detail+" result="+t.result)
	}
	switch {
	case !t.begun && err != nil:
		return relay.Refusal(err)
	case !t.begun:
		return relay.Offline("it said nothing")
	}
	if t.result != sensorapi.DirectComplete {
		t.to.Break()
	}
	if err != nil && t.request.Context().Err() == nil {
		t.Log.Info("a direct transfer ended", "user", t.id.Name, "call", t.what.call, "sent", t.sent, "reason", err)
	}
	return nil // the browser has part of the answer: what is missing tells
}

// fileQuery are the parameters that say which file it is.
var fileQuery = []string{"group", "side", "buffer", "dtmf"}

// codes are why a transfer fails. A sensor says no other in the audit log.
var codes = []string{
	sensorapi.DirectNotConnected, sensorapi.DirectBroken, sensorapi.DirectStalled, sensorapi.DirectMisbehaved, sensorapi.DirectDamaged,
	sensorapi.DirectUnreadable, sensorapi.DirectCancelled,
}

// pass passes an event on, if it is one.
func (t *directTransfer) pass(e sensorapi.DirectEvent) error {
	first := e.State == sensorapi.DirectAnswer
	if first == t.begun || e.Sent < 0 || e.Got < 0 || e.Code != "" && !slices.Contains(codes, e.Code) || !first && e.SDP != "" {
		return errOdd
	}
	switch e.State {
	case sensorapi.DirectAnswer, sensorapi.DirectConnected, sensorapi.DirectRunning:
	case sensorapi.DirectComplete:
		t.result = sensorapi.DirectComplete
	case sensorapi.DirectFailed:
		t.result = e.Code
	default:
		return errOdd
	}
	t.sent = max(t.sent, e.Sent)
	if now := t.Now(); now.Sub(t.looked) >= readmitEvery {
		t.looked = now
		if err := t.mayStill(); err != nil {
			return err
		}
	}
	if !t.begun {
		t.begun = true
		h := t.to.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("X-Accel-Buffering", "no") // a proxy must not collect lines
	}
	if err := json.NewEncoder(t.to).Encode(e); err != nil {
		return err
	}
	return t.to.FlushError()
}

func (t *directTransfer) mayStill() error {
	now, err := t.admit(t.request.WithContext(context.WithoutCancel(t.request.Context())), t.need)
	if err != nil || now.Tenant != t.id.Tenant || now.Rights != t.id.Rights {
		return errors.Join(errNoLonger, err)
	}
	return nil
}
