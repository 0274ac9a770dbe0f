package rules

import "strings"

// Expr is a condition on a call. The zero Expr is true of every call. It may be used by many goroutines at once.
type Expr struct {
	root *node
	env  *env
	text string
}

// Match reports whether the condition holds for a call as far as it has come.
func (e Expr) Match(c Call) bool {
	j := judgements.Get().(*judgement)
	defer j.release()
	j.call = c
	return e.judge(&j.scene) == yes
}

func (e Expr) judge(s *scene) truth {
	if e.root == nil {
		return yes
	}
	return e.root.eval(s, e.env)
}

// IsZero reports whether the expression is the zero Expr, which is true of every call.
func (e Expr) IsZero() bool { return e.root == nil }

// Headers answers the lower-case long names of the header fields that the condition asks for, sorted. A call that ended has
// none of them any more.
func (e Expr) Headers() []string { return headersOf(nil, e.root) }

// String is the text that the expression was made from.
func (e Expr) String() string { return e.text }

// ParseExpr reads a condition; an error is an *Error. An empty text is the zero Expr. Times are UTC and there are no groups:
// Set.ParseExpr has those of a rule file.
func ParseExpr(text string) (Expr, error) { return parseExpr(text, newEnv()) }

// ParseExpr reads a condition as a rule of the set would, with its groups and its zone; an error is an *Error.
func (s *Set) ParseExpr(text string) (Expr, error) {
	if s.env == nil {
		return ParseExpr(text)
	}
	return parseExpr(text, s.env.own())
}

// ParseSearch reads a condition that stored calls are asked: as Set.ParseExpr does, but that it refuses header fields, which
// are not stored with a call. The set may be nil.
func (s *Set) ParseSearch(text string) (Expr, error) {
	e := newEnv()
	if s != nil && s.env != nil {
		e = s.env.own()
	}
	return (&parser{env: e, stored: true}).expr(text)
}

func parseExpr(text string, e *env) (Expr, error) { return (&parser{env: e}).expr(text) }

// expr reads a text that is one condition.
func (p *parser) expr(text string) (Expr, error) {
	if len(text) > maxText {
		return Expr{}, tooLong(text)
	}
	p.text, p.ts = text, lex(text)
	if p.peek().kind == eof {
		return Expr{}, nil
	}
	n, err := p.or(0)
	if err == nil && p.peek().kind != eof {
		err = p.unexpected(`"and", "or" or the end`)
	}
	if err != nil {
		return Expr{}, err
	}
	return Expr{n, p.env, strings.TrimSpace(text)}, nil
}
