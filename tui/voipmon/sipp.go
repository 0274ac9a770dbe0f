package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/sipp"
)

func newSIPp() *cobra.Command {
	var o oneCall
	c := &cobra.Command{
		Use:                   "sipp CALL_ID [-o FOLDER] [--sensor SOCKET | --hosted URL | -r FILE]",
		DisableFlagsInUseLine: true,
		Short:                 "save one call as scenarios of sipp",
		Long: `Sipp saves a call as scenarios of sipp, which play it again: uac.xml as the
caller, uas.xml as the one that is called. Branches, tags, the Call-ID,
addresses and ports are sipp's own; the rest of the messages and the pauses are
those of the call. Where the voice of a side is there it is saved beside them,
and README.txt says how to run it. CALL_ID is the call's id or its SIP Call-ID.
Of a sensor and of hosted, the packets must have been kept by a rule.`,
		Example: `  voipmon sipp 7c9d1f@10.0.0.5 -r day.pcap -o busy-call
  voipmon sipp 7c9d1f@10.0.0.5 --hosted https://voip.example

Exit status:
  0  saved
  1  there is nothing to make a scenario of; the message says why
  2  it could not be asked for, or not be written`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.args(c, args)
			return o.saveScenarios(c.Context())
		},
	}
	o.flags(c)
	c.Flags().Lookup("output").Usage = "make `FOLDER`, which must not be there (default named after the call's time and numbers)"
	return c
}

func (o *oneCall) saveScenarios(ctx context.Context) error {
	src, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	c, err := src.Call(ctx, o.id)
	if err != nil {
		return callStatus(err)
	}
	files, err := sipp.Export(ctx, src, c, nil, nil)
	if errors.Is(err, sipp.ErrNoInvite) {
		return exitError{1, err.Error()}
	}
	if err != nil {
		return callStatus(err)
	}
	if o.out == "" {
		o.out = c.FileName("_sipp")
	}
	if err := os.Mkdir(o.out, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is there: -o names another folder", o.out)
		}
		return exitError{2, err.Error()}
	}
	var names []string
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(o.out, f.Name), f.Data, 0o600); err != nil {
			return exitError{2, err.Error()}
		}
		names = append(names, f.Name)
	}
	fmt.Fprintf(o.stderr, "%s saved to %s: %s\n", plural.Of(len(files), "file"), o.out, strings.Join(names, ", "))
	return nil
}
