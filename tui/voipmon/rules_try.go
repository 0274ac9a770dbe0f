package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/analyze"
)

func newRulesTest() *cobra.Command {
	var from pastCalls
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "test FILE {-r FILE | --calls FILE | --sensor S | --hosted URL}",
		DisableFlagsInUseLine: true,
		Short:                 "say what rules would keep of captures or past calls",
		Long: `Test says of each rule for how many calls it decides and how many bytes it
would keep. From captures the bytes are counted, packet by packet, as a sensor
would keep them. Of past calls there are only records: bytes are those of the
capture, where the same was kept, else estimated from the packets and codecs of
the streams or, in records without streams, from duration and codec; and
conditions on header fields are not true, since records have none.`,
		Example: `  voipmon rules test my.rules -r yesterday.pcap
  voipmon rules test my.rules --sensor /run/sensord/sensord.sock --limit 5000
  voipmon analyze --json day/ | voipmon rules test my.rules --calls -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readRules(args[0])
			if err != nil {
				return err
			}
			from.stdin = cmd.InOrStdin()
			t, err := try(cmd.Context(), s, &from)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), t)
			} else {
				err = t.print(cmd.OutOrStdout())
			}
			return cmp.Or(err, from.damage(cmd.ErrOrStderr()))
		},
	}
	from.flags(cmd)
	cmd.Flags().IntVar(&from.limit, "limit", 10_000, "at most `N` past calls of a sensor or hosted, the newest")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// trial is what rules would keep of some calls.
type trial struct {
	Calls  int           `json:"calls"`
	Oldest protocol.Time `json:"oldest"` // start of the first of them
	Newest protocol.Time `json:"newest"`
	Bytes  int64         `json:"bytes"`
	// Measured: bytes were counted from packets; else they are estimated.
	Measured bool      `json:"measured"`
	Rules    []ruleTry `json:"rules"`
	NoRule   int       `json:"no_rule"` // calls for which no rule decides: nothing is kept
	Unseen   []string  `json:"unseen"`  // header fields that rules ask for and these records do not have
	Limited  bool      `json:"limited"` // there may be older calls: --limit was reached
	place    map[string]*ruleTry
	sizes    map[*analyze.KeptCall]map[protocol.Keep]int64
}

type ruleTry struct {
	Name  string        `json:"name"`
	Keep  protocol.Keep `json:"keep"`
	Calls int           `json:"calls"`
	Bytes int64         `json:"bytes"`
}

func try(ctx context.Context, s *rules.Set, from *pastCalls) (*trial, error) {
	t := &trial{Rules: make([]ruleTry, len(s.Rules)), Unseen: []string{}, place: map[string]*ruleTry{}, sizes: map[*analyze.KeptCall]map[protocol.Keep]int64{}}
	for i := range s.Rules {
		t.Rules[i] = ruleTry{Name: s.Rules[i].Name, Keep: s.Rules[i].Keep}
		t.place[s.Rules[i].Name] = &t.Rules[i]
	}
	if len(from.captures) > 0 {
		t.Measured = true
		return t, t.play(ctx, s, from)
	}
	t.Unseen = append(t.Unseen, s.Headers()...)
	seen := 0
	err := from.each(ctx, func(c *protocol.CDR) {
		seen++
		if c.End == 0 {
			return // it goes on
		}
		t.count(c)
		r := s.Decide(rules.Call{CDR: c, State: protocol.StateEnded}, c.Start.Std())
		if r == nil {
			t.NoRule++
			return
		}
		p := t.place[r.Name]
		p.Calls++
		p.Bytes += rules.EstimateBytes(c, r.Keep)
	})
	for i := range t.Rules {
		t.Bytes += t.Rules[i].Bytes
	}
	t.Limited = from.file == "" && seen >= from.limit
	return t, err
}

func (t *trial) count(c *protocol.CDR) {
	t.Calls++
	if t.Oldest == 0 || c.Start < t.Oldest {
		t.Oldest = c.Start
	}
	t.Newest = max(t.Newest, c.Start)
}

// play runs captures through the engine. The trial is its sink, so that what it counts is what a sensor would keep.
func (t *trial) play(ctx context.Context, s *rules.Set, from *pastCalls) error {
	src, err := analyze.Open(from.captures, from.stdin)
	if err != nil {
		return err
	}
	defer src.Close()
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
	from.warnings = src.Stats().Warnings
	return nil
}

// Call implements analyze.Sink.
func (t *trial) Call(c *protocol.CDR) {
	t.count(c)
	if r := t.place[c.Rule]; r != nil {
		r.Calls++
		return
	}
	t.NoRule++
}

// Keep implements analyze.Sink. It adds up what every rule might keep: which one decides may be known at the end only.
func (t *trial) Keep(c *analyze.KeptCall, p *analyze.Packet, headers int) {
	n := t.sizes[c]
	if n == nil {
		n = map[protocol.Keep]int64{}
		t.sizes[c] = n
	}
	if headers >= len(p.Data) {
		n[protocol.KeepSIP] += int64(len(p.Data))
	}
	n[protocol.KeepHeaders] += int64(min(len(p.Data), headers))
	n[protocol.KeepRTP] += int64(len(p.Data))
}

// Decided implements analyze.Sink.
func (t *trial) Decided(*analyze.KeptCall) {}

// Kept implements analyze.Sink.
func (t *trial) Kept(c *analyze.KeptCall) protocol.Capture {
	if r := t.place[c.Rule]; r != nil {
		n := t.sizes[c][c.Keep]
		r.Bytes += n
		t.Bytes += n
	}
	delete(t.sizes, c)
	return protocol.Capture{}
}

func (t *trial) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tKEEP\tCALLS\tBYTES")
	for _, r := range t.Rules {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\n", r.Name, r.Keep, r.Calls, r.Bytes)
	}
	fmt.Fprintf(tw, "(no rule)\tnone\t%d\t0\n", t.NoRule)
	fmt.Fprintf(tw, "all\t\t%d\t%d\n", t.Calls, t.Bytes)
	if err := tw.Flush(); err != nil {
		return err
	}
	if t.Calls > 0 {
		more := ""
		if t.Limited {
			more = "; there may be older ones (--limit)"
		}
		fmt.Fprintf(w, "\ncalls from %s to %s%s\n", t.Oldest.Std().Format(time.RFC3339), t.Newest.Std().Format(time.RFC3339), more)
	}
	if !t.Measured {
		fmt.Fprintln(w, "bytes are estimated from what the records of past calls have: size of the capture, packets and codecs, or duration")
	}
	if len(t.Unseen) > 0 {
		fmt.Fprintf(w, "records have no header fields: conditions on %s were not true; try captures (-r)\n", strings.Join(t.Unseen, ", "))
	}
	return nil
}
