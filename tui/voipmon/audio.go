package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"voiptop/protocol/sensorapi"
	"voiptop/tui/internal/plural"
	"voiptop/tui/source"
)

// audioCommand is what `voipmon audio` was asked for.
type audioCommand struct {
	oneCall
	side, buffer string
	mute         bool
}

func newAudio() *cobra.Command {
	var a audioCommand
	c := &cobra.Command{
		Use:                   "audio CALL_ID [-o FILE] [--sensor SOCKET | --hosted URL | -r FILE]",
		DisableFlagsInUseLine: true,
		Short:                 "save what is to be heard of one call",
		Long: `Audio saves the voice of a call as a WAV file: what its parties heard, behind a
jitter buffer, lost packets included. CALL_ID is the call's id or its SIP
Call-ID. The voice comes from the packets that the sensor on this machine
keeps, from a sensor through hosted, or out of captures. Hosted wants an API
token, from the environment variable VOIPTOP_TOKEN or the file
~/.config/voiptop/token. docs/listening.md says what can be decoded.`,
		Example: `  voipmon audio 7c9d1f@10.0.0.5 -o call.wav
  voipmon audio 7c9d1f@10.0.0.5 --hosted https://voip.example --side callee
  voipmon audio 7c9d1f@10.0.0.5 -o - | aplay
  voipmon audio 7c9d1f@10.0.0.5 -r day.pcap -o call.wav --buffer 50

Exit status:
  0  saved
  1  there is nothing to be heard; the message says why
  2  it could not be asked for`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a.args(c, args)
			return a.run(c.Context())
		},
	}
	a.flags(c)
	f := c.Flags()
	f.StringVar(&a.side, "side", "both", "whom one hears, `WHO`: caller, callee or both (stereo, the caller on the left)")
	f.StringVar(&a.buffer, "buffer", "adaptive", "jitter `BUFFER`: adaptive, 50 or 200 (ms)")
	f.BoolVar(&a.mute, "mute-dtmf", false, "blank the digits that were pressed")
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
	src, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	from, ok := src.(source.Listener)
	if !ok {
		return exitError{2, src.Name() + " cannot be listened to"}
	}
	if a.out == "" {
		c, err := src.Call(ctx, a.id)
		if err != nil {
			return callStatus(err)
		}
		a.out = c.FileName(".wav")
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
			fmt.Fprintf(a.stderr, "%s saved to %s\n", plural.Of(n, "byte"), a.out)
		}
	}
	if err != nil {
		return callStatus(err)
	}
	for _, m := range missing {
		fmt.Fprintf(a.stderr, "voipmon: %s; voipmon pcap saves the packets\n", m)
	}
	return nil
}
