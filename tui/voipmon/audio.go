package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

// audioCommand is what `voipmon audio` was asked for.
type audioCommand struct {
	id           string
	out          string
	side, buffer string
	mute         bool
	source       source.Options
	stdout       io.Writer
	stderr       io.Writer
}

func newAudio() *cobra.Command {
	var a audioCommand
	c := &cobra.Command{
		Use:   "audio CALL_ID [-o FILE.wav] [--sensor SOCKET | --hosted URL | -r FILE...]",
		Short: "save what is to be heard of one call",
		Long: `Audio saves the voice of a call as a WAV file: what its parties heard, behind a jitter buffer, lost packets included. CALL_ID is
the call's id or its SIP Call-ID. The voice comes from the packets that the sensor on this machine keeps, from a sensor
through hosted, or out of captures. Hosted wants an API token, from the environment variable VOIPTOP_TOKEN or the file
~/.config/voiptop/token. docs/listening.md says what can be decoded.`,
		Example: `  voipmon audio 7c9d1f@10.0.0.5 -o call.wav
  voipmon audio 019aa8c1-6b2f-7d31-9c5e-0242ac120002 --hosted https://voip.example --side callee
  voipmon audio 7c9d1f@10.0.0.5 -o - | aplay
  voipmon audio 7c9d1f@10.0.0.5 -r day.pcap -o call.wav --buffer 50

Exit status:
  0  saved
  1  there is nothing to be heard; the message says why
  2  it could not be asked for`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a.id, a.stdout, a.stderr = args[0], c.OutOrStdout(), c.ErrOrStderr()
			a.source.Token = os.Getenv("VOIPTOP_TOKEN")
			return a.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVarP(&a.out, "output", "o", "", "write to `FILE`; - is standard output (default named after the call's time and numbers)")
	f.StringVar(&a.side, "side", "both", "whom one hears: caller, callee or both (stereo, the caller on the left)")
	f.StringVar(&a.buffer, "buffer", "adaptive", "jitter buffer: adaptive, 50 or 200 (ms)")
	f.BoolVar(&a.mute, "mute-dtmf", false, "blank the digits that were pressed")
	f.StringVar(&a.source.Socket, "sensor", "", "ask the sensor that listens on `SOCKET` (default the one in voipmonitor.conf, or /run/sensord.sock)")
	f.StringVar(&a.source.Hosted, "hosted", "", "ask the hosted service at `URL`")
	f.StringArrayVarP(&a.source.Files, "read", "r", nil, "decode them out of capture `FILE`s")
	f.StringVar(&a.source.KeyLog, "keylog", "", "with -r: decrypt TLS with the secrets in `FILE`, an SSLKEYLOGFILE")
	c.MarkFlagsMutuallyExclusive("sensor", "hosted", "read")
	return c
}

func (a *audioCommand) run(ctx context.Context) error {
	q := url.Values{"side": {a.side}, "buffer": {a.buffer}}
	if a.mute {
		q.Set("dtmf", "mute")
	}
	o, err := sensorapi.ParseAudioOptions(q)
	if err != nil {
		return exitError{2, err.Error()}
	}
	src, err := source.Open(ctx, a.source)
	if err != nil {
		return exitError{2, err.Error()}
	}
	defer src.Close()
	if f, ok := src.(*source.File); ok {
		if _, err := f.All(ctx); err != nil { // a call is known once the files have been read
			return exitError{2, err.Error()}
		}
	}
	from, ok := src.(source.Listener)
	if !ok {
		return exitError{2, src.Name() + " cannot be listened to"}
	}
	if a.out == "" {
		c, err := src.Call(ctx, a.id)
		if err != nil {
			return audioStatus(err)
		}
		a.out = strings.TrimSuffix(source.FileName(c), ".pcapng") + ".wav"
	}
	var missing []sensorapi.MissingSide
	write := func(w io.Writer) (n int64, err error) {
		n, missing, err = from.Audio(ctx, a.id, o, w)
		return n, err
	}
	if a.out == "-" {
		_, err = write(a.stdout)
	} else {
		var n int64
		if n, err = save(a.out, write); err == nil {
			fmt.Fprintf(a.stderr, "%d bytes saved to %s\n", n, a.out)
		}
	}
	if err != nil {
		return audioStatus(err)
	}
	for _, m := range missing {
		fmt.Fprintf(a.stderr, "voipmon: the %s is silent: %s\n", m.Side, silence(m))
	}
	return nil
}

// silence says why a side is silent.
func silence(m sensorapi.MissingSide) string {
	if m.Code == protocol.CodeSRTPWithoutKey {
		return "the voice is encrypted, and no key is known"
	}
	return m.Codec + " cannot be decoded here; voipmon pcap saves the packets"
}

// audioStatus tells "there is nothing to be heard" from "could not ask".
func audioStatus(err error) error {
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
