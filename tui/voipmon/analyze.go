package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/plural"
)

// analyzeCommand is what `voipmon analyze` was asked for.
type analyzeCommand struct {
	json, csv, merge, quiet bool
	transactions            bool
	inband                  bool
	sensor                  uint16
	keylog                  string
	keys                    []byte // what stands in it; nil without one
	where, failOn           string
	wanted, grave           rules.Expr   // what they say
	found                   atomic.Int64 // calls that grave holds for
	stdin                   io.Reader
	stdout, stderr          io.Writer
}

func newAnalyze() *cobra.Command {
	var a analyzeCommand
	c := &cobra.Command{
		Use:   "analyze [flags] FILE|DIR|- ...",
		Short: "analyse captures: packets in, call detail records out",
		Long: `Analyze reads pcap and pcapng files (plain, gzip or zstd; - is standard input)
and writes the calls in them: a table, or with --json one call detail record a
line, or with --csv a row each. Each file is an input of its own, and so is
each capture file in a folder, in the order of their paths; --merge reads all
of them as one input, merged by time. Records are written as soon as their calls
have ended, the table of an input at its end, in the order of start.
--transactions writes what happened outside of calls instead (REGISTER,
SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE, OPTIONS), in the order in which it ended.
SIP over TLS is read with the secrets in --keylog, the file that programs write
whose environment names one in SSLKEYLOGFILE, or with those that a pcapng file
brings along. A summary, with everything that was not understood, goes to
standard error.

--where and --fail-on take conditions on a call in the language of capture
rules (docs/rules.md): --where lists the calls that one holds for, --fail-on
makes the exit status tell whether there was any, for tests of a telephone
system.`,
		Example: `  voipmon analyze call.pcap
  voipmon analyze --json captures/ | jq 'select(.mos < 3.5) | .call_id'
  tcpdump -w - udp | voipmon analyze -
  voipmon analyze --transactions --json day.pcap | jq 'select(.status >= 400)'
  voipmon analyze --merge eth0.pcap eth1.pcap
  voipmon analyze --where 'caller:4420* and not status:200' day.pcap
  voipmon analyze --fail-on 'finding:one-way-audio or mos<3.8' test.pcap
  voipmon analyze --keylog keys.log tls.pcap

Exit status:
  0  every input was read to its end
  1  an input was unreadable, cut or damaged, or held packets that look like
     SIP and are not
  2  wrong usage
  3  all was read, and --fail-on holds for a call`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if a.json && a.csv {
				return errors.New("--json and --csv: one of them, please")
			}
			if a.transactions && a.csv {
				return errors.New("--transactions has no CSV: use --json")
			}
			if a.transactions && a.where+a.failOn != "" {
				return errors.New("--where and --fail-on are about calls: they do not go with --transactions")
			}
			var err error
			if a.wanted, err = (*rules.Set)(nil).ParseSearch(a.where); err != nil {
				return fmt.Errorf("--where: %w", err)
			}
			if a.grave, err = (*rules.Set)(nil).ParseSearch(a.failOn); err != nil {
				return fmt.Errorf("--fail-on: %w", err)
			}
			a.stdin, a.stdout, a.stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			tuneCollector(os.Getenv("GOGC"))
			return a.run(c.Context(), args)
		},
	}
	f := c.Flags()
	f.BoolVar(&a.json, "json", false, "one call detail record a line, as JSON")
	f.BoolVar(&a.csv, "csv", false, "one call a row, as CSV with a header")
	f.BoolVar(&a.transactions, "transactions", false, "what happened outside of calls, in place of the calls")
	f.BoolVar(&a.merge, "merge", false, "read all files as one input, merged by time")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no summary")
	f.StringVar(&a.where, "where", "", "only the calls that `CONDITION` holds for")
	f.StringVar(&a.failOn, "fail-on", "", "exit status 3 when `CONDITION` holds for a call")
	f.BoolVar(&a.inband, "inband-dtmf", false, "look for digits within the voice (G.711), too")
	f.StringVar(&a.keylog, "keylog", "", "decrypt TLS with the secrets in `FILE`, an SSLKEYLOGFILE")
	f.Uint16Var(&a.sensor, "sensor-id", 0, "id_sensor `N` to put into the records")
	return c
}

// total adds up the inputs.
type total struct {
	inputs, failed int
	sum            analyze.Summary
	goesOn         []string // files that begin where the one before ends
}

