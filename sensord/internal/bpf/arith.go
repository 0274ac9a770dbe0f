package bpf

import "fmt"

// atNumber says whether a comparison of numbers begins here.
func (p *parser) atNumber() bool {
	t := p.peek()
	after := p.toks[min(p.pos+1, len(p.toks)-1)]
	switch t.kind {
	case tSign:
		switch t.text {
		case "-":
			return true
		case "(":
			// Of parentheses, only what follows tells.
			return t.mate > 0 && operator(p.toks[t.mate+1])
		}
	case tNumber:
		return operator(after)
	case tWord:
		if t.text == "len" || t.text == "length" {
			return true
		}
		if _, ok := names[t.text]; ok {
			return true
		}
		return after.kind == tSign && after.text == "["
	}
	return false
}

func operator(t token) bool {
	if t.kind != tSign {
		return false
	}
	_, ok := precedence[t.text]
	return ok || relational(t.text)
}

func relational(s string) bool {
	switch s {
	case "<", ">", "<=", ">=", "=", "!=":
		return true
	}
	return false
}

// precedence of operators. libpcap gives % and ^ none, so that what they mean beside others surprises: they want parentheses.
var precedence = map[string]int{"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": odd, "^": odd}

const odd = 6

func (p *parser) relation() (expr, error) {
	a, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if t.kind != tSign || !relational(t.text) {
		return nil, p.wrong("a comparison: =, !=, <, <=, > or >=")
	}
	p.pos++
	b, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	return relation{t.text, a, b}, nil
}

// arith reads operands with operators that bind stronger than least.
func (p *parser) arith(least int) (arith, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	x, err := p.operand()
	last := "" // the operator before
	for err == nil {
		t := p.peek()
		prec, ok := precedence[t.text]
		if t.kind != tSign || !ok || prec <= least {
			return x, nil
		}
		if prec == odd && (least > 0 || last != "" && (last != "^" || t.text != "^")) || precedence[last] == odd && prec != odd {
			return nil, p.wrong("parentheses around % or ^ and its numbers")
		}
		last = t.text
		p.pos++
		var y arith
		if y, err = p.arith(prec); err != nil {
			break
		}
		if c, ok := y.(constant); ok && c == 0 && (t.text == "/" || t.text == "%") {
			return nil, wrong(p.text, t, "a divisor other than 0")
		}
		if c, ok := y.(constant); ok && c > 31 && (t.text == "<<" || t.text == ">>") {
			return nil, wrong(p.text, t, "a shift by at most 31 bits")
		}
		x = fold(operation{t, t.text, x, y})
	}
	return nil, err
}

func (p *parser) operand() (arith, error) {
	t := p.peek()
	switch {
	case p.take("("):
		x, err := p.arith(0)
		if err == nil {
			err = p.need(")")
		}
		return x, err
	case p.take("-"):
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		x, err := p.operand()
		return fold(operation{t, "-", constant(0), x}), err
	case t.kind == tNumber:
		p.pos++
		return constant(t.num), nil
	case t.kind == tWord && (t.text == "len" || t.text == "length"):
		p.pos++
		return length{}, nil
	case t.kind == tWord:
		if v, ok := names[t.text]; ok {
			p.pos++
			return constant(v), nil
		}
		if _, ok := header(t.text); ok {
			p.pos++
			return p.load(t)
		}
	case t.kind == tRange:
		return nil, p.wrong("a number: write blanks around -")
	}
	return nil, p.wrong("a number, len, or bytes of a header as in udp[8:2]")
}

const maxOffset = 65535 // beyond it, the kernel keeps other things than the frame

// load reads `[index]` or `[index:size]`.
func (p *parser) load(t token) (arith, error) {
	if err := p.need("["); err != nil {
		return nil, err
	}
	at := p.peek()
	index, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	if k, ok := index.(constant); ok && k > maxOffset {
		return nil, wrong(p.text, at, fmt.Sprintf("an offset from 0 to %d", maxOffset))
	}
	size := uint32(1)
	if p.take(":") {
		n := p.peek()
		if size = n.num; n.kind != tNumber || size != 1 && size != 2 && size != 4 {
			return nil, p.wrong("a size of 1, 2 or 4 bytes")
		}
		p.pos++
	}
	if err := p.need("]"); err != nil {
		return nil, err
	}
	return loaded{t, index, size}, nil
}

// header says whether bytes of a protocol's header can be read, and its IP protocol number, 0 for a link or network header.
func header(word string) (proto uint32, ok bool) {
	switch word {
	case "ether", "link", "ip", "ip6", "arp", "rarp":
		return 0, true
	case "udp", "tcp", "sctp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp", "icmp6":
		return ipProtocols[word].n, true
	}
	return 0, false
}

// fold calculates what is known. Numbers have 32 bits without sign and go round.
func fold(o operation) arith {
	a, ok := o.a.(constant)
	b, ok2 := o.b.(constant)
	if !ok || !ok2 {
		return o
	}
	switch o.op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "%":
		return a % b
	case "&":
		return a & b
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "<<":
		return a << b
	case ">>":
		return a >> b
	}
	panic(fmt.Sprintf("operator %q", o.op))
}
