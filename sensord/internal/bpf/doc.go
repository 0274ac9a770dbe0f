// Package bpf compiles pcap filter expressions ("udp port 5060 or vlan 100") to classic BPF programs, which the kernel runs
// on each frame before it is captured. conf checks the key filter with it, capture compiles for the interface at hand.
//
// The language and its meaning are those of pcap-filter(7) as libpcap 1.10 implements it, less what a SIP sensor has no use
// for; docs/filter.md lists what is understood. Tests run our programs and libpcap's on the same packets. One thing is
// different unless Options.Strict asks for libpcap's way: a test that needs a transport header lets later IP fragments
// through, because they have none and the datagram they belong to would be lost.
//
// It is not for choosing calls: that is what capture rules do (package rules).
package bpf

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Link says how frames look to the program.
type Link int

// The links. For Ethernet, Raw and SLL2 all that matters stands in the frame, as in a file of that link type. The live
// ones are for packet sockets of Linux, which take the outer VLAN tag out of the frame and keep it beside it.
const (
	Ethernet     Link = iota
	Raw               // IP without a link layer
	SLL2              // Linux cooked capture, version 2
	LiveEthernet      // an Ethernet interface, or loopback
	LiveAny           // an interface of any kind, or all together: nothing is read before the network header
)

var linkNames = [...]string{"Ethernet", "raw IP", "Linux cooked", "Ethernet", "any kind of interface"}

func (l Link) String() string { return linkNames[l] }

func (l Link) live() bool { return l == LiveEthernet || l == LiveAny }

// Options say what to compile for.
type Options struct {
	Link    Link
	Snaplen uint32 // bytes kept of a frame that passes; 0: all
	Netmask uint32 // of the interface, for `ip broadcast`; 0: only 0.0.0.0 and 255.255.255.255 are taken for broadcasts
	Strict  bool   // later IP fragments do not pass tests of the transport header
}

// Filter is an expression that has been read.
type Filter struct {
	text string
	root expr
}

// Error says what in an expression is not understood.
type Error struct {
	Column   int    // of the first character it is about, from 1
	Found    string // as it is written, "" at the end of the expression
	Expected string
	Nearest  string // the known word that Found may have been meant to be, or ""
}

func (e *Error) Error() string {
	found := "the end"
	if e.Found != "" {
		found = fmt.Sprintf("%q", e.Found)
	}
	s := fmt.Sprintf("column %d: found %s, expected %s", e.Column, found, e.Expected)
	if e.Nearest != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return s
}

const (
	maxText  = 16 << 10 // bytes of an expression
	maxDepth = 100      // parentheses and nots one in the other
	maxSize  = 4096     // instructions that the kernel takes (BPF_MAXINSNS)
	keepAll  = 262144   // bytes; what tcpdump calls its maximum snapshot length
)

// Parse reads an expression. Its error is an *Error. An empty expression lets everything through.
func Parse(text string) (*Filter, error) {
	f := &Filter{text: text}
	if len(text) > maxText {
		return nil, &Error{Column: maxText + 1, Found: "...", Expected: fmt.Sprintf("at most %d characters", maxText)}
	}
	toks, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := parser{text: text, toks: toks}
	if f.root, err = p.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

// String is the expression as it was written.
func (f *Filter) String() string { return f.text }

// Compile translates for one kind of link. The error is an *Error where a part of the expression cannot be had there.
func (f *Filter) Compile(o Options) ([]bpf.RawInstruction, error) {
	keep := o.Snaplen
	if keep == 0 {
		keep = keepAll
	}
	if f.root == nil {
		return []bpf.RawInstruction{{Op: opRet, K: keep}}, nil
	}
	l := lowering{o: o, text: f.text}
	root, err := l.lower(f.root)
	if err != nil {
		return nil, err
	}
	if root.op == nodeConst && !root.yes {
		return nil, &Error{Column: 1, Found: f.text, Expected: "a filter that lets something through: no packet can pass this one"}
	}
	a := newAssembler(keep)
	start := a.gen(root, pass, drop, false)
	if l.tagged {
		// The outer tag is beside the frame or in it: two programs, with different offsets.
		beside := lowering{o: o, text: f.text, beside: true}
		other, err := beside.lower(f.root)
		if err != nil {
			return nil, err
		}
		otherStart := a.gen(other, pass, drop, false)
		start = a.branch([]ins{{opLoadH | modeAbs, ancillary + ancTagPresent}}, jumpEqual, 1, otherStart, start)
	}
	prog := a.program(start)
	if len(prog) > maxSize {
		return nil, fmt.Errorf("the filter makes %d instructions, the kernel takes %d: make it shorter, for example with net or portrange", len(prog), maxSize)
	}
	return prog, nil
}
