package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/analyze"
)

func newRulesExplain() *cobra.Command {
	var from pastCalls
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "explain [RULES] CALL_ID {-r|--calls|--sensor|--hosted} SOURCE",
		DisableFlagsInUseLine: true,
		Short:                 "say which rule decides for a call, and why the earlier ones do not",
		Long: `Explain says of each rule, up to the one that decides, why it does or does not.
CALL_ID is the call's id or its SIP Call-ID. Without RULES the rules are those
that the sensor at SOCKET applies, its own and behind them hosted's.`,
		Example: `  voipmon rules explain my.rules 95fb90b30002@10.0.0.5 -r yesterday.pcap
  voipmon rules explain 95fb90b30002@10.0.0.5 --sensor /run/sensord/sensord.sock`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			from.stdin, from.limit = cmd.InOrStdin(), int(^uint(0)>>1)
			var set *rules.Set
			var err error
			if len(args) == 2 {
				set, err = readRules(args[0])
			} else {
				set, err = from.rulesInForce(cmd.Context())
			}
			if err != nil {
				return err
			}
			list, err := explain(cmd.Context(), set, args[len(args)-1], &from)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			for i := range list {
				list[i].print(cmd.OutOrStdout())
			}
			return nil
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// rulesInForce asks a sensor for its rules.
func (p *pastCalls) rulesInForce(ctx context.Context) (*rules.Set, error) {
	if p.source.Socket == "" {
		return nil, exitError{2, "which rules? Name a rule file before the Call-ID; only --sensor can tell which rules are in force"}
	}
	src, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	in, err := src.Rules(ctx, protocol.UUID{})
	if err != nil {
		return nil, err
	}
	local, err := rules.Parse("local rules of the sensor", in.Text)
	if err != nil {
		return nil, fmt.Errorf("%w: where they name CSV files, give the rule file itself", err)
	}
	if in.Hosted == nil {
		return local, nil
	}
	hosted, err := rules.ParseHosted("hosted's rules", in.Hosted.Text)
	if err != nil {
		return nil, err
	}
	return rules.Join(local, hosted), nil
}

// explanation is why a call is kept as it is.
type explanation struct {
	ID      protocol.UUID `json:"id"`
	CallID  string        `json:"call_id"`
	Start   protocol.Time `json:"start"`
	Caller  string        `json:"caller"`
	Callee  string        `json:"callee"`
	Running bool          `json:"running"`
	Rule    string        `json:"rule"` // that decides, "": none
	Keep    protocol.Keep `json:"keep"`
	Open    protocol.Keep `json:"open"` // the most that other rules may keep yet of a running call
	Steps   []explainStep `json:"steps"`
	Unseen  []string      `json:"unseen"` // header fields that rules ask for and the record does not have
}

type explainStep struct {
	Rule    string       `json:"rule"`
	Origin  rules.Origin `json:"origin"`
	Line    int          `json:"line"`
	Decides bool         `json:"decides"`
	Open    bool         `json:"open"` // not decided yet
	Why     string       `json:"why"`
}

func explain(ctx context.Context, set *rules.Set, id string, from *pastCalls) ([]explanation, error) {
	x := &explainer{set: set, id: id}
	var err error
	switch {
	case len(from.captures) > 0:
		_, _, err = analyze.Files(ctx, from.captures, from.stdin, analyze.Config{Decide: x})
	case from.file != "":
		err = from.each(ctx, func(c *protocol.CDR) { x.call(rules.Call{CDR: c, State: protocol.StateEnded}, set.Headers()) })
	default:
		err = x.ask(ctx, from)
	}
	if err != nil {
		return nil, err
	}
	if x.found == nil {
		return nil, exitError{1, fmt.Sprintf("no call %s there; voipmon analyze and voiptop list those that are", id)}
	}
	return x.found, nil
}

// explainer is asked as a sensor's rules are, and explains the calls that it looks for.
type explainer struct {
	set   *rules.Set
	id    string
	found []explanation
}

// Headers implements analyze.Decider.
func (x *explainer) Headers() []string { return x.set.Headers() }

// Decide implements analyze.Decider.
func (x *explainer) Decide(s *analyze.Subject) analyze.Decision {
	if s.State == protocol.StateEnded {
		c := rules.Call{CDR: s.CDR, State: s.State}
		for _, h := range s.Headers {
			c.Headers = append(c.Headers, rules.Header(h))
		}
		x.call(c, nil)
	}
	return analyze.Decision{Keep: protocol.KeepNone}
}

// ask looks for a call at a sensor or a hosted service, where it may still go on.
func (x *explainer) ask(ctx context.Context, from *pastCalls) error {
	src, err := from.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	c, err := src.Call(ctx, x.id)
	var p *protocol.Problem
	if errors.As(err, &p) && p.Code == protocol.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	call := rules.Call{CDR: c, State: protocol.StateEnded}
	if c.End == 0 {
		call.State = protocol.StateUp
	}
	x.id = c.CallID
	x.call(call, x.set.Headers())
	return nil
}

func (x *explainer) call(c rules.Call, unseen []string) {
	if c.CallID != x.id && c.ID.String() != x.id {
		return
	}
	e := explanation{
		ID: c.ID, CallID: c.CallID, Start: c.Start, Caller: c.Caller, Callee: c.Callee, Running: c.State != protocol.StateEnded,
		Keep: protocol.KeepNone, Open: protocol.KeepNone, Steps: []explainStep{}, Unseen: append([]string{}, unseen...),
	}
	for _, st := range x.set.Explain(c, c.Start.Std()) {
		e.Steps = append(e.Steps, explainStep{st.Rule.Name, st.Rule.Origin, st.Rule.Pos.Line, st.Decides, st.Open, st.Why})
		if st.Decides {
			e.Rule, e.Keep = st.Rule.Name, st.Rule.Keep
		}
	}
	if e.Running {
		_, e.Open = x.set.DecideRunning(c, c.Start.Std())
	}
	x.found = append(x.found, e)
}

func (e *explanation) print(w io.Writer) {
	fmt.Fprintf(w, "%s  %s > %s  %s\n", e.Start, e.Caller, e.Callee, e.CallID)
	for i, s := range e.Steps {
		mark := " "
		switch {
		case s.Decides:
			mark = ">"
		case s.Open:
			mark = "?"
		}
		origin := ""
		if s.Origin == rules.OriginHosted {
			origin = " (hosted)"
		}
		fmt.Fprintf(w, "%s %d %s%s: %s\n", mark, i+1, s.Rule, origin, s.Why)
	}
	switch {
	case e.Rule != "":
		fmt.Fprintf(w, "  keep %s\n", e.Keep)
	case e.Running:
		fmt.Fprintln(w, "  no rule matches yet")
	default:
		fmt.Fprintln(w, "  no rule matches: nothing is kept")
	}
	if e.Open != protocol.KeepNone {
		fmt.Fprintf(w, "  the call goes on: in the end up to %s may be kept\n", e.Open)
	}
	if len(e.Unseen) > 0 && !e.Running {
		fmt.Fprintf(w, "  the record has no header fields: conditions on %s were not true\n", strings.Join(e.Unseen, ", "))
	}
}
