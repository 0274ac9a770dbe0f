package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muesli/termenv"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// onceTimeout bounds the wait for a snapshot.
const onceTimeout = 20 * time.Second

// errEnough ends Watch after the first update.
var errEnough = errors.New("one snapshot is enough")

// snapshot prints what is there now: the running calls, or all calls of files.
func (v *command) snapshot(ctx context.Context, src source.Source) error {
	w := bufio.NewWriter(v.stdout)
	var err error
	if f, ok := src.(*source.File); ok {
		err = v.fileOnce(ctx, f, w)
	} else {
		err = v.liveOnce(ctx, src, w)
	}
	if flushed := w.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return exitError{1, err.Error()}
	}
	return nil
}

func (v *command) fileOnce(ctx context.Context, f *source.File, w io.Writer) error {
	calls, err := f.All(ctx)
	var found map[string]bool
	if len(v.words) > 0 {
		var lookErr error
		if found, lookErr = f.InText(ctx, v.words); err == nil {
			err = lookErr
		}
	}
	calls = slices.DeleteFunc(calls, func(c *protocol.CDR) bool {
		return len(v.words) > 0 && !found[c.CallID] || !v.shows.Match(rules.Call{CDR: c})
	})
	if v.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, c := range calls {
			if err := enc.Encode(c); err != nil {
				return err
			}
		}
	} else {
		t := grid{{
			"START", "FROM", "TO", "DUR", "END", "MOS", "LOSS", "JITTER", "CODEC", "PDD", "SETUP", "RETRANS", "SOURCE", "DESTINATION", "TRANSPORT", "FINDINGS", "CALL-ID",
		}}
		for _, c := range calls {
			var found []string
			for _, x := range c.Findings {
				found = append(found, x.Code)
			}
			end := string(c.EndCause)
			if c.Status >= 300 {
				end = fmt.Sprintf("%d %s", c.Status, end)
			}
			t = append(t, []string{
				c.Start.Std().In(v.zone()).Format("2006-01-02 15:04:05"), c.Caller, c.Callee, seconds(c.DurationMS), end,
				decimals(c.MOS, 2), decimals(c.LossPct, 1), decimals(c.JitterMS, 1), strings.Join(c.Codecs, ","),
				millis(c.PDDMS), millis(c.SetupMS), strconv.Itoa(c.Retransmissions), c.Src, c.Dst, c.Transport, strings.Join(found, ","), c.CallID,
			})
		}
		t.print(w)
	}
	if notes := f.Notes(); err == nil && len(notes) > 0 {
		return errors.New(strings.Join(notes, "\nvoiptop: "))
	}
	return err
}

func (v *command) liveOnce(ctx context.Context, src source.Source, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, onceTimeout)
	defer cancel()
	var u *protocol.LiveUpdate
	err := src.Watch(ctx, func(first *protocol.LiveUpdate) error {
		u = first
		return errEnough
	})
	if u == nil {
		return err
	}
	running := len(u.Calls)
	u.Calls = slices.DeleteFunc(u.Calls, func(c protocol.LiveCall) bool { return !v.shows.Match(rules.LiveCall(&c)) })
	if v.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for i := range u.Calls {
			if err := enc.Encode(&u.Calls[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(u.Calls) == 0 && running > 0 && v.shows.Detail() {
		fmt.Fprintln(v.stderr, "rows of running calls have no streams and messages, which the filter asks for")
		return nil
	}
	if len(u.Calls) == 0 && running > 0 {
		fmt.Fprintf(v.stderr, "none of %s matches the filter\n", plural.Of(running, "running call"))
		return nil
	}
	if len(u.Calls) == 0 {
		fmt.Fprintf(v.stderr, "no running calls; %s seen, %d of them SIP\n", plural.Of(u.Counters[protocol.CountPackets], "packet"), u.Counters[protocol.CountSIP])
		return nil
	}
	t := grid{{"STATE", "FROM", "TO", "DUR", "MOS", "LOSS", "JITTER", "CODEC", "PDD", "SOURCE", "DESTINATION", "TRANSPORT", "KEPT", "FINDING", "SENSOR", "CALL-ID"}}
	for i := range u.Calls {
		c := &u.Calls[i]
		t = append(t, []string{
			string(c.State), c.Caller, c.Callee, seconds(u.T.Sub(c.Start).Milliseconds()), decimals(c.MOS, 2),
			decimals(c.LossPct, 1), decimals(c.JitterMS, 1), c.Codec, millis(c.PDDMS), c.Src, c.Dst, c.Transport,
			strings.Replace(string(c.Kept), string(protocol.KeepNone), "", 1), c.Finding, strconv.Itoa(int(c.SensorID)), c.CallID,
		})
	}
	t.print(w)
	return nil
}

// grid is a plain table; its first row holds the titles.
type grid [][]string

// print writes aligned columns, an empty cell as "-". Text from the wire is made harmless first.
func (g grid) print(w io.Writer) {
	t := style.New(style.Options{Profile: termenv.Ascii})
	wide := make([]int, len(g[0]))
	for _, row := range g {
		for i, s := range row {
			if row[i] = t.Clean(s); row[i] == "" {
				row[i] = "-"
			}
			wide[i] = max(wide[i], style.Width(row[i]))
		}
	}
	for _, row := range g {
		line := ""
		for i, s := range row {
			line += t.Fit(s, wide[i]) + "  "
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

func seconds(ms int64) string { return fmt.Sprintf("%d:%02d", ms/60000, ms/1000%60) }

// millis is milliseconds as seconds.
func millis(v *int64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.3f", float64(*v)/1000)
}

func decimals(v *float64, n int) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.*f", n, *v)
}
