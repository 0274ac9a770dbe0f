package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Editor changes single rules of a rule file's text. Whatever an edit is not about stays as it is, byte for byte: comments,
// blanks, order. The comment lines right above a rule go with it. Names of CSV files are not looked at.
type Editor struct {
	text string
	set  *Set
}

// Edit begins to edit a text; an error is an *Error.
func Edit(text string) (*Editor, error) {
	s, err := parseSet(&parser{text: text, blind: true}, OriginLocal)
	if err != nil {
		return nil, err
	}
	return &Editor{text, s}, nil
}

// Text is the text as it is now.
func (e *Editor) Text() string { return e.text }

// Rules are the rules of the text as it is now, in their order.
func (e *Editor) Rules() []Rule { return e.set.Rules }

// SetOff switches a rule off or on.
func (e *Editor) SetOff(name string, off bool) error {
	i, err := e.find(name)
	if err != nil {
		return err
	}
	r := &e.set.Rules[i]
	switch {
	case r.Off == off:
		return nil
	case off:
		return e.put(e.text[:r.at.keep]+" off"+e.text[r.at.keep:], len(e.set.Rules))
	}
	from, to := r.at.off, r.at.offEnd
	for from > 0 && (e.text[from-1] == ' ' || e.text[from-1] == '\t') {
		from--
	}
	if end := lineEnd(e.text, to); from == lineStart(e.text, from) && strings.TrimSpace(e.text[to:end]) == "" {
		to = end // it had the line to itself
	}
	return e.put(e.text[:from]+e.text[to:], len(e.set.Rules))
}

// Delete removes a rule and the comment lines above it.
func (e *Editor) Delete(name string) error {
	i, err := e.find(name)
	if err != nil {
		return err
	}
	from, to, _ := e.cut(i)
	return e.put(e.text[:from]+e.text[to:], len(e.set.Rules)-1)
}

// Move puts a rule, with the comment lines above it, where it is the to-th, counted from 0.
func (e *Editor) Move(name string, to int) error {
	i, err := e.find(name)
	if err != nil {
		return err
	}
	if to = min(max(to, 0), len(e.set.Rules)-1); to == i {
		return nil
	}
	from, end := e.block(i)
	cutFrom, cutEnd, blank := e.cut(i)
	block := e.ended(e.text[from:end])
	target := to
	if to > i {
		target++
	}
	at, piece := e.place(target, block, blank)
	text := e.text[:at] + piece + e.text[at:]
	if at <= cutFrom {
		cutFrom, cutEnd = cutFrom+len(piece), cutEnd+len(piece)
	}
	return e.put(text[:cutFrom]+text[cutEnd:], len(e.set.Rules))
}

// Add makes the text of a rule, which may have comment lines above it, the at-th rule, counted from 0.
func (e *Editor) Add(rule string, at int) error {
	blank := ""
	if n := len(e.set.Rules); n > 0 {
		_, _, blank = e.cut(min(max(at, 0), n-1))
	}
	pos, piece := e.place(min(max(at, 0), len(e.set.Rules)), e.ended(strings.TrimRight(rule, " \t\r\n")), blank)
	return e.located(e.put(e.text[:pos]+piece+e.text[pos:], len(e.set.Rules)+1), e.text[:pos]+piece[:strings.Index(piece, rule[:min(1, len(rule))])])
}

// put makes text the text if it is right and has as many rules as it should.
func (e *Editor) put(text string, rules int) error {
	s, err := parseSet(&parser{text: text, blind: true}, OriginLocal)
	if err != nil {
		return err
	}
	if len(s.Rules) != rules {
		return fmt.Errorf("found %d rules, expected the text of one", len(s.Rules)-rules+1)
	}
	e.text, e.set = text, s
	return nil
}

func (e *Editor) find(name string) (int, error) {
	names := make([]string, len(e.set.Rules))
	for i := range e.set.Rules {
		names[i] = e.set.Rules[i].Name
	}
	if i := slices.Index(names, name); i >= 0 {
		return i, nil
	}
	if near := Nearest(name, names); near != "" {
		return 0, fmt.Errorf("no rule %q; did you mean %q?", name, near)
	}
	return 0, fmt.Errorf("no rule %q", name)
}

// block is a rule's lines: the comment lines right above it, its own, and the indented comment lines below.
func (e *Editor) block(i int) (from, to int) {
	r := &e.set.Rules[i]
	floor := 0 // where what stands before ends
	if i > 0 {
		_, floor = e.own(i - 1)
	}
	from, to = e.own(i)
	for from > floor {
		start := lineStart(e.text, from-1)
		if start < floor || !strings.HasPrefix(strings.TrimSpace(e.text[start:from]), "#") {
			break
		}
		from = start
	}
	return min(from, r.at.name), to
}

// own is the lines of a rule without the comments above.
func (e *Editor) own(i int) (from, to int) {
	r := &e.set.Rules[i]
	to = lineEnd(e.text, r.at.to)
	for to < len(e.text) && (e.text[to] == ' ' || e.text[to] == '\t') {
		end := lineEnd(e.text, to)
		if !strings.HasPrefix(strings.TrimSpace(e.text[to:end]), "#") {
			break
		}
		to = end
	}
	return r.at.name, to
}

// cut is what goes with a rule: its block and the blank lines before it, or else those behind it.
func (e *Editor) cut(i int) (from, to int, blank string) {
	from, to = e.block(i)
	start := from
	for start > 0 {
		s := lineStart(e.text, start-1)
		if strings.TrimSpace(e.text[s:start]) != "" {
			break
		}
		start = s
	}
	if start < from && start > 0 {
		return start, to, e.ended(e.text[start:from])
	}
	end := to
	for end < len(e.text) && strings.TrimSpace(e.text[end:lineEnd(e.text, end)]) == "" {
		end = lineEnd(e.text, end)
	}
	return from, end, e.ended(e.text[to:end])
}

// place is where a block goes to be the i-th rule, and what goes there: the block and the blank lines that part it.
func (e *Editor) place(i int, block, blank string) (at int, piece string) {
	if i < len(e.set.Rules) {
		at, _ = e.block(i)
		return at, block + blank
	}
	if n := len(e.set.Rules); n > 0 {
		_, at = e.own(n - 1)
	} else {
		at = len(e.text)
	}
	if at > 0 && e.text[at-1] != '\n' {
		blank = e.newline() + blank
	}
	return at, blank + block
}

// ended is a block with the end of its last line.
func (e *Editor) ended(block string) string {
	if block != "" && !strings.HasSuffix(block, "\n") {
		return block + e.newline()
	}
	return block
}

func (e *Editor) newline() string {
	if strings.Contains(e.text, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// located counts the line of an error from where a new text begins, which is behind before.
func (e *Editor) located(err error, before string) error {
	var bad *Error
	if errors.As(err, &bad) {
		if n := strings.Count(before, "\n"); bad.Pos.Line > n {
			bad.Pos.Line -= n
		}
	}
	return err
}

func lineStart(s string, i int) int { return strings.LastIndexByte(s[:i], '\n') + 1 }

// lineEnd is behind the end of the line that i is in.
func lineEnd(s string, i int) int {
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(s)
}
