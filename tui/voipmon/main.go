// Command voipmon is the command line of the toolkit: analyze (pcap in, CDRs out), grep (SIP messages), doctor (why is
// my sensor not in the cloud?), pair, rules, pcap, audio, sipp, stats and mcp (for assistants). Each subcommand is in the file of its name.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// exitError ends the program with a status of its own; its message is printed if it is not empty.
type exitError struct {
	status int
	msg    string
}

func (e exitError) Error() string { return e.msg }

// Main runs voipmon and answers its exit status: 0 ok, 1 failed, 2 could not be done.
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
		fmt.Fprintf(stderr, "voipmon: %v\n", err)
	}
	var e exitError
	if errors.As(err, &e) {
		return e.status
	}
	return 2
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "voipmon",
		Short:         "SIP and RTP diagnostics on the command line",
		Version:       protocol.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate(protocol.VersionLine("voipmon") + "\n")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 80 |")) // terminals of 80 columns
	root.AddCommand(                                                                                          // one line a subcommand, each in the file of its name
		newAnalyze(),
		newAudio(),
		newDoctor(),
		newGrep(),
		newMCP(),
		newPair(),
		newPcap(),
		newRules(),
		newSIPp(),
		newStats(),
	)
	explainArguments(root)
	return root
}
