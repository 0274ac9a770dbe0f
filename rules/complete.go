package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Candidate is something that may stand where the cursor is.
type Candidate struct {
	Text string
	Kind string // "field", "operator", "keyword", "value", "group"
	Doc  string
}

// Completion is what may stand at a place of a text, the likeliest first: it replaces what is between From and To, which are
// bytes. It is empty where anything may stand.
type Completion struct {
	From, To   int
	Candidates []Candidate
}

// Complete says what may stand at a place of a rule file, whether or not the rest of it is right.
func Complete(text string, at Pos) Completion { return complete(text, at, true) }

// CompleteExpr says what may stand at a place of a condition.
func CompleteExpr(text string, at Pos) Completion { return complete(text, at, false) }

func complete(text string, at Pos, file bool) Completion {
	if len(text) > maxText {
		return Completion{}
	}
	cursor := offset(text, at)
	c := completer{file: file}
	line := lineStart(text, cursor)
	if i := comment(text[line:cursor]); i >= 0 {
		return Completion{From: cursor, To: cursor}
	}
	ts := lex(text[:cursor])
	ts = ts[:len(ts)-1] // without the end
	done := Completion{From: cursor, To: cursor}
	if n := len(ts); n > 0 {
		switch last := ts[n-1]; {
		case last.kind == bad:
			return done // within a text in quotes
		case last.kind == word && last.end == cursor:
			c.typed, ts = last.text, ts[:n-1]
			done.From = last.off
			done.To += restOfWord(text[cursor:])
			c.first = last.first
		default:
			c.first = cursor == line
		}
	} else {
		c.first = cursor == line
	}
	if file {
		c.groups, c.rules = declared(lex(text[:line]))
	}
	start := 0
	for i, t := range ts {
		if file && t.first {
			start = i
		}
	}
	if c.first {
		start = len(ts)
	}
	c.entry(ts[start:])
	done.Candidates = c.list
	return done
}

// restOfWord is how many bytes of a name are behind the cursor.
func restOfWord(s string) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' }); i >= 0 {
		return i
	}
	return len(s)
}

// offset is where in the text a place is, or the end of its line or of the text if that is shorter.
func offset(text string, at Pos) int {
	i := 0
	for line := 1; line < at.Line; line++ {
		n := strings.IndexByte(text[i:], '\n')
		if n < 0 {
			return len(text)
		}
		i += n + 1
	}
	for col := 1; col < at.Col && i < len(text) && text[i] != '\n'; col++ {
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	return i
}

// comment is where a comment begins in a line, -1 if none does.
func comment(s string) int {
	in := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && in:
			i++
		case s[i] == '"':
			in = !in
		case s[i] == '#' && !in:
			return i
		}
	}
	return -1
}

// declared lists the groups, and tells whether there is a rule.
func declared(ts []token) (groups []string, rules bool) {
	for i := 0; i+2 < len(ts); i++ {
		switch {
		case !ts[i].first:
		case ts[i].is("group") && ts[i+1].kind == word && ts[i+2].kind == op:
			groups = append(groups, ts[i+1].text)
		case ts[i+1].kind == op:
			rules = true
		}
	}
	return groups, rules
}

type completer struct {
	file, first bool
	typed       string // the part of the word before the cursor
	groups      []string
	rules       bool
	list        []Candidate
}

// offer adds what begins with what was typed.
func (c *completer) offer(text, kind, doc string) {
	if len(text) >= len(c.typed) && strings.EqualFold(text[:len(c.typed)], c.typed) {
		c.list = append(c.list, Candidate{text, kind, doc})
	}
}

// entry offers what may follow the tokens of an entry, which begins in the first column.
func (c *completer) entry(ts []token) {
	switch {
	case !c.file:
		c.expr(ts)
	case len(ts) == 0:
		if c.first && !c.rules {
			c.offer("group", "keyword", "group NAME: values, or file and the name of a CSV file")
			c.offer("zone", "keyword", "zone Europe/Prague: of time and day; UTC without it")
		}
	case ts[0].is("group") && len(ts) > 1 && ts[1].kind == word:
		if len(ts) == 3 {
			c.offer("file", "keyword", "the values are the first column of a CSV file")
		}
		if len(ts) >= 3 && !ts[2].is("file") {
			c.groupNames()
		}
	case ts[0].is("zone") && len(ts) == 1:
		c.offer("UTC", "value", "as the times of calls are written")
	case len(ts) == 2 && ts[1].kind == op:
		c.offer("keep", "keyword", "what is kept of the calls that the rule is about")
	case len(ts) == 3 && ts[2].is("keep"):
		for i, k := range keeps {
			c.offer(k, "keyword", [...]string{"nothing", "the signalling", "the signalling, and RTP without voice", "everything"}[i])
		}
	case len(ts) > 3:
		c.rule(ts[4:])
	}
}

