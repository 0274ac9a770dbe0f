// Command sensord captures SIP and RTP beside a PBX, analyses the calls there, and sends one CDR a call to hosted. Packets
// are discarded unless a capture rule keeps those of a call. It reads a voipmonitor.conf (docs/configuration.md).
//
// main parses the flags; daemon.go builds and runs the parts; pipeline.go is the one goroutine that drives the engine.
//
// api.go, watch.go, streams.go, captures.go, messages.go, listen.go and transactions.go are what the sensor API asks; overlink.go and
// direct.go are what of it hosted may ask.
// rulebook.go and rulehosted.go hold the capture rules, the sensor's own and hosted's; redecide.go applies their changes to the calls
// that run.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/sensord/conf"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	if underSystemd() { // no terminal hangs up there: systemctl reload says it
		ends = ends[:2]
		signal.Ignore(syscall.SIGHUP) // until the daemon listens
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], os.Stdout, os.Stderr, confine))
}

// Main runs sensord until ctx ends or a replay is done, and answers its exit status. confine is called once, when all
// sockets are open; nil keeps the process as it is.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, confine func(user string, capture bool) error) int {
	cmd := newCommand(stderr, confine)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "sensord: %v\n", err)
		return 1
	}
	return 0
}

// options is what the command line says.
type options struct {
	conf    string
	read    []string
	speed   float64 // 0: as fast as possible
	loop    bool
	now     bool
	stay    bool
	wait    time.Duration
	confine func(user string, capture bool) error
	verbose bool
}

func newCommand(stderr io.Writer, confine func(user string, capture bool) error) *cobra.Command {
	o := options{confine: confine}
	speed := "max"
	cmd := &cobra.Command{
		Use:   "sensord [-c FILE] [-r FILE.pcap ... [--speed N|max]]",
		Short: "SIP and RTP sensor: captures, analyses, sends CDRs to hosted",
		Example: `  sensord -c /etc/voipmonitor.conf     capture as the file says
  sensord -r calls.pcap                replay a capture, then end
  sensord -c my.conf -r DIR --speed 1 --loop --now
                                       replay a folder as if it happened now,
                                       again and again`,
		Args:          cobra.NoArgs,
		Version:       protocol.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if speed != "max" {
				v, err := strconv.ParseFloat(speed, 64)
				if err != nil || v <= 0 || v > 1000 {
					return fmt.Errorf("--speed %q: want max or a number, 1 for real time", speed)
				}
				o.speed = v
			}
			level := slog.LevelInfo
			if o.verbose {
				level = slog.LevelDebug
			}
			log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
			c, err := loadConf(o.conf, cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			for _, i := range c.Issues {
				if i.Level == conf.Warning {
					log.Warn(i.String())
				}
			}
			d, err := newDaemon(c, o, log)
			if err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	cmd.SetVersionTemplate(protocol.VersionLine("sensord") + "\n")
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 80 |")) // terminals of 80 columns
	f := cmd.Flags()
	f.StringVarP(&o.conf, "config", "c", conf.DefaultPath, "configuration `FILE`, a voipmonitor.conf")
	f.StringArrayVarP(&o.read, "read", "r", nil, "replay a capture `FILE` or folder instead of capturing; may be repeated")
	f.StringVar(&speed, "speed", speed, "of a replay: `N` times real time, or max")
	f.BoolVar(&o.loop, "loop", false, "replay again and again")
	f.BoolVar(&o.now, "now", false, "replay as if it happened now")
	f.BoolVar(&o.stay, "stay", false, "after a replay, go on serving captures and the sensor API")
	f.DurationVar(&o.wait, "wait-delivery", time.Minute, "after a replay, how long to wait for hosted without progress")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log more")
	return cmd
}

// loadConf reads the configuration. Without -c, a file that is not there is no error: a replay needs none.
func loadConf(path string, named bool) (*conf.Config, error) {
	if !named {
		if _, err := os.Stat(path); err != nil {
			return conf.Default(), nil
		}
	}
	return conf.Load(path)
}
