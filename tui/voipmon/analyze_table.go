package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"voiptop/protocol"
	"voiptop/protocol/calltable"
)

// csvWriter writes one call a row.
type csvWriter struct{ w *calltable.Writer }

func newCSVWriter(w io.Writer) *csvWriter {
	return &csvWriter{calltable.NewWriter(w, calltable.Columns(), time.UTC)}
}

func (c *csvWriter) write(r *protocol.CDR) error { return c.w.Write(r) }

func (c *csvWriter) inputEnded() error { return nil }

func (c *csvWriter) end() error { return errors.Join(c.w.Head(), c.w.Flush()) }

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

const tableFormat = "%-19s %-13s %-13s %4s %7s %-9s %3s %s\n" // 80 columns; a number of E.164 with its + fits

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
	text := tableLine(r.Start.Std().Format("2006-01-02 15:04:05"), fit(printable(r.Caller), 13), fit(printable(r.Callee), 13), status, talk,
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
