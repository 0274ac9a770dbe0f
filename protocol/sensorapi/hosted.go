package sensorapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// PathHostedRules is where hosted puts its rules. NewHandler refuses it: who reaches the sensor otherwise than as hosted,
// over the link, may not set them.
const PathHostedRules = "/v1/rules/hosted"

// HostedRulesHandler serves PUT PathHostedRules, for the handler that a sensor shows hosted over the link. set puts the rules
// in force and answers with those that are; an error that is a *protocol.Problem reaches hosted as it is.
func HostedRulesHandler(set func(context.Context, HostedRules) (HostedRules, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in HostedRules
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRuleBytes)).Decode(&in); err != nil {
			badRequest(w, "hosted's rules: "+err.Error())
			return
		}
		in.Problem = nil
		out, err := set(r.Context(), in)
		reply(w, out, err)
	})
}

// SetHostedRules gives the sensor hosted's rules, over the link, and answers with those in force. When the sensor cannot read
// them the error is a *protocol.Problem with status 422, code "bad-rules", and the fields line, column, found, expected and
// nearest; the ones before stay in force.
func (c *Client) SetHostedRules(ctx context.Context, in HostedRules) (out HostedRules, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	res, err := c.do(ctx, http.MethodPut, PathHostedRules, bytes.NewReader(b))
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return out, c.decoder(res.Body).decode(&out)
}
