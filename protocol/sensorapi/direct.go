package sensorapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"voiptop/protocol"
)

// A file of a call can go straight from the sensor to a browser, over a WebRTC data channel (docs/adr/direct-download.md). The
// API carries what the two need to find each other, and no byte of the file. NewHandler does not serve it: hosted asks for it, over
// the link.
//
//	POST /v1/calls/{id}/capture/direct?group=1                     DirectOffer in, NDJSON of DirectEvent out
//	POST /v1/calls/{id}/audio/direct?side=&buffer=&dtmf=mute       the same, of what is to be heard
//
// The transfer lives as long as the request: whoever goes ends it.

// DirectOffer asks for a transfer.
type DirectOffer struct {
	SDP      string   `json:"sdp"`                // of the browser, with its candidates; at most MaxDirectSDP bytes
	From     int64    `json:"from,omitempty"`     // the first byte of the file that is wanted
	IfTag    string   `json:"if_tag,omitempty"`   // the tag of the bytes before From; if the file is another one now, all of it is sent
	STUN     []string `json:"stun,omitempty"`     // host:port; hosted sets it
	Nameless bool     `json:"nameless,omitempty"` // the file's name says no number; hosted sets it
}

// States of a direct transfer, in their order. DirectRunning is repeated every few seconds.
const (
	DirectAnswer    = "answer"    // SDP is the sensor's
	DirectConnected = "connected" // the channel is open
	DirectRunning   = "running"
	DirectComplete  = "complete" // the browser has the whole and says that it is right
	DirectFailed    = "failed"   // Code says why
)

// Why a direct transfer failed.
const (
	DirectNotConnected = "not-connected" // no packet found its way in time
	DirectBroken       = "broken"        // the way was lost
	DirectStalled      = "stalled"       // the browser took nothing
	DirectMisbehaved   = "misbehaved"    // the browser does not keep to the protocol
	DirectDamaged      = "damaged"       // what the browser has is not what was sent
	DirectUnreadable   = "unreadable"    // the sensor cannot read the file to its end
	DirectCancelled    = "cancelled"     // whoever asked has gone
)

// DirectEvent is a line of the answer.
type DirectEvent struct {
	State string `json:"state"`
	SDP   string `json:"sdp,omitempty"`
	Sent  int64  `json:"sent"` // bytes of the file on their way or arrived
	Got   int64  `json:"got"`  // bytes that the browser says it has
	Code  string `json:"code,omitempty"`
}

// Bounds of what is said before a transfer.
const (
	MaxDirectSDP  = 32 << 10
	maxDirectSTUN = 4
	maxDirectLine = 2 * MaxDirectSDP // of the answer: SDP in JSON
)

// DirectHandler serves one of the two routes, for the handler that a sensor shows hosted over the link. serve emits events until the
// transfer has ended; an error before the first reaches hosted as a problem.
func DirectHandler(serve func(r *http.Request, o DirectOffer, emit func(DirectEvent) error) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, err := ReadDirectOffer(w, r)
		if err != nil {
			WriteProblem(w, err)
			return
		}
		enc, rc := json.NewEncoder(w), http.NewResponseController(w)
		begun := false
		err = serve(r, o, func(e DirectEvent) error {
			if !begun {
				w.Header().Set("Content-Type", "application/x-ndjson")
				begun = true
			}
			if err := enc.Encode(e); err != nil {
				return err
			}
			return rc.Flush()
		})
		if err != nil && !begun {
			WriteProblem(w, err)
		}
	})
}

// ReadDirectOffer reads the body of a request and checks its bounds. The error is a *protocol.Problem.
func ReadDirectOffer(w http.ResponseWriter, r *http.Request) (o DirectOffer, err error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDirectLine)) // to its end, so that the connection is free of it
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	switch {
	case err != nil:
	case o.SDP == "" || len(o.SDP) > MaxDirectSDP:
		err = fmt.Errorf("sdp has %d bytes; want 1 to %d", len(o.SDP), MaxDirectSDP)
	case o.From < 0:
		err = fmt.Errorf("from %d: want at least 0", o.From)
	case len(o.IfTag) > 256:
		err = errors.New("if_tag has more than 256 bytes")
	case len(o.STUN) > maxDirectSTUN:
		err = fmt.Errorf("%d STUN servers; want at most %d", len(o.STUN), maxDirectSTUN)
	}
	if err != nil {
		return o, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "offer of a direct transfer: " + err.Error()}
	}
	return o, nil
}

// Direct asks the sensor for a transfer straight to a browser and calls emit with each event, until the transfer has ended. asset is
// "capture" or "audio", q its query. The error is a *protocol.Problem when the sensor refuses, or what emit said.
func (c *Client) Direct(ctx context.Context, id, asset string, q url.Values, o DirectOffer, emit func(DirectEvent) error) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	path := "/v1/calls/" + url.PathEscape(id) + "/" + asset + "/direct"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	res, err := c.do(ctx, http.MethodPost, path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxDirectLine)
	for lines.Scan() {
		var e DirectEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("read what the sensor says of a direct transfer: %w", err)
		}
		if err := emit(e); err != nil {
			return err
		}
		if e.State == DirectComplete || e.State == DirectFailed {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("direct transfer: %w", err)
	}
	return fmt.Errorf("direct transfer: the sensor broke off: %w", io.ErrUnexpectedEOF)
}
