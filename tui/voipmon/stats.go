package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/stats"
	"voiptop/tui/source"
)

// statsCommand is what `voipmon stats` was asked for.
type statsCommand struct {
	from  pastCalls
	where string
	rows  int
	json  bool
	expr  rules.Expr
}

func newStats() *cobra.Command {
	var s statsCommand
	c := &cobra.Command{
		Use:                   "stats (-r FILE | --calls FILE | --sensor SOCKET | --hosted URL)",
		DisableFlagsInUseLine: true,
		Short:                 "count calls together: ASR, NER, ACD, PDD, MOS, groups",
		Long: `Stats counts past calls together: ASR, NER, ACD, PDD, MOS and the like, then the
calls by final status, end, finding, address, user agent, codec and number, and
by ranges of MOS, loss, jitter and PDD. With --json there is with each the
condition that finds its calls, for --where, for voiptop and for hosted. The
figures are those of docs/dashboards.md.`,
		Example: `  voipmon stats -r friday.pcap
  voipmon stats --sensor /run/sensord/sensord.sock --where 'src:198.51.100.0/24'
  voipmon analyze --json day/ | voipmon stats --calls - --json

Exit status:
  0  counted
  1  counted, of captures that were cut or damaged
  2  it could not be done; the message says why`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.from.stdin = cmd.InOrStdin()
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.from.flags(c)
	f := c.Flags()
	f.StringVar(&s.where, "where", "", "only the calls that `CONDITION` holds for, in the language of capture rules")
	f.IntVar(&s.from.limit, "limit", 20_000, "at most `N` past calls of a sensor or hosted, the newest")
	f.IntVar(&s.rows, "rows", 10, "at most `N` rows a section")
	f.BoolVar(&s.json, "json", false, "as JSON")
	return c
}

func (s *statsCommand) run(ctx context.Context, out, stderr io.Writer) (err error) {
	if s.rows < 1 {
		return exitError{2, fmt.Sprintf("--rows %d: want 1 or more", s.rows)}
	}
	if s.expr, err = rules.ParseExpr(s.where); err != nil {
		return exitError{2, "--where: " + err.Error()}
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return exitError{2, err.Error()}
	}
	if s.from.live() && len(calls) >= s.from.limit {
		fmt.Fprintf(stderr, "voipmon: the newest %s; --limit counts more\n", plural.Of(len(calls), "call"))
	}
	r := stats.Of(calls)
	for i := range r.Sections {
		x := &r.Sections[i]
		if n := len(x.Rows); !x.Ordered && n > s.rows {
			x.Others += n - s.rows
			x.Rows = x.Rows[:s.rows]
		}
	}
	if s.json {
		err = writeJSON(out, statsJSON(r))
	} else {
		_, err = io.WriteString(out, statsText(r))
	}
	return cmp.Or(err, s.from.damage(stderr))
}

// calls are the past calls that the condition holds for.
func (s *statsCommand) calls(ctx context.Context) (list []*protocol.CDR, err error) {
	add := func(c *protocol.CDR) {
		if c.End != 0 && s.expr.Match(rules.Call{CDR: c, State: protocol.StateEnded}) {
			x := *c
			x.Streams, x.Messages = nil, nil // what is counted is in the record itself
			list = append(list, &x)
		}
	}
	switch {
	case len(s.from.captures) > 0:
		src, err := analyze.Open(s.from.captures, s.from.stdin)
		if err != nil {
			return nil, err
		}
		defer src.Close()
		sum, err := analyze.Run(ctx, src, analyze.Config{}, func(c *protocol.CDR) error { add(c); return nil })
		s.from.warnings = sum.Warnings
		return list, err
	case s.where == "" || !s.from.live():
		err = s.from.each(ctx, add)
		return list, err
	}
	src, err := s.from.open(ctx)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	from, ok := src.(source.Searcher)
	if !ok {
		return nil, fmt.Errorf("%s cannot be searched", src.Name())
	}
	for after := ""; len(list) < s.from.limit; {
		page, err := from.Search(ctx, s.where, min(s.from.limit-len(list), 500), after)
		if err != nil {
			return nil, err
		}
		for i := range page.Calls {
			list = append(list, &page.Calls[i])
		}
		if after = page.Next; after == "" {
			break
		}
	}
	return list, nil
}

// live reports whether the calls are those of a sensor or hosted.
func (p *pastCalls) live() bool { return p.file == "" && len(p.captures) == 0 }

const statsTime = "2006-01-02 15:04:05"

// statsText is a report for people, 80 columns wide.
func statsText(r *stats.Report) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	if r.Calls == 0 {
		return "no calls\n"
	}
	line("%s, %s to %s UTC", plural.Of(r.Calls, "call"), r.First.Std().Format(statsTime), r.Last.Std().Format(statsTime))
	line("")
	for i := range r.Figures {
		f := &r.Figures[i]
		find := ""
		if f.Where != "" && f.Calls != r.Calls && f.Calls > 0 {
			find = fmt.Sprintf("%d %s", f.Calls, f.About)
		}
		head := fmt.Sprintf("%-10s %9s  %-20s ", f.Name, figure(f), f.Note)
		line("%s%s", head, fit(find, max(10, 80-utf8.RuneCountInString(head))))
	}
	for _, s := range r.Sections {
		rows := s.Rows
		if len(rows) == 0 || s.Name == "Sensors" && len(rows) == 1 || s.Ordered && r.Rated == 0 && s.Name != "PDD" {
			continue
		}
		line("")
		line("%-30s %7s %5s %6s %6s %8s %6s %5s", strings.ToUpper(s.Name), "CALLS", "%", "ASR%", "NER%", "ACD", "PDD", "MOS")
		for i := range rows {
			x := &rows[i]
			if x.Calls == 0 {
				continue
			}
			line("%-30s %7d %5.1f %6s %6s %8s %6s %5s", fit(printable(x.Key), 30), x.Calls, 100*float64(x.Calls)/float64(r.Calls), ratio(x.ASR, 1, 1), ratio(x.NER, 1, 1), lasts(x.ACD),
				ratio(x.PDD, 1000, 2), ratio(x.MOS, 1, 2))
		}
		if s.Others > 0 {
			line("... %d more", s.Others)
		}
	}
	return b.String()
}

func ratio(get func() (float64, bool), by float64, digits int) string {
	v, ok := get()
	if !ok {
		return "-"
	}
	return strconv.FormatFloat(v/by, 'f', digits, 64)
}

func lasts(get func() (float64, bool)) string {
	v, ok := get()
	if !ok {
		return "-"
	}
	return clock(time.Duration(v) * time.Millisecond)
}

func figure(f *stats.Figure) string {
	if !f.OK {
		return "-"
	}
	switch f.Unit {
	case stats.Percent:
		return strconv.FormatFloat(f.Value, 'f', 1, 64) + "%"
	case stats.Clock:
		return clock(time.Duration(f.Value) * time.Millisecond)
	case stats.Seconds:
		return strconv.FormatFloat(f.Value/1000, 'f', 2, 64) + " s"
	case stats.Millis:
		return strconv.FormatFloat(f.Value, 'f', 1, 64) + " ms"
	case stats.MOS:
		return fmt.Sprintf("%.2f %s", f.Value, cmp.Or(f.Grade, "-"))
	}
	return strconv.FormatFloat(f.Value, 'f', 0, 64)
}