// rule offers what may follow what to keep.
func (c *completer) rule(ts []token) {
	in := -1 // the clause that the cursor is in
	for i, t := range ts {
		if t.is("when") || t.is("until") || t.is("note") {
			in = i
		}
	}
	if n := len(ts); n > 0 {
		for _, cl := range clauses {
			if cl.second != "" && ts[n-1].is(cl.word) {
				c.offer(cl.second, "keyword", cl.doc)
			}
		}
	}
	if in >= 0 && ts[in].is("when") {
		if !c.expr(ts[in+1:]) {
			return
		}
	} else if in == len(ts)-1 && in >= 0 {
		return // a date or a text
	}
	for _, cl := range clauses {
		if !slices.ContainsFunc(ts, func(t token) bool { return t.is(cl.word) }) {
			c.offer(cl.String(), "keyword", cl.doc)
		}
	}
}

// expr offers what may follow the tokens of a condition; whole is whether it may end there.
func (c *completer) expr(ts []token) (whole bool) {
	n := len(ts)
	if f := valueOf(ts); f != nil {
		c.values(f)
		return false
	}
	if n > 0 && ts[n-1].kind == word && c.typed == "" && fieldByName(strings.ToLower(ts[n-1].text)) != nil {
		c.operators(ts[n-1].text)
	}
	operand := n > 0 && ts[n-1].kind != lparen && !ts[n-1].is("and") && !ts[n-1].is("or") && !ts[n-1].is("not")
	if f := fieldByName(strings.ToLower(c.typed)); f != nil && f.name == "" {
		typed := c.typed
		c.typed = ""
		for _, o := range f.Ops() {
			c.offer(typed+o, "operator", opDoc(f, o))
		}
		c.typed = typed
	}
	for _, f := range fields {
		if c.file && !f.InRules() {
			continue
		}
		if f.Name == headerPrefix+"NAME" {
			c.offer(headerPrefix, "field", f.Doc)
			continue
		}
		c.offer(f.Name, "field", f.Doc)
	}
	if operand {
		c.offer("and", "keyword", "both; conditions side by side mean the same")
		c.offer("or", "keyword", "one of the two")
	}
	c.offer("not", "keyword", "the condition behind it does not hold")
	return operand && n > 0
}

// valueOf answers the field whose value is next, nil if none is.
func valueOf(ts []token) *Field {
	for i := len(ts) - 1; i > 0; i-- {
		switch ts[i].kind {
		case op:
			if i == len(ts)-1 || ts[i+1].kind == lparen {
				return fieldByName(strings.ToLower(ts[i-1].text))
			}
			return nil
		case rparen, bad:
			return nil
		case lparen:
			if ts[i-1].kind != op {
				return nil
			}
		}
	}
	return nil
}

func (c *completer) operators(name string) {
	f := fieldByName(strings.ToLower(name))
	for _, o := range f.Ops() {
		c.offer(o, "operator", opDoc(f, o))
	}
}

func opDoc(f *Field, o string) string {
	switch o {
	case ":":
		switch f.Type {
		case Count:
			return "is"
		case Address:
			return "is the address, or is in the network"
		case Clock, Weekday:
			return "is in"
		case Text, Number, Word:
		}
		return "is; * stands for anything, letters' case does not count"
	case "~":
		return "a regular expression (RE2) matches"
	}
	return map[string]string{
		"=": "is exactly", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is more than", ">=": "is at least",
	}[o]
}

// values offers the values of a field.
func (c *completer) values(f *Field) {
	for _, w := range f.near() {
		c.offer(w, "value", "")
	}
	switch f.Type {
	case Clock:
		c.offer("22:00-06:00", "value", "from, and to which is excluded")
	case Weekday:
		c.offer("mon-fri", "value", "several days")
	case Text, Number:
		c.offer("*", "value", "there is one")
	case Address, Count, Word:
	}
	c.groupNames()
}

func (c *completer) groupNames() {
	for _, g := range c.groups {
		c.offer("@"+g, "group", "the values of the group "+g)
	}
}
