package decode

import "strconv"

// counter numbers what is counted by a fixed name.
type counter uint8

const (
	cDuplicate counter = iota
	cCut
	cDepth
	cLLC
	cShortLink
	cShortIPv4
	cShortIPv6
	cShortUDP
	cShortTCP
	cShortSCTP
	cShortTunnel
	cBadIPv4
	cBadIPv6
	cBadUDP
	cBadTCP
	cBadSCTP
	cFragments
	cFragReassembled
	cFragIncomplete
	cFragEvicted
	cFragOverlap
	cFragBad
	cStreams
	cStreamsEvicted
	cTCPRetransmitted
	cTCPReordered
	cTCPGaps
	cSCTPDuplicate
	cSCTPIncomplete
	cESPNull
	cESPOpaque
	nCounters
)

// names of the counters. They are stable: programs and docs/counters.md refer to them.
//
// Beside these there are, by what was not understood: decode.linktype.N (tcpdump.org registry), decode.ethertype.0xNNNN,
// decode.ipproto.N (IANA), decode.ppp.0xNNNN.
var names = [nCounters]string{
	cDuplicate:        "packets.duplicate",            // protocol.CountDuplicates: captured twice: dropped
	cCut:              "decode.cut",                   // payload cut by the capture (snaplen)
	cDepth:            "decode.depth",                 // more layers than maxDepth: dropped
	cLLC:              "decode.llc",                   // 802.3 with LLC, without IP
	cShortLink:        "decode.short.link",            // frame ends within a link layer header
	cShortIPv4:        "decode.short.ipv4",            //
	cShortIPv6:        "decode.short.ipv6",            //
	cShortUDP:         "decode.short.udp",             //
	cShortTCP:         "decode.short.tcp",             //
	cShortSCTP:        "decode.short.sctp",            //
	cShortTunnel:      "decode.short.tunnel",          // GRE, ERSPAN, AH, PPP, ...
	cBadIPv4:          "decode.bad.ipv4",              // version or lengths that cannot be
	cBadIPv6:          "decode.bad.ipv6",              //
	cBadUDP:           "decode.bad.udp",               //
	cBadTCP:           "decode.bad.tcp",               //
	cBadSCTP:          "decode.bad.sctp",              //
	cFragments:        "decode.fragments",             // IP fragments seen
	cFragReassembled:  "decode.fragments.reassembled", // datagrams put together
	cFragIncomplete:   "decode.fragments.incomplete",  // datagrams whose rest did not come within a second
	cFragEvicted:      "decode.fragments.evicted",     // datagrams given up because the table was full
	cFragOverlap:      "decode.fragments.overlap",     // fragments that overlap: the first bytes seen stand
	cFragBad:          "decode.fragments.bad",         // fragments that cannot be
	cStreams:          "decode.tcp.streams",           // TCP streams seen
	cStreamsEvicted:   "decode.tcp.evicted",           // streams forgotten because the table was full
	cTCPRetransmitted: "decode.tcp.retransmitted",     // segments, or parts, seen before
	cTCPReordered:     "decode.tcp.reordered",         // segments that came early
	cTCPGaps:          "decode.tcp.gaps",              // places where bytes were not captured
	cSCTPDuplicate:    "decode.sctp.duplicate",        // DATA chunks seen before
	cSCTPIncomplete:   "decode.sctp.incomplete",       // user messages whose rest did not come
	cESPNull:          "decode.esp.null",              // ESP packets read, without encryption
	cESPOpaque:        "decode.esp.encrypted",         // ESP packets that cannot be read
}

// maxKinds bounds the numbers of a kind that are counted one by one; more share one counter.
const maxKinds = 256

// kinds counts occurrences by a number that comes from the wire.
type kinds map[uint16]uint64

func (k *kinds) count(n uint16) {
	if *k == nil {
		*k = kinds{}
	}
	if _, known := (*k)[n]; !known && len(*k) >= maxKinds {
		n = 0xffff
	}
	(*k)[n]++
}

func (x *Decoder) count(c counter) { x.counts[c]++ }

// Counters calls f with everything that was counted and is not zero. Names are stable.
func (x *Decoder) Counters(f func(name string, n uint64)) {
	for c, n := range x.counts {
		if n > 0 {
			f(names[c], n)
		}
	}
	for t, n := range x.linkTypes {
		f("decode.linktype."+strconv.Itoa(int(t)), n)
	}
	for t, n := range x.etherTypes {
		f("decode.ethertype."+hex16(t), n)
	}
	for t, n := range x.pppTypes {
		f("decode.ppp."+hex16(t), n)
	}
	for t, n := range x.ipProtos {
		if n > 0 {
			f("decode.ipproto."+strconv.Itoa(t), n)
		}
	}
}

func hex16(v uint16) string {
	s := strconv.FormatUint(uint64(v), 16)
	return "0x0000"[:6-len(s)] + s
}
