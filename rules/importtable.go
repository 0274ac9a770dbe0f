package rules

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// foreignTable is one of VoIPmonitor's filter tables, as it was exported.
type foreignTable struct {
	file string
	kind string // filter_ip, filter_telnum, filter_domain or filter_sip_header
	rows []foreignRow
}

type foreignRow struct {
	file string
	line int
	at   map[string]int // column of a name
	text []string
}

const maxForeignRows = 100_000

// get answers a column's value; ok is false if there is none: NULL, \N or no such column.
func (r *foreignRow) get(column string) (v string, ok bool) {
	i, ok := r.at[column]
	if !ok || i >= len(r.text) {
		return "", false
	}
	v = strings.TrimSpace(r.text[i])
	return v, v != "" && v != "NULL" && v != `\N`
}

// wrong is an error about a column of the row. Pos counts columns of the table, not characters.
func (r *foreignRow) wrong(column, expected string) *Error {
	v, _ := r.get(column)
	return &Error{File: r.file, Pos: Pos{r.line, r.at[column] + 1}, Found: fmt.Sprintf("%s %q", column, cut(v)), Expected: expected}
}

// foreignKinds tells the tables by the column that only they have, in the order in which VoIPmonitor asks them.
var foreignKinds = []struct{ kind, column string }{
	{"filter_ip", "ip"}, {"filter_telnum", "prefix"}, {"filter_domain", "domain"}, {"filter_sip_header", "header"},
}

// readForeign reads an exported table: comma, semicolon or tab between the columns, whose names are in the first line.
func readForeign(file, text string) (*foreignTable, *Error) {
	if len(text) > maxCSV {
		return nil, &Error{File: file, Pos: Pos{1, 1}, Found: fmt.Sprintf("%d bytes", len(text)), Expected: fmt.Sprintf("at most %d", maxCSV)}
	}
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRuneInString(text[i:])
		if c == utf8.RuneError && n == 1 {
			return nil, &Error{
				File: file, Pos: Pos{1 + strings.Count(text[:i], "\n"), 1}, Found: "bytes that are no text",
				Expected: "UTF-8; mysql writes it with --default-character-set=utf8mb4",
			}
		}
		i += n
	}
	text = strings.TrimPrefix(text, "\ufeff")
	first, _, _ := strings.Cut(text, "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	tabs := strings.Contains(first, "\t")
	switch {
	case tabs:
		r.Comma = '\t'
	case strings.Count(first, ";") > strings.Count(first, ","):
		r.Comma = ';'
	}
	t := &foreignTable{file: file}
	at := map[string]int{}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line := 1
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				line, err = bad.Line, bad.Err
			}
			return nil, &Error{File: file, Pos: Pos{line, 1}, Found: err.Error(), Expected: "a line of a CSV file"}
		}
		line, _ := r.FieldPos(0)
		if t.kind == "" {
			for i, name := range rec {
				at[strings.ToLower(strings.Trim(strings.TrimSpace(name), "`\""))] = i
			}
			if err := t.recognise(at); err != nil {
				return nil, err
			}
			continue
		}
		if len(rec) == 1 && strings.TrimSpace(rec[0]) == "" {
			continue
		}
		if len(t.rows) == maxForeignRows {
			return nil, &Error{File: file, Pos: Pos{line, 1}, Found: "one row more", Expected: fmt.Sprintf("at most %d", maxForeignRows)}
		}
		if tabs { // as the mysql client writes them
			for i := range rec {
				rec[i] = mysqlEscapes.Replace(rec[i])
			}
		}
		t.rows = append(t.rows, foreignRow{file, line, at, rec})
	}
	if t.kind == "" {
		return nil, t.recognise(nil)
	}
	return t, nil
}

var mysqlEscapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`)

func (t *foreignTable) recognise(at map[string]int) *Error {
	for _, k := range foreignKinds {
		if _, ok := at[k.column]; ok {
			t.kind = k.kind
			return nil
		}
	}
	var names []string
	for n := range at {
		names = append(names, n)
	}
	slices.Sort(names)
	return &Error{
		File: t.file, Pos: Pos{1, 1}, Found: fmt.Sprintf("the columns %q", cut(strings.Join(names, " "))),
		Expected: "a first line with the column names of filter_ip, filter_telnum, filter_domain or filter_sip_header; " +
			"`mysql -B -e 'SELECT * FROM filter_ip' voipmonitor` writes one",
	}
}