// pieceGap is the longest silence between two files that are pieces of one capture.
const pieceGap = 10 * time.Second

// goesOn reports whether the file b seems to be the next piece of the capture that a is one of, as tcpdump -C and dumpcap -b write them.
func goesOn(a, b string, first, second analyze.Summary) bool {
	gap := second.First.Sub(first.Last)
	return first.Packets > 0 && second.Packets > 0 && filepath.Dir(a) == filepath.Dir(b) && gap >= 0 && gap <= pieceGap
}

func (a *analyzeCommand) run(ctx context.Context, args []string) error {
	if a.keylog != "" {
		var err error
		if a.keys, err = analyze.ReadKeyLog(a.keylog); err != nil {
			return exitError{1, err.Error()}
		}
	}
	inputs, err := inputsOf(args, a.merge)
	if err != nil {
		return exitError{2, err.Error()}
	}
	w := bufio.NewWriterSize(a.stdout, 64<<10)
	out := a.writer(w)
	t := total{sum: analyze.Summary{Counters: protocol.Counters{}}}
	var before analyze.Summary
	for i, paths := range inputs {
		t.inputs++
		sum, err := a.one(ctx, paths, out)
		if t.add(sum); i > 0 && goesOn(inputs[i-1][0], paths[0], before, sum) {
			t.goesOn = append(t.goesOn, paths[0])
		}
		before = sum
		if err != nil {
			var pipe writeError
			if errors.As(err, &pipe) || ctx.Err() != nil {
				return exitError{1, err.Error()}
			}
			t.failed++
			fmt.Fprintf(a.stderr, "voipmon: %v\n", err)
		}
	}
	if t.failed == t.inputs && t.sum.Packets == 0 {
		return exitError{1, ""} // why has been said; nothing was read
	}
	if err := out.end(); err != nil {
		return exitError{1, "write records: " + err.Error()}
	}
	if err := w.Flush(); err != nil {
		return exitError{1, "write records: " + err.Error()}
	}
	if !a.quiet {
		t.print(a.stderr)
	}
	if t.failed > 0 || len(t.sum.Warnings) > 0 || t.sum.Counters[analyze.CountUnparsed] > 0 {
		return exitError{1, ""}
	}
	if n := a.found.Load(); n > 0 {
		return exitError{3, fmt.Sprintf("--fail-on holds for %d of %s: %s", n, plural.Of(t.sum.Calls, "call"), a.failOn)}
	}
	return nil
}

// wants reports whether a call is listed, and counts those that --fail-on is about. It may be asked by many goroutines.
func (a *analyzeCommand) wants(c *protocol.CDR) bool {
	if a.failOn != "" && a.grave.Match(rules.Call{CDR: c}) {
		a.found.Add(1)
	}
	return a.where == "" || a.wanted.Match(rules.Call{CDR: c})
}

// one analyses one input.
func (a *analyzeCommand) one(ctx context.Context, paths []string, out output) (analyze.Summary, error) {
	src, err := analyze.Open(paths, a.stdin)
	if err != nil {
		return analyze.Summary{}, err
	}
	defer src.Close()
	cfg := analyze.Config{SensorID: a.sensor, TLSKeys: a.keys, InbandDTMF: a.inband}
	if a.transactions {
		return analyze.Transactions(ctx, src, cfg, func(r *protocol.Transaction) error { return failed(out.transactions.write(r)) })
	}
	if out.lines != nil {
		pipe := slices.Contains(paths, "-")
		line := appendLine
		if a.where+a.failOn != "" {
			line = func(b []byte, c *protocol.CDR) []byte {
				if !a.wants(c) {
					return b
				}
				return appendLine(b, c)
			}
		}
		return analyze.Lines(ctx, src, cfg, line, func(line []byte) error {
			_, err := out.lines.Write(line)
			if err == nil && pipe { // somebody may be waiting
				err = out.lines.Flush()
			}
			return failed(err)
		})
	}
	sum, err := analyze.Run(ctx, src, cfg, func(c *protocol.CDR) error {
		if !a.wants(c) {
			return nil
		}
		return failed(out.calls.write(c))
	})
	return sum, cmp.Or(err, failed(out.calls.inputEnded()))
}

// failed marks an error of the output.
func failed(err error) error {
	if err != nil {
		return writeError{err}
	}
	return nil
}

// writeError is a failure of the output, which ends the program; those of an input do not.
type writeError struct{ err error }

