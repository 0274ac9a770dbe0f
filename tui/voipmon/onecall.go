package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// oneCall says of which call `voipmon pcap` and `voipmon audio` save something, where it comes from and where it goes.
type oneCall struct {
	id     string
	out    string
	source source.Options
	stdout io.Writer
	stderr io.Writer
}

func (o *oneCall) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&o.out, "output", "o", "", "write to `FILE`; - is standard output (default named after the call's time and numbers)")
	f.StringVar(&o.source.Socket, "sensor", "", "ask the sensor that listens on `SOCKET` (default the one in voipmonitor.conf, or /run/sensord/sensord.sock)")
	f.StringVar(&o.source.Hosted, "hosted", "", "ask the hosted service at `URL`")
	f.StringArrayVarP(&o.source.Files, "read", "r", nil, "take it out of capture `FILE`s")
	f.StringVar(&o.source.KeyLog, "keylog", "", "with -r: decrypt TLS with the secrets in `FILE`, an SSLKEYLOGFILE")
	c.MarkFlagsMutuallyExclusive("sensor", "hosted", "read")
}

// args takes what a command line says beside its flags.
func (o *oneCall) args(c *cobra.Command, args []string) {
	o.id, o.stdout, o.stderr = args[0], c.OutOrStdout(), c.ErrOrStderr()
	o.source.Token = os.Getenv("VOIPTOP_TOKEN")
}

// open gives the source, which knows the call. The caller closes it.
func (o *oneCall) open(ctx context.Context) (source.Source, error) {
	src, err := source.Open(ctx, o.source)
	if err != nil {
		return nil, exitError{2, err.Error()}
	}
	if f, ok := src.(*source.File); ok {
		if _, err := f.All(ctx); err != nil { // a call is known once the files have been read
			f.Close()
			return nil, exitError{2, err.Error()}
		}
	}
	return src, nil
}

// callStatus tells "there is no such thing of the call" from "could not ask".
func callStatus(err error) error {
	var p *protocol.Problem
	if errors.As(err, &p) {
		switch p.Code {
		case protocol.CodeCaptureNotKept, protocol.CodeCaptureExpired, protocol.CodeVoiceNotKept, protocol.CodeCodecNotDecodable,
			protocol.CodeSRTPWithoutKey, protocol.CodeAudioOff, protocol.CodeSwitchedOff, protocol.CodeCallRunning, protocol.CodeNotFound:
			return exitError{1, err.Error()}
		}
		if p.Status == http.StatusNotFound {
			return exitError{1, err.Error()}
		}
	}
	return exitError{2, err.Error()}
}
