package bpf

import (
	"fmt"
	"slices"

	"voiptop/rules"
)

// parser reads
//
//	expr = term { ("and" | "or") term }           both of the same precedence, from the left, as in pcap
//	term = "not" term | "(" expr ")" | relation | keyword | qualifiers ids | id
type parser struct {
	text  string
	toks  []token
	pos   int
	depth int
	last  *quals // what an identifier without qualifiers takes; nil: it may not stand here
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) next() token {
	t := p.toks[p.pos]
	if t.kind != tEnd {
		p.pos++
	}
	return t
}

// take moves on over a keyword or sign.
func (p *parser) take(text string) bool {
	if p.at(text) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) at(text string) bool {
	t := p.peek()
	return (t.kind == tWord || t.kind == tSign) && t.text == text
}

func (p *parser) atAny(texts ...string) bool {
	for _, x := range texts {
		if p.at(x) {
			return true
		}
	}
	return false
}

func (p *parser) wrong(expected string) error {
	t := p.peek()
	e := wrong(p.text, t, expected)
	if t.kind != tWord {
		return e
	}
	if why, ok := refused[t.text]; ok {
		e.Expected = why
		return e
	}
	if n := rules.Nearest(t.text, vocabulary); n != t.text {
		e.Nearest = n
	}
	return e
}

func (p *parser) need(text string) error {
	if p.take(text) {
		return nil
	}
	return p.wrong(fmt.Sprintf("%q", text))
}

func (p *parser) parse() (expr, error) {
	if p.peek().kind == tEnd {
		return nil, nil
	}
	x, err := p.expr()
	if err == nil && p.peek().kind != tEnd {
		err = p.wrong(`"and", "or" or the end`)
	}
	return x, err
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.wrong(fmt.Sprintf("at most %d parentheses and nots one in the other", maxDepth))
	}
	return nil
}

func (p *parser) expr() (expr, error) { return p.list(p.term) }

// list reads what has and and or between.
func (p *parser) list(item func() (expr, error)) (expr, error) {
	x, err := item()
	for err == nil {
		var y expr
		switch {
		case p.take("and"):
			if y, err = item(); err == nil {
				x = and{x, y}
			}
		case p.take("or"):
			if y, err = item(); err == nil {
				x = union(x, y)
			}
		default:
			return x, nil
		}
	}
	return nil, err
}

// union is x or y. Ports asked for in the same way become one test.
func union(x, y expr) expr {
	a, ok := x.(qualified)
	b, ok2 := y.(qualified)
	if ok && ok2 && len(a.id.ports) > 0 && len(b.id.ports) > 0 && a.id.proto == b.id.proto &&
		a.qual.proto == b.qual.proto && a.qual.dir == b.qual.dir && a.qual.dir != both {
		a.id.ports = slices.Concat(a.id.ports, b.id.ports)
		return a
	}
	return or{x, y}
}

const aTerm = "a protocol (udp, ip6), host, net, port, vlan, not, ( or a comparison"

func (p *parser) term() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case p.take("not"):
		x, err := p.term()
		return not{x}, err
	case p.atNumber():
		p.last = nil
		return p.relation()
	case t.kind == tSign && t.text == "(":
		p.pos++
		outer := p.last
		x, err := p.expr()
		if err == nil {
			err = p.need(")")
		}
		p.last = outer
		return x, err
	case t.kind == tWord && isKeyword(t.text):
		return p.keyword()
	case p.last != nil && t.kind != tEnd && t.kind != tSign && (t.kind != tWord || p.last.typ == "port"):
		return p.id(*p.last)
	}
	return nil, p.wrong(aTerm)
}

func isKeyword(w string) bool {
	if p, ok := ipProtocols[w]; ok && p.keyword {
		return true
	}
	if _, ok := etherTypes[w]; ok {
		return true
	}
	switch w {
	case "src", "dst", "host", "net", "port", "portrange", "proto", "ether", "link", "broadcast", "multicast",
		"vlan", "mpls", "pppoed", "pppoes", "less", "greater", "inbound", "outbound":
		return true
	}
	return false
}

// keyword reads a term that begins with a word of the language.
func (p *parser) keyword() (expr, error) {
	p.last = nil
	t := p.peek()
	switch t.text {
	case "vlan", "mpls", "pppoes", "pppoed":
		p.pos++
		k := keyword{t: t, word: t.text}
		if n := p.peek(); n.kind == tNumber && t.text != "pppoed" {
			p.pos++
			limit := map[string]uint32{"vlan": 4095, "mpls": 1<<20 - 1, "pppoes": 65535}[t.text]
			if n.num > limit {
				return nil, wrong(p.text, n, fmt.Sprintf("a number up to %d", limit))
			}
			k.num, k.has = n.num, true
		}
		return k, nil
	case "less", "greater":
		p.pos++
		n := p.peek()
		if n.kind != tNumber {
			return nil, p.wrong("a length in bytes")
		}
		p.pos++
		return keyword{t: t, word: t.text, num: n.num}, nil
	case "broadcast", "multicast", "inbound", "outbound":
		p.pos++
		return keyword{t: t, word: t.text}, nil
	}
	var q quals
	_, ether := etherTypes[t.text]
	if _, ip := ipProtocols[t.text]; ip || ether || t.text == "ether" || t.text == "link" {
		if q.proto = t.text; q.proto == "link" {
			q.proto = "ether"
		}
		p.pos++
		if b := p.peek(); p.atAny("broadcast", "multicast") {
			p.pos++
			return keyword{t: b, word: b.text, qual: q.proto}, nil
		}
		if !p.atAny("src", "dst", "host", "net", "port", "portrange", "proto", "protochain", "gateway") {
			if q.proto == "ether" {
				return nil, p.wrong("host, src, dst, proto, broadcast or multicast")
			}
			return keyword{t: t, word: t.text}, nil
		}
	}
	return p.qualified(q)
}

// qualified reads `[dir] [type] ids`; the protocol has been read.
func (p *parser) qualified(q quals) (expr, error) {
	directed := false
	for _, d := range [...]struct {
		word  string
		value direction
	}{{"src", source}, {"dst", destination}} {
		if !p.take(d.word) {
			continue
		}
		q.dir, directed = d.value, true
		other := map[string]string{"src": "dst", "dst": "src"}[d.word]
		if n := p.toks[min(p.pos+1, len(p.toks)-1)]; p.atAny("or", "and") && n.kind == tWord && n.text == other {
			q.dir = map[string]direction{"or": either, "and": both}[p.next().text]
			p.pos++
		}
		break
	}
	switch {
	case p.atAny("host", "net", "port", "portrange"):
		q.typ = p.next().text
	case p.at("proto") && !directed:
		q.typ = p.next().text
	case !directed:
		return nil, p.wrong("src, dst, host, net, port, portrange or proto")
	}
	x, err := p.ids(q)
	p.last = &q
	return x, err
}

// ids reads one identifier, or several in parentheses with and, or and not.
func (p *parser) ids(q quals) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not"):
		x, err := p.ids(q)
		return not{x}, err
	case p.take("("):
		x, err := p.list(func() (expr, error) { return p.ids(q) })
		if err == nil {
			err = p.need(")")
		}
		return x, err
	}
	return p.id(q)
}
