package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/analyze"
)

// newRules is `voipmon rules`.
func newRules() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "check, list, explain and try capture rules",
		Long:  "Capture rules say which calls' packets a sensor keeps. docs/rules.md is their manual.",
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "check FILE...",
			Short: "say what is wrong with rule files; exit 1 if anything is",
			Args:  cobra.MinimumNArgs(1),
			RunE:  func(cmd *cobra.Command, args []string) error { return checkRules(cmd.OutOrStdout(), args) },
		},
		&cobra.Command{
			Use:   "list FILE",
			Short: "print the rules in the order in which they are asked",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				s, err := readRules(args[0])
				if err != nil {
					return err
				}
				listRules(cmd.OutOrStdout(), s)
				return nil
			},
		},
		newRulesTest(), newRulesExplain(),
	)
	return cmd
}

func newRulesTest() *cobra.Command {
	var captures []string
	cmd := &cobra.Command{
		Use:     "test FILE -r CAPTURE...",
		Short:   "say what the rules would keep of the calls in captures",
		Example: "  voipmon rules test my.rules -r yesterday.pcap",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readRules(args[0])
			if err != nil {
				return err
			}
			return testRules(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), s, captures)
		},
	}
	cmd.Flags().StringArrayVarP(&captures, "read", "r", nil, "a capture `FILE` or folder; may be repeated")
	cobra.CheckErr(cmd.MarkFlagRequired("read"))
	return cmd
}

func newRulesExplain() *cobra.Command {
	var captures []string
	cmd := &cobra.Command{
		Use:     "explain FILE CALL_ID -r CAPTURE...",
		Short:   "say which rule decides for a call, and why the earlier ones do not",
		Example: "  voipmon rules explain my.rules 95fb90b30002@10.0.0.5 -r yesterday.pcap",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readRules(args[0])
			if err != nil {
				return err
			}
			return explainRules(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), s, args[1], captures)
		},
	}
	cmd.Flags().StringArrayVarP(&captures, "read", "r", nil, "a capture `FILE` or folder; may be repeated")
	cobra.CheckErr(cmd.MarkFlagRequired("read"))
	return cmd
}

func readRules(path string) (*rules.Set, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	s, err := rules.Parse(path, string(b))
	if err != nil {
		return nil, exitError{1, err.Error()}
	}
	return s, nil
}

func checkRules(w io.Writer, files []string) error {
	var errs []error
	for _, f := range files {
		s, err := readRules(f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(w, "%s: %d rules, no error\n", f, len(s.Rules))
	}
	if errs != nil {
		return exitError{1, errors.Join(errs...).Error()}
	}
	return nil
}

func listRules(w io.Writer, s *rules.Set) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "#\tNAME\tKEEP\tWHEN\tUNTIL\tNOTE")
	for i, r := range s.Rules {
		when, until := r.When.String(), ""
		if when == "" {
			when = "(every call)"
		}
		if !r.Until.IsZero() {
			until = r.Until.Format(time.DateOnly)
		}
		keep := string(r.Keep)
		if r.Off {
			keep = "off"
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\n", i+1, r.Name, keep, when, until, r.Note)
	}
	tw.Flush()
}

// tally is what a rule kept of some calls. It is the engine's sink, so that what it counts is what a sensor would keep.
type tally struct {
	calls map[string]int
	bytes map[string]int64
	total int
	sizes map[*analyze.KeptCall]sizes
}

// sizes are the bytes of a call's packets, by what would be kept of them.
type sizes map[protocol.Keep]int64

func (t *tally) Call(c *protocol.CDR) {
	t.total++
	t.calls[c.Rule]++
}

// Keep adds up what every rule might keep: which one decides may be known at the end only.
func (t *tally) Keep(c *analyze.KeptCall, p *analyze.Packet, headers int) {
	n := t.sizes[c]
	if n == nil {
		n = sizes{}
		t.sizes[c] = n
	}
	if headers >= len(p.Data) {
		n[protocol.KeepSIP] += int64(len(p.Data))
	}
	n[protocol.KeepHeaders] += int64(min(len(p.Data), headers))
	n[protocol.KeepRTP] += int64(len(p.Data))
}

func (t *tally) Decided(*analyze.KeptCall) {}

func (t *tally) Kept(c *analyze.KeptCall) protocol.Capture {
	t.bytes[c.Rule] += t.sizes[c][c.Keep]
	delete(t.sizes, c)
	return protocol.Capture{}
}

func testRules(ctx context.Context, stdin io.Reader, w io.Writer, s *rules.Set, captures []string) error {
	src, err := analyze.Open(captures, stdin)
	if err != nil {
		return err
	}
	defer src.Close()
	t := &tally{calls: map[string]int{}, bytes: map[string]int64{}, sizes: map[*analyze.KeptCall]sizes{}}
	e := analyze.New(analyze.Config{Decide: analyze.ByRules(s)}, t)
	var p analyze.Packet
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := src.Next(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		e.Packet(&p)
	}
	e.Close()
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tKEEP\tCALLS\tBYTES")
	for _, r := range s.Rules {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\n", r.Name, r.Keep, t.calls[r.Name], t.bytes[r.Name])
	}
	fmt.Fprintf(tw, "(no rule)\tnone\t%d\t0\n", t.calls[""])
	fmt.Fprintf(tw, "all\t\t%d\t%d\n", t.total, sum(t.bytes))
	return tw.Flush()
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

func explainRules(ctx context.Context, stdin io.Reader, w io.Writer, s *rules.Set, callID string, captures []string) error {
	calls, _, err := analyze.Files(ctx, captures, stdin, analyze.Config{})
	if err != nil {
		return err
	}
	found := false
	for _, c := range calls {
		if c.CallID != callID && c.ID.String() != callID {
			continue
		}
		found = true
		fmt.Fprintf(w, "%s  %s > %s  %s\n", c.Start, c.Caller, c.Callee, c.CallID)
		decided := false
		for i, st := range s.Explain(rules.Call{CDR: atFirstInvite(c)}, c.Start.Std()) {
			mark := " "
			if st.Decides {
				mark, decided = ">", true
			}
			fmt.Fprintf(w, "%s %d %s: %s\n", mark, i+1, st.Rule.Name, st.Why)
			if st.Decides {
				fmt.Fprintf(w, "  keep %s\n", st.Rule.Keep)
			}
		}
		if !decided {
			fmt.Fprintln(w, "  no rule matches: nothing is kept")
		}
	}
	if !found {
		return exitError{1, fmt.Sprintf("no call %s in the captures; voipmon analyze lists those that are", callID)}
	}
	return nil
}

// atFirstInvite is what a sensor knows of a call when the rules are asked.
func atFirstInvite(c *protocol.CDR) *protocol.CDR {
	return &protocol.CDR{
		ID: c.ID, CallID: c.CallID, SensorID: c.SensorID, Caller: c.Caller, Callee: c.Callee, CallerDomain: c.CallerDomain,
		CalleeDomain: c.CalleeDomain, CallerName: c.CallerName, CalleeURI: c.CalleeURI, Src: c.Src, Dst: c.Dst,
		Transport: c.Transport, Start: c.Start, UACaller: c.UACaller,
	}
}
