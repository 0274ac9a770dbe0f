package rules

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"voiptop/protocol"
)

// Rule says what to keep of the calls that its condition holds for.
type Rule struct {
	Name  string
	Keep  protocol.Keep
	When  Expr
	Until time.Time // the rule has no effect from then on; zero: always
	Note  string
	Off   bool
	Pos   Pos // of the name in the file
}

// Set is an ordered list of rules: the first that matches decides. It may be used by many goroutines at once.
type Set struct {
	Rules []Rule
}

// Parse reads a rule file. file is what errors call it; an error is an *Error.
func Parse(file, text string) (*Set, error) {
	s, err := parseSet(text)
	if err != nil {
		err.File = file
		return nil, err
	}
	return s, nil
}

func parseSet(text string) (*Set, *Error) {
	if len(text) > maxText {
		return nil, &Error{Pos: Pos{1, 1}, Found: fmt.Sprintf("%d bytes", len(text)), Expected: fmt.Sprintf("at most %d", maxText)}
	}
	p := parser{ts: lex(text), in: true}
	s, names := &Set{}, map[string]Pos{}
	for p.peek().kind != eof {
		r, err := p.rule(text)
		if err != nil {
			return nil, err
		}
		if at, ok := names[r.Name]; ok {
			return nil, &Error{
				Pos: r.Pos, Found: fmt.Sprintf("the name %q again", r.Name),
				Expected: fmt.Sprintf("a name of its own; line %d has this one", at.Line),
			}
		}
		names[r.Name] = r.Pos
		s.Rules = append(s.Rules, r)
	}
	return s, nil
}

var keeps = []string{"none", "sip", "headers", "rtp"}

// clause reports whether w begins a further part of a rule.
func clause(w string) bool { return w == "until" || w == "note" || w == "off" || w == "when" }

// rule reads `name: keep WHAT ...` up to the next token in the first column.
func (p *parser) rule(text string) (r Rule, err *Error) {
	name := p.peek()
	if !name.first || name.kind != word && name.kind != quoted {
		return r, p.unexpected("a rule: its name in the first column, then \": keep\"")
	}
	p.next()
	r.Name, r.Pos = name.text, name.pos
	if t := p.peek(); t.kind != op || t.text != ":" {
		return r, p.unexpected(`":" behind the name of the rule`)
	}
	p.next()
	if !p.keyword("keep") {
		return r, p.unexpected(`"keep"`, "keep")
	}
	what := p.peek()
	for _, k := range keeps {
		if what.kind == word && what.text == k && !what.first {
			r.Keep = protocol.Keep(k)
		}
	}
	if r.Keep == "" {
		return r, p.unexpected("what to keep: none, sip, headers or rtp", keeps...)
	}
	p.next()
	for seen := map[string]bool{}; !p.peek().first; {
		t := p.peek()
		if t.kind != word || !clause(t.text) || seen[t.text] {
			return r, p.unexpected("when, until, note, off (each once) or a new rule in the first column", "when", "until", "note", "off")
		}
		seen[t.text] = true
		p.next()
		if err := p.clause(&r, t.text, text); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (p *parser) clause(r *Rule, name, text string) *Error {
	switch name {
	case "when":
		from := p.peek()
		m, err := p.or(0)
		if err != nil {
			var e *Error
			errors.As(err, &e) // or answers no other
			return e
		}
		r.When = Expr{m, strings.Join(strings.Fields(span(text, from.pos, p.peek().pos)), " ")}
	case "until":
		t := p.peek()
		d, err := time.Parse(time.DateOnly, t.text)
		if err != nil || t.first {
			return p.unexpected("a date such as 2027-01-31 (the rule ends as it begins, UTC)")
		}
		p.next()
		r.Until = d
	case "note":
		t := p.peek()
		if t.kind != quoted || t.first {
			return p.unexpected(`a text in quotes`)
		}
		p.next()
		r.Note = t.text
	case "off":
		r.Off = true
	}
	return nil
}

// span is the text from one place to another, without comments.
func span(text string, from, to Pos) string {
	var b strings.Builder
	for n, line := range strings.Split(text, "\n") {
		n++
		if n < from.Line || n > to.Line {
			continue
		}
		r := []rune(line)
		lo, hi := 0, len(r)
		if n == from.Line {
			lo = min(from.Col-1, hi)
		}
		if n == to.Line {
			hi = min(to.Col-1, hi)
		}
		s := string(r[lo:max(lo, hi)])
		if i := comment(s); i >= 0 {
			s = s[:i]
		}
		b.WriteString(s + " ")
	}
	return b.String()
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

// Decide answers the rule that decides for a call at a moment; nil when none does, and then nothing is kept.
func (s *Set) Decide(c Call, now time.Time) *Rule {
	for i := range s.Rules {
		if r := &s.Rules[i]; r.skipped(now) == "" && r.When.Match(c) {
			return r
		}
	}
	return nil
}

// Step is what Explain says of one rule.
type Step struct {
	Rule    *Rule
	Decides bool
	Why     string
}

// Explain says of each rule, up to the one that decides, why it did or did not.
func (s *Set) Explain(c Call, now time.Time) []Step {
	var steps []Step
	for i := range s.Rules {
		r := &s.Rules[i]
		st := Step{Rule: r, Why: r.skipped(now)}
		if st.Why == "" {
			st.Decides = r.When.Match(c)
			switch {
			case !st.Decides:
				st.Why = "does not match: " + r.When.String()
			case r.When.String() == "":
				st.Why = "matches every call"
			default:
				st.Why = "matches: " + r.When.String()
			}
		}
		steps = append(steps, st)
		if st.Decides {
			break
		}
	}
	return steps
}

// skipped says why the rule has no effect at a moment, "" when it has.
func (r *Rule) skipped(now time.Time) string {
	switch {
	case r.Off:
		return "off"
	case !r.Until.IsZero() && !now.Before(r.Until):
		return "expired on " + r.Until.Format(time.DateOnly)
	}
	return ""
}
