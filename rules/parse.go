package rules

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxText   = 1 << 20 // bytes of an expression or of a rule file
	maxDepth  = 100     // nested brackets
	maxValues = 300_000 // of all conditions of a text
)

func tooLong(text string) *Error {
	return &Error{Pos: Pos{1, 1}, Found: fmt.Sprintf("%d bytes", len(text)), Expected: fmt.Sprintf("at most %d", maxText)}
}

// parser reads expressions and rule files by recursive descent.
type parser struct {
	text  string
	ts    []token
	i     int
	in    bool // inside a rule file: a token in the first column ends an expression
	env   *env
	dir   string // below which groups' files are, "": none may be named
	blind bool   // groups' files are not read: their values are not known
	// stored: the condition is for calls that are stored, without header fields.
	stored bool
	files  []string // that were read
}

func (p *parser) peek() token { return p.ts[p.i] }

func (p *parser) next() token {
	t := p.ts[p.i]
	if t.kind != eof {
		p.i++
	}
	return t
}

// unexpected is the error of the next token.
func (p *parser) unexpected(expected string, near ...string) *Error {
	t := p.peek()
	return &Error{Pos: t.pos, Found: t.String(), Expected: expected, Nearest: Nearest(strings.ToLower(t.text), near)}
}

// ended reports whether no further operand can follow here.
func (p *parser) ended() bool {
	t := p.peek()
	return t.kind == eof || t.kind == rparen || p.in && t.first || t.is("or") || p.in && p.clauseNext() != nil
}

func (p *parser) keyword(w string) bool {
	if t := p.peek(); t.is(w) && !(p.in && t.first) {
		p.i++
		return true
	}
	return false
}

// source is the text of the tokens from one to another, without comments and line ends.
func (p *parser) source(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		if t := p.ts[i]; i > from && !t.glued {
			b.WriteByte(' ')
		}
		b.WriteString(p.text[p.ts[i].off:p.ts[i].end])
	}
	return b.String()
}

func (p *parser) or(depth int) (*node, *Error) {
	n, err := p.and(depth)
	for err == nil && p.keyword("or") {
		var right *node
		if right, err = p.and(depth); err == nil {
			n = n.join(opOr, right)
		}
	}
	return n, err
}

func (p *parser) and(depth int) (*node, *Error) {
	n, err := p.not(depth)
	for err == nil && (p.keyword("and") || !p.ended()) {
		var right *node
		if right, err = p.not(depth); err == nil {
			n = n.join(opAnd, right)
		}
	}
	return n, err
}

// join is n and, or or, right; what is joined already becomes longer.
func (n *node) join(op nodeOp, right *node) *node {
	if n.op != op {
		n = &node{op: op, kids: []*node{n}}
	}
	n.kids = append(n.kids, right)
	return n
}

func (p *parser) not(depth int) (*node, *Error) {
	if depth > maxDepth {
		return nil, &Error{Pos: p.peek().pos, Found: "brackets nested too deep", Expected: fmt.Sprintf("at most %d", maxDepth)}
	}
	if p.keyword("not") {
		n, err := p.not(depth + 1)
		return &node{op: opNot, kids: []*node{n}}, err
	}
	t := p.peek()
	switch {
	case t.kind == lparen && !(p.in && t.first):
		p.next()
		n, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.peek().kind != rparen || p.in && p.peek().first {
			return nil, p.unexpected(`")"`)
		}
		p.next()
		return n, nil
	case !p.ended() && (t.kind == quoted || t.kind == word && meant[t.text] == ""):
		p.next()
		n := &node{op: opAnywhere, word: part(t.text)}
		var err *Error
		if o := p.peek(); o.kind == op && t.kind == word && !(p.in && o.first) {
			n = &node{op: opTest}
			n.test, err = p.test(t)
		}
		n.text = p.text[t.off:p.ts[p.i-1].end]
		return n, err
	}
	err := p.unexpected("a condition such as caller:4202* or mos<3.5")
	err.Nearest = meant[t.text]
	return nil, err
}

