package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// pcapCommand is what `voipmon pcap` was asked for.
type pcapCommand struct {
	id     string
	out    string
	group  bool
	source source.Options
	stdout io.Writer
	stderr io.Writer
}

func newPcap() *cobra.Command {
	var p pcapCommand
	c := &cobra.Command{
		Use:   "pcap CALL_ID [-o FILE] [--sensor SOCKET | --hosted URL | -r FILE...]",
		Short: "save the packets of one call",
		Long: `Pcap saves the packets that a sensor keeps of a call, as a pcapng file. CALL_ID is the call's id or its SIP Call-ID. They
come from the sensor on this machine, from a sensor through hosted, or out of larger captures. Hosted wants an API token,
from the environment variable VOIPTOP_TOKEN or the file ~/.config/voiptop/token. A download from hosted that breaks off
goes on by itself. With --group the packets are those of all calls of the conversation, merged by time; hosted sends a zip
when several sensors have some.`,
		Example: `  voipmon pcap 7c9d1f@10.0.0.5 -o call.pcapng
  voipmon pcap 019aa8c1-6b2f-7d31-9c5e-0242ac120002 --hosted https://voip.example
  voipmon pcap 7c9d1f@10.0.0.5 -o - | tshark -r -
  voipmon pcap 7c9d1f@10.0.0.5 -r day.pcap -o call.pcapng
  voipmon pcap 7c9d1f@10.0.0.5 --group --hosted https://voip.example

Exit status:
  0  saved
  1  there are no such packets; the message says why
  2  they could not be asked for`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p.id, p.stdout, p.stderr = args[0], c.OutOrStdout(), c.ErrOrStderr()
			p.source.Token = os.Getenv("VOIPTOP_TOKEN")
			return p.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVarP(&p.out, "output", "o", "", "write to `FILE`; - is standard output (default named after the call's time and numbers)")
	f.BoolVar(&p.group, "group", false, "all calls of the call's group")
	f.StringVar(&p.source.Socket, "sensor", "", "ask the sensor that listens on `SOCKET` (default the one in voipmonitor.conf, or /run/sensord.sock)")
	f.StringVar(&p.source.Hosted, "hosted", "", "ask the hosted service at `URL`")
	f.StringArrayVarP(&p.source.Files, "read", "r", nil, "take them out of capture `FILE`s")
	c.MarkFlagsMutuallyExclusive("sensor", "hosted", "read")
	return c
}

func (p *pcapCommand) run(ctx context.Context) error {
	src, err := source.Open(ctx, p.source)
	if err != nil {
		return exitError{2, err.Error()}
	}
	defer src.Close()
	if f, ok := src.(*source.File); ok {
		if _, err := f.All(ctx); err != nil { // a call is known once the files have been read
			return exitError{2, err.Error()}
		}
	}
	var name string // what the server calls it
	write := func(w io.Writer) (int64, error) { return src.Capture(ctx, p.id, w) }
	if p.group {
		g, ok := src.(source.GroupSource)
		if !ok {
			return exitError{2, "captures cannot be merged by group from " + src.Name() + ": ask a sensor or hosted"}
		}
		write = func(w io.Writer) (n int64, err error) {
			name, n, err = g.CaptureGroup(ctx, p.id, w)
			return n, err
		}
	}
	byName := p.out == ""
	if byName {
		c, err := src.Call(ctx, p.id)
		if err != nil {
			return pcapStatus(err)
		}
		p.out = source.FileName(c)
	}
	if p.out == "-" {
		if _, err := write(p.stdout); err != nil {
			return pcapStatus(err)
		}
		return nil
	}
	n, err := save(p.out, func(w io.Writer) (int64, error) { return write(watched(w, p.stderr)) })
	if err != nil {
		return pcapStatus(err)
	}
	if byName && filepath.Ext(name) == ".zip" {
		zip := strings.TrimSuffix(p.out, filepath.Ext(p.out)) + ".zip"
		if err := os.Rename(p.out, zip); err != nil {
			return exitError{2, err.Error()}
		}
		p.out = zip
	}
	fmt.Fprintf(p.stderr, "%d bytes saved to %s\n", n, p.out)
	return nil
}

// save writes beside the file and gives it its name when it is whole, so that a failure leaves what was there.
func save(path string, write func(io.Writer) (int64, error)) (n int64, err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			os.Remove(part)
		}
	}()
	n, err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	return n, err
}

// pcapStatus tells "there are none" from "could not ask".
func pcapStatus(err error) error {
	var p *protocol.Problem
	if errors.Is(err, source.ErrNoCapture) || errors.As(err, &p) && p.Code == protocol.CodeNotFound {
		return exitError{1, err.Error()}
	}
	return exitError{2, err.Error()}
}
