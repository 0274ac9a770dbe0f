package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"voiptop/protocol"
)

// csvWriter writes one call a row. Columns are named as the fields of the JSON; lists are joined by blanks.
type csvWriter struct {
	w     *csv.Writer
	begun bool
}

var csvColumns = []string{
	"id", "call_id", "group_id", "sensor_id", "start", "ringing", "answer", "end", "caller", "callee", "caller_domain",
	"callee_domain", "caller_name", "callee_uri", "src", "dst", "transport", "duration_ms", "connect_ms", "pdd_ms", "setup_ms", "status", "reason",
	"end_cause", "end_by", "ua_caller", "ua_callee", "codecs", "mos", "loss_pct", "jitter_ms", "streams", "messages", "findings", "unchecked",
}

func (c *csvWriter) write(r *protocol.CDR) error {
	if err := c.head(); err != nil {
		return err
	}
	var findings, unchecked []string
	for _, f := range r.Findings {
		findings = append(findings, f.Code)
	}
	for _, u := range r.Unchecked {
		unchecked = append(unchecked, u.Codes...)
	}
	return c.w.Write([]string{
		r.ID.String(), r.CallID, r.GroupID, strconv.Itoa(int(r.SensorID)), csvTime(r.Start), csvTime(r.Ringing),
		csvTime(r.Answer), csvTime(r.End), r.Caller, r.Callee, r.CallerDomain, r.CalleeDomain, r.CallerName, r.CalleeURI, r.Src, r.Dst,
		r.Transport, strconv.FormatInt(r.DurationMS, 10), integer(r.ConnectMS), integer(r.PDDMS), integer(r.SetupMS), strconv.Itoa(r.Status),
		r.Reason, string(r.EndCause), string(r.EndBy), r.UACaller, r.UACallee, strings.Join(r.Codecs, " "), decimal(r.MOS, -1),
		decimal(r.LossPct, -1), decimal(r.JitterMS, -1), strconv.Itoa(len(r.Streams)), strconv.Itoa(len(r.Messages)), strings.Join(findings, " "),
		strings.Join(unchecked, " "),
	})
}

func (c *csvWriter) inputEnded() error { return nil }

func (c *csvWriter) head() error {
	if c.begun {
		return nil
	}
	c.begun = true
	return c.w.Write(csvColumns)
}

func (c *csvWriter) end() error {
	if err := c.head(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

func csvTime(t protocol.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}

func integer(p *int64) string {
	if p == nil {
		return ""
	}
	return strconv.FormatInt(*p, 10)
}

func decimal(p *float64, digits int) string {
	if p == nil {
		return ""
	}
	return strconv.FormatFloat(*p, 'f', digits, 64)
}

// tableWriter writes a table for people, 80 columns wide: a line a call, and its findings below it. The calls of an input are in the
// order of their start.
type tableWriter struct {
	w       io.Writer
	rows    []tableRow // of the input at hand
	written bool
}

type tableRow struct {
	start protocol.Time
	text  string
}

const tableFormat = "%-19s %-12s %-12s %4s %8s %-9s %4s %s\n"

func (t *tableWriter) write(r *protocol.CDR) error {
	status, talk, loss := "-", "-", "-"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	if r.ConnectMS != nil {
		talk = clock(time.Duration(*r.ConnectMS) * time.Millisecond)
	}
	mos := decimal(r.MOS, 1)
	if mos == "" {
		mos = "-"
	}
	if r.LossPct != nil {
		loss = strconv.FormatFloat(*r.LossPct, 'f', 1, 64)
	}
	text := tableLine(r.Start.Std().Format("2006-01-02 15:04:05"), fit(printable(r.Caller), 12), fit(printable(r.Callee), 12), status, talk,
		fit(strings.TrimPrefix(string(r.EndCause), "timeout-"), 9), mos, loss)
	for _, f := range r.Findings {
		if f.Severity != protocol.SeverityInfo {
			text += "  " + fit(string(f.Severity)+" "+f.Code+": "+f.Text, 78) + "\n"
		}
	}
	t.rows = append(t.rows, tableRow{r.Start, text})
	return nil
}

func (t *tableWriter) inputEnded() error {
	slices.SortStableFunc(t.rows, func(a, b tableRow) int { return cmp.Compare(a.start, b.start) })
	if len(t.rows) > 0 && !t.written {
		t.written = true
		if _, err := io.WriteString(t.w, tableLine("START (UTC)", "CALLER", "CALLEE", "CODE", "TALK", "END", "MOS", "LOSS")); err != nil {
			return err
		}
	}
	for _, r := range t.rows {
		if _, err := io.WriteString(t.w, r.text); err != nil {
			return err
		}
	}
	t.rows = t.rows[:0]
	return nil
}

func tableLine(cells ...any) string {
	return strings.TrimRight(fmt.Sprintf(tableFormat, cells...), " \n") + "\n"
}

func (t *tableWriter) end() error {
	if !t.written {
		_, err := fmt.Fprintln(t.w, "no calls")
		return err
	}
	return nil
}

func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// fit cuts s to n characters.
func fit(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// printable keeps what callers send from reaching the terminal as commands.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '.'
		}
		return r
	}, s)
}
