package bpf

// node is a decision tree: what the expression means on one kind of link.
type node struct {
	op      nodeOp
	yes     bool  // nodeConst
	a, b, c *node // nodeIf: a ? b : c
	code    []ins // nodeTest: leaves a number in A, which is compared with k, or with X
	cond    uint16
	k       uint32
	spans   []span // nodeWithin: that A is compared with
}

type nodeOp uint8

const (
	nodeTest nodeOp = iota
	nodeWithin
	nodeConst
	nodeBenefit // what nobody can know: decided so that the packet passes
	nodeAnd
	nodeOr
	nodeNot
	nodeIf
)

func always(yes bool) *node { return &node{op: nodeConst, yes: yes} }

func isConst(n *node, yes bool) bool { return n.op == nodeConst && n.yes == yes }

func allOf(first *node, rest ...*node) *node {
	for _, n := range rest {
		switch {
		case isConst(first, false), isConst(n, true):
		case isConst(first, true), isConst(n, false):
			first = n
		default:
			first = &node{op: nodeAnd, a: first, b: n}
		}
	}
	return first
}

func anyOf(first *node, rest ...*node) *node {
	for _, n := range rest {
		switch {
		case isConst(first, true), isConst(n, false):
		case isConst(first, false), isConst(n, true):
			first = n
		default:
			first = &node{op: nodeOr, a: first, b: n}
		}
	}
	return first
}

func noneOf(n *node) *node {
	if n.op == nodeConst {
		return always(!n.yes)
	}
	return &node{op: nodeNot, a: n}
}

// choose is c ? a : b.
func choose(c, a, b *node) *node {
	if c.op == nodeConst {
		if c.yes {
			return a
		}
		return b
	}
	return &node{op: nodeIf, a: c, b: a, c: b}
}

// at loads size bytes at an offset of the frame.
func at(size, off uint32) []ins { return []ins{{sizeOp(size) | modeAbs, off}} }

func sizeOp(size uint32) uint16 {
	switch size {
	case 1:
		return opLoadB
	case 2:
		return opLoadH
	}
	return opLoadW
}

// behind loads size bytes off bytes behind the IPv4 header at net.
func behind(net, off, size uint32) []ins {
	return []ins{{opHeaderLen, net}, {sizeOp(size) | modeInd, net + off}}
}

func equal(code []ins, v uint32) *node { return &node{code: code, cond: jumpEqual, k: v} }

// masked compares the bits of mask.
func masked(code []ins, mask, v uint32) *node {
	switch {
	case mask == 0:
		return always(true)
	case mask != 0xffffffff:
		code = append(code, ins{opALU | aluAnd, mask})
	}
	return equal(code, v)
}

// span is a range of values, both ends included.
type span struct{ lo, hi uint32 }

// within compares with several ranges.
func within(code []ins, spans ...span) *node { return &node{op: nodeWithin, code: code, spans: spans} }

// oneOf compares with several values.
func oneOf(code []ins, values ...uint32) *node {
	n := within(code)
	for _, v := range values {
		n.spans = append(n.spans, span{v, v})
	}
	return n
}
