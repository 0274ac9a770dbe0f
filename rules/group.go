package rules

import (
	"fmt"
	"net/netip"
	"slices"
)

// group is a list of values with a name. What they are is told by the field that they are asked of.
type group struct {
	name    string
	pos     Pos
	members []member
}

// member is a value of a group and where it was written.
type member struct {
	text string
	file string // "" is the rule file
	pos  Pos
}

const maxMembers = 100_000 // of a group

// group reads `group NAME: value ...`; the word group is the next token.
func (p *parser) group() *Error {
	p.next()
	name := p.peek()
	if name.kind != word || name.first {
		return p.unexpected("the name of the group")
	}
	p.next()
	if t := p.peek(); t.kind != op || t.text != ":" {
		return p.unexpected(`":" behind the name of the group`)
	}
	p.next()
	if g, ok := p.env.groups[name.text]; ok {
		return &Error{
			Pos: name.pos, Found: fmt.Sprintf("the group %q again", name.text),
			Expected: fmt.Sprintf("a name of its own; line %d has this one", g.pos.Line),
		}
	}
	g, fromFile := &group{name: name.text, pos: name.pos}, false
	for t := p.peek(); !t.first; t = p.peek() {
		switch {
		case t.is("file") && len(g.members) == 0 && !p.ts[p.i+1].first:
			p.next()
			file := p.peek()
			if file.kind != word && file.kind != quoted {
				return p.unexpected("the name of a CSV file")
			}
			p.next()
			fromFile = true
			if err := p.csv(g, file); err != nil {
				return err
			}
			if !p.peek().first {
				return p.unexpected("a new entry in the first column: a group is a file or a list")
			}
		case t.kind == word && len(t.text) > 1 && t.text[0] == '@':
			other, err := p.find(t)
			if err != nil {
				return err
			}
			p.next()
			g.members = append(g.members, other.members...)
		case t.kind == word || t.kind == quoted:
			p.next()
			g.members = append(g.members, member{text: t.text, pos: t.pos})
		default:
			return p.unexpected("a value of the group")
		}
		if len(g.members) > maxMembers {
			return &Error{Pos: name.pos, Found: fmt.Sprintf("%d values", len(g.members)), Expected: fmt.Sprintf("at most %d in a group", maxMembers)}
		}
	}
	if len(g.members) == 0 && !fromFile {
		return p.unexpected("a value of the group, or file and the name of a CSV file")
	}
	if err := p.count(len(g.members), name); err != nil {
		return err
	}
	p.env.groups[g.name] = g
	if g.name == localGroup {
		var local []netip.Prefix
		for _, m := range g.members {
			n, _, ok := network(m.text)
			if !ok {
				return m.wrong("an IP address or network: direction goes by the group local")
			}
			local = append(local, n)
		}
		p.env.local = netsOf(local)
	}
	return nil
}

// find answers the group that a token @name stands for.
func (p *parser) find(t token) (*group, *Error) {
	if g, ok := p.env.groups[t.text[1:]]; ok {
		return g, nil
	}
	var names []string
	for n := range p.env.groups {
		names = append(names, "@"+n)
	}
	return nil, &Error{
		Pos: t.pos, Found: t.String(), Expected: "the name of a group that is written above: group NAME: values", Nearest: Nearest(t.text, slices.Sorted(slices.Values(names))),
	}
}

func (m member) wrong(expected string) *Error {
	return &Error{File: m.file, Pos: m.pos, Found: fmt.Sprintf("%q", cut(m.text)), Expected: expected}
}
