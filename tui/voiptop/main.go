// Command voiptop is the terminal view: running and past calls, the ladder of a call, the quality of its streams, and the
// capture rules - of a sensor on this machine, of a hosted service, or of capture files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/internal/early"
	"voiptop/tui/internal/screen"
	"voiptop/tui/source"
)

func main() {
	early.Restore()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	status := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// exitError ends the program with a status of its own; its message is printed if it is not empty.
type exitError struct {
	status int
	msg    string
}

func (e exitError) Error() string { return e.msg }

// Main runs voiptop and answers its exit status: 0 ok, 1 failed, 2 wrong usage.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if err.Error() != "" {
		fmt.Fprintf(stderr, "voiptop: %v\n", err)
	}
	var e exitError
	if errors.As(err, &e) {
		return e.status
	}
	return 2
}

// command is what voiptop was asked for.
type command struct {
	files          []string
	socket, hosted string
	keylog         string
	follow         bool
	filter         string
	words          []string   // what filter looks for in messages, see source.CutText
	shows          rules.Expr // the rest of filter
	once, json     bool
	theme          string
	ascii, utc     bool
	noMouse        bool
	set            func(flag string) bool // on the command line
	stdin          io.Reader
	stdout, stderr io.Writer
}

func newRoot() *cobra.Command {
	var v command
	c := &cobra.Command{
		Use:   "voiptop [FILE ... | --sensor SOCKET | --hosted URL] [--once [--json]]",
		Short: "SIP calls and their quality, on the terminal",
		Long: `Voiptop shows running and past calls with their quality, and why a bad one is
bad. It reads the sensor on this machine, a hosted service, or capture files.
Press ? in it for its keys and for the language of its filter.

A hosted service wants an API token, from the environment variable
VOIPTOP_TOKEN or the file ~/.config/voiptop/token; without one voiptop asks for
name and password. When its output is no terminal, voiptop does as with --once.
What is chosen on its screens (columns, their order) is kept in the file
~/.config/voiptop/config, which may also name theme, ascii, utc and mouse.`,
		Example: `  voiptop                                the sensor on this machine
  voiptop call.pcap                      a capture; several are merged by time
  voiptop -F -r trace.pcap               a capture that is still being written
  voiptop --hosted https://voip.example  all sensors of a tenant
  voiptop --once                         the running calls as a plain table
  voiptop --once --json | jq .caller     the same, one JSON object a line
  voiptop call.pcap --once --json        the call detail records (CDRs)
  voiptop -f 'not status:200' call.pcap  the calls that a condition holds for`,
		Version:       protocol.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, args []string) error {
			v.stdin, v.stdout, v.stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			if len(args) > 0 && (v.socket != "" || v.hosted != "") {
				return fmt.Errorf("what is %q? captures are read without --sensor and --hosted", args[0])
			}
			v.files = append(v.files, args...)
			if v.follow && (len(v.files) != 1 || v.files[0] == "-") {
				return errors.New("--follow goes with one capture file; standard input is followed as it is")
			}
			if v.keylog != "" && len(v.files) == 0 {
				return errors.New("--keylog goes with -r: a sensor has tls_keylog in its configuration")
			}
			v.set = func(name string) bool { return c.Flags().Changed(name) }
			return v.run(c.Context())
		},
	}
	c.SetVersionTemplate(protocol.VersionLine("voiptop") + "\n")
	c.SetUsageTemplate(strings.ReplaceAll(c.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 80 |")) // terminals of 80 columns
	f := c.Flags()
	f.StringArrayVarP(&v.files, "read", "r", nil, "read capture `FILE`s (pcap, pcapng; - is standard input)")
	f.BoolVarP(&v.follow, "follow", "F", false, "with one capture file: read on as it grows")
	f.StringVarP(&v.filter, "filter", "f", "", "show only the calls that `CONDITION` holds for, as / in voiptop does")
	f.StringVar(&v.keylog, "keylog", "", "with -r: decrypt TLS with the secrets in `FILE`, an SSLKEYLOGFILE")
	f.StringVar(&v.socket, "sensor", "", "read the sensor that listens on `SOCKET` (default the one in voipmonitor.conf, or /run/sensord/sensord.sock)")
	f.StringVar(&v.hosted, "hosted", "", "read the hosted service at `URL`")
	f.BoolVar(&v.once, "once", false, "print what is there now, and end")
	f.BoolVar(&v.json, "json", false, "with --once: one JSON object a line")
	f.StringVar(&v.theme, "theme", "auto", "colours for a background that is `auto|dark|light`")
	f.BoolVar(&v.ascii, "ascii", false, "draw with ASCII only (default when the locale is not UTF-8)")
	f.BoolVar(&v.utc, "utc", false, "show times in UTC, not in the local zone")
	f.BoolVar(&v.noMouse, "no-mouse", false, "leave the mouse to the terminal, to select text with it")
	c.MarkFlagsMutuallyExclusive("read", "sensor", "hosted")
	return c
}

func (v *command) run(ctx context.Context) error {
	switch v.theme {
	case "auto", "dark", "light":
	default:
		return fmt.Errorf("--theme %q: want auto, dark or light", v.theme)
	}
	tty := v.terminal()
	v.once = v.once || v.json || tty == nil
	if v.once && v.follow {
		return errors.New("--follow shows a capture on a terminal: it goes with neither --once nor --json")
	}
	if err := screen.CheckFilter(v.filter); err != nil {
		return fmt.Errorf("--filter: %w", err)
	}
	o := source.Options{Files: v.files, Follow: v.follow, Stdin: v.stdin, KeyLog: v.keylog, Hosted: v.hosted, Token: os.Getenv("VOIPTOP_TOKEN"), Socket: v.socket}
	if tty != nil {
		o.Ask = v.ask
	}
	src, err := source.Open(ctx, o)
	if err != nil {
		return exitError{1, err.Error()}
	}
	defer src.Close()
	if v.once {
		words, rest, err := source.CutText(v.filter)
		if err != nil {
			return fmt.Errorf("--filter: %w", err)
		}
		if _, ok := src.(source.TextSearcher); !ok && len(words) > 0 {
			return fmt.Errorf("--filter: %w", source.ErrNoText)
		}
		v.words = words
		if v.shows, err = rules.ParseExpr(rest); err != nil {
			return fmt.Errorf("--filter: %w", err)
		}
		return v.snapshot(ctx, src)
	}
	return v.show(ctx, src, tty)
}
