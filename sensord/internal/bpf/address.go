package bpf

import (
	"encoding/binary"
	"fmt"
)

func (l *lowering) qualified(x qualified) (*node, error) {
	switch x.qual.typ {
	case "port", "portrange":
		return l.ports(x)
	case "proto":
		if x.qual.proto == "ether" {
			return l.payload(x.t, x.id.num)
		}
		return l.protocol(x.t, x.qual.proto, x.id.num)
	}
	switch x.id.kind {
	case tMAC:
		if err := l.addresses(x.t); err != nil {
			return nil, err
		}
		return directed(x.qual.dir, l.mac(x.id.mac, 6), l.mac(x.id.mac, 0)), nil
	case tIPv6:
		v6, err := l.payload(x.t, typeIPv6)
		if err != nil {
			return nil, err
		}
		return allOf(v6, directed(x.qual.dir, l.prefix(x.id, 8), l.prefix(x.id, 24))), nil
	}
	return l.host(x)
}

// directed is what a direction makes of the tests of both ends.
func directed(d direction, src, dst *node) *node {
	switch d {
	case source:
		return src
	case destination:
		return dst
	case both:
		return allOf(src, dst)
	}
	return anyOf(src, dst)
}

// host tests IPv4 addresses: those of IP, and unless IP is named, those in ARP and RARP.
func (l *lowering) host(x qualified) (*node, error) {
	n := always(false)
	for _, in := range []struct {
		name     string
		src, dst uint32
	}{{"ip", 12, 16}, {"arp", 14, 24}, {"rarp", 14, 24}} {
		if x.qual.proto != "" && x.qual.proto != in.name || x.qual.proto == "" && l.labels > 0 && in.name != "ip" {
			continue
		}
		is, err := l.payload(x.t, etherTypes[in.name])
		if err != nil {
			return nil, err
		}
		addr := func(off uint32) *node { return masked(at(4, l.net+off), x.id.mask, x.id.addr) }
		n = anyOf(n, allOf(is, directed(x.qual.dir, addr(in.src), addr(in.dst))))
	}
	return n, nil
}

// prefix tests the IPv6 address at an offset of the header.
func (l *lowering) prefix(x id, off uint32) *node {
	a := x.prefix.Addr().As16()
	n := always(true)
	for i, bits := 0, x.prefix.Bits(); bits > 0; i, bits = i+4, bits-32 {
		n = allOf(n, masked(at(4, l.net+off+uint32(i)), ones(min(bits, 32)), binary.BigEndian.Uint32(a[i:])))
	}
	return n
}

// ports tests the ports of UDP, TCP and SCTP.
func (l *lowering) ports(x qualified) (*node, error) {
	protos := []uint32{17, 6, 132}
	switch {
	case x.qual.proto != "":
		protos = []uint32{ipProtocols[x.qual.proto].n}
	case x.id.proto != 0:
		protos = []uint32{x.id.proto}
	}
	v4, v6, err := l.ip(x.t)
	if err != nil {
		return nil, err
	}
	pair := func(load func(off uint32) []ins) *node {
		return directed(x.qual.dir, within(load(0), x.id.ports...), within(load(2), x.id.ports...))
	}
	v4 = allOf(v4, oneOf(at(1, l.net+9), protos...),
		l.whole(pair(func(off uint32) []ins { return behind(l.net, off, 2) })))
	is := oneOf(at(1, l.net+6), protos...)
	six := pair(func(off uint32) []ins { return at(2, l.net+40+off) })
	if l.o.Strict {
		return anyOf(v4, allOf(v6, is, six)), nil
	}
	fragment := allOf(equal(at(1, l.net+6), fragmentHeader), oneOf(at(1, l.net+40), protos...),
		choose(masked(at(2, l.net+42), 0xfff8, 0), pair(func(off uint32) []ins { return at(2, l.net+48+off) }), &node{op: nodeBenefit}))
	return anyOf(v4, allOf(v6, choose(is, six, fragment))), nil
}

// whole is a test n that needs the header behind IPv4's: it fails on later fragments, which do not have it, or lets them
// through.
func (l *lowering) whole(n *node) *node {
	first := masked(at(2, l.net+6), 0x1fff, 0)
	if l.o.Strict {
		return allOf(first, n)
	}
	return choose(first, n, &node{op: nodeBenefit})
}

// relation compares two numbers where the headers are that they stand in.
func (l *lowering) relation(r relation) (*node, error) {
	l.temps = 0
	needs := always(true)
	whole := false
	for _, x := range []arith{r.a, r.b} {
		if err := l.needs(x, &needs, &whole); err != nil {
			return nil, err
		}
	}
	n, err := l.compare(r)
	if err != nil {
		return nil, err
	}
	if whole {
		n = l.whole(n)
	}
	return allOf(needs, n), nil
}

// needs collects the tests for the headers that a number is read from; whole: IPv4 fragments after the first lack them.
func (l *lowering) needs(x arith, n **node, whole *bool) error {
	switch x := x.(type) {
	case operation:
		if err := l.needs(x.a, n, whole); err != nil {
			return err
		}
		return l.needs(x.b, n, whole)
	case loaded:
		if err := l.needs(x.index, n, whole); err != nil {
			return err
		}
		var is *node
		var err error
		switch proto, _ := header(x.t.text); {
		case x.t.text == "ether" || x.t.text == "link":
			if l.o.Link == LiveAny {
				err = l.wrong(x.t, "no byte of the link layer's header: the link is "+l.o.Link.String())
			}
			is = always(true)
		case proto == 0:
			is, err = l.payload(x.t, etherTypes[x.t.text])
		case x.t.text == "icmp6":
			if is, err = l.payload(x.t, typeIPv6); err == nil {
				is = allOf(is, equal(at(1, l.net+6), proto))
			}
		default:
			*whole = true
			is, err = l.protocol(x.t, "ip", proto)
		}
		if err != nil {
			return err
		}
		*n = allOf(*n, is)
	}
	return nil
}

func (l *lowering) compare(r relation) (*node, error) {
	a, b, op := r.a, r.b, r.op
	if _, ok := a.(constant); ok {
		a, b = b, a
		op = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}[op]
	}
	n := &node{}
	if k, ok := b.(constant); ok {
		if c, ok := a.(constant); ok {
			return always(holds(uint32(c), op, uint32(k))), nil
		}
		code, err := l.number(nil, a)
		if err != nil {
			return nil, err
		}
		n.code, n.k = code, uint32(k)
	} else {
		code, err := l.operands(a, b)
		if err != nil {
			return nil, err
		}
		n.code, n.cond = code, jumpX
	}
	switch op {
	case "=", "!=":
		n.cond |= jumpEqual
	case ">", "<=":
		n.cond |= jumpGreater
	case ">=", "<":
		n.cond |= jumpAtLeast
	default:
		panic(fmt.Sprintf("comparison %q", op))
	}
	if op == "!=" || op == "<=" || op == "<" {
		return noneOf(n), nil
	}
	return n, nil
}

func holds(a uint32, op string, b uint32) bool {
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}