// test reads the operator and the values behind a field's name.
func (p *parser) test(name token) (*test, *Error) {
	lower := strings.ToLower(name.text)
	f := fieldByName(lower)
	if f == nil {
		e := &Error{Pos: name.pos, Found: name.String(), Expected: "the name of a field", Nearest: Nearest(lower, fieldNames())}
		switch {
		case lower == "text":
			e.Expected, e.Nearest = "the name of a field: only voiptop looks into all of a message, of capture files; message: asks for first lines, voipmon grep for the rest", ""
		case strings.HasPrefix(lower, headerPrefix):
			e.Expected = "the name of a SIP header field behind \"header.\""
		}
		return nil, e
	}
	if p.in && !f.InRules() {
		return nil, &Error{Pos: name.pos, Found: name.String(), Expected: f.instead()}
	}
	if p.stored && f.name != "" {
		return nil, &Error{
			Pos: name.pos, Found: name.String(),
			Expected: "a field that stored calls have: header fields are known while a call runs; a capture rule that asks for " + f.Name + " marks its calls, and rule:NAME finds them",
		}
	}
	o := p.next()
	if !slices.Contains(f.Ops(), o.text) {
		return nil, &Error{
			Pos: o.pos, Found: o.String(), Nearest: meant[o.text],
			Expected: fmt.Sprintf("one of %s: %s is %s%s", strings.Join(f.Ops(), " "), f.Name, f.Type.article(), f.Type),
		}
	}
	t := &test{field: f, op: o.text, not: o.text == "!="}
	if t.not {
		t.op = "="
	}
	if p.peek().kind != lparen || p.in && p.peek().first {
		return t, p.value(t, true)
	}
	p.next()
	for p.peek().kind != rparen || p.in && p.peek().first {
		if err := p.value(t, false); err != nil {
			return nil, err
		}
	}
	if len(t.vals) == 0 {
		return nil, p.unexpected("a value")
	}
	p.next()
	t.table = newTable(f, t.op, t.vals)
	return t, nil
}

// meant is what people mean who write as in other languages.
var meant = map[string]string{
	"==": "=", "===": "=", ":=": "=", "=~": "~", "~=": "~", "=>": ">=", "=<": "<=", "<>": "!=", "=!": "!=", "!==": "!=",
	"!": "not", "&&": "and", "&": "and", "||": "or", "|": "or",
}

// instead says what to ask for in a rule instead of the field.
func (f *Field) instead() string {
	if s := insteadOf[f.Name]; s != "" {
		return s
	}
	if f.detail {
		return "a field of the call as a whole, such as mos, loss, codec or finding: what is asked of streams and messages is for searches"
	}
	return "a field of the call itself: " + f.Name + " is for searches"
}

// insteadOf is of fields that rules decide themselves or that are others at the end.
var insteadOf = map[string]string{
	"state": "a field that is final when the call has ended: connected>0 is an answered call",
	"rule":  "a field of the call itself: which rule decides is what the rules say",
	"kept":  "a field of the call itself: what is kept is what the rules say",
}

// value reads a value of a test, or a group of them. A group that stands alone is shared with other tests.
func (p *parser) value(t *test, alone bool) *Error {
	v := p.peek()
	if v.kind != word && v.kind != quoted || p.in && v.first {
		return p.unexpected(t.field.Type.article() + t.field.Type.String())
	}
	if v.kind == word && len(v.text) > 1 && v.text[0] == '@' {
		g, err := p.find(v)
		if err != nil {
			return err
		}
		p.next()
		l, err := p.list(g, t, v)
		if err != nil {
			return err
		}
		if alone {
			t.vals, t.table = l.vals, l.table
			return nil
		}
		t.vals = append(t.vals, l.vals...)
		return p.count(len(l.vals), v)
	}
	p.next()
	val, want := newValue(t.field, t.op, v.text)
	if want != "" {
		return &Error{Pos: v.pos, Found: v.String(), Expected: want, Nearest: Nearest(strings.ToLower(v.text), t.field.near())}
	}
	t.vals = append(t.vals, val)
	return p.count(1+val.cost, v)
}

// count bounds the values that a text makes, at token t.
func (p *parser) count(n int, t token) *Error {
	if p.env.values += n; p.env.values > maxValues {
		return &Error{Pos: t.pos, Found: "too many values in all", Expected: fmt.Sprintf("at most %d; regular expressions count by their size, the same group with the same field once", maxValues)}
	}
	return nil
}

// list reads the values of a group as those of a field.
func (p *parser) list(g *group, t *test, at token) (*list, *Error) {
	id := listID{g.name, t.field.Name, t.op}
	if l := p.env.lists[id]; l != nil {
		return l, nil
	}
	l := &list{}
	for _, m := range g.members {
		v, want := newValue(t.field, t.op, m.text)
		if want != "" {
			return nil, m.wrong(fmt.Sprintf("%s: line %d asks %s for the group %s", want, at.pos.Line, t.field.Name, g.name))
		}
		l.vals = append(l.vals, v)
		if err := p.count(1+v.cost, at); err != nil {
			return nil, err
		}
	}
	l.table = newTable(t.field, t.op, l.vals)
	p.env.lists[id] = l
	return l, nil
}
