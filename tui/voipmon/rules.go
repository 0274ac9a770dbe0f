package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/internal/plural"
)

// newRules is `voipmon rules`.
func newRules() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "check, list, try, explain and import capture rules",
		Long:  "Capture rules say which calls' packets a sensor keeps. docs/rules.md is their\nmanual.",
	}
	cmd.AddCommand(newRulesCheck(), newRulesList(), newRulesTest(), newRulesExplain(), newRulesImport())
	return cmd
}

func newRulesCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "say what is wrong with rule files, and which rules do nothing",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return checkRules(cmd.OutOrStdout(), args) },
	}
}

func newRulesList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "print the rules in the order in which they are asked",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readRules(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), listed(s))
			}
			return listRules(cmd.OutOrStdout(), s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
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
		for _, warn := range s.Warnings(time.Now()) {
			fmt.Fprintf(w, "%s:%d: warning: rule %q %s\n", f, warn.Rule.Pos.Line, warn.Rule.Name, warn.Text)
		}
		fmt.Fprintf(w, "%s: %s, no error\n", f, plural.Of(len(s.Rules), "rule"))
	}
	if errs != nil {
		return exitError{1, errors.Join(errs...).Error()}
	}
	return nil
}

// listedRule is a rule as `rules list --json` writes it.
type listedRule struct {
	Name     string        `json:"name"`
	Keep     protocol.Keep `json:"keep"`
	When     string        `json:"when"` // "": every call
	NoAudio  bool          `json:"no_audio"`
	MaskDTMF bool          `json:"mask_dtmf"`
	Until    string        `json:"until"`
	Note     string        `json:"note"`
	Off      bool          `json:"off"`
	Line     int           `json:"line"`
}

func listed(s *rules.Set) []listedRule {
	list := make([]listedRule, len(s.Rules))
	for i, r := range s.Rules {
		list[i] = listedRule{
			Name: r.Name, Keep: r.Keep, When: r.When.String(), NoAudio: r.NoAudio, MaskDTMF: r.MaskDTMF, Note: r.Note, Off: r.Off, Line: r.Pos.Line,
		}
		if !r.Until.IsZero() {
			list[i].Until = r.Until.Format(time.DateOnly)
		}
	}
	return list
}

func listRules(w io.Writer, s *rules.Set) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "#\tNAME\tKEEP\tWHEN\tUNTIL\tNOTE")
	for i, r := range listed(s) {
		keep := string(r.Keep)
		switch {
		case r.Off:
			keep = "off"
		default:
			if r.NoAudio {
				keep += ", no audio"
			}
			if r.MaskDTMF {
				keep += ", mask dtmf"
			}
		}
		if r.When == "" {
			r.When = "(every call)"
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\n", i+1, r.Name, keep, r.When, r.Until, r.Note)
	}
	return tw.Flush()
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
