package rules

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const maxCSV = 8 << 20 // bytes of a CSV file that a group names

// csv reads a group's values from the first column of a file below the rule file's folder.
func (p *parser) csv(g *group, name token) *Error {
	wrong := func(expected string) *Error { return &Error{Pos: name.pos, Found: name.String(), Expected: expected} }
	if p.blind {
		return nil
	}
	if p.dir == "" {
		return wrong("the values themselves: rules that come from hosted may not name files")
	}
	text, err := readBelow(p.dir, name.text)
	if err != nil {
		var big tooBig
		if errors.As(err, &big) {
			return wrong(fmt.Sprintf("a file of at most %d bytes", maxCSV))
		}
		return wrong(fmt.Sprintf("a CSV file that can be read, in or below the folder of the rule file (%v)", err))
	}
	path := filepath.Join(p.dir, name.text)
	p.files = append(p.files, path)
	g.members, err = parseCSV(path, text)
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

type tooBig struct{}

func (tooBig) Error() string { return "too big" }

func readBelow(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return "", err
	} else if !st.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxCSV+1))
	if err == nil && len(b) > maxCSV {
		err = tooBig{}
	}
	return string(b), err
}

// parseCSV reads the first column of a CSV text (RFC 4180; a semicolon or a tab separates as well). Empty lines, lines that
// begin with # and a first line that is no value (number, value, ip, network, prefix, name) are skipped.
func parseCSV(file, text string) ([]member, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
	r.Comment, r.FieldsPerRecord, r.ReuseRecord, r.TrimLeadingSpace = '#', -1, true, true
	if line, _, _ := strings.Cut(text, "\n"); !strings.Contains(line, ",") {
		for _, sep := range ";\t" {
			if strings.ContainsRune(line, sep) {
				r.Comma = sep
				break
			}
		}
	}
	var list []member
	for first := true; ; first = false {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, &Error{File: file, Pos: Pos{bad.Line, max(1, bad.Column)}, Found: bad.Err.Error(), Expected: `a CSV line: values with a quote in quotes, each quote doubled`}
		}
		if err != nil {
			return nil, &Error{File: file, Pos: Pos{1, 1}, Found: err.Error(), Expected: "a CSV file"}
		}
		line, col := r.FieldPos(0)
		v := strings.TrimSpace(rec[0])
		switch {
		case v == "", first && isHeading(v):
			continue
		case !utf8.ValidString(v):
			return nil, &Error{File: file, Pos: Pos{line, col}, Found: fmt.Sprintf("%q", cut(v)), Expected: "text in UTF-8"}
		case len(list) == maxMembers:
			return nil, &Error{File: file, Pos: Pos{line, col}, Found: "one value more", Expected: fmt.Sprintf("at most %d in a group", maxMembers)}
		}
		list = append(list, member{text: strings.Clone(v), file: file, pos: Pos{line, col}})
	}
	if list == nil {
		return nil, &Error{File: file, Pos: Pos{1, 1}, Found: "no value", Expected: "at least one in the first column"}
	}
	return list, nil
}

func isHeading(s string) bool {
	switch strings.ToLower(s) {
	case "number", "value", "ip", "address", "network", "prefix", "name", "telnum", "domain":
		return true
	}
	return false
}
