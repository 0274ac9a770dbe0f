package decode

import "encoding/binary"

// LINKTYPE_ numbers of less common link layers (tcpdump.org registry).
const (
	linkPPP      = 9
	linkPPPHDLC  = 50
	linkPPPoE    = 51
	linkCHDLC    = 104 // Cisco HDLC
	link80211    = 105
	linkENC      = 109 // OpenBSD's IPsec interface
	linkPFLOG    = 117
	linkRadiotap = 127
	linkPPPD     = 166 // PPP of Linux pppd, a direction in place of the address
	linkPPI      = 192
	linkPPPDir   = 204 // PPP after a byte of direction
)

// otherLink looks into a frame of a less common link layer, and says whether it is one that is known.
func (x *Decoder) otherLink(link uint16, b []byte) bool {
	head := 0
	switch link {
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
