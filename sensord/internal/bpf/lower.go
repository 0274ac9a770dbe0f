package bpf

import (
	"encoding/binary"
	"fmt"
)

// lowering translates terms for one link, from left to right: encapsulations move the offsets for what follows.
type lowering struct {
	o      Options
	text   string
	beside bool // the outer VLAN tag is beside the frame
	tagged bool // it matters whether it is

	started bool
	form    form
	link    uint32 // offset of the link layer header
	typ     uint32 // of the field that says what the payload is
	net     uint32 // of the payload
	vlans   int
	labels  int // MPLS
	temps   int // memory in use
}

// form is how the payload is told.
type form uint8

const (
	byEtherType form = iota
	byPPP            // PPP's protocol numbers (RFC 1661)
	byVersion        // the version in the IP header
)

func (l *lowering) start() {
	l.started = true
	switch l.o.Link {
	case Ethernet, LiveEthernet:
		l.typ, l.net = 12, 14
	case Raw:
		l.form = byVersion
	case SLL2:
		l.typ, l.net = 0, 20
	case LiveAny:
		l.typ, l.net = ancillary+ancProtocol, networkHeader
	}
}

func (l *lowering) wrong(t token, expected string) error { return wrong(l.text, t, expected) }

func (l *lowering) lower(x expr) (*node, error) {
	if !l.started {
		l.start()
	}
	switch x := x.(type) {
	case and:
		a, b, err := l.pair(x.a, x.b)
		if err != nil {
			return nil, err
		}
		return allOf(a, b), nil
	case or:
		a, b, err := l.pair(x.a, x.b)
		if err != nil {
			return nil, err
		}
		return anyOf(a, b), nil
	case not:
		a, err := l.lower(x.a)
		if err != nil {
			return nil, err
		}
		return noneOf(a), nil
	case keyword:
		return l.keyword(x)
	case qualified:
		return l.qualified(x)
	case relation:
		return l.relation(x)
	}
	panic(fmt.Sprintf("expression %T", x))
}

func (l *lowering) pair(x, y expr) (a, b *node, err error) {
	if a, err = l.lower(x); err != nil {
		return nil, nil, err
	}
	b, err = l.lower(y)
	return a, b, err
}

// payload tests that the payload is of an Ethernet type.
func (l *lowering) payload(t token, etherType uint32) (*node, error) {
	version := map[uint32]uint32{typeIP: 0x40, typeIPv6: 0x60}[etherType]
	switch {
	case l.labels > 0: // RFC 3032: nothing says what is behind the last label but its first bits
		if version == 0 {
			return nil, l.wrong(t, "ip, ip6 or what they carry, after mpls")
		}
		return allOf(masked(at(1, l.net-2), 1, 1), masked(at(1, l.net), 0xf0, version)), nil
	case l.form == byVersion:
		if version == 0 {
			return always(false), nil
		}
		return masked(at(1, l.net), 0xf0, version), nil
	case l.form == byPPP:
		if v, ok := map[uint32]uint32{typeIP: 0x0021, typeIPv6: 0x0057, typeMPLS: 0x0281}[etherType]; ok {
			etherType = v
		}
	}
	return equal(at(2, l.typ), etherType), nil
}

// ip is the tests for IPv4 and IPv6.
func (l *lowering) ip(t token) (v4, v6 *node, err error) {
	if v4, err = l.payload(t, typeIP); err == nil {
		v6, err = l.payload(t, typeIPv6)
	}
	return v4, v6, err
}

// protocol tests the IP protocol number, in IPv4, IPv6 ("ip", "ip6") or both ("").
func (l *lowering) protocol(t token, in string, n uint32) (*node, error) {
	v4, v6, err := l.ip(t)
	if err != nil {
		return nil, err
	}
	v4 = allOf(v4, equal(at(1, l.net+9), n))
	v6 = allOf(v6, anyOf(equal(at(1, l.net+6), n), allOf(equal(at(1, l.net+6), fragmentHeader), equal(at(1, l.net+40), n))))
	switch in {
	case "ip":
		return v4, nil
	case "ip6":
		return v6, nil
	}
	return anyOf(v4, v6), nil
}

const fragmentHeader = 44 // of IPv6, RFC 8200 section 4.5

func (l *lowering) keyword(k keyword) (*node, error) {
	switch k.word {
	case "less":
		return noneOf(&node{code: []ins{{opLoadW | modeLen, 0}}, cond: jumpGreater, k: k.num}), nil
	case "greater":
		return &node{code: []ins{{opLoadW | modeLen, 0}}, cond: jumpAtLeast, k: k.num}, nil
	case "vlan":
		return l.vlan(k)
	case "mpls":
		return l.mpls(k)
	case "pppoed":
		return l.payload(k.t, typePPPoED)
	case "pppoes":
		return l.pppoes(k)
	case "broadcast", "multicast":
		return l.cast(k)
	case "inbound", "outbound":
		if !l.o.Link.live() {
			return nil, l.wrong(k.t, "something that stands in the frame: a file does not tell")
		}
		out := equal(at(2, ancillary+ancPacketType), packetOutgoing)
		if k.word == "inbound" {
			return noneOf(out), nil
		}
		return out, nil
	}
	if v, ok := etherTypes[k.word]; ok {
		return l.payload(k.t, v)
	}
	in := ""
	switch k.word {
	case "icmp", "igmp", "igrp", "vrrp", "carp":
		in = "ip"
	case "icmp6":
		in = "ip6"
	}
	return l.protocol(k.t, in, ipProtocols[k.word].n)
}

// addresses says whether the link has Ethernet addresses that can be read.
func (l *lowering) addresses(t token) error {
	if l.o.Link != Ethernet && l.o.Link != LiveEthernet {
		return l.wrong(t, fmt.Sprintf("no Ethernet address: the link is %v", l.o.Link))
	}
	return nil
}

func (l *lowering) cast(k keyword) (*node, error) {
	switch {
	case k.qual == "ip" && k.word == "multicast":
		v4, err := l.payload(k.t, typeIP)
		if err != nil {
			return nil, err
		}
		return allOf(v4, &node{code: at(1, l.net+16), cond: jumpAtLeast, k: 224}), nil
	case k.qual == "ip":
		v4, err := l.payload(k.t, typeIP)
		if err != nil {
			return nil, err
		}
		host := ^l.o.Netmask
		return allOf(v4, anyOf(masked(at(4, l.net+16), host, 0), masked(at(4, l.net+16), host, host))), nil
	case k.qual == "ip6" && k.word == "multicast":
		v6, err := l.payload(k.t, typeIPv6)
		if err != nil {
			return nil, err
		}
		return allOf(v6, equal(at(1, l.net+24), 255)), nil
	case k.qual != "" && k.qual != "ether":
		return nil, l.wrong(k.t, fmt.Sprintf("something that %s has", k.qual))
	}
	if err := l.addresses(k.t); err != nil {
		return nil, err
	}
	if k.word == "broadcast" {
		return l.mac([6]byte{255, 255, 255, 255, 255, 255}, 0), nil
	}
	return masked(at(1, l.link), 1, 1), nil // the bit that makes it an address of many
}

// mac tests the Ethernet address at an offset of the link layer header.
func (l *lowering) mac(m [6]byte, off uint32) *node {
	return allOf(equal(at(4, l.link+off+2), binary.BigEndian.Uint32(m[2:])), equal(at(2, l.link+off), uint32(binary.BigEndian.Uint16(m[:]))))
}
