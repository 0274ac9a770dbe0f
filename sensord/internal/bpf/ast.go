package bpf

import "net/netip"

// The expression as it was written. Its terms are translated from left to right, because vlan, mpls and pppoes change what
// the terms after them mean.
type (
	expr any

	and struct{ a, b expr }
	or  struct{ a, b expr }
	not struct{ a expr }

	// qualified is a test of one address, port or protocol.
	qualified struct {
		t    token
		qual quals
		id   id
	}
	// keyword is a test without an argument (udp, broadcast) or with a number (vlan 100, less 64).
	keyword struct {
		t    token
		word string
		qual string // the protocol before broadcast and multicast
		num  uint32
		has  bool
	}
	// relation compares two numbers.
	relation struct {
		op   string
		a, b arith
	}
)

// quals are the words before an address or number. An identifier without any takes those of the one before it.
type quals struct {
	proto string    // "", ether, ip, ip6, arp, rarp, udp, tcp, sctp ...
	dir   direction //
	typ   string    // "", host, net, port, portrange, proto
}

type direction uint8

const (
	either direction = iota
	source
	destination
	both
)

// id is an address, a protocol's number, or ports.
type id struct {
	kind   kind   // tNumber, tIPv4, tIPv6, tMAC
	num    uint32 // of a protocol
	ports  []span
	proto  uint32 // of a port's name, 0: any
	addr   uint32 // IPv4
	mask   uint32
	prefix netip.Prefix // IPv6
	mac    [6]byte
}

// Numbers that are calculated.
type (
	arith any

	constant uint32
	length   struct{}
	loaded   struct {
		t     token // the protocol
		index arith
		size  uint32 // 1, 2 or 4
	}
	operation struct {
		t    token // the operator
		op   string
		a, b arith
	}
)
