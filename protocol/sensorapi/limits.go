package sensorapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// PathLimits is where hosted says what it allows, and hears what of it is used. NewHandler does not serve it: who reaches the
// sensor otherwise than as hosted, over the link, allows nothing.
const PathLimits = "/v1/limits"

// Limits are what hosted allows the sensor, and what of it is used.
type Limits struct {
	MaxChannels int `json:"max_channels"`         // calls at a time that are analysed with their media, at least 1
	Channels    int `json:"channels,omitempty"`   // of the answer: those that are
	OverLimit   int `json:"over_limit,omitempty"` // of the answer: running calls that are not, for they were too many
}

// LimitsHandler serves PUT PathLimits, for the handler that a sensor shows hosted over the link. set applies the limits to
// calls that begin from now on and answers with those in force.
func LimitsHandler(set func(context.Context, Limits) (Limits, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in Limits
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in)
		switch {
		case err != nil:
			badRequest(w, "limits: "+err.Error())
			return
		case in.MaxChannels < 1:
			badRequest(w, "limits: max_channels must be at least 1")
			return
		}
		out, err := set(r.Context(), in)
		reply(w, out, err)
	})
}

// SetLimits tells the sensor what it may use, over the link, and hears what it does.
func (c *Client) SetLimits(ctx context.Context, in Limits) (out Limits, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	res, err := c.do(ctx, http.MethodPut, PathLimits, bytes.NewReader(b))
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return out, c.decoder(res.Body).decode(&out)
}
