package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/internal/plural"
	"voiptop/tui/source"
)

// pcapCommand is what `voipmon pcap` was asked for.
type pcapCommand struct {
	oneCall
	group bool
	goOn  bool // with what an earlier download left
}

func newPcap() *cobra.Command {
	var p pcapCommand
	c := &cobra.Command{
		Use:                   "pcap CALL_ID [-o FILE] [--sensor SOCKET | --hosted URL | -r FILE]",
		DisableFlagsInUseLine: true,
		Short:                 "save the packets of one call",
		Long: `Pcap saves the packets that a sensor keeps of a call, as a pcapng file. CALL_ID
is the call's id or its SIP Call-ID. They come from the sensor on this machine,
from a sensor through hosted, or out of larger captures. Hosted wants an API
token, from the environment variable VOIPTOP_TOKEN or the file
~/.config/voiptop/token. A download that breaks off goes on by itself; one that
was given up is taken up again with --continue. With --group the packets are
those of all calls of the conversation, merged by time; hosted sends a zip when
several sensors have some.`,
		Example: `  voipmon pcap 7c9d1f@10.0.0.5 -o call.pcapng
  voipmon pcap 7c9d1f@10.0.0.5 --hosted https://voip.example
  voipmon pcap 7c9d1f@10.0.0.5 -o - | tshark -r -
  voipmon pcap 7c9d1f@10.0.0.5 -r day.pcap -o call.pcapng
  voipmon pcap 7c9d1f@10.0.0.5 --group --hosted https://voip.example

Exit status:
  0  saved
  1  there are no such packets; the message says why
  2  they could not be asked for`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p.args(c, args)
			return p.run(c.Context())
		},
	}
	p.flags(c)
	f := c.Flags()
	f.BoolVar(&p.group, "group", false, "all calls of the call's group")
	f.BoolVar(&p.goOn, "continue", false, "go on with what a download that broke off left in FILE.part")
	return c
}

func (p *pcapCommand) run(ctx context.Context) error {
	src, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	var name string // what the server calls it
	write, err := p.writer(src, &name)
	if err != nil {
		return exitError{2, err.Error()}
	}
	byName := p.out == ""
	if byName {
		c, err := src.Call(ctx, p.id)
		if err != nil {
			return callStatus(err)
		}
		p.out = c.FileName(".pcapng")
	}
	if p.out == "-" {
		if p.goOn {
			return exitError{2, "--continue wants a file to go on with: name it with -o"}
		}
		if err := write(ctx, 0, p.stdout); err != nil {
			return callStatus(err)
		}
		return nil
	}
	n, err := p.save(src, func(from int64, w io.Writer) error { return write(ctx, from, w) })
	if err != nil {
		return callStatus(err)
	}
	if byName && filepath.Ext(name) == ".zip" {
		zip := strings.TrimSuffix(p.out, filepath.Ext(p.out)) + ".zip"
		if err := os.Rename(p.out, zip); err != nil {
			return exitError{2, err.Error()}
		}
		p.out = zip
	}
	fmt.Fprintf(p.stderr, "%s saved to %s\n", plural.Of(n, "byte"), p.out)
	return nil
}

// writer gives a function that writes the packets that are asked for, from a byte on. name is set to what the server calls
// them.
func (p *pcapCommand) writer(src source.Source, name *string) (func(context.Context, int64, io.Writer) error, error) {
	if c, ok := src.(source.Downloader); ok {
		return func(ctx context.Context, from int64, w io.Writer) (err error) {
			*name, _, err = c.Download(ctx, p.id, sensorapi.CaptureRequest{Group: p.group, From: from}, w)
			return err
		}, nil
	}
	switch {
	case p.group:
		return nil, errors.New("captures cannot be merged by group from " + src.Name() + ": ask a sensor or hosted")
	case p.goOn:
		return nil, errors.New("--continue is for downloads; leave it out")
	}
	return func(ctx context.Context, _ int64, w io.Writer) error {
		_, err := src.Capture(ctx, p.id, w)
		return err
	}, nil
}

// save writes beside the file and gives it its name when it is whole, so that a failure leaves what was there. What came of a
// download that broke off stays in FILE.part, for --continue. n is the size of the file.
func (p *pcapCommand) save(src source.Source, write func(from int64, w io.Writer) error) (n int64, err error) {
	part, err := openPart(p.out, p.goOn)
	if err != nil {
		return 0, err
	}
	if err = write(part.from, watched(part, p.stderr, part.from)); err == nil {
		return part.at, part.whole(p.out)
	}
	var problem *protocol.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusRequestedRangeNotSatisfiable {
		err = fmt.Errorf("%s %w", part.f.Name(), errOther)
	}
	_, canGoOn := src.(source.Downloader)
	keep := canGoOn && part.at > 0 || part.had > 0
	part.broken(keep)
	if keep && !errors.Is(err, errOther) {
		err = fmt.Errorf("%w; %d bytes are in %s, --continue goes on from there", err, part.at, part.f.Name())
	}
	return part.at, err
}
