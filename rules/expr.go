package rules

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxText  = 1 << 20 // bytes of an expression or of a rule file
	maxDepth = 100     // nested brackets
)

// Expr is a condition on a call. The zero Expr is true of every call. It may be used by many goroutines at once.
type Expr struct {
	match func(Call) bool
	text  string
}

// Match reports whether the condition holds.
func (e Expr) Match(c Call) bool { return e.match == nil || e.match(c) }

// String is the text that the expression was made from.
func (e Expr) String() string { return e.text }

// ParseExpr reads a condition; an error is an *Error. An empty text is the zero Expr.
func ParseExpr(text string) (Expr, error) {
	if len(text) > maxText {
		return Expr{}, &Error{Pos: Pos{1, 1}, Found: fmt.Sprintf("%d bytes", len(text)), Expected: fmt.Sprintf("at most %d", maxText)}
	}
	p := parser{ts: lex(text)}
	if p.peek().kind == eof {
		return Expr{}, nil
	}
	m, err := p.or(0)
	if err == nil && p.peek().kind != eof {
		err = p.unexpected(`"and", "or" or the end`)
	}
	if err != nil {
		return Expr{}, err
	}
	return Expr{m, strings.TrimSpace(text)}, nil
}

type matcher = func(Call) bool

type parser struct {
	ts []token
	i  int
	in bool // inside a rule file: a token in the first column ends an expression
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
	return t.kind == eof || t.kind == rparen || p.in && t.first || t.kind == word && (strings.EqualFold(t.text, "or") || p.in && clause(t.text))
}

func (p *parser) keyword(w string) bool {
	t := p.peek()
	if t.kind == word && strings.EqualFold(t.text, w) && !(p.in && t.first) {
		p.i++
		return true
	}
	return false
}

func (p *parser) or(depth int) (matcher, error) {
	a, err := p.and(depth)
	for err == nil && p.keyword("or") {
		left := a
		var right matcher
		if right, err = p.and(depth); err == nil {
			a = func(c Call) bool { return left(c) || right(c) }
		}
	}
	return a, err
}

func (p *parser) and(depth int) (matcher, error) {
	a, err := p.not(depth)
	for err == nil && (p.keyword("and") || !p.ended()) {
		left := a
		var right matcher
		if right, err = p.not(depth); err == nil {
			a = func(c Call) bool { return left(c) && right(c) }
		}
	}
	return a, err
}

func (p *parser) not(depth int) (matcher, error) {
	if depth > maxDepth {
		return nil, &Error{Pos: p.peek().pos, Found: "brackets nested too deep", Expected: fmt.Sprintf("at most %d", maxDepth)}
	}
	if p.keyword("not") {
		m, err := p.not(depth + 1)
		if err != nil {
			return nil, err
		}
		return func(c Call) bool { return !m(c) }, nil
	}
	t := p.peek()
	switch {
	case t.kind == lparen:
		p.next()
		m, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.peek().kind != rparen {
			return nil, p.unexpected(`")"`)
		}
		p.next()
		return m, nil
	case t.kind == quoted, t.kind == word && !p.ended():
		p.next()
		if o := p.peek(); o.kind == op && t.kind == word {
			return p.test(t)
		}
		return anywhere(t.text), nil
	}
	return nil, p.unexpected("a condition such as caller:4202* or mos<3.5")
}

// anywhere matches a bare word: part of a number, name, address or Call-ID.
func anywhere(text string) matcher {
	t := strings.ToLower(text)
	return func(c Call) bool {
		for _, s := range [...]string{c.Caller, c.Callee, c.CallerName, c.Src, c.Dst, c.CallID} {
			if strings.Contains(strings.ToLower(s), t) {
				return true
			}
		}
		return false
	}
}

// test reads the operator and the values behind a field's name.
func (p *parser) test(name token) (matcher, error) {
	f := fieldByName(strings.ToLower(name.text))
	if f == nil {
		return nil, &Error{Pos: name.pos, Found: name.String(), Expected: "the name of a field", Nearest: Nearest(strings.ToLower(name.text), fieldNames())}
	}
	o := p.next()
	if !f.has(o.text) {
		return nil, &Error{Pos: o.pos, Found: o.String(), Expected: fmt.Sprintf("one of %s: %s is a %s", f.ops(), f.Name, f.Type)}
	}
	if p.peek().kind != lparen {
		return p.value(f, o)
	}
	p.next()
	var any []matcher
	for p.peek().kind != rparen {
		m, err := p.value(f, token{kind: op, text: strings.Replace(o.text, "!=", "=", 1), pos: o.pos})
		if err != nil {
			return nil, err
		}
		any = append(any, m)
	}
	if len(any) == 0 {
		return nil, p.unexpected("a value")
	}
	p.next()
	return func(c Call) bool {
		for _, m := range any {
			if m(c) {
				return o.text != "!="
			}
		}
		return o.text == "!="
	}, nil
}

