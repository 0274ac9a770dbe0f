package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"voiptop/sensord/conf"
	"voiptop/tui/doctor"
)

// installedDocs is where the package puts the manual.
const installedDocs = "/usr/share/doc/voiptop"

// doctorCommand is what `voipmon doctor` was asked for.
type doctorCommand struct {
	conf   string
	json   bool
	sel    doctor.Selection
	wait   bool
	every  time.Duration
	bundle string
	stdout io.Writer
}

func newDoctor() *cobra.Command {
	var d doctorCommand
	c := &cobra.Command{
		Use:   "doctor [-c FILE] [--only G,..] [--skip G,..] [--wait]",
		Short: "why is my sensor not in the cloud?",
		Long: `Doctor checks, one after the other, all that has to be right from the
configuration file to the first call detail record that hosted has stored:
configuration, network, link, host, service, capture, delivery, storage, rules.
For each fault it says what was seen, what it means and what to type.
docs/doctor.md describes every check. It changes nothing.`,
		Example: `  voipmon doctor                       all checks, for /etc/voipmonitor.conf
  voipmon doctor --only network,link   is hosted there, and does it let me in?
  voipmon doctor --wait                again and again, until a CDR is stored
  voipmon doctor --bundle help.tar.gz  a file for whoever helps, without secrets

Exit status:
  0  all is well, or there are only warnings
  1  a check failed
  2  something could not be checked`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d.stdout = c.OutOrStdout()
			if err := d.sel.Validate(); err != nil {
				return err
			}
			return d.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVarP(&d.conf, "config", "c", conf.DefaultPath, "configuration `FILE`, a voipmonitor.conf")
	f.BoolVar(&d.json, "json", false, "the report as one JSON object")
	f.StringSliceVar(&d.sel.Only, "only", nil, "only these groups or checks: `G,..`")
	f.StringSliceVar(&d.sel.Skip, "skip", nil, "not these groups or checks: `G,..`")
	f.BoolVar(&d.wait, "wait", false, "repeat until nothing fails and hosted has stored a CDR")
	f.DurationVar(&d.every, "every", 3*time.Second, "with --wait: how long between two runs")
	f.StringVar(&d.bundle, "bundle", "", "write a .tar.gz `FILE` for whoever helps, without secrets")
	return c
}

func (d *doctorCommand) run(ctx context.Context) error {
	env := doctor.NewEnv(d.conf)
	p := doctor.NewPrinter(d.stdout)
	p.Notes = len(d.sel.Only) > 0
	if _, err := os.Stat(installedDocs + "/doctor.md"); err == nil {
		p.Docs = installedDocs
	}
	var werr error // of the output; the checks go on for the exit status
	emit := func(write func(doctor.Outcome) error) func(doctor.Outcome) {
		return func(o doctor.Outcome) {
			if !d.json && werr == nil {
				werr = write(o)
			}
		}
	}
	report := doctor.Run(ctx, env, d.sel, emit(p.Outcome))
	for d.wait && !report.Delivering() && pause(ctx, d.every) {
		was := map[string]doctor.Outcome{}
		for _, o := range report.Checks {
			was[o.Code] = o
		}
		next := doctor.Run(ctx, env, d.sel, emit(func(o doctor.Outcome) error {
			if was[o.Code].Status == o.Status {
				return nil
			}
			return p.Change(o)
		}))
		if next.Interrupted {
			break
		}
		report = next
	}
	if err := d.end(ctx, env, p, report); err != nil {
		return err
	}
	if werr != nil {
		return exitError{2, "write the report: " + werr.Error()}
	}
	if report.Status != 0 {
		return exitError{report.Status, ""}
	}
	return nil
}

// end writes what comes after the checks.
func (d *doctorCommand) end(ctx context.Context, env *doctor.Env, p *doctor.Printer, report doctor.Report) error {
	if d.json {
		enc := json.NewEncoder(d.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return exitError{2, "write the report: " + err.Error()}
		}
	} else {
		if err := p.Summary(report); err != nil {
			return exitError{2, "write the report: " + err.Error()}
		}
		if d.wait && report.Delivering() {
			fmt.Fprintln(d.stdout, "first CDR stored")
		}
	}
	if d.bundle == "" {
		return nil
	}
	if err := doctor.Bundle(context.WithoutCancel(ctx), env, report, d.bundle); err != nil {
		return exitError{2, err.Error()}
	}
	if !d.json {
		fmt.Fprintf(d.stdout, "bundle: %s\n", d.bundle)
	}
	return nil
}

// pause waits, and answers false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
