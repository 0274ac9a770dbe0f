package decode

import "encoding/binary"

// LINKTYPE_ numbers of less common link layers (tcpdump.org registry).
const (
	linkPPP      = 9
	linkPPPHDLC  = 50
	linkPPPoE    = 51
	linkCHDLC    = 104 // Cisco HDLC
	linkATM      = 100 // RFC 1483: LLC and SNAP
	link80211    = 105
	linkFRelay   = 107
	linkENC      = 109 // OpenBSD's IPsec interface
	linkPFLOG    = 117
	linkRadiotap = 127
	linkPPPD     = 166 // PPP of Linux pppd, a direction in place of the address
	linkPPI      = 192
	linkPPPDir   = 204 // PPP after a byte of direction
	linkNFLOG    = 239 // what iptables and nft log to a netlink group
	linkExported = 252 // "Export PDUs" of Wireshark
	linkPKTAP    = 258 // macOS, and telephones it watches
)

// otherLink looks into a frame of a less common link layer, and says whether it is one that is known.
func (x *Decoder) otherLink(link uint16, b []byte) bool {
	head := 0
	switch link {
	case linkATM:
		x.etherType(0, b)
		return true
	case linkFRelay:
		x.frameRelay(b)
		return true
	case linkNFLOG:
		x.nflog(b)
		return true
	case linkExported:
		x.exported(b)
		return true
	case linkPKTAP:
		x.pktap(b)
		return true
	case linkPPP, linkPPPHDLC, linkPPPoE:
	case linkPPPDir:
		head = 1
	case linkPPPD: // direction 1 | control 1
		head = 2
	case linkCHDLC: // address 1 | control 1 | EtherType 2
		head = 4
	case link80211:
	case linkENC: // address family 4 | SPI 4 | flags 4
		head = 12
	case linkPFLOG: // the first byte is the length, without what fills it up to four
		head = 61
		if len(b) > 0 {
			head = (int(b[0]) + 3) &^ 3
		}
	case linkRadiotap, linkPPI: // version 1 | flags 1 | length 2, little-endian
		if len(b) >= 4 {
			head = int(binary.LittleEndian.Uint16(b[2:]))
		}
		head = max(head, 4)
	default:
		return false
	}
	if len(b) < head {
		x.count(cShortLink)
		return true
	}
	payload := b[head:]
	switch link {
	case linkPPPoE:
		x.pppoe(payload)
	case linkCHDLC:
		x.etherType(be16(b[2:]), payload)
	case linkENC, linkPFLOG:
		x.ip(payload)
	case linkPPI:
		if len(b) < 8 || binary.LittleEndian.Uint32(b[4:]) != link80211 {
			x.count(cShortLink)
			return true
		}
		x.wlan(payload)
	case link80211, linkRadiotap:
		x.wlan(payload)
	default:
		x.ppp(payload)
	}
	return true
}

// wlan looks into a data frame of IEEE 802.11 (9.3.2): frame control 2 | duration 2 | addresses 18 | sequence 2 | a fourth
// address 6, where both directions are set | QoS control 2 | HT control 4 | LLC. Encrypted frames, aggregates and those that are no data are
// counted as LLC without IP.
func (x *Decoder) wlan(b []byte) {
	const (
		data      = 0x08 // type, of the first byte
		qos       = 0x80 // subtype bits
		null      = 0x40
		bothWays  = 0x03 // of the second byte
		protected = 0x40
		order     = 0x80
		aggregate = 0x80 // of QoS control
	)
	if len(b) < 24 {
		x.count(cShortLink)
		return
	}
	head := 24
	if b[1]&bothWays == bothWays {
		head += 6
	}
	if b[0]&qos != 0 {
		head += 2
		if b[1]&order != 0 {
			head += 4
		}
	}
	if b[0]&0x0f != data || b[0]&null != 0 || b[1]&protected != 0 || len(b) < head+8 || b[0]&qos != 0 && b[head-2]&aggregate != 0 {
		x.count(cLLC)
		return
	}
	if b[head] != 0xaa && b[head+2] == 0xaa { // filled up to four bytes by the card
		head += 2
	}
	x.etherType(0, b[head:])
}

// frameRelay reads RFC 2427 section 3, and Cisco's encapsulation: address 2 | control 1 (3) | NLPID 1, or address 2 | EtherType 2.
func (x *Decoder) frameRelay(b []byte) {
	const ipv4, ipv6, snap = 0xcc, 0x8e, 0x80
	if len(b) < 4 {
		x.count(cShortLink)
		return
	}
	switch {
	case b[2] != 3:
		x.etherType(be16(b[2:]), b[4:])
	case b[3] == ipv4, b[3] == ipv6:
		x.ip(b[4:])
	case b[3] == snap && len(b) >= 9: // OUI 3 | EtherType 2
		x.etherType(be16(b[7:]), b[9:])
	default:
		x.count(cLLC)
	}
}

// nflog reads a header of address family 1 | version 1 (0) | resource 2, then attributes: length 2 | type 2 | content, filled up to four bytes.
// Lengths and types are in the byte order of the machine that wrote them, the payload is attribute 9.
func (x *Decoder) nflog(b []byte) {
	const payload = 9
	if len(b) < 8 || b[1] != 0 {
		x.count(cShortLink)
		return
	}
	var order binary.ByteOrder = binary.LittleEndian
	b = b[4:]
	if n := int(order.Uint16(b)); n < 4 || n > len(b)+x.missing {
		order = binary.BigEndian
	}
	for len(b) >= 4 {
		n, kind := int(order.Uint16(b)), order.Uint16(b[2:])
		if n < 4 {
			break
		}
		if kind&0x7fff == payload {
			x.ip(b[4:min(n, len(b))])
			return
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	x.count(cShortLink)
}

// pktap reads a header of its length 4 | record type 4 (1: a packet) | link type of the packet 4 | and more, little-endian.
func (x *Decoder) pktap(b []byte) {
	const head, packet = 108, 1
	le := binary.LittleEndian
	if len(b) < head || le.Uint32(b) < head || uint64(le.Uint32(b)) > uint64(len(b)) || le.Uint32(b[4:]) != packet || le.Uint32(b[8:]) > 0xffff {
		x.count(cShortLink)
		return
	}
	if x.enter() {
		x.link(uint16(le.Uint32(b[8:])), b[le.Uint32(b):])
	}
}
