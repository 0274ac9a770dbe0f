package bpf

import (
	"slices"

	"golang.org/x/net/bpf"
)

// Parts of classic BPF's operation codes (linux/bpf_common.h).
const (
	opLoadW = 0x00 // A <- 4 bytes
	opLoadH = 0x08 // A <- 2 bytes
	opLoadB = 0x10 // A <- 1 byte

	modeImm = 0x00
	modeAbs = 0x20 // at K
	modeInd = 0x40 // at X+K
	modeMem = 0x60 // M[K]
	modeLen = 0x80

	opLoadX      = 0x01        // X <-
	opHeaderLen  = 0x01 | 0xb0 // X <- 4*([K]&0xf), LDX BYTE MSH
	opStore      = 0x02        // M[K] <- A
	opALU        = 0x04        // A <- A op K
	opALUX       = 0x0c        // A <- A op X
	aluAdd       = 0x00
	aluAnd       = 0x50
	opJump       = 0x05
	jumpX        = 0x08 // compare with X, not K
	jumpEqual    = 0x10
	jumpGreater  = 0x20
	jumpAtLeast  = 0x30
	opRet        = 0x06
	opCopyToX    = 0x07
	memories     = 16
	farthestJump = 255
)

// alu are the operators.
var alu = map[string]uint16{
	"+": aluAdd, "-": 0x10, "*": 0x20, "/": 0x30, "|": 0x40, "&": aluAnd, "<<": 0x60, ">>": 0x70, "%": 0x90, "^": 0xa0,
}

// Where packet sockets of Linux keep what is not in the frame (linux/filter.h, SKF_AD_OFF and on).
const (
	ancillary     = 0xfffff000
	ancProtocol   = 0
	ancPacketType = 4
	ancTag        = 44
	ancTagPresent = 48

	networkHeader  = 0xfff00000 // SKF_NET_OFF: offsets from here on count from the network header
	packetOutgoing = 4
)

// ins is an instruction that does not jump.
type ins struct {
	op uint16
	k  uint32
}

// label is an instruction, by its number from the end of the program.
type label int

const (
	drop label = iota
	pass
)

// assembler writes a program from its end to its start: jumps go forward only, so that where they go is always known.
type assembler struct{ rev []bpf.RawInstruction }

func newAssembler(keep uint32) *assembler {
	return &assembler{rev: []bpf.RawInstruction{{Op: opRet, K: 0}, {Op: opRet, K: keep}}}
}

func (a *assembler) emit(op uint16, k uint32, jt, jf uint8) label {
	a.rev = append(a.rev, bpf.RawInstruction{Op: op, Jt: jt, Jf: jf, K: k})
	return label(len(a.rev) - 1)
}

// skip is how many instructions stand between the next one written and l.
func (a *assembler) skip(l label) int { return len(a.rev) - int(l) - 1 }

// near returns l, or a jump to it where a conditional jump does not reach.
func (a *assembler) near(l label) label {
	if a.skip(l) < farthestJump-1 { // there may come another jump between
		return l
	}
	return a.emit(opJump, uint32(a.skip(l)), 0, 0)
}

// branch writes: do code, compare A, go to t or f.
func (a *assembler) branch(code []ins, cond uint16, k uint32, t, f label) label {
	if t == f {
		return t
	}
	t, f = a.near(t), a.near(f)
	at := a.emit(opJump|cond, k, uint8(a.skip(t)), uint8(a.skip(f)))
	for _, i := range slices.Backward(code) {
		at = a.emit(i.op, i.k, 0, 0)
	}
	return at
}

// gen writes n, which goes to t or f; negated says under how many nots it stands, odd or even.
func (a *assembler) gen(n *node, t, f label, negated bool) label {
	switch n.op {
	case nodeConst:
		if n.yes {
			return t
		}
		return f
	case nodeBenefit:
		if negated {
			return f
		}
		return t
	case nodeAnd:
		return a.gen(n.a, a.gen(n.b, t, f, negated), f, negated)
	case nodeOr:
		return a.gen(n.a, t, a.gen(n.b, t, f, negated), negated)
	case nodeNot:
		return a.gen(n.a, f, t, !negated)
	case nodeIf:
		yes := a.gen(n.b, t, f, negated)
		no := a.gen(n.c, t, f, negated)
		return a.gen(n.a, yes, no, negated)
	case nodeWithin:
		return a.within(n, t, f)
	}
	return a.branch(n.code, n.cond, n.k, t, f)
}

// within writes the comparisons of a nodeWithin, which load once.
func (a *assembler) within(n *node, t, f label) label {
	next := f
	for i, s := range slices.Backward(n.spans) {
		var code []ins
		if i == 0 {
			code = n.code
		}
		if s.lo == s.hi {
			next = a.branch(code, jumpEqual, s.lo, t, next)
			continue
		}
		next = a.branch(code, jumpAtLeast, s.lo, a.branch(nil, jumpGreater, s.hi, next, t), next)
	}
	return next
}

// program is what has been written, beginning at start.
func (a *assembler) program(start label) []bpf.RawInstruction {
	if int(start) != len(a.rev)-1 {
		start = a.emit(opJump, uint32(a.skip(start)), 0, 0)
	}
	p := slices.Clone(a.rev[:start+1])
	slices.Reverse(p)
	return p
}
