package calltable

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"voiptop/protocol"
)

// Writer writes calls as CSV (RFC 4180, but that lines end with a line feed; UTF-8). What comes from the wire cannot become a
// formula in a spreadsheet.
type Writer struct {
	w       *bufio.Writer
	columns []Column
	zone    *time.Location
	buf     []byte // a value
	begun   bool
	// NameZone puts the zone behind the names of times: "start (UTC)".
	NameZone bool
}

// NewWriter makes a writer of columns; times are in a zone, and say so.
func NewWriter(w io.Writer, columns []Column, zone *time.Location) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 32<<10), columns: columns, zone: zone}
}

// Head writes the names of the columns, unless they are written.
func (w *Writer) Head() error {
	if w.begun {
		return nil
	}
	w.begun = true
	for i := range w.columns {
		name := w.columns[i].Name
		if w.NameZone && w.columns[i].kind == moment {
			name += " (" + w.zone.String() + ")"
		}
		w.cell(i, append(w.buf[:0], name...))
	}
	return w.w.WriteByte('\n')
}

// Write writes a call, after the head.
func (w *Writer) Write(c *protocol.CDR) error {
	if err := w.Head(); err != nil {
		return err
	}
	for i := range w.columns {
		col := &w.columns[i]
		w.buf = col.value(w.buf[:0], c, w.zone)
		if col.kind == text {
			w.buf = safe(tame(w.buf))
		}
		w.cell(i, w.buf)
	}
	return w.w.WriteByte('\n')
}

// Flush writes what is held back; an error is that of any write before.
func (w *Writer) Flush() error { return w.w.Flush() }

// cell writes a value, in quotes where it needs them. An error stays in the bufio.Writer.
func (w *Writer) cell(i int, v []byte) {
	if i > 0 {
		_ = w.w.WriteByte(',')
	}
	if !needsQuotes(v) {
		_, _ = w.w.Write(v)
		return
	}
	_ = w.w.WriteByte('"')
	for _, b := range v {
		if b == '"' {
			_ = w.w.WriteByte('"')
		}
		_ = w.w.WriteByte(b)
	}
	_ = w.w.WriteByte('"')
}

func needsQuotes(v []byte) bool {
	for _, b := range v {
		switch b {
		case ',', '"', '\n', '\r', ';', '\t', '\'':
			return true
		}
	}
	return len(v) > 0 && (v[0] == ' ' || v[len(v)-1] == ' ')
}

// begins are what formulas begin with, in both widths.
const begins = "=+-@＝＋－＠"

// safe makes a text harmless to a spreadsheet, which takes what begins with = + - @ for a formula: an apostrophe, which spreadsheets
// know as "this is text", goes before these. So it does behind a semicolon, a tab or a line end, where a spreadsheet that was told of
// other separators may begin a cell. A telephone number, + and digits, stays as it is: as a formula it is that number.
func safe(b []byte) []byte {
	if isNumber(b) || !strings.ContainsAny(string(b), begins) {
		return b
	}
	var out []byte // nil: as b, so far
	fresh := true  // a cell may begin here
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case fresh && strings.ContainsRune(begins, r) && r != utf8.RuneError:
			if out == nil {
				out = append(make([]byte, 0, len(b)+4), b[:i]...)
			}
			out = append(out, '\'')
			fresh = false
		case strings.ContainsRune(";,\t\r\n", r):
			fresh = true
		case r != ' ' && r != '"' && r != '\'' && r != '\u00a0' && r != 0:
			fresh = false
		}
		if out != nil {
			out = append(out, b[i:i+n]...)
		}
		i += n
	}
	if out == nil {
		return b
	}
	return out
}

// tame puts a replacement character (U+FFFD) in place of each control character that no text needs: a terminal that shows the table
// would obey it.
func tame(b []byte) []byte {
	wild := func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n' }
	if !bytes.ContainsFunc(b, wild) {
		return b
	}
	return bytes.Map(func(r rune) rune {
		if wild(r) {
			return utf8.RuneError
		}
		return r
	}, b)
}

// isNumber reports whether b is + and digits.
func isNumber(b []byte) bool {
	if len(b) < 2 || b[0] != '+' {
		return false
	}
	for _, c := range b[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
