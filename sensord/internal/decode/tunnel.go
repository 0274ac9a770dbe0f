package decode

// UDP ports of tunnels (IANA). RTP may use the same numbers, so the content must agree as well.
const (
	portL2TP     = 1701
	portGTPU     = 2152
	portESP      = 4500 // RFC 3948
	portVXLAN    = 4789
	portVXLANGPE = 4790
	portGeneve   = 6081
	portOldVXLAN = 8472  // Linux before IANA gave a number
	portTZSP     = 37008 // MikroTik's sniffer and others
)

// mayTunnel says whether UDP between two ports may be a tunnel.
func mayTunnel(src, dst uint16) bool {
	switch dst {
	case portGTPU, portVXLAN, portVXLANGPE, portGeneve, portESP, portL2TP, portOldVXLAN, portTZSP:
		return true
	}
	return src == portGTPU || src == portESP || src == portL2TP
}

// tunnelInUDP looks into b if it is a tunnel's, by port and content, and says whether it was.
func (x *Decoder) tunnelInUDP(b []byte) bool {
	switch x.d.Dst.Port {
	case portGTPU:
		return x.gtpu(b)
	case portVXLAN, portOldVXLAN:
		return x.vxlan(b)
	case portVXLANGPE:
		return x.vxlanGPE(b)
	case portGeneve:
		return x.geneve(b)
	case portL2TP:
		return x.l2tp(b)
	case portTZSP:
		return x.tzsp(b)
	case portESP:
		return len(b) > 8 && be32(b) != 0 && x.tryESP(b)
	}
	switch x.d.Src.Port {
	case portGTPU:
		return x.gtpu(b)
	case portL2TP:
		return x.l2tp(b)
	case portESP:
		return len(b) > 8 && be32(b) != 0 && x.tryESP(b)
	}
	return false
}

// l2tp reads a data message of RFC 2661 section 3.1: flags and version 2 | length 2 (L) | tunnel 2 | session 2 | sequence 4 (S)
// | offset 2 and so many bytes (O) | PPP.
func (x *Decoder) l2tp(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	const control, length, sequence, offset, reserved = 0x8000, 0x4000, 0x0800, 0x0200, 0x34f0
	flags, head := be16(b), 6
	if flags&(control|reserved) != 0 || flags&15 != 2 {
		return false
	}
	if flags&length != 0 {
		n := int(be16(b[2:]))
		if n < 8 || n > len(b)+x.missing {
			return false
		}
		b = b[:min(n, len(b))]
		head += 2
	}
	if flags&sequence != 0 {
		head += 4
	}
	if flags&offset != 0 {
		if len(b) < head+2 {
			return false
		}
		head += 2 + int(be16(b[head:]))
	}
	if len(b) < head+2 {
		return false
	}
	x.ppp(b[head:])
	return true
}

// tzsp reads TaZmen Sniffer Protocol: version 1 (1) | type 1 (0: a received packet) | encapsulation 2 (1: Ethernet, 18: 802.11) | tags:
// number 1 | length 1 | content, but 0 (padding) and 1 (the last) have no length.
func (x *Decoder) tzsp(b []byte) bool {
	if len(b) < 5 || b[0] != 1 || b[1] != 0 {
		return false
	}
	inner := be16(b[2:])
	for b = b[4:]; len(b) > 0 && b[0] != 1; {
		n := 1
		if b[0] != 0 && len(b) > 1 {
			n = 2 + int(b[1])
		}
		b = b[min(n, len(b)):]
	}
	if len(b) == 0 || inner != 1 && inner != 18 {
		return false
	}
	if !x.enter() {
		return true
	}
	if inner == 18 {
		x.wlan(b[1:])
	} else {
		x.ethernet(b[1:])
	}
	return true
}

// vxlan reads RFC 7348 section 5: flags 1 (I = 8) | reserved 3 | VNI 3 | reserved 1 | Ethernet. The group policy
// extension uses more flags and two of the reserved bytes.
func (x *Decoder) vxlan(b []byte) bool {
	if len(b) < 8+14 || b[0]&^0x80 != 8 || b[7] != 0 {
		return false
	}
	if x.enter() {
		x.ethernet(b[8:])
	}
	return true
}

