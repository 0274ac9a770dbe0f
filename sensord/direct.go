package main

import (
	"fmt"
	"log/slog"
	"net/http"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/conf"
	"voiptop/sensord/internal/direct"
)

// newDirect makes what sends files straight to browsers; nil when the sensor's owner has not allowed it.
func newDirect(c *conf.Config, log *slog.Logger) *direct.Service {
	if c.DirectDownload == conf.DirectNo {
		return nil
	}
	mode := direct.LAN
	if c.DirectDownload == conf.DirectYes {
		mode = direct.Anywhere
	}
	return direct.New(direct.Config{Mode: mode, PortFrom: c.DirectPorts[0], PortTo: c.DirectPorts[1], Log: log})
}

// directly serves what sensorapi.DirectHandler is for, over the link only.
type directly struct {
	sensor
	service *direct.Service // nil: the owner has not allowed it
}

func (d directly) handler(open func(r *http.Request) (*direct.File, error)) http.Handler {
	return sensorapi.DirectHandler(func(r *http.Request, o sensorapi.DirectOffer, emit func(sensorapi.DirectEvent) error) error {
		if d.service == nil {
			return &protocol.Problem{
				Code: protocol.CodeSwitchedOff, Status: http.StatusForbidden, Title: "the sensor's owner has not switched on direct downloads",
				Detail: "direct_download = no in the sensor's configuration", Remedy: "download through hosted; the owner may write direct_download = lan (docs/captures.md)",
				Fields: map[string]string{"key": "direct_download"},
			}
		}
		return d.service.Serve(r.Context(), o, func() (*direct.File, error) {
			f, err := open(r)
			if err == nil && o.Nameless {
				f.Name = ""
			}
			return f, err
		}, emit)
	})
}

// capture opens the packets of a call or, with group=1, of its group.
func (d directly) capture(r *http.Request) (*direct.File, error) {
	open := d.Capture
	switch v := r.URL.Query().Get("group"); v {
	case "", "0":
	case "1":
		open = d.CaptureGroup
	default:
		return nil, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: fmt.Sprintf("group %q: want 1", v)}
	}
	f, err := open(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return &direct.File{Name: f.Name, Type: "application/vnd.tcpdump.pcap", Tag: f.Tag, Size: f.Size, ReadSeekCloser: f}, nil
}

// audio opens what is to be heard of a call.
func (d directly) audio(r *http.Request) (*direct.File, error) {
	o, err := sensorapi.ParseAudioOptions(r.URL.Query())
	if err != nil {
		return nil, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: err.Error()}
	}
	f, err := d.Audio(r.Context(), r.PathValue("id"), o)
	if err != nil {
		return nil, err
	}
	return &direct.File{Name: f.Name, Type: "audio/wav", Tag: f.Tag, Size: f.Size, ReadSeekCloser: f}, nil
}
