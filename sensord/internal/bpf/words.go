package bpf

import (
	"maps"
	"slices"
)

// ipProtocols are the names of IP protocol numbers; those with true are keywords of the language too.
var ipProtocols = map[string]struct {
	n       uint32
	keyword bool
}{
	"icmp": {1, true}, "igmp": {2, true}, "tcp": {6, true}, "igrp": {9, true}, "udp": {17, true}, "gre": {47, false},
	"esp": {50, true}, "ah": {51, true}, "icmp6": {58, true}, "ipv6-icmp": {58, false}, "ospf": {89, false},
	"pim": {103, true}, "vrrp": {112, true}, "carp": {112, true}, "sctp": {132, true}, "ipip": {4, false},
}

// etherTypes are the names of Ethernet types; all are keywords too.
var etherTypes = map[string]uint32{"ip": 0x0800, "arp": 0x0806, "rarp": 0x8035, "ip6": 0x86dd}

const (
	typeIP     = 0x0800
	typeIPv6   = 0x86dd
	typeMPLS   = 0x8847
	typePPPoED = 0x8863
	typePPPoES = 0x8864
)

// names are numbers by name, for use in arithmetic.
var names = map[string]uint32{
	"icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1, "tcpflags": 13,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8, "icmp-routeradvert": 9,
	"icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14,
	"icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
	"icmp6-destinationrunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
	"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-routersolicit": 133, "icmp6-routeradvert": 134,
	"icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
}

// others are the other words of the language.
var others = []string{
	"and", "or", "not", "src", "dst", "host", "net", "port", "portrange", "proto", "mask", "ether", "link", "broadcast", "multicast",
	"vlan", "mpls", "pppoed", "pppoes", "less", "greater", "len", "length", "inbound", "outbound",
}

// refused are words of pcap-filter(7) that are understood and not done, with the reason.
var refused = map[string]string{
	"gateway":    "an address: names are not looked up",
	"protochain": "proto: chains of headers need a loop, which the kernel refuses",
	"wlan":       "a wired protocol: the sensor does not read 802.11 headers",
	"iso":        "ip or ip6: ISO protocols are not read",
	"decnet":     "ip or ip6: DECnet is not read",
	"stp":        "ip or ip6: LLC protocols are not read",
	"llc":        "ip or ip6: LLC protocols are not read",
	"geneve":     "udp port 6081: the sensor reads into tunnels, the filter does not",
	"vxlan":      "udp port 4789: the sensor reads into tunnels, the filter does not",
	"ifname":     "what Linux has: there is no pf here",
}

// vocabulary is every word, for the nearest one to a word that is none.
var vocabulary = func() []string {
	all := slices.Clone(others)
	for n, p := range ipProtocols {
		if p.keyword {
			all = append(all, n)
		}
	}
	all = slices.AppendSeq(all, maps.Keys(etherTypes))
	all = slices.AppendSeq(all, maps.Keys(names))
	slices.Sort(all)
	return all
}()
