package rules

import (
	"fmt"
	"path/filepath"
	"time"

	"voiptop/protocol"
)

// Parse reads a rule file, whose rules are local. file is what errors call it; groups may name CSV files in or below its
// folder. An error is an *Error.
func Parse(file, text string) (*Set, error) {
	return parse(file, filepath.Dir(file), text, OriginLocal)
}

// ParseHosted reads rules that come from hosted: no group may name a file. An error is an *Error that calls them file.
func ParseHosted(file, text string) (*Set, error) { return parse(file, "", text, OriginHosted) }

func parse(file, dir, text string, origin Origin) (*Set, error) {
	s, err := parseSet(&parser{text: text, dir: dir}, origin)
	if err != nil {
		if err.File == "" {
			err.File = file
		}
		return nil, err
	}
	s.index = newIndex(s.Rules)
	return s, nil
}

func parseSet(p *parser, origin Origin) (*Set, *Error) {
	if len(p.text) > maxText {
		return nil, tooLong(p.text)
	}
	p.ts, p.in, p.env = lex(p.text), true, newEnv()
	s, names := &Set{env: p.env}, map[string]Pos{}
	for p.peek().kind != eof {
		if declaration, err := p.declaration(len(s.Rules) > 0); err != nil {
			return nil, err
		} else if declaration {
			continue
		}
		r, err := p.rule()
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
		r.Origin = origin
		s.Rules = append(s.Rules, r)
	}
	s.files = p.files
	return s, nil
}

// declaration reads a group or the zone if one is next: a word, without a colon behind it.
func (p *parser) declaration(late bool) (bool, *Error) {
	t := p.peek()
	if !t.first || p.ts[p.i+1].kind == op || p.ts[p.i+1].first {
		return false, nil
	}
	switch {
	case !t.is("group") && !t.is("zone"):
		return false, nil
	case late:
		return false, p.unexpected("a rule: groups and the zone stand above the first rule")
	case t.is("group"):
		return true, p.group()
	}
	p.next()
	name := p.peek()
	zone, err := time.LoadLocation(name.text)
	if err != nil || name.kind != word && name.kind != quoted || name.is("local") {
		return true, p.unexpected("the name of a time zone such as Europe/Prague, or UTC")
	}
	p.next()
	if !p.peek().first {
		return true, p.unexpected("a new entry in the first column")
	}
	p.env.zone = zone
	return true, nil
}

// keeps is what a rule may keep, from the least to the most.
var keeps = []string{"none", "sip", "headers", "rtp"}

// clauses are the further parts of a rule.
var clauses = []clause{
	{"when", "", "when CONDITION: the calls that the rule is about"},
	{"no", "audio", "no audio: what is kept may not be listened to"},
	{"mask", "dtmf", "mask dtmf: digits are blanked in the packets that are kept"},
	{"until", "", "until 2027-01-31: no effect from that day on (UTC)"},
	{"note", "", `note "...": for people`},
	{"off", "", "off: no effect"},
}

type clause struct {
	word, second string // second is "" where one word is enough
	doc          string
}

func (c clause) String() string {
	if c.second != "" {
		return c.word + " " + c.second
	}
	return c.word
}

// clauseNext answers the clause that the next tokens begin, nil if they begin none.
func (p *parser) clauseNext() *clause {
	t := p.peek()
	for i := range clauses {
		c := &clauses[i]
		if t.is(c.word) && (c.second == "" || p.ts[p.i+1].is(c.second)) {
			return c
		}
	}
	return nil
}

// rule reads `name: keep WHAT ...` up to the next token in the first column.
func (p *parser) rule() (r Rule, err *Error) {
	name := p.peek()
	if !name.first || name.kind != word && name.kind != quoted {
		return r, p.unexpected("a rule: its name in the first column, then \": keep\"")
	}
	p.next()
	r.Name, r.Pos, r.at.name = name.text, name.pos, name.off
	if t := p.peek(); t.kind != op || t.text != ":" || t.first {
		if !t.first && (t.kind == word || t.kind == quoted) && Nearest(name.text, []string{"group", "zone"}) != "" {
			return r, &Error{Pos: name.pos, Found: name.String(), Expected: "a rule, a group or a zone", Nearest: Nearest(name.text, []string{"group", "zone"})}
		}
		return r, p.unexpected(`":" behind the name of the rule`)
	}
	p.next()
	if !p.keyword("keep") {
		return r, p.unexpected(`"keep"`, "keep")
	}
	what := p.peek()
	for _, k := range keeps {
		if what.is(k) && !what.first {
			r.Keep = protocol.Keep(k)
		}
	}
	if r.Keep == "" {
		return r, p.unexpected("what to keep: none, sip, headers or rtp", keeps...)
	}
	p.next()
	r.at.keep = what.end
	for seen := map[*clause]bool{}; !p.peek().first; {
		c := p.clauseNext()
		if c == nil || seen[c] {
			near := []string{"when", "until", "note", "off", "no", "mask"}
			if t := p.peek(); c == nil && (t.is("no") || t.is("mask")) {
				p.next()
				near = []string{"audio", "dtmf"}
			}
			return r, p.unexpected("when, no audio, mask dtmf, until, note, off (each once) or a new rule in the first column", near...)
		}
		seen[c] = true
		if err := p.clause(&r, c); err != nil {
			return r, err
		}
	}
	r.at.to = p.ts[p.i-1].end
	return r, nil
}

func (p *parser) clause(r *Rule, c *clause) *Error {
	t := p.next()
	if c.second != "" {
		p.next()
	}
	switch c.word {
	case "when":
		return p.when(r)
	case "no":
		r.NoAudio = true
	case "mask":
		r.MaskDTMF = true
	case "until":
		return p.until(r)
	case "note":
		return p.note(r)
	case "off":
		r.Off, r.at.off, r.at.offEnd = true, t.off, t.end
	}
	return nil
}

func (p *parser) when(r *Rule) *Error {
	from := p.i
	n, err := p.or(0)
	if err != nil {
		return err
	}
	r.When = Expr{n, p.env, p.source(from, p.i)}
	return nil
}

func (p *parser) until(r *Rule) *Error {
	t := p.peek()
	d, err := time.Parse(time.DateOnly, t.text)
	if err != nil || t.first {
		return p.unexpected("a date such as 2027-01-31 (the rule ends as it begins, UTC)")
	}
	p.next()
	r.Until = d
	return nil
}

func (p *parser) note(r *Rule) *Error {
	t := p.peek()
	if t.kind != quoted || t.first {
		return p.unexpected(`a text in quotes`)
	}
	p.next()
	r.Note = t.text
	return nil
}