func (f *Field) ops() string {
	switch f.Type {
	case Count:
		return ": = != < <= > >="
	case Address:
		return ": = !="
	}
	return ": = != ~"
}

func (f *Field) has(o string) bool { return strings.Contains(" "+f.ops()+" ", " "+o+" ") }

func (p *parser) value(f *Field, o token) (matcher, error) {
	t := p.peek()
	if t.kind != word && t.kind != quoted || p.in && t.first {
		return nil, p.unexpected("a " + f.Type.String())
	}
	p.next()
	wrong := func(expected string, near ...string) error {
		return &Error{Pos: t.pos, Found: t.String(), Expected: expected, Nearest: Nearest(strings.ToLower(t.text), near)}
	}
	switch f.Type {
	case Count:
		v, err := strconv.ParseFloat(t.text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, wrong("a number")
		}
		cmp := compare(o.text)
		return func(c Call) bool { x, ok := f.count(c); return ok && cmp(x, v) }, nil
	case Address:
		net, port, ok := network(t.text)
		if !ok {
			return nil, wrong("an IP address, address:port or network such as 10.0.0.0/8")
		}
		return negate(o.text, f.some(func(s string) bool { return contains(net, port, s) })), nil
	case Word:
		if !strings.Contains(t.text, "*") && o.text != "~" {
			known := false
			for _, w := range f.Words {
				known = known || strings.EqualFold(w, t.text)
			}
			if !known {
				return nil, wrong("one of "+strings.Join(f.Words, " "), f.Words...)
			}
		}
	}
	switch o.text {
	case "~":
		re, err := regexp.Compile(t.text)
		if err != nil {
			return nil, wrong("a regular expression (RE2): " + strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return f.some(re.MatchString), nil
	case ":":
		if f.Type == Number {
			g := glob(plain(strings.ToLower(t.text)))
			return f.some(func(s string) bool { return g(plain(strings.ToLower(s))) }), nil
		}
		g := glob(strings.ToLower(t.text))
		return f.some(func(s string) bool { return g(strings.ToLower(s)) }), nil
	}
	return negate(o.text, f.some(func(s string) bool { return s == t.text })), nil
}

// some matches when one of the field's values does.
func (f *Field) some(test func(string) bool) matcher {
	return func(c Call) bool {
		hit := false
		f.texts(c, func(s string) bool {
			hit = test(s)
			return !hit
		})
		return hit
	}
}

func negate(o string, m matcher) matcher {
	if o != "!=" {
		return m
	}
	return func(c Call) bool { return !m(c) }
}

func compare(o string) func(a, b float64) bool {
	switch o {
	case "!=":
		return func(a, b float64) bool { return a != b }
	case "<":
		return func(a, b float64) bool { return a < b }
	case "<=":
		return func(a, b float64) bool { return a <= b }
	case ">":
		return func(a, b float64) bool { return a > b }
	case ">=":
		return func(a, b float64) bool { return a >= b }
	}
	return func(a, b float64) bool { return a == b }
}

func contains(net netip.Prefix, port uint16, s string) bool {
	a, err := netip.ParseAddrPort(s)
	return err == nil && net.Contains(a.Addr().Unmap()) && (port == 0 || port == a.Port())
}

// plain takes the international prefix off a number: +420..., 00420... and 420... are the same.
func plain(s string) string {
	if r, ok := strings.CutPrefix(s, "+"); ok {
		return r
	}
	if r, ok := strings.CutPrefix(s, "00"); ok && r != "" && r[0] != '*' {
		return r
	}
	return s
}

// glob makes a matcher of a pattern in which * stands for any characters.
func glob(pattern string) func(string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return func(s string) bool { return s == pattern }
	}
	head, tail, middle := parts[0], parts[len(parts)-1], parts[1:len(parts)-1]
	return func(s string) bool {
		if len(s) < len(head)+len(tail) || !strings.HasPrefix(s, head) || !strings.HasSuffix(s, tail) {
			return false
		}
		s = s[len(head) : len(s)-len(tail)]
		for _, m := range middle {
			i := strings.Index(s, m)
			if i < 0 {
				return false
			}
			s = s[i+len(m):]
		}
		return true
	}
}