// vxlanGPE reads draft-ietf-nvo3-vxlan-gpe section 3: flags 1 (I = 8, P = 4) | reserved 2 | next protocol 1 | VNI 3 | reserved 1.
func (x *Decoder) vxlanGPE(b []byte) bool {
	const ipv4, ipv6, ethernet, mpls = 1, 2, 3, 5
	if len(b) < 8 || b[0]&0xcc != 0x0c || b[1]|b[2]|b[7] != 0 {
		return false
	}
	var t uint16
	switch b[3] {
	case ipv4:
		t = etherIPv4
	case ipv6:
		t = etherIPv6
	case ethernet:
		t = etherBridged
	case mpls:
		t = etherMPLS
	default:
		return false
	}
	x.etherType(t, b[8:])
	return true
}

// geneve reads RFC 8926 section 3.4: version and options length 1 | flags 1 | EtherType 2 | VNI 3 | reserved 1 | options.
func (x *Decoder) geneve(b []byte) bool {
	if len(b) < 8 || b[0]>>6 != 0 || b[1]&0x3f != 0 || b[7] != 0 {
		return false
	}
	head := 8 + int(b[0]&0x3f)*4
	t := be16(b[2:])
	if len(b) < head || t != etherBridged && t != etherIPv4 && t != etherIPv6 && t != etherMPLS {
		return false
	}
	x.etherType(t, b[head:])
	return true
}

// gtpu reads a G-PDU of 3GPP TS 29.281 section 5.1: version, PT, E, S, PN 1 | type 1 | length 2 | TEID 4
// | with any of E, S, PN: sequence 2 | N-PDU 1 | next extension 1 | extensions: length in 4 bytes 1 | content | next 1.
func (x *Decoder) gtpu(b []byte) bool {
	if len(b) < 8 || b[0]&0xf0 != 0x30 || b[1] != 255 || int(be16(b[2:]))+8 < len(b) {
		return false
	}
	head := 8
	if b[0]&7 != 0 {
		if len(b) < 12 {
			return false
		}
		next := b[11]
		if b[0]&4 == 0 {
			next = 0
		}
		for head = 12; next != 0; {
			if len(b) <= head || b[head] == 0 || len(b) < head+int(b[head])*4 {
				return false
			}
			head += int(b[head]) * 4
			next = b[head-1]
		}
	}
	if len(b) <= head || b[head]>>4 != 4 && b[head]>>4 != 6 {
		return false
	}
	x.ip(b[head:])
	return true
}

// gre reads RFC 2784 and RFC 2890, the routing of RFC 1701, and PPTP's version 1 (RFC 2637 section 4.1):
// flags and version 2 | EtherType 2 | checksum 2 and offset 2 | key 4 | sequence 4 | acknowledgement 4.
func (x *Decoder) gre(b []byte) {
	if len(b) < 4 {
		x.count(cShortTunnel)
		return
	}
	flags, t := be16(b), be16(b[2:])
	const checksum, routing, key, sequence, acknowledge = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	head := 4
	if flags&(checksum|routing) != 0 {
		head += 4
	}
	if flags&key != 0 {
		head += 4
	}
	if flags&sequence != 0 {
		head += 4
	}
	if flags&7 == 1 && flags&acknowledge != 0 {
		head += 4
	}
	if flags&routing != 0 { // entries: address family 2 | offset 1 | length 1 | content; the last is empty
		for {
			if len(b) < head+4 {
				x.count(cShortTunnel)
				return
			}
			n := int(b[head+3])
			if head += 4 + n; n == 0 {
				break
			}
		}
	}
	switch {
	case t == etherERSPAN && flags&sequence != 0: // type II; type I has neither sequence nor header
		head += 8
	case t == etherERSPAN3: // 12 bytes, and 8 more if the O bit is set
		if len(b) >= head+12 && b[head+11]&1 == 1 {
			head += 8
		}
		head += 12
	}
	if len(b) < head {
		x.count(cShortTunnel)
		return
	}
	if flags&7 == 1 && len(b) == head { // acknowledges only
		return
	}
	if t == etherERSPAN || t == etherERSPAN3 {
		t = etherBridged
	}
	x.etherType(t, b[head:])
}
