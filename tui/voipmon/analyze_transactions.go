package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// transactionWriter writes the records of `voipmon analyze --transactions`: a line each, as JSON or as a table 80 columns wide.
type transactionWriter struct {
	w    io.Writer
	json *json.Encoder // nil: a table
	rows int
}

func newTransactionWriter(w io.Writer, asJSON bool) *transactionWriter {
	t := &transactionWriter{w: w}
	if asJSON {
		t.json = json.NewEncoder(w)
		t.json.SetEscapeHTML(false)
	}
	return t
}

const transactionFormat = "%-19s %-9s %-16s %-15s %4s %6s %s\n"

func (t *transactionWriter) write(r *protocol.Transaction) error {
	if t.json != nil {
		return t.json.Encode(r)
	}
	if t.rows++; t.rows == 1 {
		if err := t.line("START (UTC)", "METHOD", "TO", "FROM ADDRESS", "CODE", "MS", "TIMES"); err != nil {
			return err
		}
	}
	status, ms := "-", "-"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	if r.ResponseMS != nil {
		ms = strconv.FormatFloat(*r.ResponseMS, 'f', 1, 64)
	}
	to := r.To
	if r.ToDomain != "" {
		to = strings.TrimPrefix(to+"@"+r.ToDomain, "@")
	}
	src := r.Src
	if a, err := netip.ParseAddrPort(r.Src); err == nil {
		src = a.Addr().String()
	}
	if err := t.line(r.First.Std().Format("2006-01-02 15:04:05"), r.Method, fit(printable(to), 16), fit(src, 15), status, fit(ms, 6), fit(strconv.Itoa(r.Count), 5)); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(t.w, "  %s\n", fit(string(f.Severity)+" "+f.Code+": "+f.Text, 78)); err != nil {
			return err
		}
	}
	return nil
}

func (t *transactionWriter) line(cells ...any) error {
	_, err := io.WriteString(t.w, strings.TrimRight(fmt.Sprintf(transactionFormat, cells...), " \n")+"\n")
	return err
}

func (t *transactionWriter) end() error {
	if t.rows == 0 && t.json == nil {
		_, err := fmt.Fprintln(t.w, "no transactions outside of calls")
		return err
	}
	return nil
}
