package decode

import (
	"encoding/binary"

	"voiptop/sensord/internal/capture"
)

// EtherTypes (IEEE 802 numbers) that are looked into.
const (
	etherIPv4     = 0x0800
	etherIPv6     = 0x86dd
	etherVLAN     = 0x8100
	etherQinQ     = 0x88a8
	etherQinQOld  = 0x9100
	etherQinQ9200 = 0x9200
	etherMPLS     = 0x8847
	etherMPLSDown = 0x8848 // upstream-assigned label
	etherPPPoE    = 0x8864 // session stage
	etherPPP      = 0x880b
	etherBridged  = 0x6558 // Ethernet in GRE or Geneve
	etherERSPAN   = 0x88be // types I and II
	etherERSPAN3  = 0x22eb
)

// link looks into a frame by its LINKTYPE_ number.
func (x *Decoder) link(link uint16, b []byte) {
	switch link {
	case capture.LinkEthernet:
		x.ethernet(b)
	case capture.LinkSLL: // packet type 2 | ARPHRD 2 | address length 2 | address 8 | protocol 2
		if len(b) < 16 {
			x.count(cShortLink)
			return
		}
		x.etherType(be16(b[14:]), b[16:])
	case capture.LinkSLL2: // protocol 2 | reserved 2 | interface 4 | ARPHRD 2 | packet type 1 | address length 1 | address 8
		if len(b) < 20 {
			x.count(cShortLink)
			return
		}
		x.etherType(be16(b), b[20:])
	case capture.LinkRaw, capture.LinkIPv4, capture.LinkIPv6, 12, 14: // 12 and 14: DLT_RAW where it is not 101
		x.ip(b)
	case capture.LinkNull, capture.LinkLoop: // address family 4, in either byte order
		if len(b) < 4 {
			x.count(cShortLink)
			return
		}
		x.ip(b[4:])
	default:
		if !x.otherLink(link, b) {
			x.linkTypes.count(link)
		}
	}
}

func (x *Decoder) ethernet(b []byte) {
	if len(b) < 14 {
		x.count(cShortLink)
		return
	}
	x.etherType(be16(b[12:]), b[14:])
}

// etherType looks into what follows an EtherType; VLAN tags come off here.
func (x *Decoder) etherType(t uint16, b []byte) {
	for {
		if !x.enter() {
			return
		}
		switch t {
		case etherIPv4:
			x.ipv4(b)
			return
		case etherIPv6:
			x.ipv6(b)
			return
		case etherVLAN, etherQinQ, etherQinQOld, etherQinQ9200: // tag 2 | EtherType 2
			if len(b) < 4 {
				x.count(cShortLink)
				return
			}
			t, b = be16(b[2:]), b[4:]
			continue
		case etherMPLS, etherMPLSDown:
			x.mpls(b)
			return
		case etherPPPoE:
			x.pppoe(b)
			return
		case etherPPP:
			x.ppp(b)
			return
		case etherBridged:
			x.ethernet(b)
			return
		}
		if t > 1500 || len(b) < 8 || b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 || b[3]|b[4]|b[5] != 0 {
			break
		}
		t, b = be16(b[6:]), b[8:] // a length, then LLC and SNAP (RFC 1042)
	}
	if t <= 1500 {
		x.count(cLLC)
		return
	}
	x.etherTypes.count(t)
}

// ip looks into IPv4 or IPv6, whatever the version field says.
func (x *Decoder) ip(b []byte) {
	if !x.enter() {
		return
	}
	if len(b) > 0 && b[0]>>4 == 6 {
		x.ipv6(b)
		return
	}
	x.ipv4(b)
}

// mpls drops the label stack (RFC 3032). What follows it is told by its first nibble, as routers do (RFC 4928).
func (x *Decoder) mpls(b []byte) {
	for {
		if len(b) < 4 {
			x.count(cShortLink)
			return
		}
		last := b[2]&1 == 1
		if b = b[4:]; last {
			break
		}
	}
	switch {
	case len(b) > 0 && (b[0]>>4 == 4 || b[0]>>4 == 6) && (!plausible(b) || fits(b)):
		x.ip(b)
	case len(b) > 4 && b[0]>>4 == 0 && !plausible(b): // pseudowire control word (RFC 4385)
		x.ethernet(b[4:])
	default:
		x.ethernet(b)
	}
}

// plausible says whether b is an Ethernet frame of a kind that is looked into.
func plausible(b []byte) bool {
	if len(b) < 14 {
		return false
	}
	switch be16(b[12:]) {
	case etherIPv4, etherIPv6, etherVLAN, etherQinQ, etherQinQOld, etherQinQ9200, etherMPLS, etherPPPoE:
		return true
	}
	return false
}

// fits reports whether b may be an IP packet by its length. A pseudowire without a control word carries Ethernet frames, whose first
// nibble is that of a hardware address.
func fits(b []byte) bool {
	const smallest, fcs = 64, 4 // a frame of Ethernet, its check sequence: bytes that may follow the packet
	total := 40 + int(be16(b[4:]))
	if b[0]>>4 == 4 {
		total = int(be16(b[2:]))
	}
	return total <= len(b) && (total+fcs >= len(b) || len(b) <= smallest)
}

// pppoe reads RFC 2516 section 4: version and type 1 | code 1 | session 2 | length 2 | PPP.
func (x *Decoder) pppoe(b []byte) {
	if len(b) < 8 {
		x.count(cShortLink)
		return
	}
	if n := int(be16(b[4:])); n < len(b)-6 {
		b = b[:6+n]
	}
	x.ppp(b[6:])
}

// ppp reads a PPP frame (RFC 1661, RFC 1662), with or without address and control, protocol field compressed or not.
func (x *Decoder) ppp(b []byte) {
	if !x.enter() {
		return
	}
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	if len(b) < 2 {
		x.count(cShortTunnel)
		return
	}
	proto := uint16(b[0])
	if proto&1 == 1 {
		b = b[1:]
	} else {
		proto, b = be16(b), b[2:]
	}
	switch proto {
	case 0x21:
		x.ipv4(b)
	case 0x57:
		x.ipv6(b)
	case 0x281:
		x.mpls(b)
	default:
		x.pppTypes.count(proto)
	}
}

// le64 reads 8 bytes in the machine's favourite order, for hashing.
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
