package decode

import "encoding/binary"

// IP protocol numbers (IANA) that are looked into.
const (
	protoIPv4 = 4
	protoTCP  = 6
	protoUDP  = 17
	protoIPv6 = 41
	protoGRE  = 47

	protoRouting     = 43 // extension headers of IPv6
	protoFragment    = 44
	protoDestination = 60

	protoESP  = 50
	protoAH   = 51
	protoNone = 59
	protoSCTP = 132
	protoMPLS = 137
)

// mapped is the middle of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2), as a little-endian number: the two
// bytes ff ff before the address.
const mapped = 0xffff0000

func putIPv4(e *Endpoint, b []byte) {
	binary.LittleEndian.PutUint64(e.IP[:8], 0)
	binary.LittleEndian.PutUint64(e.IP[8:], mapped|uint64(binary.LittleEndian.Uint32(b))<<32)
}

func (x *Decoder) ipv4(b []byte) {
	if len(b) < 20 {
		x.count(cShortIPv4)
		return
	}
	head, total := int(b[0]&15)*4, int(be16(b[2:]))
	if b[0]>>4 != 4 || head < 20 {
		x.count(cBadIPv4)
		return
	}
	if total == 0 { // left to the network card (segmentation offload)
		total = len(b)
	}
	if total < head {
		x.count(cBadIPv4)
		return
	}
	if head > len(b) {
		x.count(cShortIPv4)
		return
	}
	x.missing = 0
	if total <= len(b) {
		b = b[:total]
	} else {
		x.missing = total - len(b)
	}
	d := &x.d
	d.DSCP, d.TTL = b[1]>>2, b[8]
	putIPv4(&d.Src, b[12:])
	putIPv4(&d.Dst, b[16:])
	x.id = uint32(be16(b[4:]))
	if frag := be16(b[6:]); frag&0x3fff != 0 {
		x.fragment(b[9], false, int(frag&0x1fff)*8, frag&0x2000 != 0, b[head:])
		return
	}
	if b[9] == protoUDP {
		x.udp(b[head:])
		return
	}
	x.transport(b[9], b[head:])
}

func (x *Decoder) ipv6(b []byte) {
	if len(b) < 40 {
		x.count(cShortIPv6)
		return
	}
	if b[0]>>4 != 6 {
		x.count(cBadIPv6)
		return
	}
	x.missing = 0
	total := int(be16(b[4:]))
	next := b[6]
	d := &x.d
	d.DSCP, d.TTL = uint8(be16(b)>>6)&0x3f, b[7]
	d.Src.IP, d.Dst.IP = [16]byte(b[8:]), [16]byte(b[24:])
	x.id = 0
	b = b[40:]
	switch {
	case total == 0: // a jumbogram, or left to the network card
	case total <= len(b):
		b = b[:total]
	default:
		x.missing = total - len(b)
	}
	x.extensions(next, b)
}

// extensions looks behind the extension headers of IPv6 (RFC 8200 section 4).
func (x *Decoder) extensions(next uint8, b []byte) {
	for {
		if !x.enter() {
			return
		}
		size := 0
		switch next {
		case 0, protoRouting, protoDestination, 135, 139, 140: // hop-by-hop, routing, destination, mobility, HIP, Shim6
			if len(b) >= 8 {
				size = int(b[1])*8 + 8
			}
		case protoFragment: // next 1 | reserved 1 | offset and M 2 | identification 4
			if len(b) < 8 {
				break
			}
			frag := be16(b[2:])
			x.id = be32(b[4:])
			if frag&0xfff9 != 0 {
				x.fragment(b[0], true, int(frag&0xfff8), frag&1 != 0, b[8:])
				return
			}
			size = 8 // an atomic fragment (RFC 6946) is whole
		case protoNone:
			return
		default:
			x.transport(next, b)
			return
		}
		if size == 0 || size > len(b) {
			x.count(cShortIPv6)
			return
		}
		next, b = b[0], b[size:]
	}
}

// transport looks into the payload of an IP packet.
func (x *Decoder) transport(proto uint8, b []byte) {
	if !x.enter() {
		return
	}
	switch proto {
	case protoUDP:
		x.udp(b)
	case protoTCP:
		x.tcp(b)
	case protoSCTP:
		x.sctp(b)
	case protoIPv4:
		x.ipv4(b)
	case protoIPv6:
		x.ipv6(b)
	case protoGRE:
		x.gre(b)
	case protoESP:
		x.esp(b)
	case protoAH: // RFC 4302: next 1 | length 1 | reserved 2 | SPI 4 | sequence 4 | check value
		if len(b) < 12 || len(b) < int(b[1])*4+8 {
			x.count(cShortTunnel)
			return
		}
		x.transport(b[0], b[int(b[1])*4+8:])
	case protoMPLS:
		x.mpls(b)
	case protoRouting, protoFragment, protoDestination: // behind AH or ESP
		x.extensions(proto, b)
	default:
		x.ipProtos[proto]++
	}
}

// udp reads RFC 768: source port 2 | destination port 2 | length 2 | checksum 2.
func (x *Decoder) udp(b []byte) {
	if len(b) < 8 {
		x.count(cShortUDP)
		return
	}
	d := &x.d
	d.Src.Port, d.Dst.Port = be16(b), be16(b[2:])
	n := int(be16(b[4:])) - 8
	b = b[8:]
	switch {
	case n < 0:
		if n != -8 {
			x.count(cBadUDP)
			return
		}
		n = len(b) + x.missing // 0: more than 64 KiB, or left to the network card
	case n < len(b):
		b = b[:n]
	}
	if x.tunnelInUDP(b) {
		return
	}
	x.datagram(b, n)
}

// datagram hands out a payload of n bytes, of which b was captured.
func (x *Decoder) datagram(b []byte, n int) {
	d := &x.d
	d.Transport, d.Length, d.Payload = UDP, n, b
	if d.Cut = n > len(b); d.Cut {
		x.count(cCut)
	}
	d.HeaderLen = x.offset(b)
	if x.again(duplicateKey(d, x.id)) {
		x.Duplicate(d)
		return
	}
	x.h.Datagram(d)
}
