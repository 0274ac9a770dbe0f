package main

import (
	"context"
	"net/http"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/conf"
)

// overLink is the sensor API as hosted sees it: hosted's rules and limits can be set, and what the sensor's owner has switched off for hosted
// (cloud_listen, cloud_download) cannot be had. Direct transfers are asked for here alone. Whoever is at the sensor's own socket has all of api, and nothing more.
func overLink(c *conf.Config, r *rulebook, limit func(context.Context, sensorapi.Limits) (sensorapi.Limits, error), d directly, api http.Handler) http.Handler {
	m := http.NewServeMux()
	m.Handle("PUT "+sensorapi.PathHostedRules, sensorapi.HostedRulesHandler(r.replaceHosted))
	m.Handle("PUT "+sensorapi.PathLimits, sensorapi.LimitsHandler(limit))
	off := func(path, what, key string) {
		h := func(w http.ResponseWriter, _ *http.Request) {
			sensorapi.WriteProblem(w, &protocol.Problem{
				Code: protocol.CodeSwitchedOff, Status: http.StatusForbidden, Title: "the sensor's owner has switched off " + what,
				Detail: key + " = no in the sensor's configuration", Remedy: "ask the owner; voiptop and voipmon on the sensor's own machine can",
				Fields: map[string]string{"key": key},
			})
		}
		m.HandleFunc(path, h)
		m.HandleFunc(path+"/", h) // whatever is below: what the API gains later is not open by itself
	}
	if c.CloudListen {
		m.Handle("POST /v1/calls/{id}/audio/direct", d.handler(d.audio))
	} else {
		off("/v1/calls/{id}/audio", "listening", "cloud_listen")
	}
	if c.CloudDownload {
		m.Handle("POST /v1/calls/{id}/capture/direct", d.handler(d.capture))
	} else {
		off("/v1/calls/{id}/capture", "downloads", "cloud_download")
		off("/v1/calls/{id}/messages", "downloads", "cloud_download") // they are packets, too
	}
	m.Handle("/", api)
	return m
}

// capabilities says what hosted may ask for.
func capabilities(c *conf.Config) []string {
	list := []string{"live", "capture", "rules"}
	if c.CloudListen {
		list = append(list, "listen")
	}
	if c.CloudDownload {
		list = append(list, "download")
	}
	if c.DirectDownload != conf.DirectNo {
		list = append(list, "direct") // of what the two above allow
	}
	return list
}