func (e writeError) Error() string { return "write records: " + e.err.Error() }
func (e writeError) Unwrap() error { return e.err }

// captureNames are the ends of names that are taken for captures in a folder.
var captureNames = []string{".pcap", ".pcapng", ".cap", ".dmp", ".ntar"}

// inputsOf lists the inputs: files, or all of them as one.
func inputsOf(args []string, merge bool) ([][]string, error) {
	var files []string
	for _, p := range args {
		info, err := os.Stat(p)
		if p == "-" || err != nil || !info.IsDir() { // what is not there is reported when it is opened
			files = append(files, p)
			continue
		}
		n := len(files)
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && isCapture(path) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read folder: %w", err)
		}
		if len(files) == n {
			return nil, fmt.Errorf("folder %s: no capture file in it (%s)", p, strings.Join(captureNames, ", "))
		}
		slices.Sort(files[n:])
	}
	if merge {
		return [][]string{files}, nil
	}
	inputs := make([][]string, len(files))
	for i, f := range files {
		inputs[i] = []string{f}
	}
	return inputs, nil
}

func isCapture(path string) bool {
	base := strings.ToLower(filepath.Base(path))
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".gz"), ".zst")
	for _, end := range captureNames {
		if strings.HasSuffix(base, end) {
			return true
		}
	}
	return false
}

// add adds an input's summary.
func (t *total) add(s analyze.Summary) {
	t.sum.Packets += s.Packets
	t.sum.Bytes += s.Bytes
	t.sum.Calls += s.Calls
	t.sum.Streams += s.Streams
	t.sum.Warnings = append(t.sum.Warnings, s.Warnings...)
	for k, v := range s.Counters {
		t.sum.Counters[k] += v
	}
}

func (t *total) print(w io.Writer) {
	files := ""
	if t.inputs != 1 {
		files = plural.Of(t.inputs, "input") + ", "
	}
	fmt.Fprintf(w, "%s%s, %s, %s, %s, %s\n", files, plural.Of(t.sum.Packets, "packet"),
		plural.Of(t.sum.Counters[protocol.CountSIP], "SIP message"), plural.Of(t.sum.Counters[protocol.CountRTP], "RTP packet"),
		plural.Of(t.sum.Calls, "call"), plural.Of(t.sum.Streams, "stream"))
	if ok, refused, unanswered := t.sum.OutsideCalls(); ok+refused+unanswered > 0 {
		fmt.Fprintf(w, "%s outside of calls: %d ok, %d refused, %d unanswered\n", plural.Of(ok+refused+unanswered, "transaction"), ok, refused, unanswered)
	}
	if names := t.sum.NotAnalysed(); len(names) > 0 {
		fmt.Fprintln(w, "not analysed, or only in part:")
		for _, n := range names {
			fmt.Fprintf(w, "  %10d  %s\n", t.sum.Counters[n], n)
		}
	}
	if n := len(t.goesOn); n > 0 {
		more := ""
		if n > 1 {
			more = fmt.Sprintf(", and so do %d more", n-1)
		}
		fmt.Fprintf(w, "%s begins where the file before ends%s: if they are pieces of one capture, --merge keeps their calls whole\n", t.goesOn[0], more)
	}
	for _, v := range t.sum.Warnings {
		fmt.Fprintf(w, "warning: %s: at byte %d: %s\n", v.Input, v.Offset, v.Text)
	}
}

// recordWriter writes calls in one of the forms.
type recordWriter interface {
	write(c *protocol.CDR) error
	inputEnded() error
	end() error
}

// output takes calls, calls as lines of JSON, or transactions; the others are nil.
type output struct {
	calls        recordWriter
	lines        *bufio.Writer
	transactions *transactionWriter
}

func (o output) end() error {
	switch {
	case o.transactions != nil:
		return o.transactions.end()
	case o.calls != nil:
		return o.calls.end()
	}
	return nil
}

func (a *analyzeCommand) writer(w *bufio.Writer) output {
	switch {
	case a.transactions:
		return output{transactions: newTransactionWriter(w, a.json)}
	case a.json:
		return output{lines: w}
	case a.csv:
		return output{calls: newCSVWriter(w)}
	}
	return output{calls: &tableWriter{w: w}}
}

// appendLine appends a record as JSON.
func appendLine(b []byte, c *protocol.CDR) []byte { return append(c.AppendJSON(b), '\n') }
